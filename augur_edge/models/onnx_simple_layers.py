"""Rules from ONNX nodes to Layers for ops without windows or products: elementwise, activations, data movement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from augur_edge.models.onnx_move_shapes import pads_of, slice_of
from augur_edge.models.onnx_table import NodeView
from augur_edge.models.protobuf import shortest

Fields = dict[str, Any]
LayerRule = Callable[[NodeView], Fields]
"""Fields of the Layer, beside those that any node has; `attrs` as a dict."""


def _elementwise(op: str, *places: int) -> LayerRule:
    """A constant scalar becomes `value`, any other constant a weight. places: of the operands, where quantised."""

    def rule(view: NodeView) -> Fields:
        operands = places or tuple(range(len(view.node.inputs)))
        constants = [i for i in operands if view.constant(i)]
        attrs: Fields = {}
        for i in constants:
            value = view.value(i) if view.shape(i) == () and not places else None
            if value is not None and value.dtype.kind in "iuf":
                attrs["value"] = shortest(float(value))
        if constants and constants[0] == operands[0]:
            attrs["constants_first"] = True
        weights = tuple(view.shape(i) for i in constants if view.shape(i) != () or "value" not in attrs)
        return {"op": op, "weights": weights, "attrs": attrs}

    return rule


def _plain(op: str, **attributes: Any) -> LayerRule:
    """An op with attributes of one number. attributes: name in ONNX -> its default, left out where it is None."""

    def rule(view: NodeView) -> Fields:
        values = {name: view.attr(name, default) for name, default in attributes.items()}
        return {"op": op, "weights": (), "attrs": {k: v for k, v in values.items() if v is not None}}

    return rule


def _clip(view: NodeView) -> Fields:
    limits: Fields = {}
    for place, name in ((1, "min"), (2, "max")):
        value = view.value(place)
        limit = view.attr(name) if value is None else value.reshape(-1)[0]
        if limit is not None:
            limits[name] = shortest(float(limit))
    if limits == {"min": 0.0, "max": 6.0}:
        return {"op": "relu6", "weights": ()}
    return {"op": "clip", "weights": (), "attrs": limits}


def _gelu(view: NodeView) -> Fields:
    tanh = view.attr("approximate", "none") == "tanh"
    return {"op": "gelu", "weights": (), "attrs": {"approximate": "tanh"} if tanh else {}}


def _swish(view: NodeView) -> Fields:
    alpha = float(view.attr("alpha", 1.702 if view.node.op_type == "QuickGelu" else 1.0))
    return {"op": "swish", "weights": (), "attrs": {} if alpha == 1.0 else {"alpha": alpha}}


def _hard_sigmoid(view: NodeView) -> Fields:
    alpha, beta = float(view.attr("alpha", 0.2)), float(view.attr("beta", 0.5))
    usual = abs(alpha - 1 / 6) < 1e-6 and beta == 0.5
    return {"op": "hard_sigmoid", "weights": (), "attrs": {} if usual else {"alpha": alpha, "beta": beta}}


def _with_axis(op: str, default: int, place: int = 0) -> LayerRule:
    def rule(view: NodeView) -> Fields:
        return {"op": op, "weights": (), "attrs": {"axis": view.axis("axis", default, len(view.shape(place)))}}

    return rule


def _concat(view: NodeView) -> Fields:
    """Quantised: scale and zero point of the output, then tensor, scale and zero point of each input."""
    places = (
        range(2, len(view.node.inputs), 3) if view.node.op_type == "QLinearConcat" else range(len(view.node.inputs))
    )
    attrs: Fields = {"axis": view.axis("axis", 0, len(view.shape(places[0])))}
    if view.constant(places[0]):
        attrs["constants_first"] = True
    return {"op": "concat", "weights": tuple(view.shape(i) for i in places if view.constant(i)), "attrs": attrs}


def _reduce(view: NodeView) -> Fields:
    rank = len(view.shape(0))
    axes = view.axes(1, rank) or tuple(range(rank))
    attrs: Fields = {"axes": axes, **({"keepdims": True} if view.attr("keepdims", 1) else {})}
    return {"op": f"reduce_{view.node.op_type[6:].lower()}", "weights": (), "attrs": attrs}


def _transpose(view: NodeView) -> Fields:
    """A transpose that leaves the shape as the user knows it is the runtime's own, between layouts."""
    given = view.shape(0)
    perm = tuple(view.attr("perm", ())) or tuple(reversed(range(len(given))))
    made = view.table.shapes.get(view.node.outputs[0])
    if made is not None and made != tuple(given[i] for i in perm):
        return {"op": "reorder", "weights": (), "attrs": {"to": "channels_last" if perm[-1] == 1 else "plain"}}
    return {"op": "transpose", "weights": (), "attrs": {"perm": perm}}


def _slice(view: NodeView) -> Fields:
    """Bounds that are computed when the model runs stay unsaid."""
    if view.value(1) is None or view.value(2) is None:
        return {"op": "slice", "weights": ()}
    cuts = slice_of(view)
    attrs: Fields = {"starts": tuple(start for start, _, _ in cuts)}
    steps = tuple(step for _, step, _ in cuts)
    return {"op": "slice", "weights": (), "attrs": attrs if set(steps) == {1} else {**attrs, "steps": steps}}


def _pad(view: NodeView) -> Fields:
    mode, value = view.attr("mode", "constant"), view.value(2)
    attrs: Fields = {"pads": pads_of(view)} if view.ints(1, "pads") is not None else {}
    if mode != "constant":
        attrs["mode"] = mode
    fill = float(view.attr("value", 0.0) if value is None or not value.size else value.reshape(-1)[0])
    return {"op": "pad", "weights": (), "attrs": {**attrs, **({"value": fill} if fill else {})}}


def _gather(view: NodeView) -> Fields:
    """The table counts as a weight, indices that are constant do not."""
    weights = (view.shape(0),) if view.constant(0) else ()
    return {"op": "gather", "weights": weights, "attrs": {"axis": view.axis("axis", 0, len(view.shape(0)))}}


_ELEMENTWISE = {
    "Add": "add", "Sum": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Min": "min", "Max": "max", "Pow": "pow",
}  # fmt: skip
_RESHAPES = ("Reshape", "Squeeze", "Unsqueeze")
_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")

SIMPLE_LAYERS: dict[str, LayerRule] = {
    **{op_type: _elementwise(op) for op_type, op in _ELEMENTWISE.items()},
    **dict.fromkeys(_RESHAPES, _plain("reshape")),
    **dict.fromkeys((f"Reduce{name}" for name in _REDUCTIONS), _reduce),
    "QLinearAdd": _elementwise("add", 0, 3),
    "QLinearMul": _elementwise("mul", 0, 3),
    "Relu": _plain("relu"),
    "Sigmoid": _plain("sigmoid"),
    "QLinearSigmoid": _plain("sigmoid"),
    "Tanh": _plain("tanh"),
    "Erf": _plain("erf"),
    "HardSwish": _plain("hard_swish"),
    "HardSigmoid": _hard_sigmoid,
    "LeakyRelu": _plain("leaky_relu", alpha=0.01),
    "QLinearLeakyRelu": _plain("leaky_relu", alpha=0.01),
    "Elu": _plain("elu", alpha=1.0),
    "Clip": _clip,
    "Gelu": _gelu,
    "QuickGelu": _swish,
    "Swish": _swish,
    "Softmax": _with_axis("softmax", -1),
    "QLinearSoftmax": _with_axis("softmax", -1),
    "LogSoftmax": _with_axis("log_softmax", -1),
    "GlobalAveragePool": _plain("global_avg_pool"),
    "QLinearGlobalAveragePool": _plain("global_avg_pool"),
    "GlobalMaxPool": _plain("global_max_pool"),
    "Transpose": _transpose,
    "Concat": _concat,
    "QLinearConcat": _concat,
    "Split": _with_axis("split", 0),
    "Slice": _slice,
    "Pad": _pad,
    "Resize": _plain("resize", mode="nearest"),
    "Upsample": _plain("resize", mode="nearest"),
    "Gather": _gather,
    "Expand": _plain("expand"),
    "Tile": _plain("tile"),
    "Cast": _plain("cast"),
    "Identity": _plain("identity"),
    "QuantizeLinear": _plain("quantize"),
    "DequantizeLinear": _plain("dequantize"),
}
