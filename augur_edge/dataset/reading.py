"""Files of measured layers to one data set: Augur's CSV, stores and their exports, other CSV and Parquet tables."""

from __future__ import annotations

import csv
import importlib
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge import console
from augur_edge.dataset.lines import layer_of, shape_of
from augur_edge.dataset.rows import Dataset, Row, Whole, integers, merge
from augur_edge.dataset.setting import Setting, demand_store, picked, setting_of, several
from augur_edge.errors import DataError, MissingExtraError, UsageError
from augur_edge.models.augur_csv import read_augur_rows
from augur_edge.predict.encode import layer_matrix
from augur_edge.stats import summarise
from augur_edge.store import RunRecord, Store
from augur_edge.store.dataset import is_dataset, read_dataset_runs, url_of
from augur_edge.store.files import opened
from augur_edge.store.flat_read import read_csv
from augur_edge.store.records import Measurement, NetworkRecord

FORMATS = ("augur", "store", "csv")
SCALES = {
    "latency_ns": ("latency", 1.0), "latency_us": ("latency", 1e3), "latency_ms": ("latency", 1e6),
    "latency_s": ("latency", 1e9), "energy_pj": ("energy", 1e-6), "energy_nj": ("energy", 1e-3),
    "energy_uj": ("energy", 1.0), "energy_mj": ("energy", 1e3), "energy_j": ("energy", 1e6),
}  # fmt: skip
IDLE = frozenset({"flatten", "reshape", "squeeze", "unsqueeze", "identity"})
IDLE_BYTES = 256 << 10
_SLOW = 1.15  # of the least empty call of a run; seen: 1.00 to 1.03, or 1.4 to 1.9 where a hyperthread is shared
_NAMES = ("network", "device", "name")
AUGUR_CLOCK_MHZ = 500.0
_ANY = Setting()
MOST_BYTES, MOST_ROWS = 1 << 30, 5_000_000


def read_dataset(
    paths: Sequence[Path],
    fmt: str | None = None,
    clock_mhz: float = AUGUR_CLOCK_MHZ,
    *,
    steady: bool = True,
    setting: Setting = _ANY,
) -> Dataset:
    """All files as one Dataset, folders standing for the .csv and .parquet files below them.

    A folder or URL of a data set (`export --dataset`) is read as one.

    fmt: one of FORMATS, told from each file unless given. clock_mhz: turns the cycles of Augur's files into time.
    steady: leave networks out that a store has from moments in which the processor was slower, which is said; False is
    for layers alone, whatever they were measured in. setting: what to take of stores.
    Raises UsageError for files that are not there and for several devices, runtimes or numbers of threads; DataError
    for what the files hold.
    """
    rows: list[Row] = []
    wholes: list[Whole] = []
    sets = [path for path in paths if is_dataset(path)]
    files = [file for path in paths if path not in sets for file in _files(path)]
    for path in sets:
        runs = picked(read_dataset_runs(url_of(path) or str(path)), setting, str(path))
        _from_runs(runs, str(path), steady, (rows, wholes))
    names = _short_names(files)
    for path in files:
        _check_size(path)
        kind = fmt or _format_of(path)
        demand_store(setting, kind, path)
        if kind == "augur":
            rows += _augur(path, names[path], clock_mhz)
        elif kind == "store":
            _from_runs(picked(_runs(path), setting, str(path)), str(path), steady, (rows, wholes))
        else:
            rows += _table(path, names[path])
    data = merge(rows, wholes)
    if steady and len(data.devices) > 1:
        raise several(data.devices)
    _remark(data)
    return data


def _remark(data: Dataset) -> None:
    """Says what was made of rows that left it open."""
    if data.devices and data.n_unnamed:
        console.warn(
            f"{data.n_unnamed} of {data.n_rows} rows name no device: taken to be of {next(iter(data.devices))}"
        )
    if data.n_conflicts:
        console.warn(f"{data.n_conflicts} layers were measured more than once, over 5 % apart: their medians are used")


def _check_size(path: Path) -> None:
    """Raises DataError for a table that would not fit the memory of a small machine; stores are read run by run."""
    size = path.stat().st_size if path.is_file() and path.suffix in {".csv", ".parquet"} else 0
    if size > MOST_BYTES:
        raise DataError(
            f"{path}: {size / 1e9:.0f} GB; a table of layers has at most {MOST_BYTES / 1e9:.0f} GB: split it"
        )


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.suffix in {".csv", ".parquet"})
    if not found:
        raise UsageError(f"{path}: no .csv or .parquet files in this folder")
    return found


def _short_names(files: Sequence[Path]) -> dict[Path, str]:
    """The file's stem; with its folder where two would be called the same."""
    stems = [p.stem for p in files]
    return {p: p.stem if stems.count(p.stem) == 1 else f"{p.parent.name}/{p.stem}" for p in files}


def _format_of(path: Path) -> str:
    with opened(path) as file:
        head = file.read(4096)
    if head.startswith(b"SQLite format 3"):
        return "store"
    if path.suffix == ".parquet":
        return "csv"
    header = head.split(b"\n", 1)[0].decode("utf-8", "replace").lstrip("\ufeff")
    columns = {name.strip().strip('"') for name in header.split(",")}
    if {"samples_ns", "spec"} <= columns:
        return "store"
    return "augur" if {"kx", "latency"} <= columns or {"kx", "energy"} <= columns else "csv"


def _augur(path: Path, name: str, clock_mhz: float) -> Iterator[Row]:
    found = read_augur_rows(path)
    layers = layer_matrix([row.layer for row in found])
    for row, layer in zip(found, layers.tolist()):
        targets = {}
        if row.latency_cycles is not None:
            targets["latency"] = row.latency_cycles * 1000 / clock_mhz
        if row.energy_pj is not None:
            targets["energy"] = row.energy_pj / 1e6
        if targets:
            yield Row(tuple(layer), targets, name, str(path))


def _runs(path: Path) -> list[RunRecord]:
    with opened(path) as file:
        is_store = file.read(15) == b"SQLite format 3"
    if not is_store:
        return read_csv(path)
    with Store(path, create=False) as store:
        return [store.load(run.id) for run in store.runs()]


def _from_runs(runs: Sequence[RunRecord], source: str, steady: bool, found: tuple[list[Row], list[Whole]]) -> None:
    rows, wholes = found
    slow = 0
    for run in runs:
        least: dict[str, float] = {}
        floors = [(str(setting_of(run, network)), _floor_ns(network)) for network in run.networks]
        for setting, ns in floors:
            least[setting] = min(ns, least.get(setting, math.inf))
        for network, (setting, ns) in zip(run.networks, floors):
            if steady and math.inf > ns > _SLOW * least[setting]:
                slow += 1
            elif network.mode != "profiler":
                _from_network(setting, network, source, rows, wholes)
    if slow:
        console.warn(
            f"{source}: {slow} networks left out: an empty call took over {_SLOW:g} times what it did in others of "
            "their run, so the processor was slower; measure them again when nothing else runs"
        )


def _floor_ns(network: NetworkRecord) -> float:
    """An empty call of the runtime, measured among the network's passes; infinite where it was not."""
    return next((summarise(m.samples_ns, m.loops).median for m in network.measurements if _is_floor(m)), math.inf)


def _is_floor(m: Measurement) -> bool:
    return m.kind == "floor" and len(m.samples_ns) > 0


def _from_network(setting: str, network: NetworkRecord, source: str, rows: list[Row], wholes: list[Whole]) -> None:
    call = _call_ns(network)
    all_known, layers = True, []
    for m in network.measurements:
        layer = _layer_of(m) if m.kind == "layer" and m.mode == network.mode else None
        targets = _targets_of(m) if layer else {}
        if layer and targets:
            rows.extend([Row(layer, targets, network.name, source, setting, call)] * m.count)
            layers += [layer] * m.count
        elif m.kind == "layer" and m.mode == network.mode:
            all_known = False
    whole = next((m for m in network.measurements if m.kind == "whole" and len(m.samples_ns)), None)
    if whole and all_known and len(layers) > 1:
        median = summarise(whole.samples_ns, whole.loops).median
        wholes.append(Whole(network.name, np.array(layers, np.int64), median))


def _call_ns(network: NetworkRecord) -> float | None:
    """What a replayed call costs in this network: the lower quartile of the layers that only rename a small tensor."""
    idle = [
        summarise(m.samples_ns, m.loops).median
        for m in network.measurements
        if m.kind == "layer" and m.mode == network.mode == "replay" and m.op in IDLE and len(m.samples_ns)
        if m.spec is not None and m.spec.bytes_moved <= IDLE_BYTES
    ]
    return float(np.quantile(idle, 0.25)) if idle else None


def _layer_of(m: Measurement) -> tuple[int, ...] | None:
    try:
        return integers(m.spec) if m.spec is not None and m.status == "ok" else None
    except (UsageError, ValueError):
        return None


def _targets_of(m: Measurement) -> dict[str, float]:
    targets = {}
    if len(m.samples_ns):
        targets["latency"] = summarise(m.samples_ns, m.loops).median
    if m.energy and m.energy.get("median"):
        targets["energy"] = float(m.energy["median"])
    return {name: value for name, value in targets.items() if value > 0}


def _table(path: Path, name: str) -> Iterator[Row]:
    """Any table: a layer as Augur's eight columns, the encoder's sixteen or `spec`; targets with their unit named."""
    columns, lines = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    shape = shape_of(f"{path}:1", columns)
    targets = [c for c in columns if c in SCALES]
    if not targets or len({SCALES[t][0] for t in targets}) < len(targets):
        raise DataError(f"{path}:1: needs one column with its unit for each target, of {', '.join(SCALES)}")
    unknown = [c for c in columns if c not in shape and c not in SCALES and c not in _NAMES]
    if unknown:
        raise DataError(f"{path}:1: unknown column {unknown[0]!r}; besides the layer: {', '.join((*_NAMES, *SCALES))}")
    for number, line in enumerate(lines, start=2):
        where = f"{path}:{number}"
        found = {SCALES[t][0]: _number(where, t, line[t]) * SCALES[t][1] for t in targets if line[t] not in ("", None)}
        if found:
            network = str(line.get("network") or name)
            yield Row(layer_of(where, shape, line), found, network, str(path), str(line.get("device") or ""))


def _csv(path: Path) -> tuple[list[str], Iterator[dict[str, Any]]]:
    with opened(path) as file:
        data = file.read()
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        header, *lines = [cells for cells in reader if cells] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV file: {error}") from error
    columns = [name.strip() for name in header]
    for number, cells in enumerate(lines, start=2):
        if len(cells) != len(columns):
            raise DataError(f"{path}:{number}: {len(cells)} values under {len(columns)} columns")
    return columns, (dict(zip(columns, cells)) for cells in lines)


def _parquet(path: Path) -> tuple[list[str], Iterator[dict[str, Any]]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError(f"{path}: Parquet needs pyarrow; pip install 'augur-edge[parquet]'") from error
    try:
        n_rows = parquet.ParquetFile(str(path)).metadata.num_rows
        if n_rows > MOST_ROWS:
            raise DataError(f"{path}: {n_rows} rows; a table of layers has at most {MOST_ROWS}: split it")
        table = parquet.read_table(str(path))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from error
    return list(table.column_names), iter(table.to_pylist())


def _number(where: str, name: str, text: Any) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise DataError(f"{where}: {name} is {str(text)[:40]!r}, not a positive number")
    return value
