"""A network: layers joined by named tensors, in an order they can run in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from augur_edge.layers import Layer, Shape


@dataclass(frozen=True)
class TensorInfo:
    """Name, shape (channels first) and dtype of one activation."""

    name: str
    shape: Shape
    dtype: str = "float32"


@dataclass(frozen=True)
class Node:
    """A layer at its place: `inputs` and `outputs` name activations in the order of the layer's shapes."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """A directed acyclic graph of layers; `nodes` are in topological order, which is checked on creation."""

    name: str
    inputs: tuple[TensorInfo, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        shapes = {t.name: t.shape for t in self.inputs}
        if len(shapes) < len(self.inputs):
            raise ValueError(f"{self.name}: two inputs have one name")
        for node in self.nodes:
            for what in ("inputs", "outputs"):
                names, wanted = getattr(node, what), getattr(node.layer, what)
                if len(names) != len(wanted):
                    raise ValueError(f"{self.name}: {node.name} names {len(names)} {what}, its layer has {len(wanted)}")
            for tensor, shape in zip(node.inputs, node.layer.inputs):
                if tensor not in shapes:
                    raise ValueError(f"{self.name}: {node.name} reads {tensor!r} before anything writes it")
                if shapes[tensor] != shape:
                    raise ValueError(f"{self.name}: {node.name} takes {shape}, {tensor!r} is {shapes[tensor]}")
            for tensor, shape in zip(node.outputs, node.layer.outputs):
                if tensor in shapes:
                    raise ValueError(f"{self.name}: {tensor!r} is written twice, again by {node.name}")
                shapes[tensor] = shape
        missing = [t for t in self.outputs if t not in shapes]
        if missing:
            raise ValueError(f"{self.name}: nothing writes the output {missing[0]!r}")

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of every activation by name."""
        out = {t.name: t.shape for t in self.inputs}
        for node in self.nodes:
            out.update(zip(node.outputs, node.layer.outputs))
        return out

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(n.layer.macs for n in self.nodes)

    @property
    def params(self) -> int:
        """Number of trained values, batch normalisation's scale and shift included."""
        return sum(n.layer.params for n in self.nodes)
