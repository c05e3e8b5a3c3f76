"""Models that are legal and odd: what is deployed computes what the runtime computes, or says plainly why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from augur_edge.errors import InferenceError
from augur_edge.runtime import RuntimeOptions, get
from augur_edge.runtime.base import Deployment

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
h, FLOAT, INT64, STRING, BFLOAT16 = onnx.helper, 1, 7, 8, 16
Info = tuple[str, int, Sequence[int]]


def model(nodes: Sequence[Any], inputs: Sequence[Info], outputs: Sequence[Info], constants: dict[str, Any]) -> bytes:
    infos = [[h.make_tensor_value_info(*info) for info in side] for side in (inputs, outputs)]
    held = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = h.make_model(h.make_graph(list(nodes), "g", *infos, held), ir_version=8)
    made.opset_import[0].version = 17
    return bytes(made.SerializeToString())


def deploy(data: bytes) -> Deployment:
    return get("onnxruntime").deploy(data, RuntimeOptions())


def weights(*shape: int) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def test_a_convolution_with_its_own_input_added_is_replayed_right() -> None:
    nodes = [
        h.make_node("Conv", ["x", "w0"], ["r"], pads=[1, 1, 1, 1]),
        h.make_node("Conv", ["r", "w1"], ["c"], pads=[1, 1, 1, 1]),
        h.make_node("Add", ["c", "r"], ["s"]),
        h.make_node("Conv", ["s", "w1"], ["d"], pads=[1, 1, 1, 1]),
        h.make_node("Add", ["d", "s"], ["y"]),
    ]
    shape = [1, 32, 28, 28]
    made = deploy(
        model(
            nodes,
            [("x", FLOAT, [1, 3, 28, 28])],
            [("y", FLOAT, shape)],
            {"w0": weights(32, 3, 3, 3), "w1": weights(32, 32, 3, 3)},
        )
    )
    assert any(layer.spec is not None and layer.spec.fused_add for layer in made.layers)
    assert made.output_error() == 0.0


def test_wrong_and_missing_numbers_are_an_error_of_the_outputs() -> None:
    made: Any = deploy(model([h.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, [8])], [("y", FLOAT, [8])], {}))
    assert made.output_error() == 0.0
    for written, error in ((np.nan, 1.0), (0.5, 0.1)):
        real = made.layers[0].replay

        class Wrong:
            def run(self, real: Any = real, written: float = written) -> None:
                real.run()
                made._memory["y"].view(np.float32)[0] = written

        made.layers[0].replay = Wrong()
        assert made.output_error() >= error
        made.layers[0].replay = real


def test_outputs_that_no_layer_writes_are_left_out() -> None:
    x = ("x", FLOAT, [4])
    relu, shape = h.make_node("Relu", ["x"], ["y"]), h.make_node("Shape", ["x"], ["s"])
    held = h.make_node("Identity", ["anchors"], ["a"])
    outputs = [("y", FLOAT, [4]), ("s", INT64, [1]), ("a", FLOAT, [2])]
    made = deploy(model([relu, shape, held], [x], outputs, {"anchors": np.ones(2, np.float32)}))
    assert made.output_error() == 0.0
    made.whole.run()
    passed_on = deploy(
        model([relu, h.make_node("Identity", ["x"], ["same"])], [x], [("y", FLOAT, [4]), ("same", FLOAT, [4])], {})
    )
    assert passed_on.output_error() == 0.0


def test_indices_that_only_zero_fits_are_zero() -> None:
    node = h.make_node("Gather", ["table", "i"], ["y"])
    made = deploy(model([node], [("i", INT64, [3])], [("y", FLOAT, [3, 4])], {"table": weights(1, 4)}))
    assert [layer.error for layer in made.layers] == [None]
    assert made.output_error() == 0.0


def test_a_layer_with_text_fails_alone() -> None:
    nodes = [
        h.make_node("Relu", ["x"], ["a"]),
        h.make_node("Cast", ["a"], ["text"], to=STRING),
        h.make_node("Cast", ["text"], ["b"], to=FLOAT),
        h.make_node("Sigmoid", ["b"], ["y"]),
    ]
    made = deploy(model(nodes, [("x", FLOAT, [8])], [("y", FLOAT, [8])], {}))
    failed = [layer.op for layer in made.layers if layer.error]
    assert failed == ["cast", "cast"]
    assert all("'text'" in layer.error for layer in made.layers if layer.error)
    assert made.output_error() is None
    assert sorted(made.isolate(range(len(made.layers)))) == [0, 3]


@pytest.mark.parametrize("kind", [STRING, BFLOAT16])
def test_an_input_without_plain_memory_is_named(kind: int) -> None:
    node = h.make_node("Cast", ["x"], ["y"], to=FLOAT)
    with pytest.raises(InferenceError, match="'x'"):
        deploy(model([node], [("x", kind, [2])], [("y", FLOAT, [2])], {}))
