"""ONNX models written without the `onnx` package."""

from __future__ import annotations

from typing import Any, Callable

from augur_edge.errors import DataError
from augur_edge.models.onnx_graph import Dim, GraphProto, ModelProto, NodeProto, RawAttribute, ValueInfo
from augur_edge.models.onnx_tensor import TensorProto, encode_tensor
from augur_edge.models.protobuf import Writer

_FLOAT, _INT, _STRING, _TENSOR, _GRAPH = range(1, 6)
"""Kinds of attributes; the field that holds one has its number plus 1, a list's kind is its element's plus 5."""


def encode_model(model: ModelProto) -> bytes:
    """The bytes of a `.onnx` file. Raises DataError above protobuf's 2 GiB."""
    out = Writer()
    out.integer(1, model.ir_version)
    out.text(2, model.producer_name)
    out.text(3, model.producer_version)
    out.message(7, _encode_graph(model.graph))
    for domain, version in model.opset_import.items():
        opset = Writer()
        opset.text(1, domain)
        opset.integer(2, version)
        out.message(8, opset)
    out.raw(model.unknown)
    return out.to_bytes()


def _encode_graph(graph: GraphProto) -> Writer:
    out = Writer()
    for node in graph.nodes:
        out.message(1, _encode_node(node))
    out.text(2, graph.name)
    for tensor in graph.initializers.values():
        out.message(5, encode_tensor(tensor))
    for number, infos in ((11, graph.inputs), (12, graph.outputs), (13, graph.value_info)):
        for info in infos:
            out.message(number, _encode_value_info(info))
    out.raw(graph.unknown)
    return out


def _encode_node(node: NodeProto) -> Writer:
    out = Writer()
    out.texts(1, node.inputs)
    out.texts(2, node.outputs)
    out.text(3, node.name)
    out.text(4, node.op_type)
    for name, value in node.attributes.items():
        if isinstance(value, RawAttribute):
            out.blob(5, value.content)
        else:
            out.message(5, _encode_attribute(node, name, value))
    out.text(7, node.domain)
    out.raw(node.unknown)
    return out


def _encode_attribute(node: NodeProto, name: str, value: Any) -> Writer:
    """The kind comes from the value, a tuple's from its elements (ints among floats are floats)."""
    many = isinstance(value, tuple)
    items = value if many else (value,)
    kinds = {_kind(node, name, v) for v in items} or {_INT}
    if len(kinds) > 1 and kinds != {_FLOAT, _INT}:
        raise DataError(f"node {node.name!r}: attribute {name!r} mixes kinds of values")
    kind = min(kinds)
    out = Writer()
    out.text(1, name)
    for item in items:
        _PUT[kind](out, (kind + 5 if many else kind) + 1, item)
    out.integer(20, kind + 5 if many else kind)
    return out


def _kind(node: NodeProto, name: str, value: Any) -> int:
    kinds = ((float, _FLOAT), (int, _INT), ((str, bytes), _STRING), (TensorProto, _TENSOR), (GraphProto, _GRAPH))
    for types, kind in kinds:
        if isinstance(value, types):
            return kind
    raise DataError(f"node {node.name!r}: attribute {name!r} is a {type(value).__name__}, which ONNX has not")


_PUT: dict[int, Callable[[Writer, int, Any], None]] = {
    _FLOAT: lambda out, number, v: out.real(number, v),
    _INT: lambda out, number, v: out.integer(number, v),
    _STRING: lambda out, number, v: out.blob(number, v.encode() if isinstance(v, str) else v),
    _TENSOR: lambda out, number, v: out.message(number, encode_tensor(v)),
    _GRAPH: lambda out, number, v: out.message(number, _encode_graph(v)),
}


def _encode_value_info(info: ValueInfo) -> Writer:
    out = Writer()
    out.text(1, info.name)
    if info.elem_type is not None or info.shape is not None:
        tensor, kind = Writer(), Writer()
        if info.elem_type is not None:
            tensor.integer(1, info.elem_type)
        if info.shape is not None:
            tensor.message(2, _encode_shape(info.shape))
        kind.message(1, tensor)
        out.message(2, kind)
    elif info.raw_type:
        out.blob(2, info.raw_type)
    out.raw(info.unknown)
    return out


def _encode_shape(shape: tuple[Dim, ...]) -> Writer:
    out = Writer()
    for size in shape:
        dim = Writer()
        if isinstance(size, str):
            dim.text(2, size)
        elif size is not None:
            dim.integer(1, size)
        out.message(1, dim)
    return out
