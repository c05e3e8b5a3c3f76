"""Shapes that ONNX nodes give their outputs, for files that do not declare them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from augur_edge.errors import DataError
from augur_edge.layers import Shape
from augur_edge.models import onnx_windows as windows
from augur_edge.models.onnx_move_shapes import MOVE_RULES, Rule, broadcast
from augur_edge.models.onnx_table import NodeView, channels_first


def infer_shapes(view: NodeView) -> list[Shape] | None:
    """A shape per output (as far as the op is known to give them); None for an op that is not known here.

    Raises DataError where what the op needs is not known or does not fit.
    """
    rule = _RULES.get(view.node.op_type)
    if rule is None:
        return None
    result = rule(view)
    return result if isinstance(result, list) else [result]


def _all_inputs(view: NodeView) -> Shape:
    return broadcast([view.shape(i) for i in range(len(view.node.inputs)) if view.has(i)])


def _first(view: NodeView) -> list[Shape]:
    return [view.shape(0)] * len(view.node.outputs)


def _skip_norm(view: NodeView) -> list[Shape]:
    """Result, two that are not used, and the sum before the normalisation."""
    return [view.shape(0), (), (), view.shape(0)]


def _product(a: Shape, b: Shape, *, trans_a: bool = False, trans_b: bool = False) -> Shape:
    """Numpy's matmul, either operand's last two axes transposed."""
    if not a or not b:
        raise DataError(f"a matrix product of {a} and {b}")
    left = (1, *a) if len(a) == 1 else ((*a[:-2], a[-1], a[-2]) if trans_a else a)
    right = (*b, 1) if len(b) == 1 else ((*b[:-2], b[-1], b[-2]) if trans_b else b)
    if left[-1] != right[-2]:
        raise DataError(f"a matrix product of {a} and {b}")
    rows, columns = ((left[-2],) if len(a) > 1 else ()), ((right[-1],) if len(b) > 1 else ())
    return (*broadcast([left[:-2], right[:-2]]), *rows, *columns)


def _matmul(second: int) -> Rule:
    def rule(view: NodeView) -> Shape:
        flags = {f"trans_{s}": bool(view.attr(f"trans{s.upper()}", 0)) for s in "ab"}
        return _product(view.shape(0), view.shape(second), **flags)

    return rule


def _attention(view: NodeView) -> Shape:
    """(N, T, C) of com.microsoft's Attention: a third of the projection's columns, unless they are listed."""
    sizes = tuple(view.attr("qkv_hidden_sizes", ()))
    return (*view.shape(0)[:-1], int(sizes[-1]) if sizes else view.shape(1)[-1] // 3)


def _reduce(view: NodeView) -> Shape:
    given = view.shape(0)
    axes = view.axes(1, len(given))
    if axes is None and view.has(1):
        raise DataError("its axes are computed when the model runs")
    gone = set(axes) if axes else (set() if view.attr("noop_with_empty_axes", 0) else set(range(len(given))))
    if view.attr("keepdims", 1):
        return tuple(1 if i in gone else n for i, n in enumerate(given))
    return tuple(n for i, n in enumerate(given) if i not in gone)


def _arg(view: NodeView) -> Shape:
    given = view.shape(0)
    axis = view.axis("axis", 0, len(given))
    return (*given[:axis], *((1,) if view.attr("keepdims", 1) else ()), *given[axis + 1 :])


def _top_k(view: NodeView) -> list[Shape]:
    given, count = view.shape(0), view.ints(1, "k")
    if count is None:
        raise DataError("its k is computed when the model runs")
    axis = view.axis("axis", -1, len(given))
    return [(*given[:axis], count[0], *given[axis + 1 :])] * 2


def _einsum(view: NodeView) -> Shape:
    terms, _, result = str(view.attr("equation", "")).replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    for i, term in enumerate(terms.split(",")):
        if len(term) != len(view.shape(i)) or "." in term:
            raise DataError(f"its equation {view.attr('equation')!r} is not read here")
        sizes.update(zip(term, view.shape(i)))
    return tuple(sizes[letter] for letter in result)


def _branch(view: NodeView) -> list[Shape]:
    """Of an If: what both branches declare."""
    declared = [tuple(o.shape for o in graph.outputs) for graph in view.node.subgraphs]
    first = declared[0] if declared else ()
    out = [tuple(n for n in shape or () if isinstance(n, int)) for shape in first]
    if any(d != first for d in declared) or any(s is None or len(s) != len(o) for s, o in zip(first, out)):
        raise DataError("its branches declare no shapes, or different ones")
    return out


def _recurrent(view: NodeView) -> list[Shape]:
    """Y, Y_h and Y_c of LSTM, GRU and RNN."""
    (steps, batch, _), directions = view.shape(0), view.shape(1)[0]
    hidden = view.shape(2)[-1]
    return [(steps, directions, batch, hidden), (directions, batch, hidden), (directions, batch, hidden)]


def _channels_last(rule: Callable[[NodeView], Shape]) -> Rule:
    """`rule`, which has channels first, for a node that has them last."""

    def turned(view: NodeView) -> Shape:
        shapes = {**view.table.shapes, view.node.inputs[0]: channels_first(view.shape(0))}
        made = rule(NodeView(view.node, replace(view.table, shapes=shapes)))
        return (made[0], *made[2:], made[1])

    return turned


_SAME = (
    "Abs", "Acos", "Asin", "Atan", "BatchNormalization", "BiasGelu", "Cast", "Ceil", "Celu", "Clip", "Cos",
    "CumSum", "DequantizeLinear", "Dropout", "Elu", "Erf", "Exp", "FastGelu", "Floor", "Gelu", "GroupNorm",
    "GroupNormalization", "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "IsInf",
    "IsNaN", "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization",
    "MeanVarianceNormalization", "Mish", "Neg", "Not", "PRelu", "QLinearLeakyRelu", "QLinearSigmoid",
    "QLinearSoftmax", "QuantizeLinear", "QuickGelu", "RMSNormalization", "Reciprocal", "Relu", "Round",
    "ScatterElements", "ScatterND", "Selu", "Shrink", "Sigmoid", "Sign", "SimplifiedLayerNormalization", "Sin",
    "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Trilu",
)  # fmt: skip
_BROADCAST = (
    "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal", "Greater", "GreaterOrEqual",
    "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "Sub", "Sum", "Where", "Xor",
)  # fmt: skip
_REDUCE = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")

_RULES: dict[str, Rule] = {
    **MOVE_RULES,
    **dict.fromkeys(_SAME, _first),
    **dict.fromkeys(("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"), _skip_norm),
    **dict.fromkeys(_BROADCAST, _all_inputs),
    **dict.fromkeys((f"Reduce{name}" for name in _REDUCE), _reduce),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), windows.pool_shape),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), windows.global_shape),
    **dict.fromkeys(("Conv", "FusedConv", "ConvInteger"), lambda v: windows.conv_shape(v, v.shape(1))),
    **dict.fromkeys(("MatMul", "FusedMatMul", "MatMulInteger", "DynamicQuantizeMatMul"), _matmul(1)),
    **dict.fromkeys(("Gemm", "FusedGemm"), _matmul(1)),
    **dict.fromkeys(("QLinearAdd", "QLinearMul"), lambda v: broadcast([v.shape(0), v.shape(3)])),
    "NhwcFusedConv": _channels_last(lambda v: windows.conv_shape(v, v.shape(1))),
    "NhwcMaxPool": _channels_last(windows.pool_shape),
    "QLinearConv": lambda v: windows.conv_shape(v, v.shape(3)),
    "QLinearMatMul": _matmul(3),
    "QGemm": _matmul(3),
    "ConvTranspose": lambda v: windows.transposed_shape(v, v.shape(1)),
    "Attention": _attention,
    "TopK": _top_k,
    "Einsum": _einsum,
    "If": _branch,
    "DynamicQuantizeLinear": lambda v: [v.shape(0), (), ()],
}
