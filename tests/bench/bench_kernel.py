"""The predictor's kernel beside its peers on the same forests, taking turns in one run, one thread.

docs/benchmarks.md has the figures. Pin it: `taskset -c 1 make bench`. Needs catboost, onnxruntime and g++.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
import timeit
from collections.abc import Callable

import numpy as np
import pytest

from augur_edge import _kernel
from augur_edge.predict import Predictor

pytest.importorskip("catboost", reason="the peer")
from kernel_models import FOLDER, ROOT, ROWS, Peers, forest, layer_files

SIMD = [k for k in _kernel.kernels() if k != "scalar"]
BLOCKS = 15
# at least so many times the peer's speed: one row from C, and ROWS rows; by kernel
ONE = {("avx2", 128): 7, ("avx512", 128): 9, ("avx2", 1000): 6, ("avx512", 1000): 8}
MANY = {("avx2", 128): 2.2, ("avx512", 128): 4.5, ("avx2", 1000): 4, ("avx512", 1000): 7}


pytestmark = pytest.mark.usefixtures("restore_kernel")


def turns(*calls: Callable[[], float], blocks: int = BLOCKS) -> list[float]:
    """The lower quartile of each call's ns, the calls taking turns."""
    took = [[call() for call in calls] for _ in range(blocks)]
    return [statistics.quantiles(column, n=4)[0] for column in zip(*took)]


def clocked(call: Callable[[], object], times: int) -> Callable[[], float]:
    """ns of one call, from Python, the loop's own price included."""
    timer = timeit.Timer("call()", globals={"call": call})
    return lambda: timer.timeit(times) * 1e9 / times


def written(line: str, times: int, **names: object) -> Callable[[], float]:
    """The same of a line of Python, as a user would write it, with `names` as local variables."""
    setup = "; ".join(f"{name} = given[{name!r}]" for name in names)
    timer = timeit.Timer(line, setup, globals={"given": names})
    return lambda: timer.timeit(times) * 1e9 / times


def ours(predictor: Predictor, kernel: str, x: np.ndarray, at_once: int) -> Callable[[], float]:
    def run() -> float:
        _kernel.select_kernel(kernel)
        calls = max(1, 2000 // at_once)
        return _kernel.time_calls(predictor, x, at_once, calls) / (calls * at_once)

    return run


def show(title: str, peer: str, peer_ns: float, found: dict[str, float], floors: dict[str, float]) -> list[str]:
    """Prints a block of the table; returns what is slower than asked."""
    print(f"\n{title}: {peer} {peer_ns:.1f} ns")
    missed = []
    for name, ns in found.items():
        asked = floors.get(name)
        print(f"  {name:<28} {ns:10.1f} ns  {peer_ns / ns:7.1f} x" + (f"  (at least {asked})" if asked else ""))
        if asked and peer_ns / ns < asked:
            missed.append(f"{title}, {name}: {peer_ns / ns:.2f} x, at least {asked}")
    return missed


@pytest.mark.parametrize("width", [8, 16, 32])
@pytest.mark.parametrize(("trees", "depth"), [(128, 8), (1000, 6)])
def test_one_row_and_many_from_c(trees: int, depth: int, width: int) -> None:
    p: Peers = forest(trees, depth, width)
    names = [(k, leaves) for k in _kernel.kernels() for leaves in ("float32", "int16")]
    predictors = {"float32": p.predictor, "int16": p.rounded}
    one = turns(
        lambda: p.exported(p.x.ctypes.data, 1000, width),
        *(ours(predictors[v], k, p.x[:1000].copy(), 1) for k, v in names),
    )
    floors = {f"{k} float32": f for (k, t), f in ONE.items() if t == trees and width == 8}
    title = f"{trees} x {depth}, {width} features"
    found = dict(zip((f"{k} {v}" for k, v in names), one[1:]))
    missed = show(f"one row, {title}", "CatBoost's exported C++", one[0], found, floors)
    import catboost

    pool = catboost.Pool(p.x)
    peer = clocked(lambda: p.catboost.predict(pool, thread_count=1), 1)
    many = turns(lambda: peer() / ROWS, *(ours(predictors[v], k, p.x, ROWS) for k, v in names), blocks=9)
    floors = {f"{k} int16": f for (k, t), f in MANY.items() if t == trees and width == 8}
    found = dict(zip((f"{k} {v}" for k, v in names), many[1:]))
    missed += show(f"{ROWS} rows, {title}", "CatBoost on a Pool", many[0], found, floors)
    assert not missed, missed


def test_one_row_from_python() -> None:
    import onnxruntime as ort

    p = forest(128, 8, 8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # of the exported model, on every run
    session = ort.InferenceSession(str(p.onnx), options, providers=["CPUExecutionProvider"])
    name, row = session.get_inputs()[0].name, p.x[:1].copy()
    numbers = p.x[0].tolist()
    letters = dict(zip("abcdefgh", numbers))
    layer = Predictor(layer_files()[0].read_bytes()).predict
    times = turns(
        written("predict(numbers)", 20, predict=p.catboost.predict, numbers=numbers),
        written("run(None, {name: row})", 200, run=session.run, name=name, row=row),
        written("predict(a, b, c, d, e, f, g, h)", 2000, predict=p.predictor.predict, **letters),
        written("predict(3, 56, 56, 64, 64, 1, 1, 1)", 2000, predict=layer),
    )
    found = {"onnxruntime": times[1], "raw/1, eight numbers": times[2], "layer/1, 16 features": times[3]}
    asked = {"raw/1, eight numbers": 700, "layer/1, 16 features": 450}
    missed = show("one row from Python", "CatBoost's predict", times[0], found, asked)
    for name, floor, ns in (("raw/1", 60, times[2]), ("layer/1", 40, times[3])):
        print(f"  {name} beside onnxruntime: {times[1] / ns:.1f} x (at least {floor})")
        missed += [f"{name} {times[1] / ns:.1f} x onnxruntime, at least {floor}"] * (times[1] / ns < floor)
    assert not missed, missed


def test_layers_and_networks_from_c() -> None:
    library, program = FOLDER / "csrc", str(FOLDER / "layers")
    paths = layer_files()
    subprocess.run(["make", "-s", "-C", str(ROOT / "csrc"), f"BUILD={library}"], check=True)
    source = [str(ROOT / "tests/bench/layers.cc"), f"-I{ROOT / 'csrc/include'}", str(library / "libaugur.a")]
    subprocess.run(["g++", "-std=c++17", "-O2", *source, "-o", program], check=True)
    out = subprocess.run([program, *map(str, paths)], check=True, capture_output=True, text=True).stdout
    print("\nns: forest alone, layer (encode, base, forest, exp), 50 layers, one changed\n" + out)
    for line in out.splitlines():
        name, *numbers = line.split()
        alone, layer, network, change = map(float, numbers)
        if name in SIMD:
            assert layer - alone <= 45 and network < 6000 and change < 250, line


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two processors")
def test_two_threads_are_nearly_twice_as_fast() -> None:
    """The best of many short rounds on each side: another program's time slice would be counted otherwise."""
    p = forest(1000, 6, 8)
    x, allowed = np.tile(p.x, (2, 1)), os.sched_getaffinity(0)
    out, barrier, rounds = np.empty(len(x), np.float32), threading.Barrier(2), 300
    spans: list[list[tuple[int, int]]] = [[], []]

    def half(i: int) -> None:
        os.sched_setaffinity(0, {i})
        rows, to = np.split(x, 2)[i], np.split(out, 2)[i]
        for _ in range(rounds):
            barrier.wait()
            start = time.perf_counter_ns()
            p.rounded.predict_many(rows, to)
            spans[i].append((start, time.perf_counter_ns()))

    one = min(clocked(lambda: p.rounded.predict_many(x, out), 1)() for _ in range(100))
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    threads = [threading.Thread(target=half, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.sched_setaffinity(0, allowed)
    two = min(max(a[1], b[1]) - min(a[0], b[0]) for a, b in zip(*spans))
    print(f"\ntwo threads: {one / two:.2f} x one")
    assert one / two >= 1.9
