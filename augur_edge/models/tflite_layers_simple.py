"""Layers of TFLite operators that have neither a window nor trained weights, and of those known by name only."""

from __future__ import annotations

from augur_edge.layers import AttrValue, Layer
from augur_edge.models.tflite_graph import to_network
from augur_edge.models.tflite_layout import IMAGE
from augur_edge.models.tflite_site import OpSite, Rule


def _reduce(op: str, over_pixels: str | None) -> Rule:
    """A reduction; over the pixels of an image, axes kept, it has a name of its own."""

    def rule(site: OpSite) -> Layer:
        rank, keep = len(site.order), bool(site.option("keepDims"))
        axes = tuple(sorted(site.order[a % rank] for a in site.integers(1)))
        if over_pixels is not None and site.order == IMAGE and axes == (2, 3) and keep:
            return site.layer(over_pixels)
        return site.layer(op, attrs={"axes": axes, **({"keepdims": True} if keep else {})})

    return rule


def _binary(op: str) -> Rule:
    """Two inputs, or an input and a constant: a number, or an array with its axes where the input has them."""

    def rule(site: OpSite) -> Layer:
        if not site.constants or not site.actives:
            return site.layer(op)
        constant = site.constants[0]
        attrs: dict[str, AttrValue] = {"constants_first": True} if site.op.inputs[0] == constant else {}
        value = site.view.scalar(constant)
        if value is not None:
            return site.layer(op, attrs={**attrs, "value": value})
        shape = site.view.shape(constant)
        shape = (1,) * (len(site.order) - len(shape)) + shape
        return site.layer(
            op, weights=(to_network(shape, site.order) if len(shape) == len(site.order) else shape,), attrs=attrs
        )

    return rule


def _unary(op: str, **attrs: AttrValue) -> Rule:
    return lambda site: site.layer(op, attrs=attrs)


def _gelu(site: OpSite) -> Layer:
    return site.layer("gelu", attrs={"approximate": "tanh"} if site.option("approximate") else {})


def _leaky_relu(site: OpSite) -> Layer:
    return site.layer("leaky_relu", attrs={"alpha": float(site.option("alpha"))})


def _softmax(site: OpSite) -> Layer:
    return site.layer("softmax", attrs={"axis": site.order[-1]})


def _transpose(site: OpSite) -> Layer:
    """perm between the Network's axes: which differ from the file's where either side is an image."""
    gives = site.view.order(site.op.outputs[0])
    perm = site.integers(1)
    return site.layer("transpose", attrs={"perm": tuple(site.order[perm[gives.index(a)]] for a in range(len(gives)))})


def _concat(site: OpSite) -> Layer:
    order = site.view.order(site.op.outputs[0])
    attrs: dict[str, AttrValue] = {"axis": order[site.option("axis")]}
    if site.constants and site.op.inputs[0] == site.constants[0]:
        attrs["constants_first"] = True
    weights = [to_network(site.view.shape(t), order) for t in site.constants]
    return site.layer("concat", weights=weights, attrs=attrs)


def _split(axis_input: int) -> Rule:
    return lambda site: site.layer("split", attrs={"axis": site.order[site.integers(axis_input)[0]]})


def _slice(site: OpSite) -> Layer:
    return site.layer("slice", attrs={"starts": to_network(site.integers(1), site.order)})


def _strided_slice(site: OpSite) -> Layer:
    """Where axes stay and nothing runs backwards, a slice; else an operator without attributes."""
    masks = [site.option(m) for m in ("ellipsisMask", "newAxisMask", "shrinkAxisMask")]
    begin, steps = site.integers(1), site.integers(3)
    if any(masks) or min(*begin, *steps) < 0 or len(begin) != len(site.order):
        return site.layer("strided_slice")
    begin = tuple(0 if site.option("beginMask") >> i & 1 else b for i, b in enumerate(begin))
    attrs: dict[str, AttrValue] = {"starts": to_network(begin, site.order)}
    if set(steps) != {1}:
        attrs["steps"] = to_network(steps, site.order)
    return site.layer("slice", attrs=attrs)


def _pad(site: OpSite) -> Layer:
    amounts = site.integers(1)
    pads = to_network(amounts[0::2], site.order) + to_network(amounts[1::2], site.order)
    attrs: dict[str, AttrValue] = {"pads": pads}
    if site.code == "MIRROR_PAD":
        attrs["mode"] = "symmetric" if site.option("mode") else "reflect"
    elif site.code == "PADV2":
        attrs["value"] = site.view.scalar(site.op.inputs[2]) or 0.0
    return site.layer("pad", attrs=attrs)


def other_layer(site: OpSite) -> Layer:
    """An operator known by name only, with the bytes it moves; small integers that say how are no weights."""
    name = site.code.lower()
    if site.code in ("CUSTOM", "UNKNOWN"):
        code = site.view.model.operatorCodes[site.op.opcodeIndex].customCode
        name = _snake_case(code.decode("utf-8", "replace")) if code else name
    weights = [site.view.shape(t) for t in site.constants if site.view.dtype(t) not in ("int32", "int64")]
    return site.layer(name, weights=weights)


def _snake_case(name: str) -> str:
    """`TFLite_Detection_PostProcess` -> `tflite_detection_post_process`."""
    out = ""
    for i, c in enumerate(name):
        starts = (
            c.isupper()
            and i > 0
            and (name[i - 1].islower() or (name[i - 1].isupper() and name[i + 1 : i + 2].islower()))
        )
        out += ("_" if starts else "") + (c.lower() if c.isalnum() else "_")
    return "_".join(filter(None, out.split("_"))) or "custom"


SIMPLE_RULES: dict[str, Rule] = {
    "ADD": _binary("add"),
    "SUB": _binary("sub"),
    "MUL": _binary("mul"),
    "DIV": _binary("div"),
    "MAXIMUM": _binary("max"),
    "MINIMUM": _binary("min"),
    "POW": _binary("pow"),
    "RELU": _unary("relu"),
    "RELU6": _unary("relu6"),
    "RELU_N1_TO_1": _unary("clip", min=-1.0, max=1.0),
    "RELU_0_TO_1": _unary("clip", min=0.0, max=1.0),
    "LOGISTIC": _unary("sigmoid"),
    "TANH": _unary("tanh"),
    "HARD_SWISH": _unary("hard_swish"),
    "ELU": _unary("elu"),
    "GELU": _gelu,
    "LEAKY_RELU": _leaky_relu,
    "SOFTMAX": _softmax,
    "MEAN": _reduce("reduce_mean", "global_avg_pool"),
    "REDUCE_MAX": _reduce("reduce_max", "global_max_pool"),
    "SUM": _reduce("reduce_sum", None),
    "RESHAPE": _unary("reshape"),
    "SQUEEZE": _unary("reshape"),
    "EXPAND_DIMS": _unary("reshape"),
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concat,
    "SPLIT": _split(0),
    "SPLIT_V": _split(2),
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _pad,
    "RESIZE_BILINEAR": _unary("resize", mode="linear"),
    "RESIZE_NEAREST_NEIGHBOR": _unary("resize", mode="nearest"),
}
