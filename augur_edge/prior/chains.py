"""Random networks out of the prior's layers, so that a layer is measured in the cache state it will meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

from augur_edge.builder import Builder
from augur_edge.errors import UsageError
from augur_edge.layers import Layer, Shape
from augur_edge.network import Network
from augur_edge.prior import dims, others, windows
from augur_edge.prior.draws import Draws
from augur_edge.prior.sampled import MAX_BYTES, affordable, draws, kind_of, parse_spec

_MOST_MACS = (1 << 26, 2_000_000_000)  # of a network: from those that stay in a cache to those that nothing holds
_MAX_ELEMENTS = MAX_BYTES // 16  # of one activation, so that an op on two of them stays within MAX_BYTES
_LENGTH, _LEAST_LENGTH = 48, 8
_FEW = 300  # layers of a sample
_TRIES = 30
_MIN_PIXELS = 7
_LEAST_TOKENS = 16
_MIN_CHANNELS = 8  # inside a network; what widens an image may have fewer before it
_MIN_MACS = 1 << 14  # of a convolution, as in the prior: below it a device times the call
_FUSING = ("conv2d", "dense")
_LONE_ACTIVATIONS = ("hard_swish", "swish", "gelu")  # not fused by runtimes into what is before them


def sample_chains(spec: str, seed: int, length: int | None = None) -> list[Network]:
    """Random networks that hold about the asked number of layers of each kind, at least that many.

    spec: as for `sample_layers`. length: steps of a network before its head; a step adds one to a dozen layers; if left
    out 48, and fewer for fewer than 300 layers, so that a hundred come in ten networks, not in four.
    Activations directly after a conv2d or a dense layer are fused when deployed, and do not count. The same arguments
    give the same networks everywhere. Raises UsageError as `sample_layers` does, and for a length below 1.
    """
    left = Counter(parse_spec(spec))
    length = _length_for(sum(left.values())) if length is None else length
    if length < 1:
        raise UsageError(f"length {length}: a network has at least 1 step")
    d = draws(seed, f"chains/{length}")
    networks: list[Network] = []
    while any(n > 0 for n in left.values()):
        name = f"sample_{seed}_{len(networks)}"
        of_maps, of_sequences = (sum(max(left[k], 0) for k in c.own) for c in (_Maps, _Sequences))
        if not of_maps + of_sequences:
            of_sequences, of_maps = (1, 0) if left["dense"] > 0 else (1, 1)
        chain = d.pick((_Maps, _Sequences), (of_maps, of_sequences))(d, left, name)
        networks.append(chain.finished(length))
    return networks


def _length_for(n_layers: int) -> int:
    """Steps of each network in a sample of so many layers.

    A hundred layers, in 40 to 50 s, seeds 0 to 2, trained and held against three networks of the zoo (onnxruntime, EPYC
    virtual machine, noisy): in nine networks of 9 steps 24 % out of fold and 20 % on the zoo's layers, in four of 48
    steps 37 % and 22 %; 26 % of ResNet-18's time is of layers unlike them, not 87 %. 4 steps were no better than 9.
    """
    return _LENGTH if n_layers >= _FEW else max(_LEAST_LENGTH, n_layers // 12)


class _Chain:
    """A network in the making; `x` is where it goes on, `left` the layers still wanted, kind by kind."""

    own: tuple[str, ...] = ()
    """Kinds that no other sort of chain has."""
    shared: tuple[str, ...] = ("elementwise", "concat", "activation", "norm")

    def __init__(self, d: Draws, left: Counter[str], name: str, shape: Shape) -> None:
        self.d, self.left = d, left
        self.b = Builder(name, shape)
        self.x = self.b.input
        self._tensors = [self.x]
        self._counted = 0
        self._most_macs = d.octave(*_MOST_MACS)

    @property
    def shape(self) -> Shape:
        return self.b.shape(self.x)

    def finished(self, length: int) -> Network:
        """After up to `length` steps, as long as anything is wanted that this chain can give."""
        self._count()
        for _ in range(length):
            kinds = [k for k in (*self.own, *self.shared) if self.left[k] > 0]
            if not kinds:
                break
            kind = self.d.pick(kinds, [self.left[k] for k in kinds])
            getattr(self, kind)()
            self._count()
            self._tensors.append(self.x)
        self._most_macs = _MOST_MACS[1]  # a head is worth it wherever the budget stands
        self.head()
        self._count()
        return self.b.network(self.x)

    def _count(self) -> None:
        for node in self.b.nodes[self._counted :]:
            kind = kind_of(node.layer.op)
            if kind and not (kind == "activation" and self._writer(node.inputs[0]) in _FUSING):
                self.left[kind] -= 1
        self._counted = len(self.b.nodes)

    def _writer(self, tensor: str) -> str | None:
        return next((n.layer.op for n in self.b.nodes if tensor in n.outputs), None)

    def _macs(self) -> int:
        return sum(n.layer.macs for n in self.b.nodes)

    def put(self, layer: Layer) -> bool:
        """Goes on with `layer` and its activation, unless that costs too much."""
        macs = layer.macs + self._macs()
        if not affordable(layer) or macs > self._most_macs or prod(layer.outputs[0]) > _MAX_ELEMENTS:
            return False
        self.x = self.b.layer(replace(layer, activation=None), (self.x,))[0]
        if layer.activation:
            self.x = self.b.activation(self.x, layer.activation)
        return True

    def head(self) -> None:
        """What ends the network."""
        raise NotImplementedError

    def _earlier(self, fits: slice) -> str | None:
        """An earlier tensor whose sizes agree with those of `x` on some axes, most recent first."""
        same = (t for t in reversed(self._tensors) if len(self.b.shape(t)) == len(self.shape))
        return next((t for t in same if t != self.x and self.b.shape(t)[fits] == self.shape[fits]), None)

    def elementwise(self) -> None:
        """A residual where there is one, else a parameter or a scalar."""
        other = self._earlier(slice(None))
        if other and self.d.chance(0.7):
            self.x = self.b.binary(self.d.pick(("add", "mul"), (4, 1)), self.x, other)
        elif self.d.chance(0.3):
            self.x = self.b.add_constant(self.x)
        else:
            self.x = self.b.scale(self.x, self.d.integer(1, 32) / 16)

    def concat(self) -> None:
        """Along channels or tokens: with an earlier tensor, or with what an activation makes of this one."""
        other = self._earlier(slice(2, None))
        if other is None or prod(self.shape) + prod(self.b.shape(other)) > _MAX_ELEMENTS:
            other = self.b.relu(self.x)
        if prod(self.shape) + prod(self.b.shape(other)) <= _MAX_ELEMENTS:
            self.x = self.b.concat((self.x, other))

    def activation(self) -> None:
        """One that is not fused into the layer before it."""
        fusing = self._writer(self.x) in _FUSING
        self.x = self.b.activation(self.x, self.d.pick(_LONE_ACTIVATIONS if fusing else others.PLAIN_ACTIVATIONS))

    def norm(self) -> None:
        """layer_norm; over maps batch_norm, kept apart from convolutions, which would take it in."""
        if len(self.shape) < 4:
            self.x = self.b.layer_norm(self.x)
            return
        if self._writer(self.x) in _FUSING:
            self.x = self.b.relu(self.x)
        self.x = self.b.batch_norm(self.x)


class _Maps(_Chain):
    """Feature maps, from an image or from inside a network, to a pool and dense layers."""

    own = ("conv2d", "pool")

    def __init__(self, d: Draws, left: Counter[str], name: str) -> None:
        shape = dims.image(d) if left["conv2d"] > 0 and d.chance(0.75) else dims.feature_map(d, _MIN_CHANNELS)
        while prod(shape) > _MAX_ELEMENTS // 4:
            shape = dims.feature_map(d, _MIN_CHANNELS)
        super().__init__(d, left, name, shape)
        if shape[1] in (1, 3, 4) and min(shape[2:]) >= 96 and left["conv2d"] > 0:
            layer = _fitting(windows.stem_on, d, shape)
            if layer:
                self.put(layer)

    def conv2d(self) -> None:
        """A convolution of any family, its channels near those before it or far from them."""
        for _ in range(_TRIES):
            family = self.d.pick(("dense", "pointwise", "depthwise", "grouped"), (40, 30, 22, 8))
            near = max(1, min(2048, int(self.shape[1] * self.d.pick((0.25, 0.5, 1, 1, 2, 4, 6)))))
            near = near - near % 8 if near >= 8 and self.d.chance(0.9) else near
            out = near if near >= 8 and self.d.chance(0.5) else dims.channels(self.d, _MIN_CHANNELS)
            layer = _fitting(windows.conv_on, self.d, family, self.shape, out)
            if layer and layer.macs >= _MIN_MACS and self.put(layer):
                return

    def pool(self) -> None:
        """A pool, or nothing where the map is too small for one."""
        for _ in range(_TRIES):
            layer = _fitting(windows.pool_on, self.d, self.shape)
            if layer and self.put(layer):
                return

    def elementwise(self) -> None:
        """As elsewhere, or one in five a squeeze and excitation."""
        if self.left["conv2d"] > 0 and self.shape[1] <= 1024 and self.d.chance(0.2):
            gate = self.b.conv(self.b.global_avg_pool(self.x), self.shape[1], 1, bias=True)
            self.x = self.b.mul(self.x, self.b.activation(gate, self.d.pick(("sigmoid", "hard_sigmoid"))))
        else:
            super().elementwise()

    def head(self) -> None:
        """Pool, and one to three dense layers."""
        self.x = self.b.flatten(self.b.global_avg_pool(self.x))
        for _ in range(self.d.integer(0, 2) if self.left["dense"] > 1 else 0):
            self.put(_dense(self.shape, dims.channels(self.d, 16, 4096), "relu"))
        self.put(_dense(self.shape, self.d.pick((10, 100, 1000)), None))


class _Sequences(_Chain):
    """Tokens, or where no attention is wanted perhaps vectors, through the parts of a transformer."""

    own = ("matmul", "softmax", "transpose")
    shared = ("dense", *_Chain.shared)

    def __init__(self, d: Draws, left: Counter[str], name: str) -> None:
        shape = (1, d.octave(8, 512), 8 * d.octave(2, 96))
        vector = not any(left[k] > 0 for k in self.own) and d.chance(0.5)
        super().__init__(d, left, name, dims.vector(d) if vector else shape)

    def dense(self) -> None:
        """To any width that is not too dear."""
        for _ in range(_TRIES):
            out = dims.channels(self.d, 8, 4096)
            if self.put(_dense(self.shape, out, self.d.pick((None, "relu"), (3, 1)))):
                return

    def matmul(self) -> None:
        """Attention, with projections as far as they are wanted."""
        batch, tokens, size = self._narrow()
        heads = self.d.pick([h for h in range(1, 17) if size % h == 0])
        projected = self.left["dense"] > 0
        parts = self.b.split(self.b.dense(self.x, 3 * size), 3, axis=2) if projected else (self.x,) * 3
        q, k, v = (self.b.reshape(part, (batch, tokens, heads, size // heads)) for part in parts)
        q, v = (self.b.transpose(part, (0, 2, 1, 3)) for part in (q, v))
        scores = self.b.matmul(q, self.b.transpose(k, (0, 2, 3, 1)))
        if self.left["elementwise"] > 0:
            scores = self.b.scale(scores, 0.125)
        scores = self.b.softmax(scores)  # asked for or not: without it values grow cubically from layer to layer
        y = self.b.transpose(self.b.matmul(scores, v), (0, 2, 1, 3))
        self.x = self.b.reshape(y, (batch, tokens, size))

    def _narrow(self) -> Shape:
        """At most 512 tokens of at most 768 features, and no more than what is left pays for, cut off."""
        tokens, size = min(self.shape[1], 512), min(self.shape[2], 768)
        left = self._most_macs - self._macs()
        while tokens > _LEAST_TOKENS and tokens * size * (2 * tokens + 3 * size) > left:
            tokens //= 2
        shape = (1, tokens, size)
        if shape != self.shape:
            self.x = self.b.slice(self.x, (0, 0, 0), shape)
        return shape

    def softmax(self) -> None:
        """Over the last axis."""
        self.x = self.b.softmax(self.x)

    def transpose(self) -> None:
        """Of tokens and features."""
        self.x = self.b.transpose(self.x, (0, 2, 1))

    def head(self) -> None:
        """To classes, where a dense layer is wanted."""
        if self.left["dense"] > 0 or not self.b.nodes:
            self.put(_dense(self.shape, self.d.pick((10, 100, 1000)), None))


def _fitting(draw: Callable[..., Layer], *args: Any) -> Layer | None:
    """What `draw` gives, or None where that does not fit or leaves too few pixels to go on."""
    try:
        layer = draw(*args)
    except ValueError:
        return None
    return layer if min(layer.outputs[0][2:]) >= _MIN_PIXELS else None


def _dense(shape: Shape, out: int, activation: str | None) -> Layer:
    return Layer("dense", (shape,), ((*shape[:-1], out),), ((out, shape[-1]), (out,)), activation=activation)
