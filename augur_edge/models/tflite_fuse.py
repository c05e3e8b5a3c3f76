"""Which nodes of a Network become one TFLite operator: batch norm folded, activations fused into what feeds them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from augur_edge.network import Network, Node

_FOLDS_NORM = frozenset({"conv2d", "conv_transpose2d", "dense"})
# What the TensorFlow converter fuses an activation into; the operators' kernels take no other.
_FUSES_ACTIVATION = frozenset({"conv2d", "dense", "add", "sub", "mul", "div", "max_pool2d", "avg_pool2d"})


@dataclass(frozen=True)
class Step:
    """What becomes one operator, or a few that belong together.

    node: the node that decides the operator. folded: the tensors written by all nodes in it, the last one first.
    activation: name in TFLite, `RELU6`. inputs, outputs: tensors of the Network.
    """

    node: Node
    folded: tuple[str, ...]
    activation: str = "NONE"

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.node.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.folded[0],) if len(self.node.outputs) == 1 else self.node.outputs


def fused_activation(node: Node) -> str | None:
    """The activation in TFLite's words, where an operator can end in it."""
    layer = node.layer
    if layer.op == "clip":
        limits = (layer.attr("min"), layer.attr("max"))
        return {(0, 6): "RELU6", (-1, 1): "RELU_N1_TO_1", (0, None): "RELU"}.get(limits)
    return {"relu": "RELU", "relu6": "RELU6"}.get(layer.op)


def fused_steps(network: Network) -> list[Step]:
    """The network's nodes as steps, in an order they can run in."""
    readers = Counter(x for node in network.nodes for x in node.inputs) + Counter(network.outputs)
    steps: dict[str, Step] = {}  # by the tensor that a step writes last
    for node in network.nodes:
        before = steps.get(node.inputs[0]) if node.inputs else None
        joined = _joined(before, node) if before is not None and readers[node.inputs[0]] == 1 else None
        if joined is not None:
            del steps[node.inputs[0]]
        step = joined or Step(node, node.outputs)
        steps[step.outputs[0]] = step
    return list(steps.values())


def _joined(before: Step, node: Node) -> Step | None:
    """`before` with `node` folded into it, or None where that cannot be."""
    if before.activation != "NONE" or len(before.node.outputs) > 1:
        return None
    folded, op = (node.outputs[0], *before.folded), before.node.layer.op
    activation = fused_activation(node)
    if activation is not None and op in _FUSES_ACTIVATION:
        return replace(before, folded=folded, activation=activation)
    if node.layer.op == "batch_norm" and op in _FOLDS_NORM and _normalises_outputs(before.node):
        return replace(before, folded=folded)
    return None


def _normalises_outputs(node: Node) -> bool:
    """Batch norm runs over axis 1; a dense layer's outputs lie on the last one."""
    return node.layer.op != "dense" or len(node.layer.outputs[0]) == 2
