"""The clients of the runtimes' C APIs on their own: loading, binding, running, and every way it can fail."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from augur_edge.timing import native

pytestmark = pytest.mark.skipif(native is None, reason="the native timing module is not built")
FLOAT = 1
OPERATOR_EVENTS = 2 | 4 | 8  # LiteRtProfilerEventType; others carry no duration


def memory(n: int) -> Any:
    block = np.zeros(n + 16, np.float32)
    start = -block.ctypes.data % 64 // 4
    return block[start : start + n]


@pytest.fixture
def ort() -> Any:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from augur_edge.runtime.ort import floor_model, library_path

    assert native is not None
    path = library_path()
    if path is None:
        pytest.skip("this onnxruntime has no C library beside it")
    return native.OrtLibrary(str(path), 1), floor_model()


def test_onnxruntime_runs_a_bound_model_and_tells_its_version(ort: Any) -> None:
    import onnxruntime

    library, model = ort
    assert library.version == onnxruntime.__version__
    x, y = memory(1), memory(1)
    task = library.session(model, False).bind([("x", x, [1], FLOAT)], [("y", y, [1], FLOAT)])
    for value in (3.0, -7.5):
        x[0] = value
        task.run()
        assert y[0] == value


def test_onnxruntime_keeps_what_a_task_needs_and_lets_go_of_it_after(ort: Any) -> None:
    library, model = ort
    x, y = memory(1), memory(1)
    task = library.session(model, True).bind([("x", x, [1], FLOAT)], [("y", y, [1], FLOAT)])
    del library, ort, x
    gc.collect()
    out = np.zeros(100, np.int64)
    assert native is not None
    native.time_blocks(task, 3, out)
    native.replay([task, task], out)
    assert (out > 0).all()


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([("nowhere", [1], FLOAT)], "nowhere"),
        ([("x", [2], FLOAT)], "not enough|buffer|size"),
        ([("x", [1], 7)], "type|not enough|size"),
        ([], "x|input"),
    ],
)
def test_onnxruntime_refuses_what_does_not_fit_in_its_own_words(ort: Any, inputs: Any, said: str) -> None:
    library, model = ort
    y = memory(1)
    with pytest.raises(RuntimeError, match=f"(?i){said}"):
        bound = [(name, memory(1), shape, kind) for name, shape, kind in inputs]
        library.session(model, False).bind(bound, [("y", y, [1], FLOAT)]).run()


@pytest.mark.parametrize("data", [b"", b"\x08\x01", b"not a model" * 10])
def test_onnxruntime_refuses_bytes_that_are_no_model(ort: Any, data: bytes) -> None:
    with pytest.raises(RuntimeError):
        ort[0].session(data, True)


@pytest.fixture
def litert() -> Any:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    from augur_edge.models.tflite_cut import identity_tflite
    from augur_edge.runtime.litert import library_path

    assert native is not None
    path = library_path()
    if path is None:
        pytest.skip("the C API of this ai-edge-litert is not known")
    return native.LiteRtLibrary(str(path)), identity_tflite()


def test_litert_runs_a_bound_model_on_our_memory(litert: Any) -> None:
    library, model = litert
    x, y = memory(1), memory(1)
    task = library.compile(model, 1).bind([("x", x, [1, 1], FLOAT)], [("y", y, [1, 1], FLOAT)])
    del library, litert
    gc.collect()
    for value, expected in ((3.0, 3.0), (-7.5, 0.0)):
        x[0] = value
        task.run()
        assert y[0] == expected


def test_litert_profiles_a_call(litert: Any) -> None:
    library, model = litert
    compiled = library.compile(model, 1, True)
    task = compiled.bind([("x", memory(1), [1, 1], FLOAT)], [("y", memory(1), [1, 1], FLOAT)])
    events = compiled.profile(task)
    operators = [(tag, elapsed_us) for tag, kind, _, elapsed_us, _ in events if kind & OPERATOR_EVENTS]
    assert operators
    assert all(tag and elapsed_us < 1_000_000 for tag, elapsed_us in operators)
    plain = library.compile(model, 1)
    other = plain.bind([("x", memory(1), [1, 1], FLOAT)], [("y", memory(1), [1, 1], FLOAT)])
    with pytest.raises(RuntimeError):
        plain.profile(other)


def test_litert_refuses_what_it_cannot_take(litert: Any) -> None:
    library, model = litert
    with pytest.raises(RuntimeError, match="LiteRT"):
        library.compile(b"not a model" * 10, 1)
    compiled = library.compile(model, 1)
    with pytest.raises(RuntimeError, match="aligned"):
        compiled.bind([("x", memory(2)[1:], [1, 1], FLOAT)], [("y", memory(1), [1, 1], FLOAT)])
    with pytest.raises(RuntimeError, match="8 dimensions"):
        compiled.bind([("x", memory(1), [1] * 9, FLOAT)], [("y", memory(1), [1, 1], FLOAT)])
    with pytest.raises(RuntimeError):
        compiled.bind([], [("y", memory(1), [1, 1], FLOAT)]).run()


def test_a_library_that_is_not_there_or_not_it_is_said() -> None:
    assert native is not None
    with pytest.raises(RuntimeError, match="nowhere"):
        native.OrtLibrary("/nowhere/libonnxruntime.so", 1)
    for open_it in (lambda: native.OrtLibrary("libm.so.6", 1), lambda: native.LiteRtLibrary("libm.so.6")):
        with pytest.raises(RuntimeError, match=r"exports no|cannot open"):
            open_it()
