"""One layer as a network of its own."""

from __future__ import annotations

from dataclasses import replace

from augur_edge.layers import Layer
from augur_edge.network import Network, Node, TensorInfo

_OF_ACTIVATIONS = ("alpha", "approximate", "max", "min")


def layer_network(layer: Layer, name: str) -> Network:
    """A network of `layer` alone; what is fused into it follows as nodes `name.add` and `name.<activation>`.

    The inputs are the layer's: `input`, or `input_0`, `input_1`, … The attrs of a fused activation (alpha, min, max)
    go with it.
    """
    many = len(layer.inputs) > 1
    inputs = tuple(
        TensorInfo(f"input_{i}" if many else "input", shape, layer.dtype) for i, shape in enumerate(layer.inputs)
    )
    fused_attrs = tuple((k, v) for k, v in layer.attrs if layer.activation and k in _OF_ACTIVATIONS)
    reads = len(inputs) - layer.fused_add
    bare = replace(
        layer,
        inputs=layer.inputs[:reads],
        activation=None,
        fused_add=False,
        attrs=tuple(a for a in layer.attrs if a not in fused_attrs),
    )
    outputs = tuple(f"{name}:{i}" if i else name for i in range(len(layer.outputs)))
    nodes = [Node(name, bare, tuple(t.name for t in inputs[:reads]), outputs)]
    shape = layer.outputs[0]
    if layer.fused_add:
        add = Layer("add", (shape, shape), (shape,), dtype=layer.dtype)
        nodes.append(Node(f"{name}.add", add, (name, inputs[-1].name), (f"{name}.add",)))
    if layer.activation:
        after = f"{name}.{layer.activation}"
        activation = Layer(layer.activation, (shape,), (shape,), dtype=layer.dtype, attrs=fused_attrs)
        nodes.append(Node(after, activation, nodes[-1].outputs[:1], (after,)))
    return Network(name, inputs, tuple(nodes), (*nodes[-1].outputs[:1], *outputs[1:]))
