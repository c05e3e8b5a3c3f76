"""Files as users have them: dynamic shapes, unnamed nodes, Constant nodes, subgraphs, unknown ops, damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge import zoo
from augur_edge.errors import AugurError, DataError, UsageError
from augur_edge.models.onnx_proto import decode_model
from augur_edge.models.onnx_read import OnnxInput, onnx_inputs, read_onnx
from augur_edge.models.onnx_write import to_onnx

onnx = pytest.importorskip("onnx")
from onnx import TensorProto as T  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402
from test_onnx_cut import branching_model, torch_like  # noqa: E402


def info(name: str, shape: Any, elem_type: int = T.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, elem_type, shape)


def model_bytes(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any], **more: Any
) -> bytes:
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors, **more)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("acme", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def dynamic_model() -> bytes:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["c"], ["p"], "pool"),
        helper.make_node("Warp", ["p", "m"], ["y"], "warp", domain="acme"),
    ]
    weights = {"w": np.zeros((4, 3, 3, 3), np.float32)}
    inputs = [info("x", ["batch", 3, "h", "w"]), info("m", ["batch", 9])]
    return model_bytes(nodes, inputs, [info("y", ["batch", 4])], weights)


def test_a_dynamic_shape_is_asked_for_by_an_example() -> None:
    with pytest.raises(UsageError) as error:
        read_onnx(dynamic_model(), name="n")
    assert str(error.value) == (
        "input 'x' has dynamic shape (batch, 3, h, w): pass --shape x=1,3,224,224, "
        "in Python shapes={'x': (1, 3, 224, 224)}"
    )
    assert error.value.exit_code == 2


def test_a_given_shape_settles_every_name_in_it() -> None:
    network = read_onnx(dynamic_model(), name="n", shapes={"x": (2, 3, 32, 48)})
    assert [t.shape for t in network.inputs] == [(2, 3, 32, 48), (2, 9)]
    assert network.shapes["c"] == (2, 4, 32, 48)
    assert network.shapes["y"] == (2, 4)  # of an unknown op, but declared
    assert network.macs == 2 * 4 * 32 * 48 * 27


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1,)}, "no input 'z'; there are x, m"),
        ({"x": (1, 4, 8, 8)}, "does not fit"),
        ({"x": (1, 3, 8)}, "does not fit"),
        ({"x": (0, 3, 8, 8)}, "does not fit"),
        ({"x": (1, 3, 8, 8), "m": (2, 9)}, "does not fit"),
    ],
)
def test_a_shape_that_does_not_fit_the_file_is_refused(shapes: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_onnx(dynamic_model(), name="n", shapes=shapes)


def test_inputs_are_listed_as_the_file_has_them() -> None:
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    inputs = [info("x", ["n", None]), info("w", [4]), onnx.ValueInfoProto(name="t")]  # w: also a constant
    data = model_bytes(nodes, inputs, [info("y", None)], {"w": np.zeros(4, np.float32)})
    assert onnx_inputs(decode_model(data)) == [OnnxInput("x", ("n", None), "float32"), OnnxInput("t", None, "float32")]
    with pytest.raises(UsageError, match="'t' has no shape in the file"):
        read_onnx(data, name="n", shapes={"x": (2, 4)})
    network = read_onnx(data, name="n", shapes={"x": (2, 4), "t": (1,)})
    assert network.nodes[0].layer.weights == ((4,),)
    assert network.nodes[0].name == "Add_0"


def test_an_input_that_is_no_tensor_is_told() -> None:
    sequence = helper.make_tensor_sequence_value_info("s", T.FLOAT, None)
    data = model_bytes([helper.make_node("SequenceLength", ["s"], ["y"])], [sequence], [info("y", [])], {})
    with pytest.raises(DataError, match="'s' is no tensor"):
        read_onnx(data, name="n")


def test_an_exported_graph_becomes_the_layers_that_run() -> None:
    network = read_onnx(torch_like(), name="n")
    ops = [n.layer.op for n in network.nodes]
    assert ops[:8] == ["conv2d", "relu", "conv2d", "add", "relu", "identity", "reshape", "transpose"]
    assert ops[-2:] == ["dense", "add"]
    assert not {"shape", "gather", "unsqueeze", "constant"} & set(ops)  # computed ahead
    assert network.macs == 16 * 64 * 27 + 16 * 64 * 144 + 64 * 16 * 8
    assert network.params == 16 * 27 + 16 + 16 * 144 + 16 + 16 + 16 + 16 * 8 + 8
    assert network.shapes["y"] == (1, 64, 8)


def test_an_int8_file_has_the_same_work() -> None:
    network = zoo.build("squeezenet1_0")
    read = read_onnx(to_onnx(network, dtype="int8"), name="n")
    assert read.macs == network.macs
    assert {n.layer.op for n in read.nodes} > {"quantize", "dequantize", "conv2d"}
    assert (
        next(n for n in read.nodes if n.name == "conv1/quantize" or n.layer.op == "quantize").layer.dtype == "float32"
    )


def test_branches_and_their_captures_are_part_of_the_layer() -> None:
    network = read_onnx(branching_model(), name="n")
    branch = next(n for n in network.nodes if n.name == "if")
    assert branch.inputs == ("positive", "a")
    assert branch.layer.op == "if"
    assert branch.layer.outputs == ((4,),)
    assert next(n for n in network.nodes if n.name == "split").outputs == ("a", "b")


def looping_model(shape: Any) -> bytes:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["v", "x"], ["v_out"])],
        "body",
        [info("i", [], T.INT64), info("go", [], T.BOOL), info("v", None)],
        [info("go_on", [], T.BOOL), info("v_out", None)],
    )
    nodes = [
        helper.make_node("Loop", ["trips", "", "x"], ["last"], "loop", body=body),
        helper.make_node("Relu", ["last"], ["y"], "relu"),
    ]
    return model_bytes(nodes, [info("x", [2, 3])], [info("y", shape)], {"trips": np.int64(3)})


def test_a_shape_nobody_declares_is_told_unless_it_was_seen() -> None:
    with pytest.raises(DataError, match=r"node 'loop' \(Loop\).*'last' cannot be told.*fixed input sizes"):
        read_onnx(looping_model([2, 3]), name="n")
    network = read_onnx(looping_model(None), name="n", known={"last": (2, 3)})
    assert network.shapes["y"] == (2, 3)


def test_an_unknown_op_is_a_layer_with_bytes() -> None:
    node = helper.make_node("DeformConvV2", ["x", "w"], ["y"], domain="acme")
    data = model_bytes([node], [info("x", [1, 8])], [info("y", [1, 16])], {"w": np.zeros((16, 8), np.float32)})
    layer = read_onnx(data, name="n").nodes[0].layer
    assert (layer.op, layer.inputs, layer.outputs, layer.weights) == (
        "deform_conv_v2",
        ((1, 8),),
        ((1, 16),),
        ((16, 8),),
    )
    assert layer.bytes_moved == 4 * (8 + 16 + 128)
    assert layer.macs == 0


def test_token_ids_are_integers_and_an_embedding_is_a_table() -> None:
    nodes = [helper.make_node("Gather", ["table", "ids"], ["e"], "embed"), helper.make_node("Relu", ["e"], ["y"])]
    data = model_bytes(
        nodes, [info("ids", [1, 5], T.INT64)], [info("y", None)], {"table": np.zeros((99, 8), np.float32)}
    )
    network = read_onnx(data, name="n")
    assert network.inputs[0].dtype == "int64"
    embed = network.nodes[0].layer
    assert (embed.op, embed.dtype, embed.weights, embed.outputs) == ("gather", "float32", ((99, 8),), ((1, 5, 8),))


def test_weights_beside_the_model_are_found(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["y"])],
        "g",
        [info("x", [1, 300])],
        [info("y", None)],
        [numpy_helper.from_array(np.ones((300, 7), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, str(path), save_as_external_data=True, location="m.data")
    assert len(path.read_bytes()) < 300
    network = read_onnx(path.read_bytes(), name="m", base=tmp_path)
    assert network.nodes[0].layer.weights == ((7, 300),)
    assert decode_model(path.read_bytes(), tmp_path).graph.initializers["w"].array().sum() == 2100


def test_a_graph_out_of_order_or_written_twice_is_told() -> None:
    late = [helper.make_node("Relu", ["a"], ["y"]), helper.make_node("Relu", ["x"], ["a"])]
    twice = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Abs", ["x"], ["y"])]
    for nodes in (late, twice):
        with pytest.raises(DataError):
            read_onnx(model_bytes(nodes, [info("x", [2])], [info("y", [2])], {}), name="n")


def test_outputs_that_no_layer_writes_are_left_out() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    data = model_bytes(nodes, [info("x", [2])], [info("y", [2]), info("c", [3])], {"c": np.zeros(3, np.float32)})
    assert read_onnx(data, name="n").outputs == ("y",)


BASES = [torch_like(), branching_model(), looping_model([2, 3]), dynamic_model()]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_files_end_in_a_clear_error_or_a_network(data: st.DataObject) -> None:
    blob = bytearray(data.draw(st.sampled_from(BASES)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(blob) - 1))
        if data.draw(st.booleans()):
            blob[at] = data.draw(st.integers(0, 255))
        else:
            del blob[at : at + data.draw(st.integers(1, 5))]
            blob = blob or bytearray(1)
    try:
        read_onnx(bytes(blob), name="n", shapes={"x": (1, 3, 8, 8)} if b"batch" in blob else None)
    except AugurError as error:
        assert "\n" not in str(error)
