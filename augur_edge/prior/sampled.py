"""Layers drawn from the prior, one by one."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from augur_edge.errors import UsageError
from augur_edge.layers import ACTIVATIONS, ELEMENTWISE, NORMALISATIONS, POOLS, Layer
from augur_edge.prior import others, windows
from augur_edge.prior.draws import Draws

MAX_MACS = 1_500_000_000
MAX_BYTES = 64 << 20
_TRIES = 300


@dataclass(frozen=True)
class _Family:
    """share: of its kind. low and high: octaves of cost, MACs for what multiplies and bytes moved for the rest."""

    share: float
    draw: Callable[[Draws], Layer]
    low: int
    high: int


FAMILIES = {
    "conv2d": (
        _Family(34, windows.conv("dense"), 14, 30),
        _Family(26, windows.conv("pointwise"), 14, 30),
        _Family(20, windows.conv("depthwise"), 12, 27),
        _Family(8, windows.grouped, 14, 29),
        _Family(8, windows.stem, 20, 30),
        _Family(4, windows.gate, 6, 22),
    ),
    "dense": (_Family(55, others.vector_dense, 8, 23), _Family(45, others.token_dense, 12, 30)),
    "matmul": (_Family(1, others.matmul, 12, 28),),
    "pool": (_Family(75, windows.pool, 12, 25), _Family(25, windows.global_pool, 10, 25)),
    "elementwise": (_Family(1, others.elementwise, 8, 25),),
    "activation": (_Family(1, others.activation, 8, 25),),
    "norm": (_Family(1, others.norm, 8, 25),),
    "softmax": (_Family(1, others.softmax, 8, 25),),
    "transpose": (_Family(1, others.transpose, 8, 22),),
    "concat": (_Family(1, others.concat, 10, 25),),
}
KINDS = tuple(FAMILIES)


def affordable(layer: Layer) -> bool:
    """Whether the layer is within MAX_MACS and MAX_BYTES."""
    return layer.macs <= MAX_MACS and layer.bytes_moved <= MAX_BYTES


def kind_of(op: str) -> str | None:
    """The kind an op belongs to, None where it belongs to none."""
    groups = {"pool": POOLS, "elementwise": ELEMENTWISE, "activation": ACTIVATIONS, "norm": NORMALISATIONS}
    return next((kind for kind, ops in groups.items() if op in ops), op if op in KINDS else None)


def parse_spec(spec: str) -> dict[str, int]:
    """`"conv2d:400,dense:50"` as counts by kind, in the order written.

    Raises UsageError that names the item for an unknown kind, a kind named twice and a count that is no whole number.
    """
    counts: dict[str, int] = {}
    for position, item in enumerate(spec.split(","), start=1):
        kind, _, count = (part.strip() for part in item.partition(":"))
        where = f"item {position} of the sample, {item.strip()!r}"
        if kind not in KINDS:
            near = difflib.get_close_matches(kind, KINDS, n=1)
            raise UsageError(
                f"{where}: no such kind; {f'nearest: {near[0]}' if near else 'one of ' + ', '.join(KINDS)}"
            )
        if kind in counts:
            raise UsageError(f"{where}: {kind} is named twice")
        if not (count.isascii() and count.isdigit()) or not 1 <= len(count.lstrip("0")) <= 7:
            raise UsageError(f"{where}: the count must be a whole number from 1 to 9999999, as in {kind}:50")
        counts[kind] = int(count)
    return counts


def draws(seed: int, purpose: str) -> Draws:
    """A stream of its own for each purpose. Raises UsageError for a negative seed."""
    if seed < 0:
        raise UsageError(f"seed {seed}: must be 0 or more")
    return Draws(seed, purpose)


def sample_layers(spec: str, seed: int) -> list[Layer]:
    """Random layers, kind after kind as `spec` has them (`"conv2d:400,dense:50"`).

    The same spec and seed give the same layers everywhere; a kind's layers do not depend on the other kinds, and a
    larger count only adds to them. Raises UsageError as `parse_spec` does, and for a negative seed.
    """
    layers: list[Layer] = []
    for kind, count in parse_spec(spec).items():
        d = draws(seed, f"layers/{kind}")
        layers += [_sample(d, kind) for _ in range(count)]
    return layers


def _sample(d: Draws, kind: str) -> Layer:
    families = FAMILIES[kind]
    family = d.pick(families, [f.share for f in families])
    while True:
        octave = d.integer(family.low, family.high)
        for _ in range(_TRIES):
            layer = _try(family.draw, d)
            if layer and (layer.macs or layer.bytes_moved).bit_length() - 1 == octave and affordable(layer):
                return layer


def _try(draw: Callable[[Draws], Layer], d: Draws) -> Layer | None:
    """None where a window does not fit its input."""
    try:
        return draw(d)
    except ValueError:
        return None
