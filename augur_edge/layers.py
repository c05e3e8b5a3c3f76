"""The domain's smallest thing: a layer, with what it computes, reads and writes.

Shapes are channels first (N, C, H, W) whatever layout a runtime uses inside: a writer for another layout keeps the
meaning (`flatten` and `reshape` keep the order of elements as channels first has it). What readers and writers agree
on, per op (n: spatial axes; axes in attrs count from 0, never from the end):

| op | weights, in this order | fields and attrs |
|---|---|---|
| conv*n*d | (out, in/groups, *kernel), bias (out,) or none | kernel stride dilation [n], padding [2n] |
| conv_transpose*n*d | (in, out/groups, *kernel), bias (out,) or none | the same, `output_padding` [n] |
| dense | (out, in), bias (out,) or none | on the last axis of an input of any rank: (..., in) -> (..., out) |
| matmul | constant operand, if one is | `transpose_a`, `transpose_b` (last two axes); batch axes broadcast |
| batch_norm | scale (C,), shift (C,) | `epsilon`; mean 0 and variance 1 where a file needs them; folded by writers |
| layer_norm, rms_norm | scale (C,), shift (C,) (rms_norm: scale) | over the last axis; `epsilon` |
| group_norm, instance_norm | scale (C,), shift (C,) | `epsilon`, group_norm: groups |
| max_pool2d, avg_pool2d | | kernel stride padding dilation, `ceil_mode`, `count_include_pad`: both False unless given |
| global_avg_pool, global_max_pool | | (N, C, H, W) -> (N, C, 1, 1) |
| reduce_mean | | `axes`, `keepdims` (False unless given) |
| add sub mul div min max pow | constant operand, if one is | two inputs; or one, and a constant or the scalar `value` |
| relu relu6 sigmoid tanh erf swish | | swish: x sigmoid(x) |
| hard_sigmoid, hard_swish | | clip(x/6 + 1/2, 0, 1), and x times that |
| gelu | | by erf, or `approximate="tanh"` |
| clip, leaky_relu, elu | | `min` and `max`, either may be absent; `alpha` |
| softmax | | `axis` |
| reshape, flatten | | to the shape of the output; flatten: all axes from 1 on |
| transpose | | `perm` |
| concat | constants, if any are; size 1 on axis 0 is repeated for the batch | `axis` |
| split | | `axis`; sizes are those of the outputs |
| slice | | `starts`, one per axis; sizes are those of the output; `steps` (ones unless given) |
| pad | | `pads`: begins of every axis, then ends; `mode` (constant unless given), `value` (0 unless given) |
| resize | | `mode`: nearest or linear; size is that of the output |

Padding is top, left, bottom, right. A constant operand follows the inputs, unless `constants_first=True`. A network to
be written has each activation and each addition as a node of its own: `Layer.activation` and `fused_add` say what a
runtime made of them when it deployed the network.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from math import prod
from typing import Any, Union

Shape = tuple[int, ...]
AttrValue = Union[int, float, str, bool, tuple[int, ...], tuple[float, ...]]

BYTES_PER_ELEMENT = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1,
    "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1, "bool": 1,
}  # fmt: skip

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
TRANSPOSED_CONVOLUTIONS = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
POOLS = frozenset({"max_pool2d", "avg_pool2d", "global_avg_pool", "global_max_pool", "reduce_mean"})
ELEMENTWISE = frozenset({"add", "sub", "mul", "div", "min", "max", "pow"})
ACTIVATIONS = frozenset(
    {"relu", "relu6", "clip", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "gelu", "tanh", "erf",
     "leaky_relu", "elu"}
)  # fmt: skip
NORMALISATIONS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"})


def _tuples(value: Any) -> Any:
    """Lists, as JSON gives them, back to tuples."""
    return tuple(_tuples(v) for v in value) if isinstance(value, (list, tuple)) else value


def _plain(value: Any) -> Any:
    """One spelling of values that are equal: True and 1.0 become 1."""
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value


@dataclass(frozen=True)
class Layer:
    """One operation with all that decides its cost; values of weights are not part of it.

    op: a name above, or any other (`softmax`, `reshape`, `reorder`, an unknown op's own name).
    inputs, outputs: shapes of activations. weights: shapes of the constants read, parameters first.
    kernel, stride, dilation: one number per spatial axis; padding: begins, then ends (as in ONNX).
    groups: equal to the input channels for a depthwise convolution.
    dtype: of the activations; int8 layers have int8 weights and int32 biases.
    activation: fused after the op. fused_add: a residual, the last of `inputs`, is added before it.
    attrs: what else the op needs, see the table above; kept sorted by name.
    """

    op: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    weights: tuple[Shape, ...] = ()
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    dtype: str = "float32"
    activation: str | None = None
    fused_add: bool = False
    attrs: tuple[tuple[str, AttrValue], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "attrs", tuple(sorted(self.attrs)))
        if self.dtype not in BYTES_PER_ELEMENT:
            raise ValueError(f"{self.op}: dtype {self.dtype!r} is none of {', '.join(BYTES_PER_ELEMENT)}")
        for shape in (*self.inputs, *self.outputs, *self.weights):
            if any(d < 0 for d in shape):
                raise ValueError(f"{self.op}: shape {shape} has a negative size")

    def attr(self, name: str, default: Any = None) -> Any:
        """The value of one of `attrs`, or `default`."""
        return dict(self.attrs).get(name, default)

    @property
    def macs(self) -> int:
        """Multiply-accumulates: of convolutions, dense layers and matrix products; 0 for every other op."""
        if self.op in CONVOLUTIONS and self.weights:
            return prod(self.outputs[0]) * prod(self.weights[0][1:])
        if self.op in TRANSPOSED_CONVOLUTIONS and self.weights:
            return prod(self.inputs[0]) * prod(self.weights[0][1:])
        if self.op == "dense":
            return prod(self.outputs[0]) * self.inputs[0][-1]
        if self.op == "matmul":
            return prod(self.outputs[0]) * self._inner
        return 0

    @property
    def _inner(self) -> int:
        constant_first = self.weights and self.attr("constants_first", False)
        first = self.weights[0] if constant_first else self.inputs[0]
        return first[-2] if self.attr("transpose_a", False) else first[-1]

    @property
    def params(self) -> int:
        """Number of trained values."""
        return sum(prod(w) for w in self.weights)

    @property
    def weight_bytes(self) -> int:
        """Bytes of constants; a vector beside int8 weights is an int32 bias."""
        size = BYTES_PER_ELEMENT[self.dtype]
        return sum(prod(w) * (4 if size == 1 and len(w) == 1 else size) for w in self.weights)

    @property
    def input_bytes(self) -> int:
        """Bytes of activations read."""
        return sum(prod(s) for s in self.inputs) * BYTES_PER_ELEMENT[self.dtype]

    @property
    def output_bytes(self) -> int:
        """Bytes of activations written."""
        return sum(prod(s) for s in self.outputs) * BYTES_PER_ELEMENT[self.dtype]

    @property
    def bytes_moved(self) -> int:
        """Bytes of weights, inputs and outputs, each counted once."""
        return self.weight_bytes + self.input_bytes + self.output_bytes

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: MACs per byte moved; 0.0 where nothing is multiplied."""
        return self.macs / self.bytes_moved if self.bytes_moved else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; fields at their default are left out."""
        out: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value != f.default:
                out[f.name] = dict(value) if f.name == "attrs" else value
        return out

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Layer:
        """The inverse of `to_dict`, also after a trip through JSON. Raises ValueError on unknown or missing fields."""
        unknown = sorted(set(data) - {f.name for f in fields(Layer)})
        if unknown:
            raise ValueError(f"a layer has no field {unknown[0]!r}")
        missing = [name for name in ("op", "inputs", "outputs") if name not in data]
        if missing:
            raise ValueError(f"a layer lacks its {missing[0]!r}")
        values = {k: _tuples(v) for k, v in data.items() if k != "attrs"}
        attrs = tuple(sorted((k, _tuples(v)) for k, v in data.get("attrs", {}).items()))
        return Layer(**values, attrs=attrs)

    @cached_property
    def digest(self) -> str:
        """16 hex digits that name this layer's work: equal layers, equal digests, on every machine."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        data["attrs"] = [(k, _plain(v)) for k, v in self.attrs]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def packed(self) -> str:
        """`to_dict` as compact JSON with sorted keys. Raises ValueError on NaN and infinities."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
