"""Which architectures of a table a predictor learns from, on which device, and from which other devices."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

import numpy as np

from augur_edge import spaces
from augur_edge.errors import UsageError
from augur_edge.predict.designs import F64, I64, design
from augur_edge.predict.transfer import Prior, learn_prior, suggest
from augur_edge.tables import ArchTable
from augur_edge.tables.archtable import device_of

ITERATIVE = "iterative"  # the choice and the predictor in turn (host.arch.relation)
SELECT = ("random", "optimal", "active", ITERATIVE)
_POOL = 4000  # architectures among which the most telling are looked for
Talk = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Samples:
    """vectors int64[n, length] with y float64[n] in `unit`; step: what the figures were rounded to, in unit; or 0."""

    space: str
    device: str
    vectors: I64
    y: F64
    unit: str
    step: float = 0.0

    def take(self, rows: Sequence[int] | I64) -> Samples:
        """Only these rows."""
        kept = np.asarray(rows, np.int64)
        return Samples(self.space, self.device, self.vectors[kept], self.y[kept], self.unit, self.step)

    def without(self, vectors: Sequence[Sequence[int]]) -> Samples:
        """Less these architectures."""
        out = {tuple(v) for v in vectors}
        return self.take([i for i, v in enumerate(map(tuple, self.vectors.tolist())) if v not in out])


def samples_of(table: ArchTable, device: str | None, warn: Talk) -> Samples:
    """All usable figures of a device; `warn` hears what was left out, with counts. Raises UsageError for none."""
    rows, values, remarks = table.usable(device)
    for remark in remarks:
        warn(remark)
    name = device or next(iter(table.columns))
    if not len(rows):
        raise UsageError(f"{table.where}: no usable figure of {name}")
    column = table.column(device)
    return Samples(table.space, device_of(name), table.vectors[rows].astype(np.int64), values, column.unit, column.step)


def sources_of(table: ArchTable, names: Sequence[str], target: str, warn: Talk) -> list[Samples]:
    """The source devices. Raises UsageError for unknown names (with the nearest) and for the target among them."""
    if target in map(device_of, names):
        raise UsageError(f"--transfer-from {target}: this is the device to learn; name others")
    twice = sorted({n for n in names if list(names).count(n) > 1})
    if twice:
        raise UsageError(f"--transfer-from {twice[0]}: named twice")
    return [samples_of(table, name, warn) for name in names]


def prior_of(sources: Sequence[Samples]) -> Prior:
    """What the sources have in common."""
    return learn_prior([(design(s.space, s.vectors, spaces.get(s.space).sizes), s.y) for s in sources])


def chosen(data: Samples, count: int | None, select: str, seed: int, prior: Prior | None) -> I64:
    """Rows of `data` to learn from: all for None, else `count` at random, or the most telling by the prior.

    The posterior variance of a linear model does not depend on what was measured: `active`, which looks again after
    each sample, and `optimal` differ only in that an active choice starts from a random one, whose scale is then known.
    """
    if count is None:
        return np.arange(len(data.y))
    if not 1 <= count <= len(data.y):
        raise UsageError(f"--samples {count}: {data.device} has {len(data.y)} usable architectures")
    order = np.random.default_rng(seed).permutation(len(data.y))
    if select == "random":
        return np.asarray(order[:count])
    if prior is None:
        raise UsageError(f"--select {select} needs source devices to choose by: --transfer-from A B C")
    pool = np.sort(order[:_POOL])
    rows = design(data.space, data.vectors[pool], spaces.get(data.space).sizes)
    first = [int(np.flatnonzero(pool == order[0])[0])] if select == "active" else []
    return pool[[*first, *suggest(prior, rows, count - len(first), first)]]


def everything(space: str, count: int, seed: int) -> I64:
    """int64[n, length]: all vectors of a space of at most `count`, else `count` different ones at random."""
    known = spaces.get(space)
    total = known.combinations
    if total <= count and known.size == total:
        return np.stack(np.unravel_index(np.arange(total), known.sizes, order="F"), axis=1).astype(np.int64)
    return np.array(known.sample(min(count, known.size), random.Random(seed)), np.int64)
