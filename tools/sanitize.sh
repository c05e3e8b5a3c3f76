#!/usr/bin/env bash
# sanitize.sh PYTHON: the native modules under AddressSanitizer and UndefinedBehaviorSanitizer, with the tests that enter
# them, and fuzzing. CXX chooses the compiler, g++ or clang++.
set -euo pipefail
python=$1
cxx=${CXX:-g++}
command -v "$cxx" >/dev/null || cxx=clang++
out=$PWD/build/san
"$python" -c 'import pybind11' 2>/dev/null || "$python" -m pip install --quiet 'pybind11>=2.12'

rm -rf "$out"
mkdir -p "$out"
cp -r augur_edge "$out/"
rm -f "$out"/augur_edge/*.so
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
read -ra includes <<<"$("$python" -m pybind11 --includes)"
shared=()
runtime=libasan.so
if [[ $("$cxx" --version) == *clang* ]]; then
    shared=(-shared-libasan)
    runtime=libclang_rt.asan-$(uname -m).so
fi
"$cxx" -std=c++17 -g -O1 -fPIC -shared -fvisibility=hidden -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined "${shared[@]}" \
    "${includes[@]}" -Icsrc/timing csrc/timing/*.cc -o "$out/augur_edge/_timing$suffix" -ldl -lpthread

"$python" -m cython --version >/dev/null 2>&1 || "$python" -m pip install --quiet 'cython>=3.0'
"$python" -m cython --cplus -3 augur_edge/_kernel.pyx -o "$out/_kernel.cc"
"$cxx" -std=c++17 -g -O1 -w -fPIC -shared -fvisibility=hidden -fno-omit-frame-pointer -ffp-contract=off \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined "${shared[@]}" \
    "${includes[@]}" -Icsrc/include "$out/_kernel.cc" csrc/predict/*.cc -o "$out/augur_edge/_kernel$suffix"

# libstdc++ goes first in line after the sanitizer, or it finds no __cxa_throw to wrap when a runtime throws
preload="$("$cxx" -print-file-name="$runtime") $("$cxx" -print-file-name=libstdc++.so.6)"
run() { # Python itself leaks at its end, so leaks are not looked for
    env LD_PRELOAD="$preload" PYTHONPATH="$out" \
        ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 "$@"
}
bin=$(cd "$(dirname "$python")" && pwd)
loaded=$(cd tests && run "$bin/python" -c 'import augur_edge._timing as t, augur_edge._kernel as k; print(k.__file__)')
[[ $loaded == "$out"/* ]] || { echo "sanitize.sh: the tests would use $loaded" >&2; exit 1; }
run "$bin/pytest" -p no:cacheprovider -rs tests/native
run "$bin/pytest" -p no:cacheprovider -rs tests/predict tests/cli/test_predict_bench.py \
    --ignore tests/predict/test_other_machines.py --ignore tests/predict/test_examples.py
CXX=$cxx tools/fuzz.sh 100000
