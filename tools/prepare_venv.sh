#!/bin/sh
# prepare_venv.sh VENV PYTHON EXTRAS: a virtual environment with this package, built from the source beside it.
# Where something is missing it says what, and what to install.
set -eu
venv=$1 python=$2 extras=$3

fail() {
    printf 'augur-edge: %s\n' "$@" >&2
    exit 1
}

termux=no
case ${PREFIX:-} in *com.termux*) termux=yes ;; esac

install_hint() { # Debian's name, Fedora's name, Termux' name
    if [ $termux = yes ]; then
        echo "pkg install $3"
    elif command -v apt-get >/dev/null; then
        echo "sudo apt-get install $1"
    elif command -v dnf >/dev/null; then
        echo "sudo dnf install $2"
    else
        echo "your system's package for $2"
    fi
}

command -v "$python" >/dev/null ||
    fail "there is no $python here; install Python 3.9 or newer: $(install_hint python3 python3 python)" \
        "or name another one: make PYTHON=/path/to/python3 …"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' ||
    fail "$python is $("$python" -V 2>&1); Python 3.9 or newer is needed; name another one: make PYTHON=python3.11 …"
command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
    fail "no C++ compiler found; install one: $(install_hint g++ gcc-c++ clang)"
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
[ -f "$headers/Python.h" ] ||
    fail "$python has no headers ($headers/Python.h); install them: $(install_hint python3-dev python3-devel python)"

version='import sys; print("%d.%d" % sys.version_info[:2])'
if [ -x "$venv/bin/python" ] && [ "$("$venv/bin/python" -c "$version")" != "$("$python" -c "$version")" ]; then
    fail "$venv holds Python $("$venv/bin/python" -c "$version"), $python is $("$python" -c "$version"); run \`make clean\` first"
fi
if [ ! -e "$venv" ]; then
    site=''
    [ $termux = no ] || site=--system-site-packages # numpy and the runtimes come from Termux there
    "$python" -m venv $site "$venv" >/dev/null 2>&1 || {
        rm -rf "$venv"
        fail "$python cannot make a virtual environment; install it: $(install_hint python3-venv python3 python)"
    }
elif ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then # half made, or somebody's own
    fail "$venv is there but has no working pip; run \`make clean\`, which removes it, or move it away"
fi

pip() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

echo "augur-edge: installing .[$extras] into $venv" >&2
if [ $termux = yes ]; then # no wheels for Android on PyPI: README, "Limits"
    pip 'setuptools>=70.1' 'pybind11>=2.12' 'cython>=3.0' && pip --no-build-isolation --no-deps -e .
else
    pip -e ".[$extras]"
fi || fail "pip could not install .[$extras]; its own words are above"
