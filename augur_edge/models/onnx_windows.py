"""Sliding windows of ONNX nodes: kernel, stride, padding and dilation made explicit, and the sizes they give."""

from __future__ import annotations

from dataclasses import dataclass

from augur_edge.errors import DataError
from augur_edge.layers import Shape
from augur_edge.models.onnx_table import NodeView


@dataclass(frozen=True)
class OnnxWindow:
    """padding: begins, then ends, also where the file says `SAME_UPPER`."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]

    def sizes(self, given: Shape, *, ceil_mode: bool = False) -> Shape:
        """Spatial sizes of the output; with ceil_mode a last window may begin inside and end outside."""
        out = []
        n = len(self.kernel)
        for i, size in enumerate(given):
            reach = self.dilation[i] * (self.kernel[i] - 1) + 1
            steps, left = divmod(size + self.padding[i] + self.padding[n + i] - reach, self.stride[i])
            more = ceil_mode and left > 0 and (steps + 1) * self.stride[i] < size + self.padding[i]
            out.append(steps + 1 + int(more))
        if any(size < 1 for size in out):
            raise DataError(f"a window of {self.kernel} does not fit an input of {given}")
        return tuple(out)


def window_of(view: NodeView, kernel: tuple[int, ...], given: Shape) -> OnnxWindow:
    """The window of a convolution or pool over spatial sizes `given`."""
    n = len(given)
    stride = tuple(view.attr("strides", ())) or (1,) * n
    dilation = tuple(view.attr("dilations", ())) or (1,) * n
    padding = tuple(view.attr("pads", ())) or (0,) * (2 * n)
    if not len(kernel) == len(stride) == len(dilation) == n or len(padding) != 2 * n or min((*stride, *kernel)) < 1:
        raise DataError(f"a window of {kernel}, strides {stride}, dilations {dilation}, pads {padding} over {given}")
    auto = view.attr("auto_pad", "NOTSET")
    if auto in {"SAME_UPPER", "SAME_LOWER"}:
        padding = _same(given, kernel, stride, dilation, odd_at_end=auto == "SAME_UPPER")
    return OnnxWindow(kernel, stride, dilation, (0,) * (2 * n) if auto == "VALID" else padding)


def _same(given: Shape, kernel: Shape, stride: Shape, dilation: Shape, *, odd_at_end: bool) -> tuple[int, ...]:
    small, large = [], []
    for size, k, s, d in zip(given, kernel, stride, dilation):
        total = max(0, (-(-size // s) - 1) * s + d * (k - 1) + 1 - size)
        small.append(total // 2)
        large.append(total - total // 2)
    return (*small, *large) if odd_at_end else (*large, *small)


def conv_window(view: NodeView, weight: Shape) -> OnnxWindow:
    """Of a convolution with a weight of shape `weight`."""
    return window_of(view, tuple(view.attr("kernel_shape", ())) or weight[2:], view.shape(0)[2:])


def conv_shape(view: NodeView, weight: Shape) -> Shape:
    """(N, out, …) of a convolution."""
    given = view.shape(0)
    return (given[0], weight[0], *conv_window(view, weight).sizes(given[2:]))


def transposed_window(view: NodeView, weight: Shape) -> tuple[OnnxWindow, tuple[int, ...]]:
    """Of a transposed convolution, and its output_padding; padding is what is cut off the output."""
    given = view.shape(0)[2:]
    kernel = tuple(view.attr("kernel_shape", ())) or weight[2:]
    extra = tuple(view.attr("output_padding", ())) or (0,) * len(given)
    window = window_of(view, kernel, given)
    wanted = tuple(view.attr("output_shape", ()))[-len(given) :]
    auto = str(view.attr("auto_pad", "NOTSET"))
    if wanted or auto.startswith("SAME"):
        wanted = wanted or tuple(n * s for n, s in zip(given, window.stride))
        cut = [max(0, full - n) for full, n in zip(_full(window, given, extra), wanted)]
        half, rest = [c // 2 for c in cut], [c - c // 2 for c in cut]
        padding = (*half, *rest) if auto == "SAME_UPPER" else (*rest, *half)
        window = OnnxWindow(window.kernel, window.stride, window.dilation, padding)
    return window, extra


def _full(window: OnnxWindow, given: Shape, extra: tuple[int, ...]) -> list[int]:
    return [
        s * (n - 1) + e + d * (k - 1) + 1
        for n, k, s, d, e in zip(given, window.kernel, window.stride, window.dilation, extra)
    ]


def transposed_shape(view: NodeView, weight: Shape) -> Shape:
    """(N, out, …) of a transposed convolution."""
    given = view.shape(0)
    window, extra = transposed_window(view, weight)
    n = len(extra)
    cut = [window.padding[i] + window.padding[n + i] for i in range(n)]
    sizes = [full - c for full, c in zip(_full(window, given[2:], extra), cut)]
    return (given[0], weight[1] * int(view.attr("group", 1)), *sizes)


def pool_shape(view: NodeView) -> Shape:
    """(N, C, …) of a pool."""
    given = view.shape(0)
    window = window_of(view, tuple(view.attr("kernel_shape", ())), given[2:])
    return (*given[:2], *window.sizes(given[2:], ceil_mode=bool(view.attr("ceil_mode", 0))))


def global_shape(view: NodeView) -> Shape:
    """(N, C, 1, …) of a pool over everything."""
    given = view.shape(0)
    return (*given[:2], *(1 for _ in given[2:]))


def depth_to_space(view: NodeView, *, back: bool) -> Shape:
    """(N, C, H, W) with blocks of channels laid out in space, or back."""
    (n, c, h, w), b = view.shape(0), int(view.attr("blocksize", 1))
    if b < 1 or (h % b or w % b if back else c % (b * b)):
        raise DataError(f"blocks of {b} do not divide {view.shape(0)}")
    return (n, c * b * b, h // b, w // b) if back else (n, c // (b * b), h * b, w * b)
