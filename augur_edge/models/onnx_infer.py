"""Goes through a user's graph once: what is constant, and shape and dtype of everything else."""

from __future__ import annotations

from collections.abc import Mapping

from augur_edge.errors import DataError
from augur_edge.layers import Shape
from augur_edge.models.onnx_fold import fold
from augur_edge.models.onnx_graph import DimShape, ModelProto, NodeProto, ValueInfo
from augur_edge.models.onnx_shapes import infer_shapes
from augur_edge.models.onnx_sources import node_names
from augur_edge.models.onnx_table import NodeView, TensorSpec, TensorTable
from augur_edge.models.onnx_tensor import DTYPES

_MISFITS = (ValueError, IndexError, TypeError, KeyError, ZeroDivisionError, OverflowError, AttributeError)
_FIXED = {
    **dict.fromkeys(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Not"), "bool"),
    **dict.fromkeys(("IsNaN", "IsInf"), "bool"),
    **dict.fromkeys(("Shape", "Size", "ArgMax", "ArgMin", "NonZero", "NonMaxSuppression"), "int64"),
    **dict.fromkeys(("ConvInteger", "MatMulInteger"), "int32"),
}
_LIKE = {"Where": 1, "DequantizeLinear": 1, "QuantizeLinear": 2, "OneHot": 2}
"""The input that the output has its dtype from, where it is not the first."""
_FURTHER = {"TopK": "int64", "MaxPool": "int64", "Dropout": "bool"}
"""Dtype of a second output."""


def resolve(shape: DimShape, sizes: Mapping[str, int]) -> Shape | None:
    """A declared shape with its names replaced by their sizes; None where one stays unknown."""
    if shape is None:
        return None
    out = [sizes.get(d) if isinstance(d, str) else d for d in shape]
    return None if None in out else tuple(d for d in out if d is not None)


def infer_graph(
    model: ModelProto, inputs: Mapping[str, TensorSpec], sizes: Mapping[str, int], known: Mapping[str, Shape]
) -> tuple[TensorTable, list[int]]:
    """The table of all tensors, and the indices of the nodes that run: those not computed ahead.

    inputs: of the graph. sizes: of named dimensions. known: shapes seen when the model ran; they come first, then
    what the file declares, then inference. Raises DataError naming the node where a shape cannot be told.
    """
    graph = model.graph
    table = TensorTable.of(graph, inputs)
    declared = {v.name: v for v in (*graph.value_info, *graph.outputs)}
    running = []
    for i, (node, name) in enumerate(zip(graph.nodes, node_names(model))):
        view = NodeView(node, table)
        told = {t: known[t] if t in known else _declared(declared, t, sizes) for t in node.outputs}
        try:
            if _ahead(view):
                continue
            inferred, reason = ([], "") if None not in told.values() else _inferred(view)
        except (*_MISFITS, DataError) as error:
            raise DataError(f"node {name!r} ({node.op_type}): its shapes or constants do not fit: {error}") from None
        running.append(i)
        for place, tensor in enumerate(node.outputs):
            shape = told[tensor] if told[tensor] is not None else next(iter(inferred[place : place + 1]), None)
            if tensor and shape is None:
                raise _unknown(name, node, tensor, reason)
            elem_type = declared[tensor].elem_type if tensor in declared else None
            table.add(tensor, shape or (), DTYPES.get(elem_type or 0) or _dtype(node, place, table))
    return table, running


def _unknown(name: str, node: NodeProto, tensor: str, reason: str) -> DataError:
    what = f"node {name!r} ({node.op_type}): the shape of its output {tensor!r} cannot be told"
    advice = "save the model with fixed input sizes and shapes (onnx.shape_inference)"
    return DataError(f"{what}, {reason or 'the op is not known here'}; {advice}")


def _declared(declared: Mapping[str, ValueInfo], tensor: str, sizes: Mapping[str, int]) -> Shape | None:
    value = declared.get(tensor)
    return None if value is None else resolve(value.shape, sizes)


def _ahead(view: NodeView) -> bool:
    """Whether the node runs before the network does; its outputs are constants then."""
    node, table = view.node, view.table
    if node.op_type == "Constant":
        return True
    value = fold(view)
    if value is not None:
        table.add_constant(node.outputs[0], value)
        return True
    reads = [t for t in (*node.inputs, *node.captures) if t]
    if not reads or not all(t in table.constants for t in reads) or node.op_type.startswith("Random"):
        return False
    shapes = infer_shapes(view)
    if shapes is None:
        return False
    for place, (tensor, shape) in enumerate(zip(node.outputs, shapes)):
        table.add(tensor, shape, _dtype(node, place, table))
        table.constants[tensor] = None
    return True


def _inferred(view: NodeView) -> tuple[list[Shape], str]:
    """A shape per output, or none and the reason."""
    try:
        return infer_shapes(view) or [], ""
    except DataError as error:
        return [], str(error)


def _dtype(node: NodeProto, place: int, table: TensorTable) -> str:
    """Of output `place`; float32 where nothing says otherwise."""
    if place and node.op_type in _FURTHER:
        return _FURTHER[node.op_type]
    if node.op_type in _FIXED:
        return _FIXED[node.op_type]
    if node.op_type == "Cast":
        return DTYPES.get(node.attributes.get("to", 1), "float32")
    if node.op_type == "DynamicQuantizeLinear":
        return ("uint8", "float32", "uint8")[place]
    if node.op_type == "If":
        number = node.subgraphs[0].outputs[place].elem_type
        return DTYPES.get(number or 1, "float32")
    source = _LIKE.get(node.op_type, 0)
    name = node.inputs[source] if source < len(node.inputs) else ""
    return table.dtypes.get(name, "uint8" if node.op_type == "QuantizeLinear" else "float32")
