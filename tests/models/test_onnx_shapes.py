"""Inferred shapes and computed constants against `onnx.shape_inference` and ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError
from augur_edge.models.onnx_infer import infer_graph
from augur_edge.models.onnx_proto import decode_model
from augur_edge.models.onnx_read import input_specs, read_onnx
from augur_edge.models.onnx_table import TensorTable

onnx = pytest.importorskip("onnx")
from onnx import TensorProto as T  # noqa: E402
from onnx import helper, numpy_helper, shape_inference  # noqa: E402
from ort_session import run  # noqa: E402


def model_of(
    nodes: list[Any], shapes: list[tuple[int, ...]], constants: dict[str, Any], outputs: list[str], opset: int = 17
) -> Any:
    inputs = [helper.make_tensor_value_info(f"x{i}", T.FLOAT, s) for i, s in enumerate(shapes)]
    made = [onnx.ValueInfoProto(name=name) for name in outputs]
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, made, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def ours(model: Any) -> TensorTable:
    decoded = decode_model(model.SerializeToString())
    inputs, sizes = input_specs(decoded)
    return infer_graph(decoded, inputs, sizes, {})[0]


def theirs(model: Any) -> dict[str, tuple[tuple[int, ...], int]]:
    inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    values = [*inferred.graph.value_info, *inferred.graph.output]
    return {
        v.name: (tuple(d.dim_value for d in v.type.tensor_type.shape.dim), v.type.tensor_type.elem_type) for v in values
    }


I64 = np.int64
# op, attributes, shapes of inputs, constants after them, number of outputs
CASES: list[tuple[str, dict[str, Any], list[tuple[int, ...]], list[Any], int]] = [
    ("Relu", {}, [(2, 3)], [], 1), ("Softmax", {"axis": -1}, [(2, 3)], [], 1),
    ("Add", {}, [(2, 3, 4), (3, 1)], [], 1), ("Greater", {}, [(2, 3), (3,)], [], 1),
    ("Sum", {}, [(2, 1), (1, 3), (3,)], [], 1), ("Cast", {"to": T.FLOAT16}, [(2, 3)], [], 1),
    ("MatMul", {}, [(2, 1, 3, 4), (5, 4, 6)], [], 1), ("MatMul", {}, [(4,), (4, 6)], [], 1),
    ("MatMul", {}, [(3, 4), (4,)], [], 1), ("Gemm", {"transA": 1, "transB": 1}, [(4, 3), (5, 4), (5,)], [], 1),
    ("Flatten", {"axis": 2}, [(2, 3, 4)], [], 1), ("Flatten", {"axis": -1}, [(2, 3, 4)], [], 1),
    ("Flatten", {"axis": 0}, [(2, 3)], [], 1),
    ("Reshape", {}, [(2, 3, 4)], [np.array([0, -1], I64)], 1), ("Reshape", {}, [(2, 3, 4)], [np.array([6, 4], I64)], 1),
    ("Squeeze", {}, [(1, 3, 1)], [np.array([-1], I64)], 1), ("Squeeze", {}, [(1, 3, 1)], [], 1),
    ("Unsqueeze", {}, [(3, 4)], [np.array([0, -1], I64)], 1),
    ("Transpose", {}, [(2, 3, 4)], [], 1), ("Transpose", {"perm": [1, 0, 2]}, [(2, 3, 4)], [], 1),
    ("Concat", {"axis": -2}, [(2, 3, 4), (2, 5, 4)], [], 1),
    ("Split", {"axis": 1}, [(2, 6)], [], 3), ("Split", {"axis": 1}, [(2, 6)], [np.array([1, 5], I64)], 2),
    ("Slice", {}, [(8, 9)], [np.array([-3, 8], I64), np.array([2**31, 0], I64), np.array([0, 1], I64),
                             np.array([1, -2], I64)], 1),
    ("Slice", {}, [(8, 9)], [np.array([1], I64), np.array([-1], I64)], 1),
    ("Pad", {}, [(2, 3)], [np.array([1, 0, 2, 3], I64)], 1),
    ("Resize", {"mode": "nearest"}, [(1, 2, 5, 7)], [np.empty(0, np.float32), np.float32([1, 1, 1.5, 2])], 1),
    ("Gather", {"axis": 1}, [(2, 3, 4)], [np.array([[0, 1]], I64)], 1), ("Gather", {}, [(3, 4)], [np.array(1, I64)], 1),
    ("GatherElements", {"axis": 1}, [(2, 3)], [np.zeros((2, 5), I64)], 1),
    ("GatherND", {"batch_dims": 1}, [(2, 3, 4)], [np.zeros((2, 1), I64)], 1),
    ("Expand", {}, [(3, 1)], [np.array([2, 1, 6], I64)], 1), ("Tile", {}, [(2, 3)], [np.array([2, 2], I64)], 1),
    ("ReduceMean", {"axes": [-1]}, [(2, 3, 4)], [], 1), ("ReduceMax", {"keepdims": 0}, [(2, 3)], [], 1),
    ("ReduceSum", {}, [(2, 3, 4)], [np.array([0, 2], I64)], 1),
    ("ReduceSum", {"noop_with_empty_axes": 1}, [(2, 3)], [], 1),
    ("ArgMax", {"axis": 1, "keepdims": 0}, [(2, 3)], [], 1), ("TopK", {}, [(2, 5)], [np.array([3], I64)], 2),
    ("Shape", {}, [(2, 3)], [], 1), ("Dropout", {}, [(2, 3)], [], 2),
    ("DepthToSpace", {"blocksize": 2}, [(1, 8, 3, 3)], [], 1),
    ("SpaceToDepth", {"blocksize": 3}, [(1, 2, 6, 3)], [], 1),
    ("Einsum", {"equation": "bij,bjk->bik"}, [(2, 3, 4), (2, 4, 5)], [], 1),
    ("GlobalAveragePool", {}, [(1, 2, 3, 4)], [], 1), ("LayerNormalization", {}, [(2, 3), (3,), (3,)], [], 1),
    ("BatchNormalization", {}, [(2, 3, 4), (3,), (3,), (3,), (3,)], [], 1),
    ("LSTM", {"hidden_size": 5}, [(7, 2, 3), (1, 20, 3), (1, 20, 5)], [], 3),
    ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, [(1, 3, 7, 8), (4, 3, 3, 2)], [], 1),
    ("Conv", {"auto_pad": "VALID"}, [(1, 3, 7), (4, 3, 3)], [], 1),
    ("ConvTranspose", {"strides": [2, 2], "output_shape": [11, 9]}, [(1, 3, 5, 4), (3, 4, 3, 3)], [], 1),
    ("QuantizeLinear", {}, [(2, 3)], [np.float32(0.1), np.int8(3)], 1), ("DynamicQuantizeLinear", {}, [(2, 3)], [], 3),
    ("Where", {}, [], [np.ones((2, 1), bool), np.zeros((2, 3), np.float32), np.zeros(3, np.float32)], 1),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attributes", "shapes", "more", "outputs"), CASES, ids=[c[0] for c in CASES])
def test_shapes_and_dtypes_are_those_onnx_infers(
    op: str, attributes: dict[str, Any], shapes: list[tuple[int, ...]], more: list[Any], outputs: int
) -> None:
    constants = {f"c{i}": value for i, value in enumerate(more)}
    made = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, [*(f"x{i}" for i in range(len(shapes))), *constants], made, **attributes)
    model = model_of([node], shapes, constants, made)
    table, want = ours(model), theirs(model)
    for name in made:
        dtype = np.dtype(table.dtypes[name])
        assert (table.shapes[name], helper.np_dtype_to_tensor_dtype(dtype)) == want[name]


@settings(deadline=None, max_examples=150)
@given(
    op=st.sampled_from(["Conv", "MaxPool", "AveragePool", "ConvTranspose"]),
    axes=st.lists(
        st.tuples(st.integers(1, 13), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2)),
        min_size=1,
        max_size=3,
    ),
    end=st.integers(0, 2),
    ceil_mode=st.booleans(),
)
def test_windows_are_those_onnxruntime_moves(op: str, axes: list[Any], end: int, ceil_mode: bool) -> None:
    sizes, kernel, stride, dilation, begin = (list(v) for v in zip(*axes))
    pads = [min(b, k - 1) for b, k in zip(begin, kernel)] + [min(end, k - 1) for k in kernel]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": stride, "pads": pads}
    shapes = [(1, 2, *sizes)]
    if "Pool" in op:
        attributes["ceil_mode"] = int(ceil_mode)
        dilation = dilation if op == "MaxPool" else [1] * len(sizes)
    else:
        shapes.append((3, 2, *kernel) if op == "Conv" else (2, 3, *kernel))
    if op != "AveragePool":
        attributes["dilations"] = dilation
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    n = len(sizes)
    assume(op == "ConvTranspose" or all(sizes[i] + pads[i] + pads[n + i] >= reach[i] for i in range(n)))
    assume(
        op != "ConvTranspose" or all(stride[i] * (sizes[i] - 1) + reach[i] > pads[i] + pads[n + i] for i in range(n))
    )
    model = model_of(
        [helper.make_node(op, [f"x{i}" for i in range(len(shapes))], ["y"], **attributes)], shapes, {}, ["y"]
    )
    # not onnx's inference: with ceil_mode it counts windows that lie in the padding alone
    assert ours(model).shapes["y"] == run(model.SerializeToString())["y"].shape


def test_shapes_computed_from_shapes_are_followed() -> None:
    """What exporters write for x.view(x.size(0), -1, x.size(2) // 2) and a mask of the size of x."""
    n = helper.make_node
    nodes = [
        n("Shape", ["x0"], ["shape"]),
        n("Gather", ["shape", "zero"], ["batch"], axis=0),
        n("Gather", ["shape", "two"], ["width"], axis=0),
        n("Div", ["width", "two"], ["half"]),
        n("Unsqueeze", ["batch", "axis"], ["batch1"]),
        n("Unsqueeze", ["half", "axis"], ["half1"]),
        n("Concat", ["batch1", "rest", "half1"], ["to"], axis=0),
        n("Reshape", ["x0", "to"], ["y"]),
        n("Slice", ["shape", "one1", "three1"], ["tail"]),
        n("ConstantOfShape", ["tail"], ["fill"], value=numpy_helper.from_array(np.ones(1, np.float32))),
        n("Cast", ["half"], ["halff"], to=T.FLOAT),
        n("Floor", ["halff"], ["floored"]),
        n("Cast", ["floored"], ["limit"], to=T.INT64),
        n("Range", ["zero", "limit", "one"], ["range"]),
        n("Where", ["yes", "tail", "tail"], ["chosen"]),
        n("Equal", ["chosen", "tail"], ["same"]),
        n("ReduceProd", ["tail"], ["product"], keepdims=0),
        n("Mul", ["y", "fill2"], ["z"]),
    ]
    integers = {"zero": 0, "one": 1, "two": 2, "axis": [0], "rest": [-1], "one1": [1], "three1": [3]}
    constants = {k: np.array(v, np.int64) for k, v in integers.items()}
    constants |= {"yes": np.array(True), "fill2": np.float32(2)}
    seen = ["y", "z", "fill", "range", "same", "product"]
    model = model_of(nodes, [(2, 6, 8)], constants, seen)
    table = ours(model)
    values = run(model.SerializeToString())
    for name in seen:
        assert table.shapes[name] == values[name].shape
        if name not in "yz":
            assert np.array_equal(table.value(name), values[name])
    assert "y" not in table.constants
    assert table.shapes["y"] == (2, 12, 4)


def test_a_weight_that_is_computed_from_a_weight_is_a_constant() -> None:
    nodes = [
        helper.make_node("Transpose", ["w"], ["wt"]),
        helper.make_node("DequantizeLinear", ["q", "s"], ["b"]),
        helper.make_node("Gemm", ["x0", "wt", "b"], ["y"]),
    ]
    constants = {"w": np.zeros((5, 3), np.float32), "q": np.zeros(5, np.int8), "s": np.float32(0.1)}
    table = ours(model_of(nodes, [(2, 3)], constants, ["y"]))
    assert {"wt", "b"} <= set(table.constants)
    assert (table.shapes["wt"], table.dtypes["b"], table.shapes["y"]) == ((3, 5), "float32", (2, 5))


HUGE = np.array([2**40, 2**40], np.int64)
MISFITS: list[tuple[str, dict[str, Any], list[tuple[int, ...]], list[Any]]] = [
    ("Add", {}, [(2, 3), (4,)], []),
    ("MatMul", {}, [(2, 3), (4, 5)], []),
    ("Conv", {}, [(1, 3, 2, 2), (4, 3, 3, 3)], []),
    ("Conv", {"strides": [0, 0]}, [(1, 3, 5, 5), (4, 3, 3, 3)], []),
    ("Conv", {"pads": [1]}, [(1, 3, 5, 5), (4, 3, 3, 3)], []),
    ("Reshape", {}, [(2, 3)], [np.array([5], np.int64)]),
    ("Reshape", {}, [(2, 3)], [np.array([-1, -2], np.int64)]),
    ("Transpose", {"perm": [0, 5]}, [(2, 3)], []),
    ("Softmax", {"axis": 7}, [(2, 3)], []),
    ("Concat", {"axis": 9}, [(2, 3), (2, 3)], []),
    ("Gather", {"axis": 4}, [(2, 3)], [np.array([0], np.int64)]),
    ("Squeeze", {}, [(2, 3)], [np.array([6], np.int64)]),
    ("Slice", {}, [(4,)], [np.array([n], np.int64) for n in (0, 4, 0, 0)]),
    ("Split", {"axis": 0}, [(2, 3)], [np.array([3], np.int64)]),
    ("Expand", {}, [(2, 3)], [HUGE]),
    ("Reshape", {}, [(2, 3)], [HUGE]),
    ("ConstantOfShape", {}, [], [-HUGE]),
    ("Range", {}, [], [np.int64(0), np.int64(2**60), np.int64(1)]),
    ("Div", {}, [], [np.int64(1), np.int64(0)]),
    ("DepthToSpace", {"blocksize": 0}, [(1, 4, 2, 2)], []),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attributes", "shapes", "more"), MISFITS, ids=[c[0] for c in MISFITS])
def test_what_does_not_fit_is_told_with_the_nodes_name(
    op: str, attributes: dict[str, Any], shapes: list[tuple[int, ...]], more: list[Any]
) -> None:
    constants = {f"c{i}": value for i, value in enumerate(more)}
    names = [*(f"x{i}" for i in range(len(shapes))), *constants]
    model = model_of([helper.make_node(op, names, ["y"], "culprit", **attributes)], shapes, constants, ["y"])
    with pytest.raises(DataError, match="'culprit'"):
        read_onnx(model.SerializeToString(), name="n")
