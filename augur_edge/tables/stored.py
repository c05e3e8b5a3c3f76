"""Measured architectures in the store: a network whose name is an architecture's title is one, whole in one call.

`nasbench201:|…|, 2 threads` is the architecture of that title, run in another way; ways are not mixed in one table.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from augur_edge import spaces
from augur_edge.errors import DataError, UsageError
from augur_edge.spaces import Vector
from augur_edge.store.flat_read import FROM_ELSEWHERE
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.tables.eagle import Value, calc_stats

MODE = "imported"
STATISTICS = ("median", "eagle")


@dataclass(frozen=True)
class Architectures:
    """Architectures of one space in one run. title: of the column. points: seconds in runs, or why there are none."""

    space: str
    title: str
    points: dict[Vector, Value]

    def seconds(self, statistic: str) -> dict[Vector, float]:
        """One figure each, `median` of all samples or `eagle`'s; without those that failed."""
        measured = {k: v for k, v in self.points.items() if not isinstance(v, str)}
        if statistic == "eagle":
            return {k: calc_stats(runs) for k, runs in measured.items()}
        return {k: float(np.median(np.concatenate(runs))) for k, runs in measured.items()}


def architectures_of(run: RunRecord) -> list[Architectures]:
    """The architectures of a run, by space, runtime and way of running. Raises UsageError where it has none.

    An architecture that was measured twice in the same way is an error, too; DataError for runs unlike their samples.
    """
    tables: dict[tuple[str, ...], Architectures] = {}
    for network in run.networks:
        name, _, way = network.name.partition(", ")
        if not spaces.is_architecture(name):
            continue
        space, vector = spaces.resolve(name)
        key = (space.label, network.runtime, way)
        title = column_title(run.device or "device", network.runtime, way)
        table = tables.setdefault(key, Architectures(space.name, title, {}))
        if vector in table.points:
            raise UsageError(f"run {run.id}: {name} was measured twice; export runs that have it once")
        table.points[vector] = _value(network)
    if not tables:
        raise UsageError(
            f"run {run.id}: no architecture of a search space in it; "
            "`augur-edge measure --space nasbench201` makes such runs"
        )
    return list(tables.values())


def column_title(device: str, runtime: str, way: str = "") -> str:
    """What a column of figures is called. way: as in a network's name, `2 threads`, where it is not the usual one."""
    title = "_".join(part for part in (device, runtime, way) if part not in ("", MODE))
    return title.replace(", ", "_").replace(" ", "")


def _value(network: NetworkRecord) -> Value:
    whole = next((m for m in network.measurements if m.kind == "whole" and len(m.samples_ns)), None)
    if whole is None:
        return str(network.info.get("failed") or "invalid")
    seconds = whole.samples_ns / whole.loops / 1e9
    runs = network.info.get("runs", [len(seconds)])
    if not isinstance(runs, list) or any(type(n) is not int or n < 1 for n in runs) or sum(runs) != len(seconds):
        raise DataError(
            f"{network.name}: its runs are not numbers of samples that add up to its {len(seconds)} samples"
        )
    return [part.tolist() for part in np.split(seconds, np.cumsum(runs)[:-1])]


def run_of_points(points: Mapping[Vector, Value], space: str, device: str, source: str) -> RunRecord:
    """Other people's measurements as a run of mode `imported`, samples in whole ns; equal points, equal id."""
    known = spaces.parse(space)
    networks = []
    for i, (vector, value) in enumerate(points.items()):
        info: dict[str, object] = {"complete": True}
        measurements = []
        if isinstance(value, str):
            info["failed"] = value
        else:
            samples = np.rint(np.concatenate([np.asarray(r, np.float64) for r in value]) * 1e9).astype(np.int64)
            info["runs"] = [len(r) for r in value]
            measurements.append(Measurement("whole", MODE, -1, "whole", "network", samples_ns=samples))
        title = known.title(known.validate(vector))
        networks.append(NetworkRecord(i, title, MODE, MODE, info, measurements))
    key = hashlib.sha256(f"{space}\0{device}\0{sorted(points.items(), key=str)}".encode()).hexdigest()
    return RunRecord(
        id=key[:16],
        created_unix_ns=time.time_ns(),
        device=device,
        status="done",
        context={"imported_from": source},
        plan={},
        verdict={"steady": False, "reasons": [FROM_ELSEWHERE]},
        networks=networks,
    )
