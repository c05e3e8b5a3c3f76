"""The codec against the `onnx` package, and against bytes that are no model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError
from augur_edge.models.onnx_proto import GraphProto, ModelProto, NodeProto, RawAttribute, decode_model, encode_model
from augur_edge.models.onnx_tensor import DTYPES, TensorProto
from augur_edge.models.protobuf import Message, Writer

onnx = pytest.importorskip("onnx")
from onnx import TensorProto as T  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402


def rich_model() -> onnx.ModelProto:
    """Every kind of attribute, a subgraph, documentation, metadata, dynamic and missing shapes."""
    branch = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["b"])], "then", [], [onnx.ValueInfoProto(name="b")], doc_string="d"
    )
    attributes = {
        "f": 0.1, "i": -(2**63), "s": "té", "t": numpy_helper.from_array(np.eye(2, dtype=np.float32), "eye"),
        "floats": [1.5, 0.0], "ints": [3, -1, 2**62], "strings": ["a", ""], "graphs": [branch, branch],
        "then_branch": branch, "type": helper.make_tensor_type_proto(T.FLOAT, [1]),
    }  # fmt: skip
    node = helper.make_node("Odd", ["x", "", "w"], ["y", ""], "n", domain="my.ops", doc_string="doc", **attributes)
    node.metadata_props.add(key="k", value="v")
    bare = helper.make_node("Relu", ["y"], ["z"])
    inputs = [helper.make_tensor_value_info("x", T.FLOAT, ["batch", None, 0, 7])]
    inputs.append(helper.make_tensor_sequence_value_info("seq", T.FLOAT, None))
    graph = helper.make_graph([node, bare], "g", inputs, [helper.make_tensor_value_info("z", T.FLOAT, None)])
    graph.initializer.append(numpy_helper.from_array(np.arange(6, dtype=np.int64).reshape(2, 3), "w"))
    graph.value_info.append(helper.make_tensor_value_info("y", T.FLOAT16, []))
    model = helper.make_model(
        graph, opset_imports=[onnx.OperatorSetIdProto(version=17), helper.make_opsetid("my.ops", 3)]
    )
    helper.set_model_props(model, {"author": "nobody"})
    return model


def test_a_model_survives_the_round_trip_field_by_field() -> None:
    model = rich_model()
    again = onnx.load_model_from_string(encode_model(decode_model(model.SerializeToString())))
    assert again == model


def test_fields_are_read_as_they_are() -> None:
    model = decode_model(rich_model().SerializeToString())
    node = model.graph.nodes[0]
    assert (node.name, node.op_type, node.domain) == ("n", "Odd", "my.ops")
    assert (node.inputs, node.outputs) == (["x", "", "w"], ["y", ""])
    assert node.attributes["f"] == pytest.approx(0.1)
    assert node.attributes["i"] == -(2**63)
    assert node.attributes["s"] == "té"
    assert node.attributes["ints"] == (3, -1, 2**62)
    assert node.attributes["floats"] == (1.5, 0.0)
    assert node.attributes["strings"] == ("a", "")
    assert isinstance(node.attributes["type"], RawAttribute)
    assert np.array_equal(node.attributes["t"].array(), np.eye(2))
    assert [g.name for g in node.subgraphs] == ["then"] * 3
    assert model.graph.inputs[0].shape == ("batch", None, 0, 7)
    assert model.graph.inputs[1].raw_type
    assert model.graph.outputs[0].shape is None
    assert (model.graph.value_info[0].elem_type, model.graph.value_info[0].shape) == (T.FLOAT16, ())
    assert model.opset_import == {"": 17, "my.ops": 3}


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("number", [k for k, v in DTYPES.items() if v != "string" and "8e" not in v and v[0] != "c"])
def test_tensors_of_every_type_hold_the_values_onnx_reads(number: int, raw: bool) -> None:
    values = np.array([0, 1, 1, 0, 1], np.float32)
    try:
        dtype = helper.tensor_dtype_to_np_dtype(number)
    except KeyError:
        pytest.skip(f"this onnx does not know {DTYPES[number]}")
    tensor = numpy_helper.from_array(values.astype(dtype), "t")
    if not raw:
        tensor = helper.make_tensor("t", number, [5], values.astype(dtype))
    model = helper.make_model(helper.make_graph([], "g", [], [], [tensor]))
    got = decode_model(model.SerializeToString()).graph.initializers["t"]
    want = numpy_helper.to_array(tensor)
    if DTYPES[number] == "float4e2m1":
        assert np.array_equal(got.array(), want.view(np.uint8))
    else:
        assert np.array_equal(got.array().astype(np.float64), want.astype(np.float64))
    again = onnx.load_model_from_string(encode_model(decode_model(model.SerializeToString())))
    assert np.array_equal(numpy_helper.to_array(again.graph.initializer[0]), want)


def test_strings_and_wide_numbers_in_typed_fields() -> None:
    tensors = [
        helper.make_tensor("s", T.STRING, [2], [b"a", b"\xff"]),
        helper.make_tensor("i", T.INT64, [4], [-1, 2**62, -(2**63), 300]),
        helper.make_tensor("u", T.UINT64, [1], [2**64 - 1]),
        helper.make_tensor("b", T.INT8, [3], [-128, -1, 127]),
    ]
    data = helper.make_model(helper.make_graph([], "g", [], [], tensors)).SerializeToString()
    got = decode_model(data).graph.initializers
    assert got["s"].array().tolist() == [b"a", b"\xff"]
    assert got["i"].array().tolist() == [-1, 2**62, -(2**63), 300]
    assert got["u"].array().tolist() == [2**64 - 1]
    assert got["b"].array().tolist() == [-128, -1, 127]
    assert decode_model(encode_model(decode_model(data))).graph.initializers["s"].strings == (b"a", b"\xff")


def test_raw_data_is_not_copied() -> None:
    tensor = numpy_helper.from_array(np.arange(1000, dtype=np.float32), "w")
    data = helper.make_model(helper.make_graph([], "g", [], [], [tensor])).SerializeToString()
    got = decode_model(data).graph.initializers["w"]
    assert isinstance(got.raw, memoryview)
    assert got.raw.obj is data
    assert np.shares_memory(got.array(), np.frombuffer(data, np.uint8))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_packed_numbers_come_back(values: list[int]) -> None:
    out = Writer()
    out.packed(7, values)
    assert [v for f in Message.of(out.to_bytes()) for v in f.integers()] == values


RICH = rich_model().SerializeToString()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_bytes_give_a_model_or_a_data_error(data: st.DataObject) -> None:
    blob = bytearray(RICH)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(blob) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "insert", "drop"]))
        if kind == "set":
            blob[at] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            blob[at:at] = data.draw(st.binary(max_size=12))
        else:
            del blob[at : at + data.draw(st.integers(1, 9)) if kind == "drop" else len(blob)]
        blob = blob or bytearray(1)
    try:
        model = decode_model(bytes(blob))
        for tensor in model.graph.initializers.values():
            tensor.array()
        encode_model(model)
    except DataError:
        pass


@given(st.integers(0, len(RICH) - 1))
def test_a_truncated_model_is_told_by_its_offset(size: int) -> None:
    try:
        decode_model(RICH[:size])  # a cut between two fields after the graph leaves a model
    except DataError as error:
        assert "at byte" in str(error)
    else:
        assert size > len(RICH) - 60


@pytest.mark.parametrize("data", [b"", b"\x1c\0\0\0TFL3" + bytes(64), b"\x89PNG\r\n\x1a\n", b"PK\x03\x04" + bytes(30)])
def test_a_file_of_another_kind_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="not a readable ONNX model"):
        decode_model(data)


def test_endless_nesting_is_refused() -> None:
    node = Writer()
    for _ in range(2000):  # node > attribute > graph > node > …
        graph, attribute, parent = Writer(), Writer(), Writer()
        graph.message(1, node)
        attribute.message(6, graph)
        parent.message(5, attribute)
        node = parent
    graph, model = Writer(), Writer()
    graph.message(1, node)
    model.message(7, graph)
    with pytest.raises(DataError, match="deep"):
        decode_model(model.to_bytes())


def test_a_lie_about_a_tensors_size_is_refused() -> None:
    tensor = TensorProto("w", (2**40, 2**40), 1, bytes(8))
    with pytest.raises(DataError, match=r"'w'.*8 bytes instead of"):
        tensor.array()


def external_model(tmp_path: Path, location: str, length: int = 16) -> bytes:
    tensor = T(name="w", dims=[4], data_type=T.FLOAT, data_location=T.EXTERNAL)
    for key, value in (("location", location), ("offset", "8"), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    (tmp_path / "in").mkdir()
    content = np.arange(6, dtype=np.float32).tobytes()
    (tmp_path / "in/weights.bin").write_bytes(content)
    (tmp_path / "out.bin").write_bytes(content)
    return helper.make_model(helper.make_graph([], "g", [], [], [tensor])).SerializeToString()


def test_data_beside_the_model_is_mapped_and_put_inside_on_writing(tmp_path: Path) -> None:
    data = external_model(tmp_path, "weights.bin")
    model = decode_model(data, tmp_path / "in")
    assert model.graph.initializers["w"].array().tolist() == [2, 3, 4, 5]
    inside = decode_model(encode_model(model))
    assert inside.graph.initializers["w"].array().tolist() == [2, 3, 4, 5]


def test_without_a_folder_external_data_stays_a_reference(tmp_path: Path) -> None:
    data = external_model(tmp_path, "weights.bin")
    model = decode_model(data)
    with pytest.raises(DataError, match=r"weights\.bin"):
        model.graph.initializers["w"].array()
    assert onnx.load_model_from_string(encode_model(model)) == onnx.load_model_from_string(data)


@pytest.mark.parametrize(
    "location", ["../out.bin", "/etc/passwd", "a/../../out.bin", "..\\out.bin", "C:\\x", "", "a\0b"]
)
def test_data_outside_the_models_folder_is_refused(tmp_path: Path, location: str) -> None:
    data = external_model(tmp_path, location)
    for base in (None, tmp_path / "in"):
        with pytest.raises(DataError, match="refused"):
            decode_model(data, base)


def test_a_link_out_of_the_models_folder_is_refused(tmp_path: Path) -> None:
    data = external_model(tmp_path, "link.bin")
    (tmp_path / "in/link.bin").symlink_to(tmp_path / "out.bin")
    with pytest.raises(DataError, match="refused"):
        decode_model(data, tmp_path / "in")


def test_missing_or_short_external_data_is_told(tmp_path: Path) -> None:
    data = external_model(tmp_path, "weights.bin", length=40)
    with pytest.raises(DataError, match="bytes 8 to 48"):
        decode_model(data, tmp_path / "in")
    (tmp_path / "in/weights.bin").unlink()
    with pytest.raises(DataError, match="no file"):
        decode_model(data, tmp_path / "in")


def test_an_attribute_onnx_has_no_kind_for_is_refused() -> None:
    node = NodeProto("Relu", ["x"], ["y"], "r", attributes={"bad": object()})
    with pytest.raises(DataError, match="bad"):
        encode_model(ModelProto(GraphProto(nodes=[node]), {"": 17}))
