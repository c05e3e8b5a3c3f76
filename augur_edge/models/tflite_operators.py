"""The TFLite operators of each op of a Network: those with weights or a window here, the rest in `tflite_simple`."""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import TYPE_CHECKING

from augur_edge.layers import Layer, Shape
from augur_edge.models.tflite_layout import IMAGE, arrange
from augur_edge.models.tflite_ranges import Range, around_zero
from augur_edge.models.tflite_simple import SIMPLE
from augur_edge.window import same_padding

if TYPE_CHECKING:
    from augur_edge.models.tflite_write import Site

SAME, VALID = 0, 1
_BIAS_STD = 0.35


def emit_step(site: Site) -> None:
    """Append the operators of one step. Raises UsageError for what TFLite cannot express."""
    emit = _WITH_WEIGHTS.get(site.layer.op) or SIMPLE.get(site.layer.op)
    if emit is None:
        raise site.refuse(f"{site.layer.op!r}")
    emit(site)


def _weights(site: Site, x: int, shape: Shape, fan_in: float, axis: int) -> tuple[int, int]:
    """Weights and bias that make sums of `fan_in` products have rms 1; converters always write a bias.

    The bias carries a part of it, so that errors of the estimate do not multiply from layer to layer.
    """
    std = sqrt((1 - _BIAS_STD**2) / max(fan_in, 1.0)) / site.rms
    weights = site.emit.weights(site.name("weight"), shape, std, axis)
    return weights, site.emit.bias(site.name("bias"), x, weights, shape[axis], _BIAS_STD)


def _taps_inside(layer: Layer) -> float:
    """How many pixels a window covers on average; the rest of it lies on padding."""
    taps = 1.0
    for axis, kernel in enumerate(layer.kernel):
        size, out, begin = layer.inputs[0][2 + axis], layer.outputs[0][2 + axis], layer.padding[axis]
        places = (o * layer.stride[axis] + k * layer.dilation[axis] - begin for o in range(out) for k in range(kernel))
        taps *= sum(0 <= p < size for p in places) / out
    return taps


def _expressible(layer: Layer) -> int | None:
    """SAME or VALID where it means the layer's padding, else None."""
    size, out = layer.inputs[0][2:], layer.outputs[0][2:]
    reach = [d * (k - 1) + 1 for k, d in zip(layer.kernel, layer.dilation)]
    begins = layer.padding[:2]
    if begins == (0, 0) and all(o == (n - r) // s + 1 for o, n, r, s in zip(out, size, reach, layer.stride)):
        return VALID
    same = same_padding((size[0], size[1]), _pair(layer.kernel), _pair(layer.stride), _pair(layer.dilation))
    if begins == same[:2] and all(o == -(-n // s) for o, n, s in zip(out, size, layer.stride)):
        return SAME
    return None


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]


def _padded(site: Site, *, lowest: bool = False) -> tuple[int, int]:
    """(the input, padding) of a window: SAME and VALID as they are, anything else padded by an operator before it.

    lowest: pad with the least value there is, for a maximum of values below zero.
    """
    layer, x = site.layer, site.input()
    padding = _expressible(layer)
    if padding is not None:
        return x, padding
    ends = [_end(layer, axis) for axis in (0, 1)]
    amounts = [(0, 0), *zip(layer.padding[:2], ends), (0, 0)]
    shape = tuple(n + sum(a) for n, a in zip(site.emit.shape(x), amounts))
    y = site.part("pad", shape, site.range())
    sizes = site.emit.integers(site.name("paddings"), amounts)
    if lowest:
        value = site.emit.like(site.name("lowest"), x, -3.0e38)
        site.emit.operator("PADV2", [x, sizes, value], [y], "PadV2Options")
    else:
        site.emit.operator("PAD", [x, sizes], [y], "PadOptions")
    return y, VALID


def _end(layer: Layer, axis: int) -> int:
    """Padding at the end: the layer's, or what the last window of `ceil_mode` reaches."""
    kernel, stride, dilation = layer.kernel[axis], layer.stride[axis], layer.dilation[axis]
    last = (layer.outputs[0][2 + axis] - 1) * stride + dilation * (kernel - 1) + 1
    return max(layer.padding[2 + axis], last - layer.inputs[0][2 + axis] - layer.padding[axis])


def _conv2d(site: Site) -> None:
    layer = site.layer
    out, per_group, *kernel = layer.weights[0]
    depthwise = per_group == 1 and layer.groups > 1
    shape = (1, *kernel, out) if depthwise else (out, *kernel, per_group)
    x, padding = _padded(site)
    options = {
        "padding": padding,
        **dict(zip(("strideH", "strideW"), layer.stride)),
        **dict(zip(("dilationHFactor", "dilationWFactor"), layer.dilation)),
        "fusedActivationFunction": site.activation,
    }
    inputs = [x, *_weights(site, x, shape, per_group * _taps_inside(layer), 3 if depthwise else 0)]
    if depthwise:
        options["depthMultiplier"] = out // layer.groups
        site.emit.operator("DEPTHWISE_CONV_2D", inputs, [site.output()], "DepthwiseConv2DOptions", **options)
    else:
        site.emit.operator("CONV_2D", inputs, [site.output()], "Conv2DOptions", **options)


def _conv_transpose2d(site: Site) -> None:
    layer = site.layer
    into, out, *kernel = layer.weights[0]
    exact = tuple((n - 1) * s + k for n, s, k in zip(layer.inputs[0][2:], layer.stride, kernel))
    same = tuple(n * s for n, s in zip(layer.inputs[0][2:], layer.stride))
    begins = tuple(max(k - s, 0) // 2 for k, s in zip(kernel, layer.stride))
    if layer.groups > 1 or set(layer.dilation) != {1}:
        raise site.refuse("a transposed convolution with groups or dilation")
    size = layer.outputs[0][2:]
    is_same = size == same and layer.padding[:2] == begins
    if not is_same and (size != exact or any(layer.padding)):
        raise site.refuse("a transposed convolution whose padding is neither SAME nor VALID")
    x = site.input()
    fan_in = into * prod(kernel) / prod(layer.stride)
    weights, bias = _weights(site, x, (out, *kernel, into), fan_in, 0)
    shape = site.emit.integers(site.name("shape"), arrange(layer.outputs[0], IMAGE))
    options = dict(zip(("strideH", "strideW"), layer.stride), padding=SAME if is_same else VALID)
    site.emit.operator("TRANSPOSE_CONV", [shape, weights, x, bias], [site.output()], "TransposeConvOptions", **options)


def _dense(site: Site) -> None:
    x, shape = site.input(), site.layer.weights[0]
    inputs = [x, *_weights(site, x, shape, shape[1], 0)]
    keep = len(site.layer.inputs[0]) > 2
    options = {"keepNumDims": keep, "fusedActivationFunction": site.activation}
    site.emit.operator("FULLY_CONNECTED", inputs, [site.output()], "FullyConnectedOptions", **options)


def _matmul(site: Site) -> None:
    layer = site.layer
    if layer.weights:
        constant = site.emit.constant(
            site.name("constant"), layer.weights[0], 1 / sqrt(layer.macs / prod(layer.outputs[0])) / site.rms
        )
        operands = [constant, site.input()] if layer.attr("constants_first", False) else [site.input(), constant]
    else:
        operands = [site.input(0), site.input(1)]
    flags = {"adjX": bool(layer.attr("transpose_a", False)), "adjY": bool(layer.attr("transpose_b", False))}
    site.emit.operator("BATCH_MATMUL", operands, [site.output()], "BatchMatMulOptions", **flags)


def _pool(site: Site) -> None:
    layer = site.layer
    if set(layer.dilation) - {1}:
        raise site.refuse("a pool with dilation")
    is_max = layer.op == "max_pool2d"
    # An average over SAME leaves padded pixels out, over PAD it counts them: right for `count_include_pad`, and for
    # strided windows that leave them out the same work with other values at the border.
    x, padding = _padded(site, lowest=is_max and site.range().low < 0)
    site.emit.operator(
        "MAX_POOL_2D" if is_max else "AVERAGE_POOL_2D",
        [x],
        [site.output()],
        "Pool2DOptions",
        padding=padding,
        **dict(zip(("strideH", "strideW"), layer.stride)),
        **dict(zip(("filterHeight", "filterWidth"), layer.kernel)),
        fusedActivationFunction=site.activation,
    )


def _norm(site: Site) -> None:
    """Batch norm with nothing to fold it into: a product and a sum per channel."""
    shape = [1] * len(site.order)
    shape[site.order.index(1)] = site.layer.weights[0][0]
    x = site.input()
    y = site.part("scaled", site.emit.shape(x), around_zero(site.rms))
    scale = site.emit.constant(site.name("scale"), tuple(shape), 0.1, 1 / site.rms)
    shift = site.emit.constant(site.name("shift"), tuple(shape), 0.1)
    site.emit.operator("MUL", [x, scale], [y], "MulOptions")
    site.emit.operator("ADD", [y, shift], [site.output()], "AddOptions", fusedActivationFunction=site.activation)


def _layer_norm(site: Site) -> None:
    """As the TensorFlow converter leaves it: x * (gamma / deviation) + (beta - mean * (gamma / deviation))."""
    emit, x, rms = site.emit, site.input(), site.rms
    shape, axes = emit.shape(x), emit.integers(site.name("axes"), [len(emit.shape(x)) - 1])
    mean = site.part("mean", (*shape[:-1], 1), around_zero(0.5 * rms))
    squares = site.part("squares", shape, Range(0.0, 25 * rms**2))
    scaled, moved, shift = (site.part(name, shape, around_zero(1.0)) for name in ("scaled", "moved", "shift"))
    beta = emit.constant(site.name("beta"), shape[-1:], 0.1)
    emit.operator("MEAN", [x, axes], [mean], "ReducerOptions", keepDims=True)
    emit.operator("SQUARED_DIFFERENCE", [x, mean], [squares], "SquaredDifferenceOptions")
    scale = _over_deviation(site, squares, axes)
    emit.operator("MUL", [x, scale], [scaled], "MulOptions")
    emit.operator("MUL", [mean, scale], [moved], "MulOptions")
    emit.operator("SUB", [beta, moved], [shift], "SubOptions")
    emit.operator("ADD", [scaled, shift], [site.output()], "AddOptions")


def _rms_norm(site: Site) -> None:
    emit, x = site.emit, site.input()
    squares = site.part("squares", emit.shape(x), Range(0.0, 25 * site.rms**2))
    axes = emit.integers(site.name("axes"), [len(emit.shape(x)) - 1])
    emit.operator("MUL", [x, x], [squares], "MulOptions")
    emit.operator("MUL", [x, _over_deviation(site, squares, axes)], [site.output()], "MulOptions")


def _over_deviation(site: Site, squares: int, axes: int) -> int:
    """gamma / sqrt(mean of squares + epsilon), of the shape of `squares`."""
    emit, power, shape = site.emit, site.rms**2, site.emit.shape(squares)
    one = (*shape[:-1], 1)
    variance, shifted = (site.part(name, one, Range(0.0, 3 * power)) for name in ("variance", "shifted"))
    inverse = site.part("inverse", one, Range(0.0, 3 / site.rms))
    scale = site.part("scale", shape, Range(0.0, 4 / site.rms))
    epsilon = emit.filled(site.name("epsilon"), (), float(site.layer.attr("epsilon", 1e-5)))
    gamma = emit.constant(site.name("gamma"), shape[-1:], 0.1, 1.0)
    emit.operator("MEAN", [squares, axes], [variance], "ReducerOptions", keepDims=True)
    emit.operator("ADD", [variance, epsilon], [shifted], "AddOptions")
    emit.operator("RSQRT", [shifted], [inverse])
    emit.operator("MUL", [inverse, gamma], [scale], "MulOptions")
    return scale


_WITH_WEIGHTS: dict[str, Callable[[Site], None]] = {
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "dense": _dense,
    "matmul": _matmul,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "batch_norm": _norm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
}
