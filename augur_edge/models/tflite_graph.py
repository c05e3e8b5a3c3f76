"""A decoded .tflite model seen as a graph: names, constants, layouts, and which operators run as one.

Only the main subgraph (number 0) is looked at. Tensors are their indices in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.layers import Shape
from augur_edge.models.open_shapes import how_to_give
from augur_edge.models.tflite_layout import IMAGE, Order, plain
from augur_edge.models.tflite_schema import DTYPES, operator_code, operator_names
from augur_edge.models.tflite_verify import damaged

# Operators that look at pixels: their tensors of four axes are (N, H, W, C).
_SPATIAL = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D",
     "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "SPACE_TO_BATCH_ND",
     "BATCH_TO_SPACE_ND", "LOCAL_RESPONSE_NORMALIZATION"}
)  # fmt: skip
# Operators whose output's axes are not their input's; all others hand the layout on.
_REARRANGES = frozenset(
    {"RESHAPE", "TRANSPOSE", "BATCH_MATMUL", "FULLY_CONNECTED", "SQUEEZE", "EXPAND_DIMS", "PACK", "UNPACK", "GATHER",
     "GATHER_ND", "TILE", "CUSTOM", "IF", "WHILE"}
)  # fmt: skip
# The delegate turns these into constants once, when they read constants.
_UNPACKS_CONSTANTS = frozenset({"DEQUANTIZE", "DENSIFY"})
_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
_VALID = 1


class NotConstantError(Exception):
    """An axis, a size or a padding is computed by the network itself."""


@dataclass(frozen=True)
class Unit:
    """Operators that run as one: `op`, and before it the padding or unpacking of constants it takes in."""

    op: int
    before: tuple[int, ...] = ()


def to_network(shape: Shape, order: Order) -> Shape:
    """From the file's order of axes to the Network's."""
    return tuple(shape[order.index(axis)] for axis in range(len(shape)))


class GraphView:
    """The main subgraph of a `ModelT` that `decode_tflite` has checked."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.graph = model.subgraphs[0]
        self.ops: list[Any] = self.graph.operators
        self.codes = [operator_names().get(operator_code(model, op), "UNKNOWN") for op in self.ops]
        self._writers = {t: i for i, op in enumerate(self.ops) for t in op.outputs}
        self._readers = Counter(t for op in self.ops for t in op.inputs) + Counter(self.graph.outputs)

    @cached_property
    def names(self) -> list[str]:
        """A name for every tensor, each once: the file's own, with the index where that is missing or taken."""
        names: dict[str, None] = {}
        for i, tensor in enumerate(self.graph.tensors):
            name = (tensor.name or b"").decode("utf-8", "replace") or f"tensor_{i}"
            names[name if name not in names else f"{name}@{i}"] = None
        return list(names)

    def shape(self, tensor: int) -> Shape:
        """Shape in the file's own layout."""
        values = self.graph.tensors[tensor].shape
        shape = () if values is None else tuple(int(d) for d in values)
        if any(d < 0 for d in shape):
            raise damaged(f"tensor {self.names[tensor]!r} has the shape {shape}")
        return shape

    def dtype(self, tensor: int) -> str | None:
        """Name of the element type; None for what is no number (strings, resources)."""
        return DTYPES.get(self.graph.tensors[tensor].type)

    def is_constant(self, tensor: int) -> bool:
        """Whether its values are in the file, or become a constant when the delegate loads it."""
        return self._is_stored(tensor) or tensor in self._unpacked

    def _is_stored(self, tensor: int) -> bool:
        return (
            self._data(tensor) is not None or self.graph.tensors[tensor].externalBuffer > 0 or 0 in self.shape(tensor)
        )

    def _data(self, tensor: int) -> Any:
        """Bytes in the file, or None."""
        data = self.model.buffers[self.graph.tensors[tensor].buffer].data if self.model.buffers else None
        return data if data is not None and len(data) else None

    @cached_property
    def _unpacked(self) -> dict[int, tuple[int, ...]]:
        """Tensors that are constants once unpacked -> the operators that do it, in order."""
        out: dict[int, tuple[int, ...]] = {}
        for i, (op, code) in enumerate(zip(self.ops, self.codes)):
            if code in _UNPACKS_CONSTANTS and all(self._is_stored(t) or t in out for t in op.inputs):
                steps = (*(step for t in op.inputs for step in out.get(t, ())), i)
                out.update((t, steps) for t in op.outputs if t not in self.graph.outputs)
        return out

    def actives(self, op: int) -> list[int]:
        """What an operator reads that is computed; of a transposed convolution the image before its shape."""
        found = [
            t
            for t in self.ops[op].inputs
            if t >= 0 and not self.is_constant(t) and not self.graph.tensors[t].isVariable
        ]
        return found[::-1] if self.codes[op] == "TRANSPOSE_CONV" else found

    def unit_inputs(self, unit: Unit) -> list[int]:
        """What a unit reads: where it takes in a padding, what that reads."""
        pads = {self.ops[op].outputs[0]: self.ops[op].inputs[0] for op in unit.before if self.codes[op] == "PAD"}
        return [pads.get(t, t) for t in self.actives(unit.op)]

    def integers(self, tensor: int) -> tuple[int, ...]:
        """Values of an integer constant, flat. Raises NotConstantError where a run would decide them."""
        values = self._integers(tensor)
        if values is None:
            raise NotConstantError(f"tensor {self.names[tensor]!r} is no integer constant")
        return values

    def _integers(self, tensor: int) -> tuple[int, ...] | None:
        data, dtype = self._data(tensor), self.dtype(tensor)
        if data is None or dtype not in ("int32", "int64"):
            return None
        if len(data) % np.dtype(dtype).itemsize:
            raise damaged(f"tensor {self.names[tensor]!r} holds {len(data)} bytes of {dtype}")
        return tuple(int(v) for v in np.frombuffer(data, np.dtype(dtype)))

    def scalar(self, tensor: int) -> float | None:
        """The value of a constant of one number, dequantised; None where it is not one."""
        found, dtype = self.graph.tensors[tensor], self.dtype(tensor)
        data = self._data(tensor)
        if data is None or dtype not in ("float32", "int8", "uint8", "int32") or len(data) != np.dtype(dtype).itemsize:
            return None
        value, scales = float(np.frombuffer(data, np.dtype(dtype))[0]), found.quantization
        if scales is None or scales.scale is None or len(scales.scale) != 1:
            return value
        zero = 0 if scales.zeroPoint is None or not len(scales.zeroPoint) else int(scales.zeroPoint[0])
        return (value - zero) * float(scales.scale[0])

    def order(self, tensor: int) -> Order:
        """Which axis of (N, C, H, W) each axis of the file is; the file's own order for what is no image."""
        rank = len(self.shape(tensor))
        return IMAGE if rank == 4 and self._images[tensor] else plain(rank)

    @cached_property
    def _images(self) -> list[bool]:
        """Tensors of four axes that share a layout with one that a spatial operator touches."""
        group = list(range(len(self.graph.tensors)))

        def root(t: int) -> int:
            while group[t] != t:
                group[t] = group[group[t]]
                t = group[t]
            return t

        images = set()
        for op, code in zip(self.ops, self.codes):
            touched = [t for t in (*op.inputs, *op.outputs) if t >= 0 and self._has_four_axes(t)]
            if code in _SPATIAL:
                images.update(touched)
            elif code not in _REARRANGES:
                for a, b in zip(touched, touched[1:]):
                    group[root(a)] = root(b)
        roots = {root(t) for t in images}
        return [root(t) in roots for t in range(len(group))]

    def _has_four_axes(self, tensor: int) -> bool:
        return len(self.shape(tensor)) == 4 and not self._is_stored(tensor)

    def units(self) -> list[Unit]:
        """What runs, in order: XNNPACK takes zero padding into the one convolution that reads it."""
        before: dict[int, list[int]] = {}
        taken = {i for steps in self._unpacked.values() for i in steps}
        for i, op in enumerate(self.ops):
            before[i] = sorted({step for t in op.inputs for step in self._unpacked.get(t, ())})
            pad = self._writers.get(op.inputs[0]) if op.inputs else None
            if self.codes[i] in _CONVOLUTIONS and pad is not None and pad < i and self._is_taken_in(pad, op):
                before[i].append(pad)
                taken.add(pad)
        return [Unit(i, tuple(before[i])) for i in range(len(self.ops)) if i not in taken]

    def _is_taken_in(self, pad: int, conv: Any) -> bool:
        op = self.ops[pad]
        if self.codes[pad] != "PAD" or self._readers[op.outputs[0]] > 1 or len(op.inputs) < 2:
            return False
        amounts = self._integers(op.inputs[1]) or ()
        pixels_only = len(amounts) == 8 and not any(amounts[:2] + amounts[6:])
        return pixels_only and getattr(conv.builtinOptions, "padding", None) == _VALID

    def check_static(self) -> None:
        """Raise UsageError where an input's shape is left open."""
        for t in self.graph.inputs:
            found = self.graph.tensors[t].shapeSignature
            signature = tuple(int(d) for d in found) if found is not None else self.shape(t)
            if any(d < 0 for d in signature):
                example = how_to_give(self.names[t], [d if d >= 0 else 1 for d in signature])
                raise UsageError(f"input {self.names[t]!r} has the dynamic shape {signature}: {example}")
