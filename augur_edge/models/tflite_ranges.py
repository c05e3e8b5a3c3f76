"""int8 scales of a Network's tensors, estimated: no runtime and no data needed, the same bytes on every machine.

A tensor's range is its expected mean and spread (`synthetic.moments_of`), cut to what its op can write at all, such
as zero and up after relu. Tensors that TFLite's kernels want in one scale get the widest range among them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, prod, sqrt
from typing import NamedTuple

from augur_edge.layers import Layer
from augur_edge.models.synthetic import Moments, moments_of
from augur_edge.network import Network


class Range(NamedTuple):
    """Least and largest value."""

    low: float
    high: float

    @property
    def quantisation(self) -> tuple[float, int]:
        """(scale, zero point) of int8; zero is always among the values."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        scale = (high - low) / 255.0 or 1.0
        return scale, max(-128, min(127, round(-128 - low / scale)))


def around_zero(rms: float) -> Range:
    """What values of that root mean square rarely leave."""
    return Range(-5 * rms, 5 * rms)


ANY = Range(-inf, inf)
# The scales TFLite's kernels prescribe for what these ops write: 1/256 from -128, 1/128 around 0.
SIGMOID, _TANH = Range(0.0, 255 / 256), Range(-1.0, 127 / 128)
_PRESCRIBED = {"sigmoid": SIGMOID, "softmax": SIGMOID, "tanh": _TANH}
# int8 kernels of these take one scale for all that goes in and comes out.
_ONE_SCALE = frozenset(
    {"max_pool2d", "avg_pool2d", "global_max_pool", "reshape", "flatten", "transpose", "concat", "slice", "split",
     "pad", "resize"}
)  # fmt: skip
_WITHIN_INPUTS = _ONE_SCALE | {"global_avg_pool", "reduce_mean", "min", "max"}
_LIMITS: dict[str, Callable[[Layer], Range]] = {
    "relu": lambda _: Range(0.0, inf),
    "relu6": lambda _: Range(0.0, 6.0),
    "clip": lambda layer: Range(float(layer.attr("min", -inf)), float(layer.attr("max", inf))),
    "hard_sigmoid": lambda _: Range(0.0, 1.0),
    "swish": lambda _: Range(-0.2785, inf),
    "hard_swish": lambda _: Range(-0.375, inf),
    "gelu": lambda _: Range(-0.17, inf),
    "elu": lambda layer: Range(-float(layer.attr("alpha", 1.0)), inf),
    **{op: lambda _, fixed=fixed: fixed for op, fixed in _PRESCRIBED.items()},  # type: ignore[misc]
}


def expected_moments(network: Network) -> dict[str, Moments]:
    """Mean and variance of every tensor, where weights make each layer's outputs have variance 1."""
    moments = {t.name: Moments() for t in network.inputs}
    for node in network.nodes:
        given = [moments[x] for x in node.inputs]
        out = _POOLED[node.layer.op](node.layer, given[0]) if node.layer.op in _POOLED else None
        moments.update(dict.fromkeys(node.outputs, out or moments_of(node.layer, given)))
    return moments


def _largest(layer: Layer, given: Moments) -> Moments:
    """Of the largest value in a window; neighbours resemble each other, so it lies lower than of as many alone."""
    window = prod(layer.kernel or layer.inputs[0][2:])
    return Moments(given.mean + sqrt(log(window) * given.var), 0.5 * given.var) if window > 1 else given


def _mean(_: Layer, given: Moments) -> Moments:
    """Most of the variance is between channels, because of their biases."""
    return Moments(given.mean, 0.75 * given.var)


_POOLED = {"max_pool2d": _largest, "global_max_pool": _largest, "global_avg_pool": _mean, "reduce_mean": _mean}


def estimate_ranges(network: Network, moments: dict[str, Moments]) -> dict[str, Range]:
    """The range of every tensor."""
    limits = {t.name: ANY for t in network.inputs}
    for node in network.nodes:
        limits.update(dict.fromkeys(node.outputs, _limits(node.layer, [limits[x] for x in node.inputs])))
    ranges = {}
    for name, (low, high) in limits.items():
        likely = moments[name].limits
        ranges[name] = Range(max(low, likely[0]), min(high, max(likely[1], low)))
    return _shared(network, ranges)


def _limits(layer: Layer, given: list[Range]) -> Range:
    """What an op can write at all."""
    if layer.op in _LIMITS:
        return _LIMITS[layer.op](layer)
    if layer.op in _WITHIN_INPUTS and not layer.weights and layer.attr("value") is None:
        return Range(min(r.low for r in given), max(r.high for r in given))
    if layer.op in ("add", "mul") and len(given) == 2 and min(r.low for r in given) >= 0:
        return Range(0.0, inf)
    return ANY


def _shared(network: Network, ranges: dict[str, Range]) -> dict[str, Range]:
    """Widened so that tensors that must have one scale have one range; a prescribed one prevails."""
    group = {name: {name} for name in ranges}
    fixed = {node.outputs[0]: _PRESCRIBED[node.layer.op] for node in network.nodes if node.layer.op in _PRESCRIBED}
    for node in network.nodes:
        if node.layer.op in _ONE_SCALE:
            joined = set().union(*(group[x] for x in (*node.inputs, *node.outputs)))
            group.update(dict.fromkeys(joined, joined))
    out = {}
    for name, members in group.items():
        chosen = [fixed[m] for m in members if m in fixed] or [ranges[m] for m in members]
        out[name] = Range(min(r.low for r in chosen), max(r.high for r in chosen))
    return out
