# Sourced: what makes `setup.py` build for another machine. The flags themselves stay in setup.py.

# cross_build ARCH CXX INCLUDE… -- ARGUMENTS: `setup.py ARGUMENTS` with the compiler CXX (one word) for Linux on ARCH,
# whose Python's headers lie in the folders INCLUDE.
cross_build() {
    local arch=$1 cxx=$2 tag flags=''
    shift 2
    while [[ $1 != -- ]]; do
        flags+=" -idirafter $1"
        shift
    done
    shift
    tag=$("${PY:?}" -c 'import sys; print("cpython-%d%d" % sys.version_info[:2])')
    env CC="$cxx" CXX="$cxx" LDSHARED="$cxx -shared" LDCXXSHARED="$cxx -shared" CFLAGS="${flags# }" \
        SETUPTOOLS_EXT_SUFFIX=".$tag-$arch-linux-gnu.so" _PYTHON_HOST_PLATFORM="linux-$arch" \
        "$PY" -W ignore setup.py -q "$@"
}

# demand_builders: the packages that setup.py needs, into the environment of PY.
demand_builders() {
    "${PY:?}" -c 'import pybind11, Cython, setuptools, wheel' 2>/dev/null ||
        "$PY" -m pip install -qq 'setuptools>=70.1' wheel 'pybind11>=2.12' 'cython>=3.0'
}
