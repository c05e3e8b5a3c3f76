"""`python setup.py build_ext --inplace`, where augur_edge and cython are installed."""

from Cython.Build import cythonize
from setuptools import Extension, setup

setup(name="search", ext_modules=cythonize([Extension("search", ["search.pyx"], extra_compile_args=["-O3"])]))
