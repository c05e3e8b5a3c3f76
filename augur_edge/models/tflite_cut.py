"""Cuts the operators of a .tflite model into models of their own, as the runtime's delegate executes them.

XNNPACK keeps the file's layout (channels last) and its operators, with two exceptions that are cut as it runs them:
zero padding is taken into the convolution after it, and float16 or sparse constants are unpacked when the model is
loaded (`tflite_graph.GraphView.units`).
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from augur_edge.layers import Layer
from augur_edge.models.tflite_graph import GraphView, Unit
from augur_edge.models.tflite_layers import layer_of_unit
from augur_edge.models.tflite_ranges import ANY
from augur_edge.models.tflite_schema import decode_tflite, encode_tflite, schema
from augur_edge.models.tflite_write import node_names
from augur_edge.network import TensorInfo


@dataclass(frozen=True)
class CutOp:
    """One operator as it is executed.

    inputs, outputs: what goes in and out of a model of it, in order, each tensor once; shapes are the file's own
    (N, H, W, C). nodes: the user's names behind it. error: why it cannot run alone; then `data` is empty.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    nodes: tuple[str, ...]
    layer: Layer
    error: str | None
    _view: GraphView = field(repr=False)
    _unit: Unit = field(repr=False)

    @property
    def data(self) -> bytes:
        """The .tflite bytes of a model of this operator, with its real constants; made anew at each call."""
        return b"" if self.error else encode_tflite(_model_of(self._view, self._unit))


def cut_ops(data: bytes) -> list[CutOp]:
    """Every operator of the main graph, in the order of execution; constants stay views into `data`.

    Raises DataError for damaged bytes, UsageError where an input's shape is left open.
    """
    view = GraphView(decode_tflite(data))
    view.check_static()
    return [_cut(view, unit) for unit in view.units()]


def graph_ends(data: bytes) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """(inputs, outputs) of the main graph as declared, a tensor perhaps twice; names and layout as in `cut_ops`."""
    view = GraphView(decode_tflite(data))
    view.check_static()
    return _infos(view, view.graph.inputs), _infos(view, view.graph.outputs)


def _infos(view: GraphView, tensors: Iterable[int]) -> tuple[TensorInfo, ...]:
    return tuple(TensorInfo(view.names[t], view.shape(t), view.dtype(t) or "uint8") for t in tensors)


def _cut(view: GraphView, unit: Unit) -> CutOp:
    op = view.ops[unit.op]
    written = [t for i in (unit.op, *reversed(unit.before)) for t in view.ops[i].outputs if not view.is_constant(t)]
    return CutOp(
        inputs=_infos(view, dict.fromkeys(view.unit_inputs(unit))),
        outputs=_infos(view, dict.fromkeys(op.outputs)),
        nodes=tuple(dict.fromkeys(n for t in written for n in node_names(view.names[t]))),
        layer=layer_of_unit(view, unit),
        error=_obstacle(view, unit),
        _view=view,
        _unit=unit,
    )


def _obstacle(view: GraphView, unit: Unit) -> str | None:
    """Why a unit cannot be a model of its own, if it cannot."""
    op, code = view.ops[unit.op], view.codes[unit.op]
    for options in (op.builtinOptions, op.builtinOptions2):
        if options is not None and any("ubgraph" in name for name in vars(options)):
            return f"{code} runs graphs of its own, so it is part of the whole network only"
    for t in _tensors_of(view, unit):
        if view.dtype(t) is None and not view.is_constant(t):
            return f"{code} passes on {view.names[t]!r}, which is state or text and not an array of numbers"
        if view.graph.tensors[t].externalBuffer > 0:
            return f"the weights of {view.names[t]!r} lie in another file"
    return None


def _tensors_of(view: GraphView, unit: Unit) -> list[int]:
    """Every tensor a unit needs, each once; block-wise scales are tensors too."""
    out: dict[int, None] = {}
    for i in (*unit.before, unit.op):
        op = view.ops[i]
        intermediates = () if op.intermediates is None else op.intermediates
        for t in (*op.inputs, *op.outputs, *map(int, intermediates)):
            if 0 <= t < len(view.graph.tensors):
                details = getattr(view.graph.tensors[t].quantization, "details", None)
                scales = (getattr(details, name, -1) for name in ("scales", "zeroPoints"))
                out.update(dict.fromkeys([t, *(s for s in scales if 0 <= s < len(view.graph.tensors))]))
    return list(out)


def _model_of(view: GraphView, unit: Unit) -> Any:
    """A `ModelT` of one unit: shallow copies with new indices, constants shared with the original."""
    tensors = _tensors_of(view, unit)
    place = {t: i for i, t in enumerate(tensors)}
    model = schema().ModelT(version=view.model.version, operatorCodes=[], buffers=[schema().BufferT()])
    model.description = "one operator"
    graph = schema().SubGraphT(tensors=[], operators=[], name="main")
    model.subgraphs = [graph]
    buffers: dict[int, int] = {}
    for t in tensors:
        tensor = copy(view.graph.tensors[t])
        tensor.shapeSignature = None
        if view.model.buffers and view.model.buffers[tensor.buffer].data is not None:
            buffers.setdefault(tensor.buffer, len(buffers) + 1)
        tensor.buffer, tensor.quantization = buffers.get(tensor.buffer, 0), _moved(tensor.quantization, place)
        graph.tensors.append(tensor)
    model.buffers += [view.model.buffers[b] for b in buffers]
    for i in (*unit.before, unit.op):
        op = copy(view.ops[i])
        model.operatorCodes.append(view.model.operatorCodes[op.opcodeIndex])
        op.opcodeIndex, op.debugMetadataIndex = len(model.operatorCodes) - 1, -1
        op.inputs, op.outputs = [place.get(t, -1) for t in op.inputs], [place[t] for t in op.outputs]
        if op.intermediates is not None:
            op.intermediates = [place.get(int(t), -1) for t in op.intermediates]
        graph.operators.append(op)
    graph.inputs = [place[t] for t in dict.fromkeys(view.unit_inputs(unit))]
    graph.outputs = [place[t] for t in dict.fromkeys(view.ops[unit.op].outputs)]
    return model


def _moved(quantisation: Any, place: dict[int, int]) -> Any:
    """Quantisation parameters, with the tensors of block-wise scales under their new indices."""
    if not hasattr(getattr(quantisation, "details", None), "scales"):
        return quantisation
    quantisation = copy(quantisation)
    details = copy(quantisation.details)
    details.scales = place.get(details.scales, details.scales)
    details.zeroPoints = place.get(details.zeroPoints, details.zeroPoints)
    quantisation.details = details
    return quantisation


def identity_tflite() -> bytes:
    """The least a call can do: RELU of one float32, `x` (1, 1) -> `y` (1, 1).

    XNNPACK takes it as it takes any layer, and it does not vanish as a reshape may. Of eleven operators tried on one
    element all cost the interpreter 0.44 to 0.51 us; this one is within 0.02 us of the cheapest (x86-64, LiteRT 2.3).
    """
    from augur_edge.models.tflite_emit import Emitter

    emit = Emitter("float32", 0)
    x, y = (emit.activation(name, (1, 1), ANY) for name in ("x", "y"))
    emit.operator("RELU", [x], [y])
    return emit.finish([x], [y], "call floor")
