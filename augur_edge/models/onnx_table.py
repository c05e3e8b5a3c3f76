"""What is known of the tensors of an ONNX graph while it is read: shapes, dtypes, and the values of constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError
from augur_edge.layers import Shape
from augur_edge.models.onnx_graph import GraphProto, NodeProto
from augur_edge.models.onnx_tensor import TensorProto

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of an activation, as seen when the model ran. dtype: a name in `onnx_tensor.ELEM_TYPES`."""

    shape: Shape
    dtype: str = "float32"


def constants_of(graph: GraphProto) -> dict[str, TensorProto]:
    """Constants by name: initialisers, and what Constant nodes hold."""
    out = dict(graph.initializers)
    for node in graph.nodes:
        if node.op_type == "Constant" and node.outputs:
            value = next(iter(node.attributes.values()), None)
            if isinstance(value, TensorProto):
                out[node.outputs[0]] = value
            elif isinstance(value, (int, float, tuple)):
                array = np.array(value)
                small = array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.int64)
                out[node.outputs[0]] = TensorProto.of(node.outputs[0], small)
    return out


@dataclass
class TensorTable:
    """Shapes and dtypes of tensors by name; `constants` are those that no inference computes.

    A constant's value is a tensor of the file, an array that was computed from such, or None: not needed, not known.
    """

    shapes: dict[str, Shape] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    constants: dict[str, TensorProto | Array | None] = field(default_factory=dict)

    @staticmethod
    def of(graph: GraphProto, specs: Mapping[str, TensorSpec] | None = None) -> TensorTable:
        """Of the constants in `graph`, and its activations as they were seen when it ran."""
        table = TensorTable()
        for name, tensor in constants_of(graph).items():
            table.add_constant(name, tensor)
        for name, spec in (specs or {}).items():
            if name not in table.constants:
                table.add(name, spec.shape, spec.dtype)
        return table

    def add(self, name: str, shape: Shape, dtype: str) -> None:
        """An activation."""
        self.shapes[name], self.dtypes[name] = shape, dtype

    def add_constant(self, name: str, value: TensorProto | Array) -> None:
        """A constant whose value is known."""
        self.constants[name] = value
        if isinstance(value, TensorProto):
            self.add(name, value.dims, value.dtype)
        else:
            self.add(name, value.shape, value.dtype.name)

    def value(self, name: str) -> Array | None:
        """Of a constant; None for an activation, or where nobody computed it. Raises DataError for damaged data."""
        value = self.constants.get(name)
        return value.array() if isinstance(value, TensorProto) else value


@dataclass(frozen=True)
class NodeView:
    """A node with what is known of its tensors, by place. Raises DataError where a shape asked for is not known."""

    node: NodeProto
    table: TensorTable

    def has(self, place: int) -> bool:
        """Whether an input is given there."""
        return place < len(self.node.inputs) and bool(self.node.inputs[place])

    def shape(self, place: int) -> Shape:
        """Of an input."""
        name = self.node.inputs[place] if self.has(place) else ""
        if name not in self.table.shapes:
            raise DataError(f"the shape of its input {name or place!r} is not known")
        return self.table.shapes[name]

    def value(self, place: int) -> Array | None:
        """Of a constant input."""
        return self.table.value(self.node.inputs[place]) if self.has(place) else None

    def constant(self, place: int) -> bool:
        """Whether an input is a constant."""
        return self.has(place) and self.node.inputs[place] in self.table.constants

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute's value."""
        return self.node.attributes.get(name, default)

    def ints(self, place: int, name: str) -> tuple[int, ...] | None:
        """Integers that newer operator sets have as constant input `place`, older ones as attribute `name`."""
        value = self.value(place)
        if value is not None:
            return tuple(int(v) for v in value.reshape(-1))
        listed = self.attr(name)
        if listed is None:
            return None
        return tuple(int(v) for v in listed) if isinstance(listed, tuple) else (int(listed),)

    def axis(self, name: str, default: int, rank: int) -> int:
        """An attribute that counts axes, from 0."""
        return from_start(int(self.attr(name, default)), rank)

    def axes(self, place: int, rank: int) -> tuple[int, ...] | None:
        """`axes`, from 0, as attribute or as input `place`; None where none are given."""
        found = self.ints(place, "axes")
        return None if found is None else tuple(from_start(a, rank) for a in found)


def channels_first(shape: Shape) -> Shape:
    """(N, C, …) of (N, …, C)."""
    return (shape[0], shape[-1], *shape[1:-1])


def from_start(axis: int, rank: int) -> int:
    """An axis that may count from the end, counted from 0. Raises DataError where there is no such axis."""
    if not -rank <= axis < max(rank, 1):
        raise DataError(f"there is no axis {axis} in {rank}")
    return axis % rank if rank else 0
