""".tflite -> Network: what the file computes, channels first, as the delegate runs it."""

from __future__ import annotations

from augur_edge.layers import Layer, Shape
from augur_edge.models.tflite_graph import GraphView, Unit, to_network
from augur_edge.models.tflite_layers import layer_of_unit
from augur_edge.models.tflite_schema import decode_tflite
from augur_edge.models.tflite_verify import damaged
from augur_edge.network import Network, Node, TensorInfo


def read_tflite(data: bytes, *, name: str) -> Network:
    """The main graph of a .tflite file as a Network called `name`.

    Nodes and tensors have the file's tensor names. Padding that the delegate takes into a convolution is part of it,
    and so is the unpacking of float16 or sparse weights. An operator without a rule of its own becomes a layer with
    its name in lower case and the bytes it moves. Raises DataError for truncated, foreign or damaged bytes,
    UsageError where a shape is left open, MissingExtraError without ai-edge-litert.
    """
    view = GraphView(decode_tflite(data))
    view.check_static()
    reader = _Reader(view)
    for unit in view.units():
        reader.add(unit)
    inputs = tuple(TensorInfo(view.names[t], reader.shapes[t], view.dtype(t) or "uint8") for t in view.graph.inputs)
    outputs = tuple(view.names[t] for t in view.graph.outputs if not view.is_constant(t))
    try:
        return Network(name, inputs, tuple(reader.nodes), outputs)
    except ValueError as error:
        raise damaged(str(error)) from error


class _Reader:
    def __init__(self, view: GraphView) -> None:
        self.view = view
        self.nodes: list[Node] = []
        self.shapes: dict[int, Shape] = {t: self._shape(t) for t in view.graph.inputs}

    def _shape(self, tensor: int) -> Shape:
        return to_network(self.view.shape(tensor), self.view.order(tensor))

    def add(self, unit: Unit) -> None:
        op, layer = self.view.ops[unit.op], layer_of_unit(self.view, unit)
        outputs = tuple(self.view.names[t] for t in op.outputs)
        name = outputs[0] if outputs else f"{layer.op}_{unit.op}"
        inputs = [self._seen_as(t, i, layer, name) for i, t in enumerate(self.view.unit_inputs(unit))]
        self.shapes.update(zip(op.outputs, layer.outputs))
        self.nodes.append(Node(name, layer, tuple(inputs), outputs))

    def _seen_as(self, tensor: int, i: int, layer: Layer, reader: str) -> str:
        """Name of input `i`; reshaped first where the operator joins axes, or sees them in the file's order."""
        name, shape = self.view.names[tensor], self._shape(tensor)
        wanted = layer.inputs[i] if i < len(layer.inputs) else shape
        if shape == wanted:
            return name
        seen = f"{reader}#input{i}"
        self.nodes.append(Node(seen, Layer("reshape", (shape,), (wanted,), dtype=layer.dtype), (name,), (seen,)))
        return seen
