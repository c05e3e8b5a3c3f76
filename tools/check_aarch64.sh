#!/usr/bin/env bash
# check_aarch64.sh [PYTHON]: this package on 64-bit Arm, emulated: a small Debian is put together from its packages in
# build/aarch64, the native modules are cross-compiled, and then, on two processor models, the tests run, the board is
# probed and a network is measured under both runtimes. What it shows is that all of it works: figures under emulation
# say nothing about speed. Downloads are kept in build/aarch64, so the second time takes half as long.
set -euo pipefail
cd "$(dirname "$0")/.."
PY=${1:-.venv/bin/python}
# shellcheck source=tools/cross_env.sh
. tools/cross_env.sh
BUILD=$PWD/build/aarch64
ROOT=$BUILD/root
RELEASE=bookworm
PYTHON=python3.11 # of that release
MODELS=(cortex-a72 max) # a Raspberry Pi 4; everything QEMU knows, SVE and SME among it
PACKAGES=python3-minimal,lib$PYTHON-stdlib,lib$PYTHON,lib$PYTHON-dev,libstdc++6,libgomp1
PLATFORMS=(--platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64)
WHEELS=(numpy onnxruntime 'ai-edge-litert>=2.3,<2.4' onnx pytest hypothesis)
# The tests that another processor can make fail: native modules, kernels, both runtimes and the layers cut for them; on
# the first model also facts about the board and the measuring itself. Left out: pure Python arithmetic, whose result is
# the same anywhere and which takes minutes emulated (zoo, prior, models, host, store, adapt); whole networks of the zoo,
# since a small one is measured below; tests that hold a figure to a duration, which an emulator does not keep; and tests
# that need a /proc of this machine. What starts a process is skipped by the plugin `emulated`, and counted.
TESTS=(tests/native tests/predict/test_predictor.py tests/predict/test_predictor_kernels.py
    tests/runtime/test_arena.py tests/runtime/test_ort.py tests/runtime/test_litert.py)
ONCE=(tests/device/test_{clusters,facts,identity,state}.py tests/measure/test_network_run.py tests/cli/test_probe.py)
LEFT_OUT='zoo_networks or int8_network or profiler_gives_times or time_of_its_own or known_durations or its_own_time'
LEFT_OUT+=' or now_is_in_nanoseconds or long_enough_for_the_clock or runs_where_it_is_told'

stage() {
    printf -- '--- %s (%d s)\n' "$*" "$SECONDS"
}

demand() { # a program, Debian's package with it
    command -v "$1" >/dev/null || missing+=("$1 (package $2)")
}

check_tools() {
    local missing=()
    demand debootstrap debootstrap
    demand qemu-aarch64-static qemu-user-static
    demand aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
    demand dpkg-deb dpkg
    [[ -f /usr/share/keyrings/debian-archive-keyring.gpg ]] ||
        missing+=("the keys of Debian's archive (package debian-archive-keyring)")
    command -v "$PY" >/dev/null || missing+=("$PY (\`make test\` makes it, or name another Python)")
    [[ $(id -u) = 0 ]] || missing+=("the right to chroot: run it as root")
    ((${#missing[@]})) || return 0
    echo "check_aarch64.sh: nothing was checked, this is missing here:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    echo "on Debian: apt-get install debootstrap qemu-user-static g++-aarch64-linux-gnu" >&2
    exit 1
}

make_root() {
    [[ -e $BUILD/root-is-ready ]] && return
    rm -rf "$ROOT" "$BUILD/download"
    mkdir -p "$ROOT" "$BUILD/debs"
    debootstrap --download-only --cache-dir="$BUILD/debs" --arch=arm64 --variant=minbase --include="$PACKAGES" \
        "$RELEASE" "$BUILD/download" >"$BUILD/debootstrap.log" || { tail -5 "$BUILD/debootstrap.log" >&2; exit 1; }
    (
        cd "$ROOT" # the release's merged folders, before anything is unpacked through them
        mkdir -p usr/bin usr/sbin usr/lib proc tmp dev/shm sys/devices/system/cpu
        ln -s usr/bin usr/sbin usr/lib .
    )
    find "$BUILD/download/var/cache/apt/archives" -name '*.deb' -print0 |
        xargs -0 -n1 -P2 sh -c 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$0" --keep-directory-symlink --exclude=./usr/share' "$ROOT"
    rm -rf "$BUILD/download"
    as_a_board
    cp "$(command -v qemu-aarch64-static)" "$ROOT/usr/bin/"
    touch "$BUILD/root-is-ready"
}

as_a_board() { # plain files: a runtime that sees the host's processors takes them for its own
    local core='BogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\nCPU architecture: 8\n'
    core+='CPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n'
    printf "processor\t: 0\n$core\n" >"$ROOT/proc/cpuinfo"
    for name in possible present online; do
        echo 0 >"$ROOT/sys/devices/system/cpu/$name"
    done
    : >"$ROOT/dev/null"
    printf 'VmHWM:\t1 kB\n' >"$ROOT/proc/meminfo"
    head -c 65536 /dev/urandom >"$ROOT/dev/urandom"
}

install_wheels() {
    [[ -e $BUILD/wheels-are-ready ]] && return
    rm -rf "$ROOT/opt/site-packages"
    "$PY" -m pip install -qq --disable-pip-version-check --target "$ROOT/opt/site-packages" --only-binary=:all: \
        --implementation cp --python-version "${PYTHON#python}" "${PLATFORMS[@]}" "${WHEELS[@]}"
    touch "$BUILD/wheels-are-ready"
}

build_modules() {
    local tag
    demand_builders
    cross_build aarch64 aarch64-linux-gnu-g++ "$ROOT/usr/include/$PYTHON" "$ROOT/usr/include" -- \
        build_ext --parallel 2 --build-lib "$BUILD/lib" --build-temp "$BUILD/objects"
    rm -rf "$ROOT/src"
    mkdir -p "$ROOT/src"
    git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$ROOT/src"
    tag=cpython-${PYTHON#python}
    for module in "$BUILD"/lib/augur_edge/*.so; do # named for the Python that builds, used by that of the release
        cp "$module" "$ROOT/src/augur_edge/$(basename "$module" | sed "s/cpython-[0-9]*/${tag/./}/")"
    done
    file -b "$ROOT"/src/augur_edge/*.so 2>/dev/null | cut -d, -f1-2 | sort -u || true
}

emulated() { # emulated CPU COMMAND…
    local cpu=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LANG=C.UTF-8 PYTHONPATH=/src:/src/tools:/opt/site-packages PYTHONDONTWRITEBYTECODE=1 \
        XDG_DATA_HOME=/tmp/data-"$cpu" QEMU_CPU="$cpu" AUGUR_EDGE_DEVICE=emulated OMP_NUM_THREADS=1 \
        chroot "$ROOT" /usr/bin/qemu-aarch64-static "/usr/bin/$PYTHON" "$@"
}

check_on() { # check_on CPU TESTS…: all that is done on one model, its words in a log of its own
    local cpu=$1
    shift
    stage "$cpu: the tests"
    emulated "$cpu" -m pytest -p emulated -p no:cacheprovider --basetemp="/tmp/pytest-$cpu" --rootdir=/src -rsf \
        -k "not ($LEFT_OUT)" "${@/#//src/}"
    stage "$cpu: the kernels, which the tests above held to the scalar one bit for bit"
    emulated "$cpu" -c 'from augur_edge import _kernel; print(*_kernel.kernels()); assert "neon" in _kernel.kernels()'
    stage "$cpu: probe"
    emulated "$cpu" -m augur_edge probe
    for model in onnx tflite; do
        stage "$cpu: measure, .$model"
        emulated "$cpu" -m augur_edge measure "/tmp/small.$model" --max-time 2 --precision 0.5 --no-isolated
    done
    stage "$cpu: passed"
}

small_network() { # written here, since it is only the carrying out that is in question
    PYTHONPATH=$PWD "$PY" - "$ROOT/tmp" <<'SCRIPT'
import sys
from pathlib import Path

from augur_edge.models.onnx_write import to_onnx
from augur_edge.models.tflite_write import to_tflite
from augur_edge.zoo import Builder

b = Builder("small", (1, 3, 32, 32))
x = b.relu(b.batch_norm(b.conv(b.input, 16, 3, stride=2, padding=1)))
y = b.relu(b.batch_norm(b.depthwise(x, 3, padding=1)))
x = b.relu(b.add(b.batch_norm(b.conv(y, 16, 1)), x))
network = b.network(b.dense(b.flatten(b.global_avg_pool(x)), 10))
Path(sys.argv[1], "small.onnx").write_bytes(to_onnx(network))
Path(sys.argv[1], "small.tflite").write_bytes(to_tflite(network))
SCRIPT
}

check_tools
stage "a Debian of aarch64"
make_root
stage "wheels for aarch64"
install_wheels
stage "the native modules for aarch64"
build_modules
small_network
stage "both models, a core each"
check_on "${MODELS[0]}" "${TESTS[@]}" "${ONCE[@]}" >"$BUILD/${MODELS[0]}.log" 2>&1 &
first=$!
check_on "${MODELS[1]}" "${TESTS[@]}" >"$BUILD/${MODELS[1]}.log" 2>&1 &
second=$!
result=0
wait $first || result=1
wait $second || result=1
cat "$BUILD/${MODELS[0]}.log" "$BUILD/${MODELS[1]}.log"
((result == 0)) || { echo "check_aarch64.sh: failed, see above" >&2; exit 1; }
stage "all passed"
