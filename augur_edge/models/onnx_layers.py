"""ONNX nodes, the user's and those of ONNX Runtime's optimised graphs, as Layers.

Fused ops (FusedConv, NhwcFusedConv, com.microsoft.nchwc.Conv, BiasGelu, SkipLayerNormalization …) become the op they
compute most of, with `activation` and `fused_add` for the rest. An op without a rule here is a layer of its own name,
with bytes.
"""

from __future__ import annotations

import re
from math import prod
from typing import Any

from augur_edge.errors import DataError
from augur_edge.layers import BYTES_PER_ELEMENT, Layer, Shape
from augur_edge.models.onnx_graph import NodeProto
from augur_edge.models.onnx_simple_layers import SIMPLE_LAYERS, LayerRule
from augur_edge.models.onnx_table import NodeView, TensorTable
from augur_edge.models.onnx_windows import conv_window, transposed_window, window_of

_AS_BYTES = {"string": "uint8", "complex64": "float64", "complex128": "float64", "uint4": "uint8", "int4": "int8"}
"""Stand-ins for element types that a Layer has not."""
_BLOCKED = "com.microsoft.nchwc"
"""Domain of ops on blocks of channels, the last block filled up."""
_NORM_NAME = re.compile(r"_bn_nchwc(_token_\d+)?$")
"""Name of a batch normalisation that runs as a 1x1 convolution of each channel."""


def layer_of(node: NodeProto, table: TensorTable) -> Layer:
    """The layer that `node` computes. table: shapes (channels first) and dtypes of its tensors, and its constants.

    Raises DataError naming the node where a shape is not known or does not fit the op.
    """
    view = NodeView(node, table)
    try:
        return _layer(view, _RULES.get(node.op_type, SIMPLE_LAYERS.get(node.op_type)))
    except (DataError, ValueError, IndexError, TypeError, KeyError, ZeroDivisionError, OverflowError) as error:
        raise DataError(
            f"node {node.name or node.outputs[0]!r} ({node.op_type}) does not fit its op: {error}"
        ) from None


def unknown_layer(node: NodeProto, table: TensorTable) -> Layer:
    """The layer as of an op without a rule: its name, shapes and bytes. Raises DataError for an unknown shape."""
    return _layer(NodeView(node, table), None)


def activations_of(node: NodeProto, table: TensorTable) -> tuple[str, ...]:
    """What the node reads beside constants, in the order of its layer's `inputs`; twice what it reads twice."""
    return tuple(t for t in (*node.inputs, *node.captures) if t and t not in table.constants)


def _layer(view: NodeView, rule: LayerRule | None) -> Layer:
    node, table = view.node, view.table
    names = activations_of(node, table)
    fields: dict[str, Any] = {
        "op": _snake(node.op_type),
        "inputs": tuple(_shape(table, t) for t in names),
        "outputs": tuple(_shape(table, t) for t in node.outputs if t),
        "weights": _constants(view, range(len(node.inputs))),
        "dtype": _dtype(view, names),
    }
    if rule is not None:
        fields.update(rule(view))
    fields["attrs"] = tuple(fields.get("attrs", {}).items())
    return Layer(**fields)


def _shape(table: TensorTable, name: str) -> Shape:
    if name not in table.shapes:
        raise DataError(f"the shape of {name!r} is not known")
    return table.shapes[name]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _dtype(view: NodeView, names: tuple[str, ...]) -> str:
    """Of the first activation read; of the output where the first thing read is a constant (Gather's table)."""
    source = view.node.outputs[0] if not names or view.constant(0) else names[0]
    dtype = view.table.dtypes.get(source, "float32")
    dtype = _AS_BYTES.get(dtype, dtype)
    return dtype if dtype in BYTES_PER_ELEMENT else "uint8"


def _constants(view: NodeView, places: Any) -> tuple[Shape, ...]:
    return tuple(view.shape(i) for i in places if view.constant(i))


def _activation(view: NodeView) -> dict[str, Any]:
    """What fused convolutions and FusedGemm apply last."""
    name = view.attr("activation")
    params = tuple(view.attr("activation_params", ()))
    if not name:
        return {}
    return {"activation": "relu6" if name == "Clip" and params == (0.0, 6.0) else _snake(name)}


def _conv(weight: int, bias: int, total: int | None) -> LayerRule:
    """weight, bias, total: places of these inputs; total is what is added to the result."""

    def rule(view: NodeView) -> dict[str, Any]:
        shape = view.shape(weight)
        if len(shape) < 3:
            raise DataError(f"a convolution with a weight of {shape}")
        window, groups = conv_window(view, shape), int(view.attr("group", 1))
        weights = _constants(view, (weight, bias))
        if view.node.domain == _BLOCKED and weights:
            groups, weights = _without_padding(view, groups, weights)
            if _NORM_NAME.search(view.node.name) and prod(weights[0][1:]) == 1:
                return {"op": "batch_norm", "weights": (weights[0][:1],) * 2, **_activation(view)}
        return {
            "op": f"conv{len(shape) - 2}d",
            "weights": weights,
            "kernel": window.kernel,
            "stride": window.stride,
            "padding": window.padding,
            "dilation": window.dilation,
            "groups": groups,
            "fused_add": total is not None and view.has(total) and not view.constant(total),
            **_activation(view),
        }

    return rule


def _without_padding(view: NodeView, groups: int, weights: tuple[Shape, ...]) -> tuple[int, tuple[Shape, ...]]:
    """Groups and weights for the channels of input and output: where the table has those of the user's network
    (`onnx_deployed`), the channels that only fill a block are left out."""
    given, made = view.shape(0)[1], _shape(view.table, view.node.outputs[0])[1]
    depthwise = groups == weights[0][0]
    groups = made if depthwise else groups
    return groups, ((made, given // groups, *weights[0][2:]), *((made,) for _ in weights[1:]))


def _conv_transpose(view: NodeView) -> dict[str, Any]:
    shape = view.shape(1)
    window, extra = transposed_window(view, shape)
    return {
        "op": f"conv_transpose{len(shape) - 2}d",
        "weights": _constants(view, (1, 2)),
        "kernel": window.kernel,
        "stride": window.stride,
        "padding": window.padding,
        "dilation": window.dilation,
        "groups": int(view.attr("group", 1)),
        "attrs": {"output_padding": extra} if any(extra) else {},
    }


def _pool(op: str) -> LayerRule:
    def rule(view: NodeView) -> dict[str, Any]:
        given = view.shape(0)[2:]
        window = window_of(view, tuple(view.attr("kernel_shape", ())), given)
        flags = {name: bool(view.attr(name, 0)) for name in ("ceil_mode", "count_include_pad")}
        return {
            "op": f"{op}{len(given)}d",
            "kernel": window.kernel,
            "stride": window.stride,
            "padding": window.padding,
            "dilation": window.dilation,
            "weights": (),
            "attrs": {name: True for name, value in flags.items() if value},
        }

    return rule


def _product(first: int, second: int, bias: int | None = None) -> LayerRule:
    """A matrix product: dense where the second operand is a constant matrix. Places of operands and bias."""

    def rule(view: NodeView) -> dict[str, Any]:
        swap_a, swap_b = (bool(view.attr(f"trans{s}", 0)) for s in "AB")
        extra = _constants(view, () if bias is None else (bias,))
        added = bias is not None and view.has(bias) and not view.constant(bias)
        fused = {**_activation(view), "fused_add": added}
        right = view.shape(second)
        if view.constant(second) and len(right) == 2 and not swap_a:
            return {"op": "dense", "weights": (right if swap_b else right[::-1], *extra), **fused}
        flags = {"transpose_a": swap_a, "transpose_b": swap_b, "constants_first": view.constant(first)}
        attrs = {name: True for name, value in flags.items() if value}
        return {"op": "matmul", "weights": (*_constants(view, (first, second)), *extra), "attrs": attrs, **fused}

    return rule


def _norm(op: str, *, scale: int = 1, skip: bool = False) -> LayerRule:
    """scale: place of scale, shift (and a bias of the input) follow. skip: input 1 is added before."""

    def rule(view: NodeView) -> dict[str, Any]:
        count = 4 if skip else 2
        groups = int(view.attr("num_groups", view.attr("groups", 1)))
        attrs: dict[str, Any] = {"epsilon": float(view.attr("epsilon", 1e-5))}
        rank = len(view.shape(0))
        if view.axis("axis", -1, rank) != rank - 1:
            attrs["axis"] = view.axis("axis", -1, rank)
        return {
            "op": op,
            "weights": _constants(view, range(scale, scale + count)),
            "attrs": attrs,
            "groups": groups,
            "fused_add": skip,
        }

    return rule


def _biased(activation: str) -> LayerRule:
    """BiasGelu and FastGelu: a bias is added first, if there is one."""

    def rule(view: NodeView) -> dict[str, Any]:
        approximate = {"approximate": "tanh"} if activation == "gelu_tanh" else {}
        if not view.has(1):
            return {"op": "gelu", "weights": (), "attrs": approximate}
        return {"op": "add", "activation": "gelu", "weights": _constants(view, (1,)), "attrs": approximate}

    return rule


def _reorder(view: NodeView) -> dict[str, Any]:
    """Between channels first and the runtime's blocks of channels."""
    return {"op": "reorder", "weights": (), "attrs": {"to": "blocked" if "Input" in view.node.op_type else "plain"}}


def _flatten(view: NodeView) -> dict[str, Any]:
    plain = int(view.attr("axis", 1)) == 1 and prod(view.shape(0)) > 0
    return {"op": "flatten" if plain else "reshape", "weights": ()}


_RULES: dict[str, LayerRule] = {
    "Conv": _conv(1, 2, 3),  # com.microsoft.nchwc has the sum there; ONNX's own has no such input
    "FusedConv": _conv(1, 2, 3),
    "NhwcFusedConv": _conv(1, 2, 3),  # its weights are channels first all the same
    "QLinearConv": _conv(3, 8, None),
    "ConvInteger": _conv(1, 4, None),
    "ConvTranspose": _conv_transpose,
    "Gemm": _product(0, 1, 2),
    "FusedGemm": _product(0, 1, 2),
    "QGemm": _product(0, 3, 6),
    "MatMul": _product(0, 1),
    "FusedMatMul": _product(0, 1),
    "MatMulInteger": _product(0, 1),
    "MatMulIntegerToFloat": _product(0, 1, 6),
    "DynamicQuantizeMatMul": _product(0, 1, 4),
    "QLinearMatMul": _product(0, 3),
    "MaxPool": _pool("max_pool"),
    "NhwcMaxPool": _pool("max_pool"),
    "AveragePool": _pool("avg_pool"),
    "QLinearAveragePool": _pool("avg_pool"),
    "LpPool": _pool("lp_pool"),
    "BatchNormalization": _norm("batch_norm"),
    "LayerNormalization": _norm("layer_norm"),
    "SimplifiedLayerNormalization": _norm("rms_norm"),
    "RMSNormalization": _norm("rms_norm"),
    "SkipLayerNormalization": _norm("layer_norm", scale=2, skip=True),
    "SkipSimplifiedLayerNormalization": _norm("rms_norm", scale=2, skip=True),
    "InstanceNormalization": _norm("instance_norm"),
    "GroupNormalization": _norm("group_norm"),
    "GroupNorm": _norm("group_norm"),
    "BiasGelu": _biased("gelu"),
    "FastGelu": _biased("gelu_tanh"),
    "ReorderInput": _reorder,
    "ReorderOutput": _reorder,
    "Flatten": _flatten,
}
