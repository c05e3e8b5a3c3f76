"""Network -> .tflite, as a converter would have written it: channels last, batch norm folded, activations fused.

Weights are synthetic and seeded. The file's tensor names lead back to the Network: an operator's output is called
after the tensors of all nodes in it, the last one first, joined by `;` as the TensorFlow converter joins them; where
one node becomes several operators, what they pass on is called after the node, `#` and a word (`node_names` undoes
both).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import sqrt

from augur_edge.errors import UsageError
from augur_edge.layers import Layer, Shape
from augur_edge.models.tflite_emit import Emitter
from augur_edge.models.tflite_fuse import fused_steps
from augur_edge.models.tflite_layout import Order, Placed, arrange, place
from augur_edge.models.tflite_operators import emit_step
from augur_edge.models.tflite_ranges import Range, estimate_ranges, expected_moments
from augur_edge.network import Network

_NOT_THE_NODE = re.compile(r"(#.*|:\d+)$")  # a part of a node, or the number of one of its outputs


def node_names(tensor: str) -> tuple[str, ...]:
    """The user's nodes behind an operator, from the name of the tensor it writes: `b:0;a#pad` -> `("b", "a")`."""
    return tuple(dict.fromkeys(_NOT_THE_NODE.sub("", part) for part in tensor.split(";") if part))


def to_tflite(network: Network, *, dtype: str = "float32", seed: int = 0) -> bytes:
    """The Network as a .tflite file with random weights; the same bytes for the same arguments.

    dtype: `float32`, or `int8`: weights per channel and symmetric, activations per tensor with estimated scales
    (`tflite_ranges`), int32 biases, int8 inputs and outputs. Values stay near 1 from the first layer to the last.
    Raises UsageError for another dtype or an op TFLite has no operator for, MissingExtraError without ai-edge-litert.
    """
    if dtype not in ("float32", "int8"):
        raise UsageError(f"dtype {dtype!r}: .tflite files are written as float32 or int8")
    return _Writer(network, dtype, seed).write()


@dataclass
class Site:
    """One step and what its operators need; `tflite_operators` has a function per op that takes one.

    Tensors are numbers of the emitter; shapes and orders are the file's.
    """

    writer: _Writer
    placed: Placed

    @property
    def emit(self) -> Emitter:
        return self.writer.emit

    @property
    def layer(self) -> Layer:
        return self.placed.step.node.layer

    @property
    def activation(self) -> int:
        """The fused activation's number."""
        return self.emit.activation_number(self.placed.step.activation)

    @property
    def order(self) -> Order:
        """The order of the first input's axes."""
        return self.placed.takes[0]

    def range(self, i: int = 0) -> Range:
        """Values of input `i`."""
        return self.writer.ranges[self.placed.step.inputs[i]]

    @property
    def rms(self) -> float:
        """Expected root mean square of the first input."""
        return sqrt(self.writer.moments[self.placed.step.inputs[0]].power)

    def name(self, part: str) -> str:
        """A name for something inside this step."""
        return f"{self.placed.step.folded[-1]}#{part}"

    def input(self, i: int = 0) -> int:
        """Input `i`, in the order the operator takes it."""
        return self.writer.ordered(self.placed.step.inputs[i], self.placed.takes[i])

    def output(self, i: int = 0) -> int:
        """A new tensor for output `i`."""
        return self.writer.new_output(self.placed.step.outputs[i], self.placed.gives[i])

    def part(self, name: str, shape: Shape, values: Range) -> int:
        """A new tensor between two operators of this step."""
        return self.emit.activation(self.name(name), shape, values)

    def refuse(self, what: str) -> UsageError:
        """The error for a layer that has no form in TFLite."""
        name = self.placed.step.folded[-1]
        return UsageError(f"{name}: TFLite has no operator for {what}; measure this network on onnxruntime")


class _Writer:
    def __init__(self, network: Network, dtype: str, seed: int) -> None:
        self.network = network
        self.emit = Emitter(dtype, seed)
        steps = fused_steps(network)
        self.placed, self._orders = place(network, steps)
        self.moments = expected_moments(network)
        self.ranges = estimate_ranges(network, self.moments)
        self._source, self._names = self._follow_renames()
        self._tensors: dict[tuple[str, Order], int] = {}

    def _follow_renames(self) -> tuple[dict[str, str], dict[str, str]]:
        """The tensor that stands for each tensor, and the name in the file of those that stand for themselves."""
        source: dict[str, str] = {}
        names = {t.name: t.name for t in self.network.inputs}
        for p in self.placed:
            for output in p.step.outputs:
                name = ";".join(p.step.folded) if len(p.step.outputs) == 1 else output
                if not p.renames:
                    names[output] = name
                    continue
                root = source.get(p.step.inputs[0], p.step.inputs[0])
                source[output] = root
                if all(t.name != root for t in self.network.inputs):
                    names[root] = f"{name};{names[root]}"
        return source, names

    def write(self) -> bytes:
        inputs = [self.new_output(t.name, self._orders[t.name]) for t in self.network.inputs]
        for placed in self.placed:
            if not placed.renames:
                emit_step(Site(self, placed))
        outputs = [self.ordered(x, self._orders[x]) for x in self.network.outputs]
        return self.emit.finish(inputs, outputs, f"{self.network.name}, synthetic weights")

    def shape(self, tensor: str, order: Order) -> Shape:
        return arrange(self.network.shapes[tensor], order)

    def new_output(self, tensor: str, order: Order) -> int:
        number = self.emit.activation(self._names[tensor], self.shape(tensor, order), self.ranges[tensor])
        self._tensors[tensor, order] = number
        return number

    def ordered(self, tensor: str, order: Order) -> int:
        """A tensor's number in the order wanted; transposed where it is kept in another."""
        kept = self._orders[tensor]
        root = self._source.get(tensor, tensor)
        kept_number = self._tensors[root, self._orders[root]]
        if order == kept:
            return kept_number
        if (tensor, order) not in self._tensors:
            name = f"{tensor}#{'x'.join(map(str, order))}"
            number = self.emit.activation(name, self.shape(tensor, order), self.ranges[tensor])
            perm = self.emit.integers(f"{name}.perm", [kept.index(axis) for axis in order])
            self.emit.operator("TRANSPOSE", [kept_number, perm], [number], "TransposeOptions")
            self._tensors[tensor, order] = number
        return self._tensors[tensor, order]
