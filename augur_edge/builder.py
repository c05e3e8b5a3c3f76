"""Builds a Network call by call: each method adds one layer and returns the name of the tensor it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

from augur_edge.layers import AttrValue, Layer, Shape
from augur_edge.network import Network, Node, TensorInfo
from augur_edge.window import Padding, Pair, Window, conv2d


class Builder:
    """One network in the making: `input` is its one input, `nodes` those so far. Tensors are named after their nodes.

    All methods take and return names of tensors, shapes are channels first, and a layer that does not fit its
    input raises ValueError. A node without a `name` is named after its op and a running number.
    """

    def __init__(self, name: str, shape: Shape, dtype: str = "float32") -> None:
        self.name = name
        self.dtype = dtype
        self.input = "input"
        self._inputs = (TensorInfo(self.input, shape, dtype),)
        self._shapes: dict[str, Shape] = {self.input: shape}
        self.nodes: list[Node] = []
        self._prefix = ""

    def shape(self, x: str) -> Shape:
        """Shape of a tensor made so far."""
        return self._shapes[x]

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Nodes added inside are named `name.…`."""
        outer = self._prefix
        self._prefix = f"{outer}{name}."
        try:
            yield
        finally:
            self._prefix = outer

    def network(self, *outputs: str) -> Network:
        """The finished network."""
        return Network(self.name, self._inputs, tuple(self.nodes), outputs)

    def layer(self, layer: Layer, inputs: Sequence[str], name: str | None = None) -> tuple[str, ...]:
        """Adds any layer at all; returns the names of its outputs."""
        shapes = tuple(self._shapes[x] for x in inputs)
        name = self._prefix + (name or f"{layer.op}_{len(self.nodes)}")
        if shapes != layer.inputs:
            raise ValueError(f"{self.name}: {name} takes {layer.inputs}, {', '.join(inputs)} give {shapes}")
        many = len(layer.outputs) > 1
        outputs = tuple(f"{name}:{i}" if many else name for i in range(len(layer.outputs)))
        self.nodes.append(Node(name, layer, tuple(inputs), outputs))
        self._shapes.update(zip(outputs, layer.outputs))
        return outputs

    def op(
        self,
        op: str,
        inputs: Sequence[str],
        output: Shape,
        weights: tuple[Shape, ...] = (),
        name: str | None = None,
        **attrs: AttrValue,
    ) -> str:
        """Adds an op that has one output and no geometry; `attrs` as the table in `layers` has them."""
        shapes = tuple(self._shapes[x] for x in inputs)
        layer = Layer(op, shapes, (output,), weights, dtype=self.dtype, attrs=tuple(attrs.items()))
        return self.layer(layer, inputs, name)[0]

    def conv(
        self,
        x: str,
        out: int,
        kernel: Pair,
        *,
        stride: Pair = 1,
        padding: Padding = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = False,
        name: str | None = None,
    ) -> str:
        """conv2d; padding as in `Window`."""
        window = Window(kernel, stride, padding, dilation)
        layer = conv2d(self.shape(x), out, window, groups=groups, bias=bias, dtype=self.dtype)
        return self.layer(layer, (x,), name)[0]

    def depthwise(self, x: str, kernel: Pair, stride: Pair = 1, padding: Padding = 0, name: str | None = None) -> str:
        """conv2d with a group for each channel, without bias."""
        channels = self.shape(x)[1]
        return self.conv(x, channels, kernel, stride=stride, padding=padding, groups=channels, name=name)

    def max_pool(
        self,
        x: str,
        kernel: Pair,
        stride: Pair,
        padding: Padding = 0,
        *,
        ceil_mode: bool = False,
        name: str | None = None,
    ) -> str:
        """max_pool2d; padding and `ceil_mode` as in `Window`."""
        window = Window(kernel, stride, padding, ceil_mode=ceil_mode)
        return self.layer(window.layer("max_pool2d", self.shape(x), self.shape(x)[1], dtype=self.dtype), (x,), name)[0]

    def avg_pool(self, x: str, kernel: Pair, stride: Pair, padding: Padding = 0, name: str | None = None) -> str:
        """avg_pool2d; padded pixels do not count."""
        window = Window(kernel, stride, padding)
        return self.layer(window.layer("avg_pool2d", self.shape(x), self.shape(x)[1], dtype=self.dtype), (x,), name)[0]

    def batch_norm(self, x: str, epsilon: float = 1e-5, name: str | None = None) -> str:
        """Over channels."""
        channels = (self.shape(x)[1],)
        return self.op("batch_norm", (x,), self.shape(x), (channels, channels), name, epsilon=epsilon)

    def layer_norm(self, x: str, epsilon: float = 1e-5, name: str | None = None) -> str:
        """Over the last axis."""
        last = self.shape(x)[-1:]
        return self.op("layer_norm", (x,), self.shape(x), (last, last), name, epsilon=epsilon)

    def activation(self, x: str, op: str, name: str | None = None, **attrs: AttrValue) -> str:
        """`relu`, `hard_swish` and the rest of `layers.ACTIVATIONS`."""
        return self.op(op, (x,), self.shape(x), (), name, **attrs)

    def relu(self, x: str, name: str | None = None) -> str:
        """The commonest activation."""
        return self.activation(x, "relu", name)

    def softmax(self, x: str, name: str | None = None) -> str:
        """Over the last axis."""
        return self.op("softmax", (x,), self.shape(x), (), name, axis=len(self.shape(x)) - 1)

    def binary(self, op: str, a: str, b: str, name: str | None = None) -> str:
        """`add`, `mul` and the rest of `layers.ELEMENTWISE`; axes of size 1 broadcast, ranks are equal."""
        pairs = list(zip(self.shape(a), self.shape(b)))
        if len(self.shape(a)) != len(self.shape(b)) or any(m != n and 1 not in (m, n) for m, n in pairs):
            raise ValueError(f"{self.name}: {op} cannot join {self.shape(a)} and {self.shape(b)}")
        return self.op(op, (a, b), tuple(max(p) for p in pairs), (), name)

    def add(self, a: str, b: str, name: str | None = None) -> str:
        """`binary` for residuals."""
        return self.binary("add", a, b, name)

    def mul(self, a: str, b: str, name: str | None = None) -> str:
        """`binary` for gates."""
        return self.binary("mul", a, b, name)

    def scale(self, x: str, value: float, name: str | None = None) -> str:
        """mul by a scalar that is part of the graph, not a parameter."""
        return self.op("mul", (x,), self.shape(x), (), name, value=value)

    def add_constant(self, x: str, name: str | None = None) -> str:
        """Adds a parameter of the input's shape, one for the whole batch (a position embedding)."""
        return self.op("add", (x,), self.shape(x), ((1, *self.shape(x)[1:]),), name)

    def global_avg_pool(self, x: str, name: str | None = None) -> str:
        """(N, C, H, W) -> (N, C, 1, 1)."""
        return self.op("global_avg_pool", (x,), (*self.shape(x)[:2], 1, 1), (), name)

    def flatten(self, x: str, name: str | None = None) -> str:
        """(N, …) -> (N, product of the rest)."""
        batch, *rest = self.shape(x)
        return self.op("flatten", (x,), (batch, prod(rest)), (), name)

    def reshape(self, x: str, shape: Shape, name: str | None = None) -> str:
        """The same elements in the same order, as `shape`."""
        if prod(shape) != prod(self.shape(x)):
            raise ValueError(f"{self.name}: {self.shape(x)} does not reshape to {shape}")
        return self.op("reshape", (x,), shape, (), name)

    def transpose(self, x: str, perm: tuple[int, ...], name: str | None = None) -> str:
        """Axis i of the output is axis perm[i] of the input."""
        return self.op("transpose", (x,), tuple(self.shape(x)[i] for i in perm), (), name, perm=perm)

    def concat(self, xs: Sequence[str], axis: int = 1, name: str | None = None) -> str:
        """Inputs end to end along `axis`."""
        shapes = [self.shape(x) for x in xs]
        if len({(*s[:axis], *s[axis + 1 :]) for s in shapes}) > 1:
            raise ValueError(f"{self.name}: {shapes} differ beside axis {axis}")
        output = (*shapes[0][:axis], sum(s[axis] for s in shapes), *shapes[0][axis + 1 :])
        return self.op("concat", xs, output, (), name, axis=axis)

    def prepend_constant(self, x: str, name: str | None = None) -> str:
        """(N, T, C) -> (N, T + 1, C): a parameter (1, 1, C) before the first of every item (a class token)."""
        batch, tokens, size = self.shape(x)
        constant = ((1, 1, size),)
        return self.op("concat", (x,), (batch, tokens + 1, size), constant, name, axis=1, constants_first=True)

    def split(self, x: str, parts: int, axis: int, name: str | None = None) -> tuple[str, ...]:
        """`parts` equal pieces along `axis`."""
        shape = self.shape(x)
        if shape[axis] % parts:
            raise ValueError(f"{self.name}: {shape} does not split into {parts} along axis {axis}")
        piece = (*shape[:axis], shape[axis] // parts, *shape[axis + 1 :])
        layer = Layer("split", (shape,), (piece,) * parts, dtype=self.dtype, attrs=(("axis", axis),))
        return self.layer(layer, (x,), name)

    def slice(self, x: str, starts: tuple[int, ...], shape: Shape, name: str | None = None) -> str:
        """The block of `shape` that begins at `starts`."""
        if any(a + n > m for a, n, m in zip(starts, shape, self.shape(x))):
            raise ValueError(f"{self.name}: {shape} from {starts} is not inside {self.shape(x)}")
        return self.op("slice", (x,), shape, (), name, starts=starts)

    def dense(self, x: str, out: int, bias: bool = True, name: str | None = None) -> str:
        """(…, in) -> (…, out)."""
        *rest, size = self.shape(x)
        return self.op("dense", (x,), (*rest, out), ((out, size), *(((out,),) if bias else ())), name)

    def matmul(self, a: str, b: str, name: str | None = None) -> str:
        """(…, m, k) x (…, k, n) -> (…, m, n); the axes before are equal."""
        (*left, m, k), (*right, inner, n) = self.shape(a), self.shape(b)
        if left != right or k != inner:
            raise ValueError(f"{self.name}: matmul cannot multiply {self.shape(a)} and {self.shape(b)}")
        return self.op("matmul", (a, b), (*left, m, n), (), name)
