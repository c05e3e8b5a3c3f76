"""ONNX models read without the `onnx` package.

What is not interpreted (documentation, functions, metadata) is kept as the bytes it was, and written again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from augur_edge.models.onnx_encode import encode_model
from augur_edge.models.onnx_graph import Dim, DimShape, GraphProto, ModelProto, NodeProto, RawAttribute, ValueInfo
from augur_edge.models.onnx_tensor import ExternalFiles, TensorProto, decode_tensor
from augur_edge.models.protobuf import Buffer, Field, Message, malformed

__all__ = [
    "GraphProto", "ModelProto", "NodeProto", "RawAttribute", "TensorProto", "ValueInfo", "decode_model", "encode_model",
]  # fmt: skip

_FLOAT, _INT, _STRING, _TENSOR, _GRAPH, _FLOATS, _INTS, _STRINGS, _TENSORS, _GRAPHS = range(1, 11)
"""Kinds of attributes; the field that holds one has its number plus 1."""


def decode_model(data: Buffer, base: Path | None = None) -> ModelProto:
    """The model in the bytes of a `.onnx` file; constants point into `data`, which must not change.

    base: the folder the file is in, for constants in files beside it. Raises DataError with the offset of what is
    wrong in bytes that are truncated, foreign or hostile, and for external data outside the folder.
    """
    model = ModelProto(GraphProto(), ir_version=0)
    graph: GraphProto | None = None
    unknown: list[bytes] = []
    files = ExternalFiles(base)
    for f in Message.of(data):
        if f.number == 1:
            model.ir_version = f.integer()
        elif f.number == 2:
            model.producer_name = f.text()
        elif f.number == 3:
            model.producer_version = f.text()
        elif f.number == 7:
            graph = _graph(f.sub(), files)
        elif f.number == 8:
            domain, version = _opset(f.sub())
            model.opset_import[domain] = version
        else:
            unknown.append(f.raw())
    if graph is None or not model.opset_import:
        raise malformed(len(data), f"the end without {'a graph' if graph is None else 'an operator set'}")
    model.graph, model.unknown = graph, b"".join(unknown)
    return model


def _opset(message: Message) -> tuple[str, int]:
    domain, version = "", 0
    for f in message:
        if f.number == 1:
            domain = f.text()
        elif f.number == 2:
            version = f.integer()
    return ("" if domain == "ai.onnx" else domain), version


def _graph(message: Message, files: ExternalFiles) -> GraphProto:
    graph = GraphProto()
    infos = {11: graph.inputs, 12: graph.outputs, 13: graph.value_info}
    unknown: list[bytes] = []
    for f in message:
        if f.number == 1:
            graph.nodes.append(_node(f.sub(), files))
        elif f.number == 2:
            graph.name = f.text()
        elif f.number == 5:
            tensor = decode_tensor(f.sub(), files)
            graph.initializers[tensor.name] = tensor
        elif f.number in infos:
            infos[f.number].append(_value_info(f.sub()))
        else:
            unknown.append(f.raw())
    graph.unknown = b"".join(unknown)
    return graph


def _node(message: Message, files: ExternalFiles) -> NodeProto:
    node = NodeProto("")
    unknown: list[bytes] = []
    for f in message:
        if f.number == 1:
            node.inputs.append(f.text())
        elif f.number == 2:
            node.outputs.append(f.text())
        elif f.number == 3:
            node.name = f.text()
        elif f.number == 4:
            node.op_type = f.text()
        elif f.number == 5:
            name, value = _attribute(f, files)
            node.attributes[name] = value
        elif f.number == 7:
            node.domain = f.text()
        else:
            unknown.append(f.raw())
    if not node.op_type:
        raise malformed(message.begin, "a node without an op")
    node.domain = "" if node.domain == "ai.onnx" else node.domain
    node.unknown = b"".join(unknown)
    return node


def _text_or_bytes(f: Field) -> str | bytes:
    content = bytes(f.view())
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


_READERS: dict[int, Callable[[Field, ExternalFiles], Any]] = {
    _FLOAT: lambda f, _: f.real(),
    _INT: lambda f, _: f.integer(),
    _STRING: lambda f, _: _text_or_bytes(f),
    _TENSOR: lambda f, files: decode_tensor(f.sub(), files),
    _GRAPH: lambda f, files: _graph(f.sub(), files),
    _FLOATS: lambda f, _: f.numbers("f4").tolist(),
    _INTS: lambda f, _: f.integers(),
    _STRINGS: lambda f, _: [_text_or_bytes(f)],
    _TENSORS: lambda f, files: [decode_tensor(f.sub(), files)],
    _GRAPHS: lambda f, files: [_graph(f.sub(), files)],
}


def _attribute(whole: Field, files: ExternalFiles) -> tuple[str, Any]:
    name, kind, opaque = "", 0, False
    values: dict[int, Any] = {}
    for f in whole.sub():
        if f.number == 1:
            name = f.text()
        elif f.number == 20:
            kind = f.integer()
        elif f.number - 1 in _READERS:
            value = _READERS[f.number - 1](f, files)
            if isinstance(value, list):
                values.setdefault(f.number - 1, []).extend(value)
            else:
                values[f.number - 1] = value
        elif f.number != 13:  # 13: documentation, dropped
            opaque = True
    kind = kind or next(iter(values), 0)
    value = values.get(kind, _EMPTY.get(kind))
    if opaque or value is None:
        return name, RawAttribute(bytes(whole.view()))
    return name, tuple(value) if isinstance(value, list) else value


_EMPTY: dict[int, Any] = {_FLOAT: 0.0, _INT: 0, _STRING: "", _INTS: []}
"""What a field left out means, by kind; empty lists of another kind than ints stay raw, to keep their kind."""


def _value_info(message: Message) -> ValueInfo:
    info = ValueInfo("")
    unknown: list[bytes] = []
    for f in message:
        if f.number == 1:
            info.name = f.text()
        elif f.number == 2:
            content = list(f.sub())
            tensor = [t for t in content if t.number == 1]
            if tensor:
                info.elem_type, info.shape = _tensor_type(tensor[-1].sub())
            elif content:
                info.raw_type = bytes(f.view())
        else:
            unknown.append(f.raw())
    info.unknown = b"".join(unknown)
    return info


def _tensor_type(message: Message) -> tuple[int | None, DimShape]:
    elem_type: int | None = None
    shape: DimShape = None
    for f in message:
        if f.number == 1:
            elem_type = f.integer()
        elif f.number == 2:
            shape = tuple(_dim(d.sub()) for d in f.sub() if d.number == 1)
    return elem_type, shape


def _dim(message: Message) -> Dim:
    out: Dim = None
    for f in message:
        if f.number == 1:
            out = f.integer() if f.integer() >= 0 else None
        elif f.number == 2:
            out = f.text() or None
    return out
