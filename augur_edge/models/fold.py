"""What a writer does to a network first: batch normalisation becomes part of the layer before it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from augur_edge.layers import CONVOLUTIONS, TRANSPOSED_CONVOLUTIONS, Layer
from augur_edge.network import Network, Node


def fold_batch_norm(network: Network) -> Network:
    """The network as it is deployed: each convolution or dense layer that only a batch_norm reads takes it in.

    The layer keeps its name, has a bias, and writes what the batch_norm wrote; other batch_norms stay.
    """
    uses = Counter(t for n in network.nodes for t in n.inputs) + Counter(network.outputs)
    nodes: list[Node] = []
    writers: dict[str, int] = {}
    for node in network.nodes:
        at = writers.get(node.inputs[0]) if node.layer.op == "batch_norm" else None
        if at is not None and uses[node.inputs[0]] == 1 and _takes_bias(nodes[at].layer):
            nodes[at] = replace(nodes[at], layer=_with_bias(nodes[at].layer), outputs=node.outputs)
        else:
            at = len(nodes)
            nodes.append(node)
        writers.update((t, at) for t in node.outputs)
    return replace(network, nodes=tuple(nodes))


def _takes_bias(layer: Layer) -> bool:
    """Whether the channels of the output (axis 1) are those of the bias."""
    dense = layer.op == "dense" and len(layer.outputs[0]) == 2
    return bool(layer.weights) and (dense or layer.op in CONVOLUTIONS | TRANSPOSED_CONVOLUTIONS)


def _with_bias(layer: Layer) -> Layer:
    return replace(layer, weights=(layer.weights[0], (layer.outputs[0][1],)))
