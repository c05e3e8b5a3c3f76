"""One TFLite operator with its tensors at hand, for the rules that make it a Layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from augur_edge.layers import AttrValue, Layer, Shape
from augur_edge.models.tflite_graph import GraphView, to_network
from augur_edge.models.tflite_layout import Order
from augur_edge.models.tflite_verify import damaged

_ACTIVATIONS = {1: "relu", 2: "relu_n1_to_1", 3: "relu6", 4: "tanh", 5: "sign_bit"}
_UNKNOWN_DTYPE = "uint8"


class OpSite:
    """One operator and its tensors; shapes are channels first where the tensor is an image."""

    def __init__(self, view: GraphView, index: int) -> None:
        self.view, self.op, self.code = view, view.ops[index], view.codes[index]
        self.constants = [t for t in self.op.inputs if t >= 0 and view.is_constant(t)]
        self.actives = view.actives(index)

    def option(self, name: str) -> Any:
        """A value of the operator's options; DataError where they are of another kind."""
        if not hasattr(self.op.builtinOptions, name):
            raise damaged(f"{self.code} has no option {name!r}")
        return getattr(self.op.builtinOptions, name)

    @property
    def activation(self) -> str | None:
        return _ACTIVATIONS.get(getattr(self.op.builtinOptions, "fusedActivationFunction", 0))

    def shape(self, tensor: int) -> Shape:
        return to_network(self.view.shape(tensor), self.view.order(tensor))

    def raw(self, i: int) -> Shape:
        """Shape of input `i` as the file has it."""
        return self.view.shape(self.op.inputs[i])

    def integers(self, i: int) -> tuple[int, ...]:
        """Values of the constant that is input `i`."""
        return self.view.integers(self.op.inputs[i])

    @property
    def order(self) -> Order:
        """Layout of the first active input."""
        return self.view.order(self.actives[0])

    def layer(self, op: str, *, weights: Sequence[Shape] = (), **fields: Any) -> Layer:
        """A Layer of all active inputs and outputs; `fields` overrides, `attrs` is a dict."""
        attrs: dict[str, AttrValue] = fields.pop("attrs", {})
        dtype = self.view.dtype(self.op.outputs[0]) or _UNKNOWN_DTYPE if self.op.outputs else _UNKNOWN_DTYPE
        stored = {self.view.dtype(t) for t in self.constants if len(self.view.shape(t)) > 1} - {dtype, None, "int32"}
        if weights and len(stored) == 1:
            attrs = {**attrs, "weight_dtype": str(stored.pop())}
        values = {
            "inputs": tuple(self.shape(t) for t in self.actives),
            "outputs": tuple(self.shape(t) for t in self.op.outputs),
            "activation": self.activation,
            **fields,
        }
        return Layer(op, weights=tuple(weights), dtype=dtype, attrs=tuple(sorted(attrs.items())), **values)

    def bias(self, i: int) -> tuple[Shape, ...]:
        """Shape of the bias, input `i`, if there is one."""
        return (self.raw(i),) if len(self.op.inputs) > i and self.op.inputs[i] >= 0 else ()


Rule = Callable[[OpSite], Layer]
