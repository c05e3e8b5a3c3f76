"""ONNX nodes in the making, for the writers of single ops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from augur_edge.models.onnx_graph import NodeProto
from augur_edge.models.onnx_tensor import TensorProto
from augur_edge.models.synthetic import Floats
from augur_edge.network import Node


@dataclass
class OnnxNodes:
    """Nodes and constants in the making. taken: names of the network's own tensors."""

    taken: frozenset[str]
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: dict[str, TensorProto] = field(default_factory=dict)

    def constant(self, name: str, value: Any) -> str:
        """Adds a constant; returns the name it got."""
        while name in self.taken or name in self.initializers:
            name += "_"
        self.initializers[name] = TensorProto.of(name, value)
        return name

    def add(self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], name: str, **attributes: Any) -> None:
        """Adds a node."""
        self.nodes.append(NodeProto(op_type, list(inputs), list(outputs), name, attributes=attributes))

    def part(self, op_type: str, inputs: Sequence[str], node: Node, part: str, **attributes: Any) -> str:
        """Adds one of several nodes for `node`; returns the tensor between it and the next."""
        name = f"{node.name}/{part}"
        self.add(op_type, inputs, [name], name, **attributes)
        return name

    def parts_of(self, node: Node) -> list[NodeProto]:
        """The nodes added for `node`."""
        return [n for n in self.nodes if n.name == node.name or n.name.startswith(f"{node.name}/")]


NodeWriter = Callable[[OnnxNodes, Node, "list[Floats]"], None]
"""Adds the ONNX nodes of a layer; the last argument holds the values of its constants."""
