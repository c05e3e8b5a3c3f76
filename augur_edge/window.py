"""Sliding windows: output sizes and padding of convolutions and pools, and those layers whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from augur_edge.layers import Layer, Shape

Pair = Union[int, tuple[int, int]]
Padding = Union[int, str, tuple[int, ...]]


def pair(value: Pair) -> tuple[int, int]:
    """One number for both axes, or one each: (vertical, horizontal)."""
    return (value, value) if isinstance(value, int) else value


def same_padding(size: Pair, kernel: Pair, stride: Pair = 1, dilation: Pair = 1) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) as TensorFlow's SAME has it: ceil(size/stride) outputs, the odd pixel at the end."""
    begins, ends = [], []
    for n, k, s, d in zip(pair(size), pair(kernel), pair(stride), pair(dilation)):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        begins.append(total // 2)
        ends.append(total - total // 2)
    return (begins[0], begins[1], ends[0], ends[1])


@dataclass(frozen=True)
class Window:
    """How a window moves over the last two axes. padding: on every side, "same", or (top, left, bottom, right).

    ceil_mode: a last window may begin inside the input and end outside.
    """

    kernel: Pair
    stride: Pair = 1
    padding: Padding = 0
    dilation: Pair = 1
    ceil_mode: bool = False

    def layer(
        self,
        op: str,
        shape: Shape,
        out: int,
        *,
        weights: tuple[Shape, ...] = (),
        groups: int = 1,
        dtype: str = "float32",
    ) -> Layer:
        """`op` over an (N, C, H, W) input of `shape` with `out` output channels.

        Raises ValueError where the window is larger than the padded input.
        """
        kernel, stride, dilation = pair(self.kernel), pair(self.stride), pair(self.dilation)
        padding = self._padding(shape)
        sizes, partly_outside = [], False
        for i, (k, s, d) in enumerate(zip(kernel, stride, dilation)):
            steps, left = divmod(shape[2 + i] + padding[i] + padding[2 + i] - d * (k - 1) - 1, s)
            if steps < 0:
                raise ValueError(f"a window of {d * (k - 1) + 1} does not fit an input of {shape}, padding {padding}")
            more = self.ceil_mode and left > 0 and (steps + 1) * s < shape[2 + i] + padding[i]
            sizes.append(steps + 1 + more)
            partly_outside |= more
        return Layer(
            op=op,
            inputs=(shape,),
            outputs=((shape[0], out, *sizes),),
            weights=weights,
            kernel=kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            dtype=dtype,
            attrs=(("ceil_mode", True),) if partly_outside else (),
        )

    def _padding(self, shape: Shape) -> tuple[int, ...]:
        if isinstance(self.padding, str):
            return same_padding((shape[2], shape[3]), self.kernel, self.stride, self.dilation)
        return (self.padding,) * 4 if isinstance(self.padding, int) else self.padding


def conv2d(
    shape: Shape, out: int, window: Window, *, groups: int = 1, bias: bool = False, dtype: str = "float32"
) -> Layer:
    """A conv2d over an (N, C, H, W) input. Raises ValueError where groups do not divide channels or nothing fits."""
    channels = shape[1]
    if groups < 1 or channels % groups or out % groups:
        raise ValueError(f"{groups} groups do not divide {channels} -> {out} channels")
    weights = ((out, channels // groups, *pair(window.kernel)), *(((out,),) if bias else ()))
    return window.layer("conv2d", shape, out, weights=weights, groups=groups, dtype=dtype)
