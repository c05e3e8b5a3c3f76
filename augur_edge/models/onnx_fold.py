"""Computes ahead what a graph computes from constants and shapes alone, as runtimes do before they run it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from augur_edge.models.onnx_table import Array, NodeView

_LARGEST = 4096
"""Elements: shapes and indices are far smaller, and weights are never computed here."""


def fold(view: NodeView) -> Array | None:
    """The one output, from constants (or, of Shape and Size, from the input's shape); None where that is not done.

    Raises what numpy raises where the constants do not fit together.
    """
    node = view.node
    if node.op_type in {"Shape", "Size"}:
        shape = view.shape(0)
        dims = np.array(shape[view.attr("start", 0) : view.attr("end")], np.int64)
        return dims if node.op_type == "Shape" else np.array(np.prod(shape, dtype=np.int64))
    rule = _RULES.get(node.op_type)
    if rule is None or not node.inputs or not all(view.constant(i) or not view.has(i) for i in range(len(node.inputs))):
        return None
    if any(np.prod(view.shape(i), dtype=float) > _LARGEST for i in range(len(node.inputs)) if view.has(i)):
        return None
    values = [view.value(i) for i in range(len(node.inputs))]
    if any(v is None or v.dtype.kind not in "iufb" for i, v in enumerate(values) if view.has(i)):
        return None
    with np.errstate(all="ignore"):
        result = rule(view, values)
    return None if result is None or result.size > _LARGEST else np.asarray(result)


def _cast(view: NodeView, values: list[Any]) -> Array | None:
    kinds: dict[int, Any] = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
    kind = kinds.get(view.attr("to"))
    return None if kind is None else values[0].astype(kind)


def _squeeze(view: NodeView, values: list[Any]) -> Array:
    return np.asarray(np.squeeze(values[0], view.axes(1, values[0].ndim)))


def _unsqueeze(view: NodeView, values: list[Any]) -> Array:
    return np.asarray(np.expand_dims(values[0], view.ints(1, "axes") or ()))


def _slice(view: NodeView, values: list[Any]) -> Array:
    data = values[0]
    starts, ends = view.ints(1, "starts") or (), view.ints(2, "ends") or ()
    axes = view.axes(3, data.ndim) or tuple(range(len(starts)))
    steps = view.ints(4, "steps") or (1,) * len(starts)
    index = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps):
        # An end of INT_MIN with a negative step means "through the first"; numpy reads it so too.
        index[axis] = slice(start, end, step)
    return np.asarray(data[tuple(index)])


def _divide(_: NodeView, values: list[Any]) -> Array:
    """Integers are cut towards zero, as in C."""
    a, b = values
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    if not np.all(b):
        raise ValueError("a division by zero")
    return np.asarray(np.trunc(a / b).astype(a.dtype))


def _range(_: NodeView, values: list[Any]) -> Array | None:
    start, stop, step = (v.reshape(-1)[0] for v in values)
    if step == 0 or abs((stop - start) / step) > _LARGEST:
        return None
    return np.arange(start, stop, step, dtype=values[0].dtype)


def _filled(view: NodeView, values: list[Any]) -> Array | None:
    value = view.attr("value")
    fill = np.zeros(1, np.float32) if value is None else value.array()
    shape = [int(n) for n in values[0].reshape(-1)]
    return np.full(shape, fill.reshape(-1)[0], fill.dtype) if np.prod(shape, dtype=float) <= _LARGEST else None


def _expand(_: NodeView, values: list[Any]) -> Array | None:
    shape = [int(n) for n in values[1].reshape(-1)]
    if np.prod(shape, dtype=float) > _LARGEST:
        return None
    return np.asarray(values[0] * np.ones(shape, values[0].dtype))


def _reshape(view: NodeView, values: list[Any]) -> Array:
    data, shape = values
    keep_zero = view.attr("allowzero", 0)
    sizes = [int(data.shape[i] if n == 0 and not keep_zero else n) for i, n in enumerate(shape)]
    return np.asarray(data.reshape(sizes))


def _of(function: Callable[..., Any]) -> Callable[[NodeView, list[Any]], Array]:
    return lambda _, values: np.asarray(function(*values))


def _reduce(function: Callable[..., Any]) -> Callable[[NodeView, list[Any]], Array]:
    def rule(view: NodeView, values: list[Any]) -> Array:
        axes = view.axes(1, values[0].ndim)
        result = function(values[0], axis=axes or None, keepdims=bool(view.attr("keepdims", 1)))
        return np.asarray(result).astype(values[0].dtype)

    return rule


_RULES: dict[str, Callable[[NodeView, list[Any]], Array | None]] = {
    "Gather": lambda view, v: np.take(v[0], v[1].astype(np.int64), axis=view.attr("axis", 0)),
    "Concat": lambda view, v: np.concatenate(v, axis=view.attr("axis", 0)),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Slice": _slice,
    "Cast": _cast,
    "Range": _range,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Div": _divide,
    "Add": _of(np.add), "Sub": _of(np.subtract), "Mul": _of(np.multiply), "Pow": _of(np.power),
    "Min": lambda _, v: np.minimum.reduce(v), "Max": lambda _, v: np.maximum.reduce(v),
    "Mod": lambda view, v: np.fmod(*v) if view.attr("fmod", 0) else np.mod(*v),
    "Equal": _of(np.equal), "Less": _of(np.less), "Greater": _of(np.greater),
    "And": _of(np.logical_and), "Or": _of(np.logical_or), "Not": _of(np.logical_not), "Where": _of(np.where),
    "Neg": _of(np.negative), "Abs": _of(np.abs), "Sqrt": _of(np.sqrt), "Floor": _of(np.floor), "Ceil": _of(np.ceil),
    "Identity": lambda _, v: v[0],
    "ReduceProd": _reduce(np.prod), "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max), "ReduceMin": _reduce(np.min),
}  # fmt: skip
