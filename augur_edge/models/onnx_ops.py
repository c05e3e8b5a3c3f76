"""One writer per op: a layer of a network to the ONNX nodes that do its work.

An op that ONNX lacks becomes several nodes called `name/part`, spelt as exporters do, which runtimes recognise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.layers import Layer
from augur_edge.models.onnx_layout_ops import LAYOUT_WRITERS
from augur_edge.models.onnx_nodes import NodeWriter, OnnxNodes
from augur_edge.models.synthetic import Floats
from augur_edge.network import Node


def write_node(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    """Adds the ONNX nodes of `node`. weights: values of the layer's constants, as `layers` orders them."""
    layer = node.layer
    if layer.activation or layer.fused_add:
        raise UsageError(f"node {node.name!r}: a fused {layer.op} cannot be written; give each op a node of its own")
    write = _WRITERS.get(layer.op)
    if write is None:
        raise UsageError(
            f"node {node.name!r}: op {layer.op!r} has no ONNX writer; known: {', '.join(sorted(_WRITERS))}"
        )
    write(g, node, weights)


def _window(layer: Layer) -> dict[str, Any]:
    fields = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": layer.padding, "dilations": layer.dilation}
    return {k: v for k, v in fields.items() if v}


def _named(g: OnnxNodes, node: Node, weights: list[Floats]) -> list[str]:
    return [g.constant(f"{node.name}.{part}", w) for part, w in zip(("weight", "bias"), weights)]


def _conv(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    extra = {"output_padding": node.layer.attr("output_padding", ())}
    attributes = {**_window(node.layer), "group": node.layer.groups, **{k: v for k, v in extra.items() if v}}
    op_type = "ConvTranspose" if "transpose" in node.layer.op else "Conv"
    g.add(op_type, [*node.inputs, *_named(g, node, weights)], node.outputs, node.name, **attributes)


def _dense(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    """Gemm, or on more than two axes MatMul and Add, as exporters write it."""
    if len(node.layer.inputs[0]) == 2:
        g.add("Gemm", [*node.inputs, *_named(g, node, weights)], node.outputs, node.name, transB=1)
        return
    weight = g.constant(f"{node.name}.weight", weights[0].T)
    if len(weights) == 1:
        g.add("MatMul", [*node.inputs, weight], node.outputs, node.name)
        return
    product = g.part("MatMul", [*node.inputs, weight], node, "matmul")
    g.add("Add", [product, g.constant(f"{node.name}.bias", weights[1])], node.outputs, f"{node.name}/add")


def _operands(node: Node, constants: list[str]) -> list[str]:
    return [*constants, *node.inputs] if node.layer.attr("constants_first", False) else [*node.inputs, *constants]


def _matmul(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    layer, names = node.layer, _operands(node, _named(g, node, weights))
    shapes = list(_operands(node, ["" for _ in weights]))
    ranks = [len(layer.inputs[node.inputs.index(s)]) if s else weights[0].ndim for s in shapes]
    flags = (layer.attr("transpose_a", False), layer.attr("transpose_b", False))
    for i, (flag, rank) in enumerate(zip(flags, ranks)):
        if flag:
            perm = (*range(rank - 2), rank - 1, rank - 2)
            names[i] = g.part("Transpose", [names[i]], node, f"transpose_{'ab'[i]}", perm=perm)
    g.add("MatMul", names, node.outputs, node.name if not any(flags) else f"{node.name}/matmul")


def _elementwise(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    value = node.layer.attr("value")
    scalars = [] if value is None else [g.constant(f"{node.name}.value", np.float32(value))]
    names = _operands(node, [*_named(g, node, weights), *scalars])
    g.add(node.layer.op.capitalize(), names, node.outputs, node.name)


def _batch_norm(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    zeros, ones = np.zeros_like(weights[0]), np.ones_like(weights[0])
    names = [*_named(g, node, weights), g.constant(f"{node.name}.mean", zeros), g.constant(f"{node.name}.var", ones)]
    g.add("BatchNormalization", [*node.inputs, *names], node.outputs, node.name, epsilon=_epsilon(node))


def _epsilon(node: Node) -> float:
    return float(node.layer.attr("epsilon", 1e-5))


def _norm(op_type: str, **attributes: Any) -> NodeWriter:
    def write(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
        names = [*node.inputs, *_named(g, node, weights)]
        g.add(op_type, names, node.outputs, node.name, epsilon=_epsilon(node), **attributes)

    return write


def _rms_norm(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    x = node.inputs[0]
    square = g.part("Pow", [x, g.constant(f"{node.name}.two", np.float32(2))], node, "pow")
    mean = g.part("ReduceMean", [square, g.constant(f"{node.name}.axes", np.array([-1]))], node, "mean", keepdims=1)
    mean = g.part("Add", [mean, g.constant(f"{node.name}.epsilon", np.float32(_epsilon(node)))], node, "add")
    unit = g.part("Div", [x, g.part("Sqrt", [mean], node, "sqrt")], node, "div")
    g.add("Mul", [unit, *_named(g, node, weights)], node.outputs, f"{node.name}/mul")


def _group_norm(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    """Groups become channels of an InstanceNormalization, as exporters write it."""
    shape, groups = node.layer.inputs[0], node.layer.groups
    to = g.constant(f"{node.name}.groups", np.array([shape[0], groups, -1]))
    x = g.part("Reshape", [node.inputs[0], to], node, "reshape")
    ones, zeros = np.ones(groups, np.float32), np.zeros(groups, np.float32)
    unit = [x, g.constant(f"{node.name}.ones", ones), g.constant(f"{node.name}.zeros", zeros)]
    x = g.part("InstanceNormalization", unit, node, "normalize", epsilon=_epsilon(node))
    x = g.part("Reshape", [x, g.constant(f"{node.name}.shape", np.array(shape))], node, "back")
    column = (-1, *(1,) * (len(shape) - 2))
    scale, shift = _named(g, node, [w.reshape(column) for w in weights])
    x = g.part("Mul", [x, scale], node, "mul")
    g.add("Add", [x, shift], node.outputs, f"{node.name}/add")


def _pool(op_type: str) -> NodeWriter:
    def write(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
        attributes = _window(node.layer)
        if op_type == "AveragePool":
            attributes["count_include_pad"] = int(node.layer.attr("count_include_pad", False))
            if set(attributes.get("dilations", ())) == {1}:
                del attributes["dilations"]  # ONNX Runtime's quantised kernel does not know it
        attributes["ceil_mode"] = int(node.layer.attr("ceil_mode", False))
        g.add(op_type, node.inputs, node.outputs, node.name, **attributes)

    return write


def _plain(op_type: str, **attributes: Any) -> NodeWriter:
    """An op without constants. attributes: name in ONNX -> name of the layer's attr, or (name, default)."""

    def write(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
        values = {}
        for name, source in attributes.items():
            attr, default = source if isinstance(source, tuple) else (source, None)
            value = node.layer.attr(attr, default)
            if value is None:
                raise UsageError(f"node {node.name!r}: {node.layer.op} needs the attr {attr!r}")
            values[name] = int(value) if isinstance(value, bool) else value
        g.add(op_type, node.inputs, node.outputs, node.name, **values)

    return write


def _clip(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    low, high = (0.0, 6.0) if node.layer.op == "relu6" else (node.layer.attr("min"), node.layer.attr("max"))
    limits = ((part, v) for part, v in (("min", low), ("max", high)))
    names = ["" if v is None else g.constant(f"{node.name}.{part}", np.float32(v)) for part, v in limits]
    g.add("Clip", [*node.inputs, *names], node.outputs, node.name)


def _swish(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    gate = g.part("Sigmoid", node.inputs, node, "sigmoid")
    g.add("Mul", [node.inputs[0], gate], node.outputs, f"{node.name}/mul")


def _gelu(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    g.add("Gelu", node.inputs, node.outputs, node.name, approximate=node.layer.attr("approximate", "none"))


def _reduce_mean(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    axes = g.constant(f"{node.name}.axes", np.array(node.layer.attr("axes"), np.int64))
    keep = int(node.layer.attr("keepdims", False))
    g.add("ReduceMean", [*node.inputs, axes], node.outputs, node.name, keepdims=keep)


_WRITERS: dict[str, NodeWriter] = {
    **dict.fromkeys((f"{op}{n}d" for op in ("conv", "conv_transpose") for n in (1, 2, 3)), _conv),
    **dict.fromkeys(("add", "sub", "mul", "div", "min", "max", "pow"), _elementwise),
    **{name: _plain(name.capitalize()) for name in ("relu", "sigmoid", "tanh", "erf")},
    **LAYOUT_WRITERS,
    "dense": _dense,
    "matmul": _matmul,
    "batch_norm": _batch_norm,
    "layer_norm": _norm("LayerNormalization", axis=-1),
    "instance_norm": _norm("InstanceNormalization"),
    "group_norm": _group_norm,
    "rms_norm": _rms_norm,
    "max_pool2d": _pool("MaxPool"),
    "avg_pool2d": _pool("AveragePool"),
    "global_avg_pool": _plain("GlobalAveragePool"),
    "global_max_pool": _plain("GlobalMaxPool"),
    "reduce_mean": _reduce_mean,
    "softmax": _plain("Softmax", axis="axis"),
    "clip": _clip,
    "relu6": _clip,
    "swish": _swish,
    "gelu": _gelu,
    "hard_swish": _plain("HardSwish"),
    "hard_sigmoid": _plain("HardSigmoid", alpha=("alpha", 1 / 6), beta=("beta", 0.5)),
    "leaky_relu": _plain("LeakyRelu", alpha=("alpha", 0.01)),
    "elu": _plain("Elu", alpha=("alpha", 1.0)),
}
