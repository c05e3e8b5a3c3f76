"""Measured layers, each once, with targets, sources and the networks they stand in; and splits that never leak.

A layer is its 16 integers (augur_edge.predict.encode): what a predictor cannot tell apart is one row here. So no
exact layer can stand on both sides of a split, whatever it is called in its files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError
from augur_edge.predict.calls import Calls, fit_calls, typical
from augur_edge.predict.encode import FEATURES, FIELDS, OPS, encode, layer_integers

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
UNITS = {"latency": "ns", "energy": "uj"}
_UNITS_APART = 100
_OP_NAMES = list(OPS)


@dataclass(frozen=True)
class Row:
    """One measured layer of a file. targets: by name, positive, in UNITS; network: what it stands in; source: file.

    call_ns: of a layer that does nothing in the same network, where one was measured.
    """

    layer: tuple[int, ...]
    targets: dict[str, float]
    network: str
    source: str
    device: str = ""
    call_ns: float | None = None


@dataclass(frozen=True)
class Whole:
    """A network that was measured in one call. layers: its layers' integers, repeated ones included; ns."""

    name: str
    layers: I64
    latency_ns: float


@dataclass(frozen=True, eq=False)
class Dataset:
    """Distinct layers: int64[n, 16]; targets by name, float64[n], NaN where unknown, in UNITS.

    networks: per layer, how often it stands in which network; sources: files per layer. calls: what a call costs in
    which network, where replays told; latencies are with the usual one. n_rows: before merging; n_unnamed: those that
    name no device; n_conflicts: layers whose rows differ by over 5 %.
    """

    layers: I64
    targets: dict[str, F64]
    networks: tuple[dict[str, int], ...]
    sources: tuple[frozenset[str], ...]
    devices: frozenset[str] = frozenset()
    wholes: tuple[Whole, ...] = ()
    calls: Calls | None = None
    n_rows: int = 0
    n_unnamed: int = 0
    n_conflicts: int = 0

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def ops(self) -> list[str]:
        """Names of the ops present."""
        return [_OP_NAMES[code] for code in np.unique(self.layers[:, 0]).tolist()]

    @property
    def names(self) -> list[str]:
        """Of all networks."""
        return sorted(frozenset().union(*self.networks))

    def keys(self) -> list[tuple[int, ...]]:
        """The layers as hashable rows."""
        return [tuple(row) for row in self.layers.tolist()]

    def take(self, rows: npt.NDArray[np.int64]) -> Dataset:
        """Only these layers; whole networks are kept where all their layers are."""
        rows = np.asarray(rows, np.int64)
        kept = {tuple(row) for row in self.layers[rows].tolist()}
        return replace(
            self,
            layers=self.layers[rows],
            targets={name: y[rows] for name, y in self.targets.items()},
            networks=tuple(self.networks[i] for i in rows),
            sources=tuple(self.sources[i] for i in rows),
            wholes=tuple(w for w in self.wholes if all(tuple(r) in kept for r in w.layers.tolist())),
        )

    def known(self, target: str) -> Dataset:
        """The layers whose `target` is known. Raises DataError where that is none."""
        y = self.targets.get(target)
        rows = np.zeros(0, np.int64) if y is None else np.flatnonzero(~np.isnan(y))
        if not len(rows):
            have = [name for name, v in self.targets.items() if not np.isnan(v).all()]
            raise DataError(f"no layer has a measured {target}; the data has {', '.join(have) or 'nothing'}")
        return self.take(rows)

    def without(self, other: Dataset) -> Dataset:
        """What is left when every exact layer of `other` is taken out."""
        out = set(other.keys())
        return self.take(np.array([i for i, key in enumerate(self.keys()) if key not in out], np.int64))

    def of_network(self, name: str) -> npt.NDArray[np.int64]:
        """Rows of the layers of one network."""
        return np.array([i for i, names in enumerate(self.networks) if name in names], np.int64)


def folds(n: int, count: int, seed: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Rows to train on and to test on, `count` times; each row is tested once. A layer is one row: nothing leaks."""
    part = np.random.default_rng(seed).permutation(n) % min(count, n)
    for k in range(min(count, n)):
        yield np.flatnonzero(part != k), np.flatnonzero(part == k)


def leave_out(data: Dataset, by: str = "network") -> Iterator[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Name, rows to train on, rows to test on: for each network or source all its exact layers, wherever they stand."""
    groups = data.networks if by == "network" else data.sources
    for name in sorted(frozenset().union(*groups)):
        inside = np.array([name in g for g in groups])
        yield name, np.flatnonzero(~inside), np.flatnonzero(inside)


def merge(rows: Iterable[Row], wholes: Sequence[Whole] = ()) -> Dataset:
    """Equal layers to one, with the median of their targets. Raises DataError for none, and for mixed units."""
    found: dict[tuple[int, ...], list[Row]] = {}
    n_rows = unnamed = 0
    rows = list(rows)
    rows = list(_levelled(rows))
    for row in rows:
        found.setdefault(row.layer, []).append(row)
        n_rows += 1
        unnamed += not row.device
    if not found:
        raise DataError("no measured layers in the data")
    groups = list(found.values())
    for group in groups:
        _check_units(group)
    targets = {name: np.array([_median(g, name) for g in groups]) for name in UNITS}
    return Dataset(
        layers=np.array(list(found), np.int64),
        targets=targets,
        networks=tuple(dict(Counter(r.network for r in g)) for g in groups),
        sources=tuple(frozenset(r.source for r in g) for g in groups),
        devices=frozenset(r.device for g in groups for r in g if r.device),
        wholes=tuple(wholes),
        calls=_calls(rows),
        n_rows=n_rows,
        n_unnamed=unnamed,
        n_conflicts=sum(any(_spread(g, name) > 1.05 for name in UNITS) for g in groups),
    )


def _check_units(rows: Sequence[Row]) -> None:
    """Raises DataError where one layer's targets differ as units do: no device is a hundred times off itself."""
    for name, unit in UNITS.items():
        known = sorted((r.targets[name], r.source) for r in rows if name in r.targets)
        if known and known[-1][0] > _UNITS_APART * known[0][0]:
            (least, a), (most, b) = known[0], known[-1]
            raise DataError(
                f"one layer takes {least:.4g} {unit} in {a} and {most:.4g} in {b}: mixed units? "
                "Name each file's unit in its column, and an Augur file's clock by --clock-mhz"
            )


def _calls(rows: Sequence[Row]) -> Calls | None:
    """From the networks, levelled, in which a call was measured; None for too few."""
    times: dict[str, list[float]] = {}
    calls: dict[str, float] = {}
    for row in rows:
        if row.call_ns is not None and "latency" in row.targets:
            times.setdefault(row.network, []).append(row.targets["latency"])
            calls[row.network] = row.call_ns
    return fit_calls([(typical(np.array(times[name])), ns) for name, ns in calls.items()])


def _usual(rows: Sequence[Row]) -> float:
    calls = {row.network: row.call_ns for row in rows if row.call_ns is not None}
    return float(np.median(list(calls.values()))) if calls else 0.0


def _levelled(rows: Sequence[Row]) -> Iterator[Row]:
    """Latencies as they would be where a call costs what it does in the median network (`predict.calls` has why)."""
    usual = _usual(rows)
    for row in rows:
        if row.call_ns is None or "latency" not in row.targets:
            yield row
        else:
            work = max(row.targets["latency"] - row.call_ns, 0.0)
            yield replace(row, targets={**row.targets, "latency": usual + work})


def _values(rows: Sequence[Row], name: str) -> list[float]:
    return [r.targets[name] for r in rows if name in r.targets]


def _median(rows: Sequence[Row], name: str) -> float:
    values = _values(rows, name)
    return float(np.median(values)) if values else float("nan")


def _spread(rows: Sequence[Row], name: str) -> float:
    values = _values(rows, name)
    return max(values) / min(values) if values else 1.0


def summary(data: Dataset, target: str) -> list[str]:
    """Lines for people: counts, range of the target, ranges of sizes, ops with few layers, outliers."""
    y = data.targets[target]
    lines = [
        f"{len(data)} distinct layers of {data.n_rows} rows, {len(data.names)} networks, ops {', '.join(data.ops)}",
        f"{target} {y.min():.4g} to {y.max():.4g} {UNITS[target]}, median {np.median(y):.4g}",
    ]
    for name in ("kernel_h", "in_h", "in_c", "out_c", "stride_h", "groups", "element_bytes"):
        values = data.layers[:, FIELDS.index(name)]
        lines.append(f"{name}: {values.min()} to {values.max()}, {len(np.unique(values))} values{_gap(values)}")
    codes, counts = np.unique(data.layers[:, 0], return_counts=True)
    lines += [f"few {_OP_NAMES[c]} layers: {n}" for c, n in zip(codes.tolist(), counts.tolist()) if n < 10]
    rate = np.log(y / np.maximum(encode(data.layers)[:, FEATURES.index("bytes_moved")], 1))
    spread = max(float(np.median(np.abs(rate - np.median(rate)))), 1e-9)
    far = int((np.abs(rate - np.median(rate)) > 8 * spread).sum())
    if far:
        lines.append(f"{far} layers cost over 8 median deviations more or less a byte than the rest")
    return lines


def _gap(values: I64) -> str:
    """The widest gap between neighbours, where it is over a factor of four."""
    known = np.unique(np.maximum(values, 1)).astype(np.float64)
    steps = known[1:] / known[:-1]
    if not len(steps) or steps.max() <= 4:
        return ""
    i = int(steps.argmax())
    return f", none between {known[i]:.0f} and {known[i + 1]:.0f}"


def integers(layer: object) -> tuple[int, ...]:
    """The 16 integers of a Layer, checked against what the encoder takes. Raises ValueError."""
    values = layer_integers(layer)  # type: ignore[arg-type]
    encode(np.array([values], np.int64))
    return values
