"""A float32 graph as an int8 one, the way ONNX Runtime's own tools write it: values stay float32 in name, between
QuantizeLinear and DequantizeLinear, and the runtime turns what is between them into its integer kernels.

Weights: int8, symmetric, per output channel. Activations: uint8, per tensor, with ranges that are expected, not
observed; unsigned, because on x86 ONNX Runtime leaves part of a graph of signed ones in float32. Ops
without an integer kernel (normalisations, gelu, hard_swish, transposed convolutions) stay in float32.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.models.onnx_graph import GraphProto, NodeProto
from augur_edge.models.onnx_tensor import TensorProto
from augur_edge.models.synthetic import Floats, Moments

Integers = npt.NDArray[Any]

_SAME_SCALE = frozenset({"MaxPool", "Reshape", "Flatten", "Transpose", "Split", "Slice", "Resize"})
"""Only these ops pass values on unchanged, so that they run on the integers themselves if both sides agree."""
_QUANTISED = _SAME_SCALE | {
    "Conv", "Gemm", "MatMul", "Add", "Mul", "Relu", "Clip", "LeakyRelu", "Sigmoid", "AveragePool",
    "GlobalAveragePool", "Concat", "Softmax",
}  # fmt: skip
_CHANNEL_AXIS = {"Conv": 0, "Gemm": 0, "MatMul": 1}
"""Axis of output channels in a weight as the writer lays it out."""
_FUSED = frozenset({"Relu", "Clip"})
"""Become part of the rounding after them, so nothing is rounded before."""


@dataclass(frozen=True)
class _Scale:
    """value = scale * (integer - zero)."""

    scale: float
    zero: int

    @staticmethod
    def of(limits: tuple[float, float]) -> _Scale:
        low, high = min(limits[0], 0.0), max(limits[1], 0.0)
        scale = float(np.float32((high - low) / 255 or 1.0))
        return _Scale(scale, int(np.clip(round(-low / scale), 0, 255)))


def quantise(graph: GraphProto, moments: Mapping[str, Moments], kept: Set[str]) -> GraphProto:
    """The int8 graph. moments: of the network's tensors; a tensor inside an op (`op/matmul`) has its op's.

    kept: names of nodes to leave in float32, because together they are one op to the runtime.
    """
    return _Quantiser(graph, moments, kept).run()


@dataclass
class _Quantiser:
    graph: GraphProto
    moments: Mapping[str, Moments]
    kept: Set[str]
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)
    scales: dict[str, _Scale] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def run(self) -> GraphProto:
        graph = self.graph
        self.constants = dict(graph.initializers)
        inputs = {v.name for v in graph.inputs}
        wanted = self._tensors()
        for name in (v.name for v in graph.inputs if v.name in wanted):
            self.scales[name] = _Scale.of(self._moments(name).limits)
            self.renamed[name] = f"{name}/dequantized"
            self._pair(name, name, self.renamed[name])
        for node in graph.nodes:
            self._set_scales(node)
            outputs = [f"{t}/float" if t in wanted else t for t in node.outputs]
            self.nodes.append(replace(node, inputs=self._inputs(node), outputs=outputs))
            for tensor, written in zip(node.outputs, outputs):
                if tensor in wanted and tensor not in inputs:
                    self._pair(tensor, written, tensor)
        used = {t for n in self.nodes for t in n.inputs}
        return replace(graph, nodes=self.nodes, initializers={k: v for k, v in self.constants.items() if k in used})

    def _tensors(self) -> set[str]:
        """Activations to be rounded: what an integer op reads or writes, but not what goes on into a clamp alone."""
        outputs = {v.name for v in self.graph.outputs}
        reads = Counter(t for n in self.graph.nodes for t in n.inputs)
        clamped = {n.inputs[0] for n in self.graph.nodes if n.op_type in _FUSED} - outputs
        nodes = [n for n in self.graph.nodes if n.op_type in _QUANTISED and n.name not in self.kept]
        touched = {t for n in nodes for t in (*n.inputs, *n.outputs) if t and t not in self.graph.initializers}
        return {t for t in touched if not (t in clamped and reads[t] == 1)}

    def _moments(self, tensor: str) -> Moments:
        return self.moments.get(tensor) or self.moments.get(tensor.rpartition("/")[0]) or Moments()

    def _set_scales(self, node: NodeProto) -> None:
        for tensor in node.outputs:
            if node.op_type in _SAME_SCALE and node.inputs[0] in self.scales:
                self.scales[tensor] = self.scales[node.inputs[0]]
            else:
                self.scales[tensor] = _Scale.of(self._moments(tensor).limits)

    def _pair(self, tensor: str, source: str, target: str) -> None:
        """Quantises `source` and writes what comes back to `target`."""
        scale = self.scales[tensor]
        names = (
            self._constant(f"{tensor}/scale", np.float32(scale.scale)),
            self._constant(f"{tensor}/zero", np.uint8(scale.zero)),
        )
        middle = f"{tensor}/quantized"
        self.nodes.append(NodeProto("QuantizeLinear", [source, *names], [middle], f"{tensor}/quantize"))
        self.nodes.append(NodeProto("DequantizeLinear", [middle, *names], [target], f"{tensor}/dequantize"))

    def _constant(self, name: str, value: object) -> str:
        self.constants[name] = TensorProto.of(name, np.asarray(value))
        return name

    def _inputs(self, node: NodeProto) -> list[str]:
        names = [self.renamed.get(t, t) for t in node.inputs]
        if node.op_type not in _QUANTISED - _FUSED - _SAME_SCALE or node.name in self.kept:
            return names
        for place, name in enumerate(node.inputs):
            tensor = self.graph.initializers.get(name)
            if tensor is None or tensor.dtype != "float32":
                continue
            stack = node.op_type == "MatMul" and (place == 0 or len(tensor.dims) != 2)  # has no axis of channels
            if node.op_type not in _CHANNEL_AXIS or stack:
                names[place] = self._operand(tensor)
            else:
                names[place] = (
                    self._weight(tensor, _CHANNEL_AXIS[node.op_type]) if place < 2 else self._bias(node, tensor)
                )
        return names

    def _operand(self, tensor: TensorProto) -> str:
        """A constant in the place of an activation, rounded as those are."""
        values: Floats = tensor.array()
        scale = _Scale.of((float(values.min()), float(values.max())))
        integers = np.clip(np.rint(values / scale.scale) + scale.zero, 0, 255).astype(np.uint8)
        return self._dequantised(tensor.name, integers, np.array(scale.scale, np.float32), scale.zero)

    def _weight(self, tensor: TensorProto, axis: int) -> str:
        values: Floats = tensor.array()
        largest = np.abs(values).max(axis=tuple(i for i in range(values.ndim) if i != axis), keepdims=True)
        scale = (np.maximum(largest, 1e-8) / 127).astype(np.float32)
        integers = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
        return self._dequantised(tensor.name, integers, scale.reshape(-1), axis=axis)

    def _bias(self, node: NodeProto, tensor: TensorProto) -> str:
        """int32, in steps of the product of the input's scale and the weight's."""
        steps = self.constants[f"{node.inputs[1]}/scale"].array() * np.float32(self.scales[node.inputs[0]].scale)
        integers = np.rint(tensor.array() / steps).astype(np.int32)
        return self._dequantised(tensor.name, integers, steps.astype(np.float32), axis=0)

    def _dequantised(
        self, name: str, integers: Integers, scale: Floats, zero: int = 0, *, axis: int | None = None
    ) -> str:
        """Adds a constant kept as integers, and the node that gives its values back."""
        target = f"{name}/dequantized"
        if f"{name}/quantized" not in self.constants:
            parts = {"quantized": integers, "scale": scale, "zero": np.full(scale.shape, zero, integers.dtype)}
            names = [self._constant(f"{name}/{part}", value) for part, value in parts.items()]
            attributes = {} if axis is None else {"axis": axis}
            self.nodes.append(
                NodeProto("DequantizeLinear", names, [target], f"{name}/dequantize", attributes=attributes)
            )
        return target
