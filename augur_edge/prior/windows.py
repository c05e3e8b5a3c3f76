"""Random convolutions and pools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import gcd

from augur_edge.layers import Layer, Shape
from augur_edge.prior.dims import channels, feature_map, image, pixels
from augur_edge.prior.draws import Draws
from augur_edge.window import Padding, Window, conv2d

_STEMS = ((3, 2), (3, 1), (5, 2), (7, 2), (6, 2), (11, 4), (4, 4), (8, 8), (16, 16), (5, 1), (7, 1), (7, 4))
_GROUPS = (2, 4, 8, 16, 32, 64)


def _kernel(d: Draws) -> tuple[int, int]:
    k = d.pick((1, 2, 3, 4, 5, 6, 7), (4, 2, 18, 2, 8, 2, 6))
    return d.pick(((k, 1), (1, k))) if d.chance(0.07) else (k, k)


def _fused(d: Draws, layer: Layer) -> Layer:
    return replace(layer, activation=d.pick((None, "relu", "relu6"), (3, 4, 2)))


def conv_on(d: Draws, family: str, shape: Shape, out: int) -> Layer:
    """A random conv2d of a family over `shape`, without residual.

    family: `dense`, `pointwise`, `depthwise` (which ignores `out`) or `grouped` (plain where no group divides).
    Raises ValueError where the window does not fit.
    """
    kernel = (1, 1) if family == "pointwise" else _kernel(d)
    stride = d.pick((1, 2, 3), (15, 4, 0 if family == "pointwise" else 1))
    dilation = 2 if max(kernel) > 1 and stride == 1 and d.chance(0.05) else 1
    half = (kernel[0] // 2, kernel[1] // 2)
    paddings: tuple[Padding, ...] = (half * 2, 0, "same")
    padding = d.pick(paddings, (15, 2, 3)) if max(kernel) > 1 else 0
    groups = 1
    if family == "depthwise":
        out = groups = shape[1]
    elif family == "grouped":
        groups = gcd(gcd(shape[1], out), d.pick(_GROUPS))
    window = Window(kernel, stride, padding, dilation)
    return _fused(d, conv2d(shape, out, window, groups=groups, bias=d.chance(0.8)))


def _with_residual(d: Draws, layer: Layer) -> Layer:
    if not d.chance(1 / 8):
        return layer
    return replace(layer, inputs=(*layer.inputs, layer.outputs[0]), fused_add=True)


def conv(family: str) -> Callable[[Draws], Layer]:
    """Draws `conv_on` over a feature map of its own, one in eight with a residual."""
    return lambda d: _with_residual(d, conv_on(d, family, feature_map(d), channels(d)))


def grouped(d: Draws) -> Layer:
    """Channels in and out are multiples of the groups, one channel a group being possible."""
    groups = d.pick(_GROUPS)
    size, out = (groups * d.octave(1, 2048 // groups) for _ in range(2))
    return _with_residual(d, conv_on(d, "grouped", (1, size, *pixels(d)), out))


def stem_on(d: Draws, shape: Shape) -> Layer:
    """A first convolution over an image, or the cut into patches that begins a transformer."""
    kernel, stride = d.pick(_STEMS)
    paddings: tuple[Padding, ...] = (kernel // 2, 0, "same")
    padding = 0 if kernel == stride else d.pick(paddings, (6, 1, 3))
    layer = conv2d(shape, channels(d, 8, 768), Window(kernel, stride, padding), bias=d.chance(0.8))
    return _fused(d, layer)


def stem(d: Draws) -> Layer:
    """`stem_on` over an image of its own."""
    return stem_on(d, image(d))


def gate(d: Draws) -> Layer:
    """A 1x1 convolution over a single pixel, as in squeeze and excitation."""
    layer = conv2d((1, channels(d), 1, 1), channels(d), Window(1), bias=True)
    return replace(layer, activation=d.pick((None, "relu")))


def pool_on(d: Draws, shape: Shape) -> Layer:
    """max_pool2d or avg_pool2d over `shape`. Raises ValueError where the window does not fit."""
    kernel = d.pick((2, 3, 5, 7), (6, 8, 1, 1))
    stride = d.pick((1, 2, 3), (3, 8, 1))
    op = d.pick(("max_pool2d", "avg_pool2d"), (3, 2))
    window = Window(kernel, stride, d.pick((0, kernel // 2)), ceil_mode=op == "max_pool2d" and d.chance(0.2))
    return window.layer(op, shape, shape[1])


def pool(d: Draws) -> Layer:
    """`pool_on` over a feature map of its own."""
    return pool_on(d, feature_map(d))


def global_pool(d: Draws) -> Layer:
    """global_avg_pool, as before a classifier or in a gate."""
    shape = feature_map(d)
    return Layer("global_avg_pool", (shape,), ((*shape[:2], 1, 1),))
