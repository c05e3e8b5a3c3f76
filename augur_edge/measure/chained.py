"""Layers of a runtime that runs a network as one operator and pays for carrying tensors to it and back.

A layer alone would mostly show that transfer, so it is run as chains of 1, 2, 4 and 8 of it: the slope of the line
through their times is what the layer computes, the intercept what a call and its transfer cost. Where a layer's output
cannot be its input, its copies stand side by side on one input and are added up, and the additions, measured as a
chain of their own, are taken off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from augur_edge import timing
from augur_edge.errors import AugurError, InferenceError, UsageError
from augur_edge.layers import Layer, Shape
from augur_edge.measure.network import describe
from augur_edge.measure.series import Series
from augur_edge.measure.settings import Settings
from augur_edge.measure.targets import Request, write
from augur_edge.measure.warmup import warm_up
from augur_edge.network import Network, Node
from augur_edge.prior import layer_network
from augur_edge.runtime import DeployedLayer, Deployment, Runtime
from augur_edge.stats import median_ci
from augur_edge.store.records import Measurement, Samples
from augur_edge.units import time_text

LENGTHS = (1, 2, 4, 8)
BLOCKS = 7  # a length's time in a round is the least of these: what disturbs a block only ever adds to it
BLOCK_NS = 500_000
WARMUP_NS = 100_000_000
LONGEST_S = 0.5  # for one layer, or less if less was asked for
STRAIGHT = 0.1  # of the longest chain's time: farther from the line, and length is not all that decides
MIN_ROUNDS = 9  # the fewest whose median has an interval
DTYPE = "int8"  # all that an Edge TPU computes in


def chain(layer: Layer, length: int, name: str) -> Network:
    """`length` times `layer`: one after the other where shapes allow it, else side by side and added up."""
    serial = is_serial(layer)
    first = layer_network(layer, name)
    nodes: list[Node] = []
    carried = ends = first.inputs[0].name
    for copy in range(length):
        names = {t.name: t.name for t in first.inputs}
        names[first.inputs[0].name] = carried if serial else first.inputs[0].name
        for node in first.nodes:
            names.update({t: f"{t}@{copy}" for t in node.outputs})
            inputs, outputs = (tuple(names[t] for t in tensors) for tensors in (node.inputs, node.outputs))
            nodes.append(replace(node, name=f"{node.name}@{copy}", inputs=inputs, outputs=outputs))
        carried = names[first.outputs[0]]
        if not serial and copy:
            nodes.append(_addition(layer, f"{name}+{copy}", ends, carried))
            carried = f"{name}+{copy}"
        ends = carried
    return Network(name, first.inputs, tuple(nodes), (ends,))


def is_serial(layer: Layer) -> bool:
    """Its output can be its own input."""
    return layer.outputs[0] == layer.inputs[0]


def _addition(layer: Layer, name: str, a: str, b: str) -> Node:
    return Node(name, addition(layer.outputs[0], layer.dtype), (a, b), (name,))


def addition(shape: Shape, dtype: str) -> Layer:
    """Of two tensors of `shape`."""
    return Layer("add", (shape, shape), (shape,), dtype=dtype)


@dataclass(frozen=True)
class Line:
    """What a layer's chains told. median_ns: of each of LENGTHS; transfer_ns: what a call costs beyond the layers.

    bend: the largest distance of a median from the line, as a share of the longest chain's time.
    """

    slopes_ns: Samples
    median_ns: tuple[int, ...]
    transfer_ns: float
    bend: float


def fit(times_ns: Samples) -> Line:
    """times_ns: int64[rounds, lengths]. Least squares within each round, so that what drifts does not bend the line."""
    x = np.array(LENGTHS, np.float64)
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    slopes = times_ns @ weights
    medians = np.median(times_ns, axis=0)
    slope = float(np.median(slopes))
    intercept = float(np.mean(medians - slope * x))
    bend = float(np.abs(medians - slope * x - intercept).max() / medians[-1])
    return Line(np.rint(slopes).astype(np.int64), tuple(int(m) for m in medians), intercept, bend)


def notes_on(told: dict[str, dict[str, Any]]) -> list[str]:
    """What readers of chained layers must know; nothing where none were measured."""
    if not told:
        return []
    transfer_ns = float(np.median([facts["transfer_ns"] for facts in told.values()]))
    lengths = ", ".join(map(str, LENGTHS))
    out = [
        f"layers are the slopes of chains of {lengths} of them; beside it a call and its transfer cost some "
        f"{time_text(max(transfer_ns, 0.0))}"
    ]
    bent = sum(facts["bend"] > STRAIGHT for facts in told.values())
    if bent:
        out.append(f"the chains of {bent} layers do not lie on a line (weights that no longer fit into its memory?)")
    return out


class Chains:
    """Measures layers on `runtime` as chains; additions of one shape are measured once."""

    def __init__(self, runtime: Runtime, request: Request, settings: Settings) -> None:
        self._runtime, self._request, self._settings = runtime, request, settings
        self._additions: dict[Layer, Line] = {}

    def rounds(self, layers: Sequence[DeployedLayer]) -> Iterator[tuple[Measurement, dict[str, Any]]]:
        """Each layer's measurement, `samples_ns` its slopes, and what else the chains told of it, for the store.

        Equal layers are measured once. One that cannot be told from its transfer, or cannot be run, is `failed`.
        """
        counts: dict[str, int] = {}
        for layer in layers:
            digest = "" if layer.spec is None else layer.spec.digest
            counts[digest] = counts.get(digest, 0) + 1
        done: set[str] = set()
        for position, layer in enumerate(layers):
            found = describe(layer, position, "isolated")
            if layer.spec is None:
                yield replace(found, status="failed", reason="what it computes is not known, so it has no chain"), {}
            elif layer.spec.digest not in done:
                done.add(layer.spec.digest)
                yield self._measured(replace(found, count=counts[layer.spec.digest]), layer.spec)

    def _measured(self, found: Measurement, spec: Layer) -> tuple[Measurement, dict[str, Any]]:
        try:
            line = self._line(spec)
            slopes = line.slopes_ns
            if not is_serial(spec):
                slopes = slopes - round(float(np.median(self._addition(spec).slopes_ns)))
        except (AugurError, RuntimeError, ValueError) as e:
            return replace(found, status="failed", reason=str(e)), {}
        facts = {
            "lengths": list(LENGTHS), "median_ns": list(line.median_ns), "transfer_ns": round(line.transfer_ns),
            "serial": is_serial(spec), "bend": round(line.bend, 3),
        }  # fmt: skip
        interval = median_ci(slopes)
        if interval is None or interval[0] <= 0:
            reason = "too short to be told from what a call and its transfer cost"
            return replace(found, status="failed", reason=reason), facts
        return replace(found, status="ok", samples_ns=slopes), facts

    def _addition(self, spec: Layer) -> Line:
        layer = addition(spec.outputs[0], spec.dtype)
        if layer not in self._additions:
            self._additions[layer] = self._line(layer)
        return self._additions[layer]

    def _line(self, spec: Layer) -> Line:
        deployments = [self._deploy(spec, length) for length in LENGTHS]
        for deployment in deployments:
            warm_up([deployment.whole], WARMUP_NS)
        series = Series(Measurement("layer", "isolated", 0, "", spec.op))
        rounds: list[list[int]] = []
        while not (series.enough(self._settings.precision) or series.spent_ns >= self._budget_ns(len(rounds))):
            rounds.append([_least(deployment) for deployment in deployments])
            series.add(fit(np.array(rounds[-1:], np.int64)).slopes_ns)
            series.spent_ns += sum(rounds[-1]) * BLOCKS
        return fit(np.array(rounds, np.int64))

    def _budget_ns(self, n_rounds: int) -> float:
        """Without end until there are as many rounds as an interval needs."""
        return float("inf") if n_rounds < MIN_ROUNDS else min(self._settings.max_time_s, LONGEST_S) * 1e9

    def _deploy(self, spec: Layer, length: int) -> Deployment:
        try:
            model = write(chain(spec, length, "layer"), self._runtime.name, DTYPE)
        except (UsageError, ValueError) as e:
            raise InferenceError(f"no chain of it can be written: {e}") from e
        return self._runtime.deploy(model, self._request.options)


def _least(deployment: Deployment) -> int:
    loops = max(1, BLOCK_NS // max(deployment.first_ns, 1))
    out = np.zeros(BLOCKS, np.int64)
    timing.time_blocks(deployment.whole, loops, out)
    return int(out.min()) // loops
