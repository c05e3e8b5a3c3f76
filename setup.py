"""The native modules; everything else is in pyproject.toml.

`_timing` (pybind11): clock, timed loops, affinity, clients of the runtimes' C APIs.
`_kernel` (Cython): the predictor. Its kernels choose their instruction sets by function attributes, so that one set of
flags builds them all, with GCC and Clang and when cross-compiling; -ffp-contract=off keeps their sums equal.
"""

from pathlib import Path

from Cython.Build import cythonize
from pybind11.setup_helpers import Pybind11Extension
from setuptools import Extension, setup

TIMING_HEADERS = sorted(str(p) for p in Path("csrc/timing").glob("*.h"))
TIMING = sorted(str(p) for p in Path("csrc/timing").glob("*.cc"))
KERNEL = sorted(str(p) for p in Path("csrc/predict").glob("*.cc"))
KERNEL_HEADERS = [str(p) for folder in ("csrc/predict", "csrc/include/augur") for p in sorted(Path(folder).glob("*.h"))]
SECTIONS = ["-ffunction-sections", "-fdata-sections"]

timing = Pybind11Extension(
    "augur_edge._timing",
    TIMING,
    depends=TIMING_HEADERS,
    cxx_std=17,
    include_dirs=["csrc/timing"],
    libraries=["dl", "pthread"],
    extra_compile_args=["-Os", "-g0", "-DNDEBUG", "-fvisibility=hidden", *SECTIONS, "-Wall", "-Wextra"],
    extra_link_args=["-Wl,--strip-all", "-Wl,--gc-sections"],
)
kernel = Extension(
    "augur_edge._kernel",
    ["augur_edge/_kernel.pyx", *KERNEL],
    depends=KERNEL_HEADERS,
    include_dirs=["csrc/include"],
    define_macros=[("AUGUR_SPEED_OVER_SIZE", None)],  # the C library, of which programs keep a part, stays small
    extra_compile_args=[
        "-std=c++17", "-O2", "-g0", "-DNDEBUG", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti",
        "-fno-threadsafe-statics", "-fno-asynchronous-unwind-tables", "-ffp-contract=off", *SECTIONS,
        "-Wall", "-Wextra",
    ],
    extra_link_args=["-Wl,--strip-all", "-Wl,--gc-sections", "-Wl,--as-needed"],
    language="c++",
)  # fmt: skip

setup(ext_modules=[timing, *cythonize([kernel], build_dir="build/cython")])
