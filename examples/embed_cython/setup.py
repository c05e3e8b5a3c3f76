"""`python setup.py build_ext --inplace`, where augur_edge and cython are installed."""

from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    name="cheapest",
    ext_modules=cythonize(
        [Extension("cheapest", ["cheapest.pyx"], extra_compile_args=["-O2", "-fopenmp"], extra_link_args=["-fopenmp"])]
    ),
)
