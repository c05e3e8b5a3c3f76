"""Shapes that ONNX nodes give their outputs, of the ops that move data and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, prod
from typing import Callable, Union

import numpy as np

from augur_edge.errors import DataError
from augur_edge.layers import Shape
from augur_edge.models.onnx_table import NodeView, from_start
from augur_edge.models.onnx_windows import depth_to_space

Rule = Callable[[NodeView], Union[Shape, "list[Shape]"]]
"""Shape of the output, or of each; raises DataError where what the op needs is not known or does not fit."""


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """Numpy's rule. Raises DataError where sizes do not fit."""
    rank = max((len(s) for s in shapes), default=0)
    out = []
    for sizes in zip(*((1,) * (rank - len(s)) + s for s in shapes)):
        size = next((n for n in sizes if n != 1), 1)
        if any(n not in {1, size} for n in sizes):
            raise DataError(f"shapes {', '.join(map(str, shapes))} do not broadcast")
        out.append(size)
    return tuple(out)


def _reshape(view: NodeView) -> Shape:
    wanted = view.ints(1, "shape")
    if wanted is None:
        raise DataError("its new shape is computed when the model runs")
    given = view.shape(0)
    keep_zero = bool(view.attr("allowzero", 0))
    out = [given[i] if n == 0 and not keep_zero else n for i, n in enumerate(wanted)]
    known = prod(n for n in out if n != -1)
    if -1 in out:
        out[out.index(-1)] = prod(given) // known if known else 0
    if min(out, default=0) < 0 or prod(out) != prod(given):
        raise DataError(f"{given} does not reshape to {wanted}")
    return tuple(out)


def _flatten(view: NodeView) -> Shape:
    given = view.shape(0)
    axis = int(view.attr("axis", 1))
    axis = axis if axis == len(given) else from_start(axis, len(given))
    return (prod(given[:axis]), prod(given[axis:]))


def _squeeze(view: NodeView) -> Shape:
    given = view.shape(0)
    axes = view.axes(1, len(given))
    drop = {i for i, n in enumerate(given) if n == 1} if axes is None else set(axes)
    return tuple(n for i, n in enumerate(given) if i not in drop)


def _unsqueeze(view: NodeView) -> Shape:
    given, listed = view.shape(0), view.ints(1, "axes")
    if listed is None:
        raise DataError("its axes are computed when the model runs")
    rank = len(given) + len(listed)
    new = {from_start(a, rank) for a in listed}
    rest = iter(given)
    return tuple(1 if i in new else next(rest) for i in range(rank))


def _transpose(view: NodeView) -> Shape:
    given = view.shape(0)
    perm = tuple(view.attr("perm", ())) or tuple(reversed(range(len(given))))
    if sorted(perm) != list(range(len(given))):
        raise DataError(f"perm {perm} does not fit {given}")
    return tuple(given[i] for i in perm)


def _concat(view: NodeView) -> Shape:
    places = (
        range(2, len(view.node.inputs), 3) if view.node.op_type == "QLinearConcat" else range(len(view.node.inputs))
    )
    shapes = [view.shape(i) for i in places]
    axis = view.axis("axis", 0, len(shapes[0]))
    return (*shapes[0][:axis], sum(s[axis] for s in shapes), *shapes[0][axis + 1 :])


def _split(view: NodeView) -> list[Shape]:
    given, count = view.shape(0), len(view.node.outputs)
    axis = view.axis("axis", 0, len(given))
    each = -(-given[axis] // count)
    sizes = view.ints(1, "split") or (*(each,) * (count - 1), given[axis] - each * (count - 1))
    if sum(sizes) != given[axis]:
        raise DataError(f"{given} does not split into {sizes} along axis {axis}")
    return [(*given[:axis], size, *given[axis + 1 :]) for size in sizes]


def slice_of(view: NodeView) -> list[tuple[int, int, int]]:
    """(start, step, size) of a Slice on every axis."""
    given = view.shape(0)
    starts, ends = view.ints(1, "starts"), view.ints(2, "ends")
    if starts is None or ends is None:
        raise DataError("its bounds are computed when the model runs")
    axes = view.axes(3, len(given)) or tuple(range(len(starts)))
    steps = view.ints(4, "steps") or (1,) * len(starts)
    out = [(0, 1, n) for n in given]
    for axis, start, end, step in zip(axes, starts, ends, steps):
        cut = range(given[axis])[start:end:step]
        out[axis] = (cut.start, cut.step, len(cut))
    return out


def _pad(view: NodeView) -> Shape:
    given = view.shape(0)
    pads = pads_of(view)
    return tuple(n + a + b for n, a, b in zip(given, pads, pads[len(given) :]))


def pads_of(view: NodeView) -> tuple[int, ...]:
    """Begins of every axis, then ends, of a Pad."""
    rank = len(view.shape(0))
    listed = view.ints(1, "pads")
    axes = view.axes(3, rank) if view.has(3) else tuple(range(rank))
    if listed is None or axes is None or len(listed) != 2 * len(axes):
        raise DataError("its pads are computed when the model runs, or do not fit")
    out = [0] * (2 * rank)
    for i, axis in enumerate(axes):
        out[axis], out[rank + axis] = listed[i], listed[len(axes) + i]
    return tuple(out)


def _resize(view: NodeView) -> Shape:
    """Sizes (input 3), or scales: input 2, in older sets input 1, before that an attribute."""
    given = view.shape(0)
    sizes = view.ints(3, "sizes")
    scales = view.value(2) if view.has(2) else view.value(1)
    if scales is None or not scales.size:
        scales = np.array(view.attr("scales", ()), np.float64)
    factors = [float(s) for s in scales.reshape(-1)]
    axes = tuple(from_start(a, len(given)) for a in view.attr("axes", ())) or tuple(range(len(given)))
    out = list(given)
    if sizes is None and len(factors) != len(axes):
        raise DataError("its sizes are computed when the model runs")
    for i, axis in enumerate(axes):
        out[axis] = sizes[i] if sizes is not None else floor(given[axis] * factors[i])
    return tuple(out)


def _gather(view: NodeView) -> Shape:
    given, indices = view.shape(0), view.shape(1)
    axis = view.axis("axis", 0, len(given))
    return (*given[:axis], *indices, *given[axis + 1 :])


def _gather_nd(view: NodeView) -> Shape:
    given, indices = view.shape(0), view.shape(1)
    batch = int(view.attr("batch_dims", 0))
    return (*indices[:-1], *given[batch + indices[-1] :])


def _expand(view: NodeView) -> Shape:
    wanted = view.ints(1, "shape")
    if wanted is None:
        raise DataError("its new shape is computed when the model runs")
    return broadcast([view.shape(0), wanted])


def _tile(view: NodeView) -> Shape:
    repeats = view.ints(1, "repeats")
    if repeats is None:
        raise DataError("its repeats are computed when the model runs")
    return tuple(n * r for n, r in zip(view.shape(0), repeats))


def _shape(view: NodeView) -> Shape:
    return (len(range(len(view.shape(0)))[view.attr("start", 0) : view.attr("end")]),)


def _constant_of_shape(view: NodeView) -> Shape:
    wanted = view.ints(0, "shape")
    if wanted is None or min(wanted, default=0) < 0:
        raise DataError("its shape is computed when the model runs, or negative")
    return wanted


MOVE_RULES: dict[str, Rule] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "QLinearConcat": _concat,
    "Split": _split,
    "Slice": lambda view: tuple(size for _, _, size in slice_of(view)),
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "Gather": _gather,
    "GatherElements": lambda view: view.shape(1),
    "GatherND": _gather_nd,
    "Expand": _expand,
    "Tile": _tile,
    "Shape": _shape,
    "Size": lambda _: (),
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": lambda view: depth_to_space(view, back=False),
    "SpaceToDepth": lambda view: depth_to_space(view, back=True),
}
