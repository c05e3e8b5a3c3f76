"""Constants for networks that have none: seeded, and scaled so that activations stay near 1 at any depth.

Method: mean and variance of every tensor are carried through the network, as He et al. (2015, "Delving deep into
rectifiers") do for ReLU, but for every op, activations by numerical integration over a normal distribution. A layer's
weights are then scaled so that its output has variance 1. Neither denormals nor infinities occur, which would
change what a layer costs, and quantisation gets its ranges from the same numbers.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from math import prod
from typing import Callable

import numpy as np
import numpy.typing as npt

from augur_edge.layers import ELEMENTWISE, NORMALISATIONS, TRANSPOSED_CONVOLUTIONS, Layer, Shape

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]

_LARGEST = 1e9
_REACH = 6
"""Standard deviations that values rarely go beyond."""


@dataclass(frozen=True)
class Moments:
    """What is expected of a tensor's values; a network's input has mean 0 and variance 1.

    bounds: what they never leave, None where nothing says so.
    """

    mean: float = 0.0
    var: float = 1.0
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:  # chains of products without weights leave float32 behind; keep to finite numbers
        object.__setattr__(self, "mean", min(max(self.mean, -_LARGEST), _LARGEST))
        object.__setattr__(self, "var", min(max(self.var, 0.0), _LARGEST**2))

    @property
    def power(self) -> float:
        """Mean square, never so small that dividing by it would do harm."""
        return max(self.mean**2 + self.var, 1e-6)

    @property
    def limits(self) -> tuple[float, float]:
        """A range that values rarely leave."""
        if self.bounds is not None:
            return self.bounds
        spread = _REACH * math.sqrt(self.var) + 1e-3
        return self.mean - spread, self.mean + spread


def uniform(seed: int, name: str, shape: Shape, std: float, mean: float = 0.0) -> Floats:
    """Seeded values of that standard deviation, the same for the same name on every machine."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    values = rng.random(shape, dtype=np.float32)
    values -= np.float32(0.5)
    values *= np.float32(std * math.sqrt(12))
    values += np.float32(mean)
    return values


def weights_of(layer: Layer, name: str, seed: int, given: Moments) -> list[Floats]:
    """Values for `layer.weights`, in their order and layout. given: of the layer's first input."""
    return [
        uniform(seed, f"{name}.{i}", shape, *_spread(layer, i, given.power)) for i, shape in enumerate(layer.weights)
    ]


def _spread(layer: Layer, index: int, power: float) -> tuple[float, float]:
    """Standard deviation and mean of a layer's constant."""
    if layer.op in NORMALISATIONS or layer.op in {"mul", "div", "pow"}:
        return 0.1, 0.0 if layer.op in NORMALISATIONS and index == 1 else 1.0
    if index > 0 or layer.op in ELEMENTWISE:
        return 0.1, 0.0
    if layer.op == "concat":
        return 1.0, 0.0
    return 1 / math.sqrt(_fan_in(layer) * power), 0.0


def _fan_in(layer: Layer) -> int:
    """Products summed in one output value."""
    weight = layer.weights[0]
    if layer.op in TRANSPOSED_CONVOLUTIONS:
        return max(1, weight[0] // layer.groups * prod(weight[2:]) // prod(layer.stride))
    if layer.op == "matmul":
        return layer.macs // prod(layer.outputs[0])
    return prod(weight[1:])


def moments_of(layer: Layer, given: list[Moments]) -> Moments:
    """Of the layer's outputs. given: of its inputs, constants left out."""
    if layer.op in _FUNCTIONS:
        return _through(_FUNCTIONS[layer.op](layer), given[0])
    if layer.op in ELEMENTWISE:
        return _elementwise(layer, given)
    if layer.op == "matmul" and len(given) == 2:
        a, b = given
        inner = layer.macs // prod(layer.outputs[0])
        return Moments(inner * a.mean * b.mean, inner * (a.power * b.power - (a.mean * b.mean) ** 2))
    return _passed_on(layer, given)


def _passed_on(layer: Layer, given: list[Moments]) -> Moments:
    """Of ops that move values or average them; what is left writes mean 0 and variance 1, by its weights."""
    first = given[0]
    if layer.op == "softmax":  # power 1/n: a product with it is at most its other factor
        size = layer.outputs[0][layer.attr("axis", -1)]
        return Moments(1 / size, 1 / size - 1 / size**2, (0.0, 1.0))
    if layer.op == "concat":
        return Moments(sum(m.mean for m in given) / len(given), max(m.var for m in given))
    if layer.op in {"global_avg_pool", "reduce_mean"}:  # about half of the variance is between channels
        return Moments(first.mean, first.var / 2, first.bounds)
    same = ("pool", "reshape", "flatten", "transpose", "slice", "split", "pad", "resize")
    return first if any(word in layer.op for word in same) else Moments()


def _elementwise(layer: Layer, given: list[Moments]) -> Moments:
    value = layer.attr("value")
    constant = Moments(1.0 if layer.op in {"mul", "div"} else 0.0, 0.01) if value is None else Moments(float(value), 0)
    a, b = (*given, constant)[:2]
    if layer.op in {"add", "sub"}:
        return Moments(a.mean + (b.mean if layer.op == "add" else -b.mean), a.var + b.var)
    if layer.op == "div":
        return Moments(a.mean / math.sqrt(b.power), a.var / b.power)
    if layer.op == "mul":
        corners = [x * y for x in a.limits for y in b.limits]  # products have long tails
        bounds = (min(corners), max(corners))
        return Moments(a.mean * b.mean, a.power * b.power - (a.mean * b.mean) ** 2, bounds)
    if layer.op == "pow" and value is not None:
        return _through(lambda x: np.abs(x) ** float(value), a)
    return a


_GRID = np.linspace(-_REACH, _REACH, 121)
_DENSITY = np.exp(-(_GRID**2) / 2) / np.exp(-(_GRID**2) / 2).sum()


def _through(function: Callable[[Reals], Reals], given: Moments) -> Moments:
    values = function(given.mean + math.sqrt(given.var) * _GRID)
    mean = float(values @ _DENSITY)
    return Moments(mean, float((values - mean) ** 2 @ _DENSITY), (float(values.min()), float(values.max())))


def _erf(x: Reals) -> Reals:
    return np.array([math.erf(v) for v in x])


def _sigmoid(x: Reals) -> Reals:
    return 1 / (1 + np.exp(-x))


_Function = Callable[[Reals], Reals]
_FUNCTIONS: dict[str, Callable[[Layer], _Function]] = {
    "relu": lambda _: lambda x: np.maximum(x, 0),
    "relu6": lambda _: lambda x: np.clip(x, 0, 6),
    "clip": lambda at: lambda x: np.clip(x, at.attr("min", -np.inf), at.attr("max", np.inf)),
    "sigmoid": lambda _: _sigmoid,
    "tanh": lambda _: np.tanh,
    "erf": lambda _: _erf,
    "swish": lambda _: lambda x: x * _sigmoid(x),
    "gelu": lambda _: lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2,
    "hard_sigmoid": lambda _: lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda _: lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "leaky_relu": lambda at: lambda x: np.where(x < 0, at.attr("alpha", 0.01) * x, x),
    "elu": lambda at: lambda x: np.where(x < 0, at.attr("alpha", 1.0) * np.expm1(x), x),
}
