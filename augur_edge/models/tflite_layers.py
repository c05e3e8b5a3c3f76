"""TFLite operators as Layers: channels first, fused activations named, padding as numbers."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from augur_edge.layers import AttrValue, Layer, Shape
from augur_edge.models.tflite_graph import GraphView, NotConstantError, Unit, to_network
from augur_edge.models.tflite_layers_simple import SIMPLE_RULES, other_layer
from augur_edge.models.tflite_layout import IMAGE
from augur_edge.models.tflite_site import OpSite, Rule
from augur_edge.models.tflite_verify import damaged
from augur_edge.window import same_padding


def layer_of_unit(view: GraphView, unit: Unit) -> Layer:
    """The Layer of one operator with the padding it takes in; shapes of constants are its weights.

    An operator without a rule, or whose axes are computed by the network itself, has its name in lower case (a custom
    one its own), with the shapes of all it reads and writes. Raises DataError where options contradict the shapes.
    """
    site = OpSite(view, unit.op)
    try:
        layer = _rule(site)(site)
    except NotConstantError:
        layer = other_layer(site)
    except (IndexError, ValueError, ZeroDivisionError, KeyError) as error:
        raise damaged(f"operator {unit.op} ({site.code}) cannot be what its shapes say ({error})") from error
    pads = [op for op in unit.before if view.codes[op] == "PAD"]
    return _with_padding(view, pads[0], layer) if pads else layer


def _with_padding(view: GraphView, pad: int, layer: Layer) -> Layer:
    op = view.ops[pad]
    top, bottom, left, right = view.integers(op.inputs[1])[2:6]
    own = layer.padding
    padding = (own[0] + top, own[1] + left, own[2] + bottom, own[3] + right)
    source = to_network(view.shape(op.inputs[0]), view.order(op.inputs[0]))
    return replace(layer, inputs=(source,), padding=padding)


def _window(site: OpSite, x: Shape, kernel: tuple[int, ...]) -> dict[str, Any]:
    """Kernel, stride, dilation and padding of a window over the image `x`, channels first."""
    stride = (int(site.option("strideH")), int(site.option("strideW")))
    options = site.op.builtinOptions
    dilation = (int(getattr(options, "dilationHFactor", 1)), int(getattr(options, "dilationWFactor", 1)))
    same = site.option("padding") == 0
    if min(*stride, *dilation, *kernel) < 1:
        raise damaged(f"{site.code} with kernel {kernel}, stride {stride} and dilation {dilation}")
    padding = same_padding((x[2], x[3]), (kernel[0], kernel[1]), stride, dilation) if same else (0, 0, 0, 0)
    return {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}


def _conv2d(site: OpSite) -> Layer:
    x, (out, *kernel, per_group) = site.shape(site.op.inputs[0]), site.raw(1)
    weights = ((out, per_group, *kernel), *site.bias(2))
    return site.layer("conv2d", weights=weights, groups=x[1] // per_group, **_window(site, x, tuple(kernel)))


def _depthwise(site: OpSite) -> Layer:
    x, (_, *kernel, out) = site.shape(site.op.inputs[0]), site.raw(1)
    weights = ((out, 1, *kernel), *site.bias(2))
    return site.layer("conv2d", weights=weights, groups=x[1], **_window(site, x, tuple(kernel)))


def _conv_transpose2d(site: OpSite) -> Layer:
    (out, *kernel, into), x = site.raw(1), site.shape(site.op.inputs[2])
    size, stride = site.shape(site.op.outputs[0])[2:], (site.option("strideH"), site.option("strideW"))
    over = [(n - 1) * s + k - o for n, s, k, o in zip(x[2:], stride, kernel, size)]  # below 0: output_padding
    return site.layer(
        "conv_transpose2d",
        weights=((into, out, *kernel), *site.bias(3)),
        kernel=tuple(kernel),
        stride=stride,
        dilation=(1, 1),
        padding=(*(max(v, 0) // 2 for v in over), *(max(v, 0) - max(v, 0) // 2 for v in over)),
        attrs={"output_padding": tuple(max(-v, 0) for v in over)},
    )


def _dense(site: OpSite) -> Layer:
    """Over an image: the same as a 1x1 convolution. Axes that the operator joins by itself are joined in `inputs`."""
    if site.op.inputs[0] not in site.actives:
        return other_layer(site)
    if site.op.inputs[1] not in site.constants:
        return site.layer("matmul", attrs={"transpose_b": True})
    x, (out, size) = site.view.shape(site.op.inputs[0]), site.raw(1)
    keeps = bool(site.option("keepNumDims"))
    if keeps and site.order == IMAGE:
        one = {"kernel": (1, 1), "stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0)}
        return site.layer("conv2d", weights=((out, size, 1, 1), *site.bias(2)), **one)
    inputs = (x if keeps else (prod(x) // size, size), *(site.shape(t) for t in site.actives[1:]))
    return site.layer("dense", weights=((out, size), *site.bias(2)), inputs=inputs)


def _matmul(site: OpSite) -> Layer:
    weights = [site.view.shape(t) for t in site.constants]
    attrs: dict[str, AttrValue] = {}
    for name, option in (("transpose_a", "adjX"), ("transpose_b", "adjY")):
        if site.option(option):
            attrs[name] = True
    if weights and site.op.inputs[0] in site.constants:
        attrs["constants_first"] = True
    inputs = tuple(site.view.shape(t) for t in site.actives)
    return site.layer("matmul", weights=weights, inputs=inputs, attrs=attrs)


def _pool(op: str) -> Rule:
    def rule(site: OpSite) -> Layer:
        x, kernel = site.shape(site.op.inputs[0]), (int(site.option("filterHeight")), int(site.option("filterWidth")))
        return site.layer(op, **_window(site, x, kernel))

    return rule


_RULES: dict[str, Rule] = {
    "CONV_2D": _conv2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _conv_transpose2d,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _matmul,
    "MAX_POOL_2D": _pool("max_pool2d"),
    "AVERAGE_POOL_2D": _pool("avg_pool2d"),
    **SIMPLE_RULES,
}


def _rule(site: OpSite) -> Rule:
    """Operators on constants alone have no layout to go by."""
    return _RULES.get(site.code, other_layer) if site.actives else other_layer
