"""The C++ loop beside Python's own `run` loop, on the same models, taking turns within one run.

`make bench` prints the table. What is timed on the Python side is what its users write for the same engine:
`session.run(None, feed)` of onnxruntime, `model.run_by_index(…)` of LiteRT. LiteRT's older `interpreter.invoke()`,
another engine API that binds no memory, is printed beside them. A loop's own price is some microseconds, so for a
network of milliseconds the two medians differ by noise alone: above means higher by the rank test (Holm, 1 %).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from augur_edge import timing, zoo
from augur_edge.measure.targets import write
from augur_edge.runtime import RuntimeOptions, get
from augur_edge.runtime.base import Task
from augur_edge.stats import holm, rank_test
from augur_edge.units import time_text

ROUNDS = 30
CALLS = {"identity": 300, "mobilenet_v3_small": 20, "squeezenet1_0": 4, "resnet18": 3}
FLOOR_SHARE = 0.6

pytestmark = pytest.mark.skipif(timing.native is None, reason="the native timing module is not built")


def python_run(runtime: str, model: bytes, optimise: bool) -> Callable[[], object]:
    """The loop body a Python user writes."""
    rng = np.random.default_rng(0)
    if runtime == "onnxruntime":
        import onnxruntime as ort

        from augur_edge.runtime.ort import session_options

        session = ort.InferenceSession(model, session_options(1, optimise), ["CPUExecutionProvider"])
        feed = {i.name: rng.standard_normal(i.shape).astype(np.float32) for i in session.get_inputs()}
        return lambda: session.run(None, feed)
    from ai_edge_litert.compiled_model import CompiledModel

    compiled = CompiledModel.from_buffer(model)  # the CPU and one thread unless told otherwise
    inputs, outputs = compiled.create_input_buffers(0), compiled.create_output_buffers(0)
    return lambda: compiled.run_by_index(0, inputs, outputs)


def interpreter_invoke(model: bytes) -> Callable[[], object]:
    """The older API of LiteRT, its inputs set once and outside the timing."""
    from ai_edge_litert.interpreter import Interpreter

    rng = np.random.default_rng(0)
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], rng.standard_normal(detail["shape"]).astype(np.float32))
    return interpreter.invoke


def contenders(runtime: str, name: str) -> tuple[Task, list[Callable[[], object]]]:
    """The same model for the C++ loop and for Python, its `run` first."""
    small = write(zoo.build("squeezenet1_0"), runtime, "float32")
    model = small if name == "identity" else write(zoo.build(name), runtime, "float32")
    deployed = get(runtime).deploy(model, RuntimeOptions())
    if name == "identity":
        model = deployed._original.floor  # type: ignore[attr-defined]
    others = [python_run(runtime, model, name != "identity")]
    others += [interpreter_invoke(model)] if runtime == "litert" else []
    return deployed.floor if name == "identity" else deployed.whole, others


def python_loop(call: Callable[[], object], n: int) -> list[int]:
    """ns of each call, as a careful Python user takes them."""
    from time import perf_counter_ns

    out = []
    for _ in range(n):
        start = perf_counter_ns()
        call()
        out.append(perf_counter_ns() - start)
    return out


def native_loop(task: Task, n: int) -> list[int]:
    """ns of each call, from the C++ loop."""
    out = np.zeros(n, np.int64)
    timing.replay([task], out)
    return [int(ns) for ns in out]


def turns(task: Task, calls: list[Callable[[], object]], n: int) -> list[list[int]]:
    """ns per call of all loops, `ROUNDS` turns each; who goes first changes, and a turn's first call is not kept."""
    loops: list[Callable[[int], list[int]]] = [partial(native_loop, task), *(partial(python_loop, c) for c in calls)]
    samples: list[list[int]] = [[] for _ in loops]
    for turn in range(ROUNDS):
        for k in range(len(loops)):
            who = (turn + k) % len(loops)
            samples[who] += loops[who](n + 1)[1:]
    return samples


@pytest.mark.parametrize("runtime", ["onnxruntime", "litert"])
def test_the_cxx_loop_is_never_above_pythons(runtime: str) -> None:
    print(f"\n{runtime}: one call, median\n{'model':22}{'C++ loop':>14}{'Python run':>14}{'ratio':>8}  invoke()")
    ratios, p_values = {}, []
    for name, n in CALLS.items():
        samples = [np.array(s) for s in turns(*contenders(runtime, name), n)]
        native_ns, python_ns, *older_ns = (float(np.median(s)) for s in samples)
        ratios[name] = native_ns / python_ns
        p_values.append(rank_test(samples[0], samples[1]))
        older = " ".join(map(time_text, older_ns))
        print(f"{name:22}{time_text(native_ns):>14}{time_text(python_ns):>14}{ratios[name]:8.3f}  {older}")
    above = [name for (name, ratio), p in zip(ratios.items(), holm(p_values)) if ratio > 1 and p < 0.01]
    assert above == []
    assert ratios["identity"] <= FLOOR_SHARE
