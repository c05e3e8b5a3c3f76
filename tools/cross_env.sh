# Sourced: what makes `setup.py` build for another machine. The flags themselves stay in setup.py.

# cross_build ARCH CXX INCLUDE [AFTER] -- ARGUMENTS: `setup.py ARGUMENTS` with the compiler CXX (one word) for Linux on
# ARCH. Headers are taken from INCLUDE before those of this Python, from AFTER once all others have been looked through.
# -Os when linking has Zig build its C++ library small; other linkers do not mind.
cross_build() {
    local arch=$1 cxx=$2 flags="-I$3" tag
    shift 3
    if [[ $1 != -- ]]; then
        flags+=" -idirafter $1"
        shift
    fi
    shift
    tag=$("${PY:?}" -c 'import sys; print("cpython-%d%d" % sys.version_info[:2])')
    env CC="$cxx" CXX="$cxx" LDSHARED="$cxx -shared -Os" LDCXXSHARED="$cxx -shared -Os" CFLAGS="$flags" \
        SETUPTOOLS_EXT_SUFFIX=".$tag-$arch-linux-gnu.so" _PYTHON_HOST_PLATFORM="linux-$arch" \
        "$PY" -W ignore setup.py -q "$@"
}

# demand_builders: the packages that setup.py needs, into the environment of PY.
demand_builders() {
    "${PY:?}" -c 'import pybind11, Cython, setuptools, wheel' 2>/dev/null ||
        "$PY" -m pip install -qq 'setuptools>=70.1' wheel 'pybind11>=2.12' 'cython>=3.0'
}
