#!/usr/bin/env bash
# check_musl.sh [PYTHON]: csrc without glibc: both parts compiled by Clang for aarch64-linux-musl (Zig, from the package
# `ziglang`, 100 MB to download), the predictor's tests run under QEMU on two processor models. Android's bionic is nearer
# to musl than to glibc: what compiles here uses neither GCC's nor glibc's own.
set -euo pipefail
cd "$(dirname "$0")/.."
PY=${1:-.venv/bin/python}
BUILD=$PWD/build/musl
TARGET=aarch64-linux-musl

command -v qemu-aarch64-static >/dev/null ||
    { echo "check_musl.sh: nothing was checked, qemu-aarch64-static is missing here (package qemu-user-static)" >&2; exit 1; }
"$PY" -c 'import ziglang' 2>/dev/null || "$PY" -m pip install -qq 'ziglang>=0.13'
mkdir -p "$BUILD"
printf '#!/bin/sh\nexec "%s" -m ziglang c++ -target %s "$@"\n' "$PY" "$TARGET" >"$BUILD/c++"
printf '#!/bin/sh\nexec "%s" -m ziglang ar "$@"\n' "$PY" >"$BUILD/ar"
chmod +x "$BUILD/c++" "$BUILD/ar"

echo "--- the predictor, as a library"
make -s -C csrc BUILD="$BUILD/csrc" CXX="$BUILD/c++" AR="$BUILD/ar" CXXFLAGS='-O1 -Werror'
"$BUILD/c++" -std=c++17 -O1 -Wall -Wextra -Werror -static -Icsrc/include csrc/tests/check_models.cc \
    "$BUILD/csrc/libaugur.a" -o "$BUILD/check_models"
echo "--- the timing core, which Python binds elsewhere"
for file in csrc/timing/*.cc; do
    [[ $file == */bind.cc ]] || "$BUILD/c++" -std=c++17 -O1 -Wall -Wextra -Werror -Icsrc/timing -c "$file" \
        -o "$BUILD/$(basename "$file" .cc).o"
done
"$BUILD/c++" -std=c++17 -O1 -Wall -Wextra -Werror -static -Icsrc/timing csrc/tests/check_timing.cc \
    "$BUILD"/{clock,loop,system}.o -o "$BUILD/check_timing"
echo "--- golden predictors, every kernel, bit for bit"
"$PY" - "$BUILD" tests/predict/golden <<'PYTHON'
import sys
from pathlib import Path

import numpy as np

out, golden = map(Path, sys.argv[1:])
for path in sorted(golden.glob("*.augpred")):
    known = np.load(path.with_suffix(".npz"))
    (out / path.name).write_bytes(path.read_bytes())
    for key in ("x", "y"):
        (out / f"{path.stem}.{key}").write_bytes(np.ascontiguousarray(known[key], np.float32).tobytes())
PYTHON
stems=()
for file in tests/predict/golden/*.augpred; do
    stems+=("$BUILD/$(basename "$file" .augpred)")
done
for model in cortex-a72 max; do
    said=$(qemu-aarch64-static -cpu "$model" "$BUILD/check_models" "${stems[@]}")
    echo "$model: $said"
    [[ $said == *neon* ]] || { echo "check_musl.sh: the NEON kernel did not run" >&2; exit 1; }
    qemu-aarch64-static -cpu "$model" "$BUILD/check_timing"
done
