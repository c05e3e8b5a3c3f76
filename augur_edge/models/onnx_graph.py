"""ONNX models as plain objects: what `onnx_proto` reads and writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional, Union

from augur_edge.models.onnx_tensor import TensorProto

Dim = Union[int, str, None]
"""A size, a name for an unknown size, or None: unknown."""
DimShape = Optional[tuple[Dim, ...]]


@dataclass
class RawAttribute:
    """An attribute that is not interpreted (a type, a sparse tensor, a reference): its bytes."""

    content: bytes


@dataclass
class ValueInfo:
    """A tensor's name, element type (a number in `onnx_tensor.DTYPES`) and shape, as far as they are declared.

    raw_type: the type's bytes where it is no dense tensor.
    """

    name: str
    elem_type: int | None = None
    shape: DimShape = None
    raw_type: bytes = b""
    unknown: bytes = b""


@dataclass
class NodeProto:
    """One node. attributes: int, float, str (bytes if not UTF-8), TensorProto, GraphProto, a tuple of one of
    these, or RawAttribute; an empty tuple is one of ints."""

    op_type: str
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    name: str = ""
    domain: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    unknown: bytes = b""

    @property
    def subgraphs(self) -> list[GraphProto]:
        """Graphs among the attributes: branches and loop bodies."""
        flat = [v for a in self.attributes.values() for v in (a if isinstance(a, tuple) else (a,))]
        return [v for v in flat if isinstance(v, GraphProto)]

    @property
    def channels_last(self) -> bool:
        """Whether it takes and gives channels last: what ONNX Runtime makes of some nodes, by the processor."""
        return self.op_type.startswith("Nhwc") or bool(self.attributes.get("channels_last", 0))

    @property
    def captures(self) -> list[str]:
        """Tensors of the surrounding graph that the subgraphs read, in order, each once."""
        out: dict[str, None] = {}
        for graph in self.subgraphs:
            own = {*graph.initializers, *(i.name for i in graph.inputs)}
            for inner in graph.nodes:
                out.update(dict.fromkeys(n for n in (*inner.inputs, *inner.captures) if n and n not in own))
                own.update(inner.outputs)
            out.update(dict.fromkeys(o.name for o in graph.outputs if o.name not in own))
        return list(out)


@dataclass
class GraphProto:
    """Nodes in an order they can run in, constants by name, and the tensors that go in and out."""

    name: str = ""
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: dict[str, TensorProto] = field(default_factory=dict)
    inputs: list[ValueInfo] = field(default_factory=list)
    outputs: list[ValueInfo] = field(default_factory=list)
    value_info: list[ValueInfo] = field(default_factory=list)
    unknown: bytes = b""

    @property
    def channels_last(self) -> set[str]:
        """What nodes that want channels last read and write; constants among it stay as they are."""
        return {t for n in self.nodes if n.channels_last for t in (*n.inputs, *n.outputs) if t}


@dataclass
class ModelProto:
    """A graph and the versions it is written for. opset_import: version by domain, "" for ONNX's own."""

    graph: GraphProto
    opset_import: dict[str, int] = field(default_factory=dict)
    ir_version: int = 8
    producer_name: str = ""
    producer_version: str = ""
    unknown: bytes = b""
