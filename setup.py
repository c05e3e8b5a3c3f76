"""The native module; everything else is in pyproject.toml.

`_timing` (pybind11): clock, timed loops, affinity, clients of the runtimes' C APIs.
"""

from pathlib import Path

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup

HEADERS = sorted(str(p) for p in Path("csrc/timing").glob("*.h"))
TIMING = sorted(str(p) for p in Path("csrc/timing").glob("*.cc"))

setup(
    ext_modules=[
        Pybind11Extension(
            "augur_edge._timing",
            TIMING,
            depends=HEADERS,
            cxx_std=17,
            include_dirs=["csrc/timing"],
            libraries=["dl", "pthread"],
            extra_compile_args=["-O2", "-g0", "-fvisibility=hidden", "-Wall", "-Wextra"],
            extra_link_args=["-Wl,--strip-all"],
        )
    ]
)
