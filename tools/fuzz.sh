#!/usr/bin/env bash
# fuzz.sh COUNT [SEED]: mutates the files of tests/fuzz_corpus COUNT times, every second with its checksum made right, and
# asks all kernels about what still loads, under AddressSanitizer and UndefinedBehaviorSanitizer. CXX chooses the compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/fuzz
"${CXX:-g++}" -std=c++17 -O1 -g -w -DAUGUR_MUTATE -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer -fno-exceptions -fno-rtti -ffp-contract=off -Icsrc/include \
    csrc/fuzz/fuzz_load.cc csrc/predict/*.cc -o build/fuzz/fuzz_load
nice -n 19 build/fuzz/fuzz_load "$1" "${2:-1}" tests/fuzz_corpus/*.augpred
