#!/usr/bin/env bash
# wheels.sh PYTHON: dist/*.whl for this machine and for aarch64, of the Python it is started with, as manylinux_2_28:
# they run wherever glibc is 2.28 or newer (Debian 10, JetPack 5). The compiler is Zig's, from the package `ziglang`,
# which brings the symbols of every glibc and links its C++ library statically; each wheel is then held to its
# content and the symbols it asks for; the limit on size is for `make wheel`. The headers of this Python serve both: what differs in pyconfig.h between 64-bit
# Linux machines is not used by extensions.
set -euo pipefail
cd "$(dirname "$0")/.."
PY=$1
# shellcheck source=tools/cross_env.sh
. tools/cross_env.sh
GLIBC=2.28
TAG=manylinux_${GLIBC/./_}
BUILD=$PWD/build/wheels

zig_for() { # zig_for ARCH: a file that is the C++ compiler for it
    printf '#!/bin/sh\nexec "%s" -m ziglang c++ -target %s-linux-gnu.%s "$@"\n' "$PY" "$1" "$GLIBC" >"$BUILD/c++-$1"
    chmod +x "$BUILD/c++-$1"
    echo "$BUILD/c++-$1"
}

python_headers() { # with those that Debian keeps apart under the machine's name, under the name of every machine
    "$PY" - "$BUILD/include" <<'PYTHON'
import shutil, sys, sysconfig
from pathlib import Path

out, multiarch = Path(sys.argv[1]), sysconfig.get_config_var("MULTIARCH")
name = Path(sysconfig.get_paths()["include"]).name
own = Path("/usr/include", multiarch or "none", name)
for arch in ("x86_64", "aarch64"):
    if own.is_dir():
        shutil.copytree(own, out / f"{arch}-linux-gnu" / name, dirs_exist_ok=True)
out.mkdir(exist_ok=True)
PYTHON
    echo "$BUILD/include"
}

mkdir -p "$BUILD" dist
demand_builders
"$PY" -c 'import ziglang, auditwheel' 2>/dev/null || "$PY" -m pip install -qq 'ziglang>=0.13' auditwheel
headers=$(python_headers)
for arch in x86_64 aarch64; do
    [[ $arch = aarch64 || $arch = $(uname -m) ]] || continue
    rm -rf "$BUILD/$arch"
    cross_build "$arch" "$(zig_for "$arch")" "$headers" -- \
        build --build-base "$BUILD/$arch" bdist_wheel --dist-dir "$BUILD/$arch/dist" --plat-name "${TAG}_$arch"
    mv "$BUILD/$arch"/dist/*.whl dist/
done
result=0
for wheel in dist/*"$TAG"*.whl; do
    "$PY" tools/check_wheel.py --glibc "$GLIBC" "$wheel" || result=1
done
exit $result
