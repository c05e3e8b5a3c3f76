"""The TFLite operators of ops without trained weights of their own: elementwise, activations, reductions, shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from augur_edge.layers import Shape
from augur_edge.models.tflite_fuse import fused_activation
from augur_edge.models.tflite_layout import arrange
from augur_edge.models.tflite_ranges import SIGMOID, Range

if TYPE_CHECKING:
    from augur_edge.models.tflite_write import Site

_Emit = Callable[["Site"], None]


def _plain(code: str, options: str = "") -> _Emit:
    """An operator that takes the inputs as they are."""

    def emit(site: Site) -> None:
        inputs = [site.input(i) for i in range(len(site.layer.inputs))]
        site.emit.operator(code, inputs, [site.output()], options)

    return emit


def _binary(code: str, options: str, *, fuses: bool = True) -> _Emit:
    """Two inputs, or an input and a constant."""

    def emit(site: Site) -> None:
        operands = [site.input(i) for i in range(len(site.layer.inputs))]
        if len(operands) < 2:
            operands.insert(0 if site.layer.attr("constants_first", False) else 1, _operand(site))
        values = {"fusedActivationFunction": site.activation} if fuses else {}
        site.emit.operator(code, operands, [site.output()], options, **values)

    return emit


def _operand(site: Site) -> int:
    """The constant operand, its axes in the order of the input's."""
    layer = site.layer
    value = layer.attr("value")
    if value is not None:
        return site.emit.filled(site.name("value"), (), float(value))
    mean = 1.0 if layer.op in ("mul", "div", "pow") else 0.0
    return site.emit.constant(site.name("constant"), _aligned(site, layer.weights[0]), 0.1, mean)


def _aligned(site: Site, shape: Shape) -> Shape:
    """A constant's shape in the file: broadcasting counts axes from the end, so it gets all of them first."""
    if len(shape) > len(site.order):
        return shape
    return arrange((1,) * (len(site.order) - len(shape)) + shape, site.order)


def _power(site: Site) -> None:
    if site.emit.dtype == "int8":
        raise site.refuse("int8 'pow'")
    _binary("POW", "PowOptions", fuses=False)(site)


def _clip(site: Site) -> None:
    """Limits that TFLite has an operator for, else a maximum and a minimum."""
    low, high = site.layer.attr("min"), site.layer.attr("max")
    named = "RELU_0_TO_1" if (low, high) == (0, 1) else fused_activation(site.placed.step.node)
    if named is not None:
        _plain(named)(site)
        return
    x, limits = site.input(), [("MAXIMUM", low), ("MINIMUM", high)]
    wanted = [(code, value) for code, value in limits if value is not None]
    for i, (code, value) in enumerate(wanted):
        last = i == len(wanted) - 1
        y = site.output() if last else site.part("limited", site.emit.shape(x), site.range())
        limit = site.emit.filled(site.name(code.lower()), (), float(value))
        site.emit.operator(code, [x, limit], [y], "MaximumMinimumOptions")
        x = y


def _swish(site: Site) -> None:
    x = site.input()
    gate = site.part("sigmoid", site.emit.shape(x), SIGMOID)
    site.emit.operator("LOGISTIC", [x], [gate])
    site.emit.operator("MUL", [x, gate], [site.output()], "MulOptions")


def _hard_sigmoid(site: Site) -> None:
    """relu6(x + 3) / 6, as converters leave it."""
    x = site.input()
    shifted = site.part("shifted", site.emit.shape(x), Range(0.0, 6.0))
    three, sixth = (site.emit.filled(site.name(n), (), v) for n, v in (("three", 3.0), ("sixth", 1 / 6)))
    relu6 = site.emit.activation_number("RELU6")
    site.emit.operator("ADD", [x, three], [shifted], "AddOptions", fusedActivationFunction=relu6)
    site.emit.operator("MUL", [shifted, sixth], [site.output()], "MulOptions")


def _gelu(site: Site) -> None:
    approximate = site.layer.attr("approximate") == "tanh"
    site.emit.operator("GELU", [site.input()], [site.output()], "GeluOptions", approximate=approximate)


def _leaky_relu(site: Site) -> None:
    alpha = float(site.layer.attr("alpha", 0.01))
    site.emit.operator("LEAKY_RELU", [site.input()], [site.output()], "LeakyReluOptions", alpha=alpha)


def _elu(site: Site) -> None:
    if site.layer.attr("alpha", 1.0) != 1.0:
        raise site.refuse("'elu' with an alpha other than 1")
    _plain("ELU")(site)


def _softmax(site: Site) -> None:
    site.emit.operator("SOFTMAX", [site.input()], [site.output()], "SoftmaxOptions", beta=1.0)


def _reduce(code: str) -> _Emit:
    """A reduction over the layer's axes; global pools reduce the pixels and keep the axes."""

    def emit(site: Site) -> None:
        axes = site.layer.attr("axes", (2, 3))
        keep = bool(site.layer.attr("keepdims", site.layer.op != "reduce_mean"))
        places = site.emit.integers(site.name("axes"), sorted(site.order.index(a) for a in axes))
        site.emit.operator(code, [site.input(), places], [site.output()], "ReducerOptions", keepDims=keep)

    return emit


def _reshape(site: Site) -> None:
    y = site.output()
    shape = site.emit.shape(y)
    target = site.emit.integers(site.name("shape"), shape)
    site.emit.operator("RESHAPE", [site.input(), target], [y], "ReshapeOptions", newShape=list(shape))


def _transpose(site: Site) -> None:
    perm, gives = site.layer.attr("perm"), site.placed.gives[0]
    places = site.emit.integers(site.name("perm"), [site.order.index(perm[axis]) for axis in gives])
    site.emit.operator("TRANSPOSE", [site.input(), places], [site.output()], "TransposeOptions")


def _concat(site: Site) -> None:
    y = site.output()
    inputs = [site.input(i) for i in range(len(site.layer.inputs))]
    constants = [_repeated(site, i, shape) for i, shape in enumerate(site.layer.weights)]
    parts = [*constants, *inputs] if site.layer.attr("constants_first", False) else [*inputs, *constants]
    axis = site.order.index(site.layer.attr("axis"))
    site.emit.operator("CONCATENATION", parts, [y], "ConcatenationOptions", axis=axis)


def _repeated(site: Site, i: int, shape: Shape) -> int:
    """Constant `i`, once per item of the batch; int8: in the output's scale."""
    batch = site.layer.outputs[0][0] if site.layer.attr("axis") != 0 else shape[0]
    values = site.writer.ranges[site.placed.step.outputs[0]]
    return site.emit.constant(site.name(f"constant{i}"), arrange((batch, *shape[1:]), site.order), 1.0, 0.0, values)


def _split(site: Site) -> None:
    layer, emit = site.layer, site.emit
    axis = layer.attr("axis")
    place = emit.integers(site.name("axis"), site.order.index(axis))
    outputs = [site.output(i) for i in range(len(layer.outputs))]
    sizes = [shape[axis] for shape in layer.outputs]
    if len(set(sizes)) == 1:
        emit.operator("SPLIT", [place, site.input()], outputs, "SplitOptions", numSplits=len(sizes))
    else:
        parts = [site.input(), emit.integers(site.name("sizes"), sizes), place]
        emit.operator("SPLIT_V", parts, outputs, "SplitVOptions", numSplits=len(sizes))


def _slice(site: Site) -> None:
    layer, emit, order = site.layer, site.emit, site.order
    starts, sizes = arrange(layer.attr("starts"), order), arrange(layer.outputs[0], order)
    steps = arrange(layer.attr("steps", (1,) * len(order)), order)
    begin, y = emit.integers(site.name("begin"), starts), site.output()
    if set(steps) == {1}:
        emit.operator("SLICE", [site.input(), begin, emit.integers(site.name("size"), sizes)], [y], "SliceOptions")
        return
    ends = [a + n * s for a, n, s in zip(starts, sizes, steps)]
    rest = [emit.integers(site.name("end"), ends), emit.integers(site.name("steps"), steps)]
    emit.operator("STRIDED_SLICE", [site.input(), begin, *rest], [y], "StridedSliceOptions")


def _pad(site: Site) -> None:
    layer, rank = site.layer, len(site.order)
    pads, mode, value = layer.attr("pads"), layer.attr("mode", "constant"), layer.attr("value", 0)
    amounts = [(pads[axis], pads[rank + axis]) for axis in site.order]
    inputs = [site.input(), site.emit.integers(site.name("paddings"), amounts)]
    if mode == "reflect":
        site.emit.operator("MIRROR_PAD", inputs, [site.output()], "MirrorPadOptions", mode=0)
    elif mode != "constant":
        raise site.refuse(f"'pad' of mode {mode!r}")
    elif value:
        filler = site.emit.like(site.name("filler"), inputs[0], float(value))
        site.emit.operator("PADV2", [*inputs, filler], [site.output()], "PadV2Options")
    else:
        site.emit.operator("PAD", inputs, [site.output()], "PadOptions")


def _resize(site: Site) -> None:
    size = site.emit.integers(site.name("size"), site.layer.outputs[0][2:])
    linear = site.layer.attr("mode", "nearest") == "linear"
    code = "RESIZE_BILINEAR" if linear else "RESIZE_NEAREST_NEIGHBOR"
    options = "ResizeBilinearOptions" if linear else "ResizeNearestNeighborOptions"
    site.emit.operator(code, [site.input(), size], [site.output()], options, halfPixelCenters=linear)


SIMPLE: dict[str, _Emit] = {
    "add": _binary("ADD", "AddOptions"),
    "sub": _binary("SUB", "SubOptions"),
    "mul": _binary("MUL", "MulOptions"),
    "div": _binary("DIV", "DivOptions"),
    "min": _binary("MINIMUM", "MaximumMinimumOptions", fuses=False),
    "max": _binary("MAXIMUM", "MaximumMinimumOptions", fuses=False),
    "pow": _power,
    "relu": _plain("RELU"),
    "relu6": _plain("RELU6"),
    "clip": _clip,
    "sigmoid": _plain("LOGISTIC"),
    "tanh": _plain("TANH"),
    "swish": _swish,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _plain("HARD_SWISH", "HardSwishOptions"),
    "gelu": _gelu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "softmax": _softmax,
    "global_avg_pool": _reduce("MEAN"),
    "global_max_pool": _reduce("REDUCE_MAX"),
    "reduce_mean": _reduce("MEAN"),
    "reshape": _reshape,
    "flatten": _reshape,
    "transpose": _transpose,
    "concat": _concat,
    "split": _split,
    "slice": _slice,
    "pad": _pad,
    "resize": _resize,
}
