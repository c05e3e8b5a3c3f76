"""Eagle's files (Dudziak et al., BRP-NAS, NeurIPS 2020): raw measurements, statistics of them, and a predictor's log.

Raw: `results/results{N}.pickle`, each a list of up to 1000 (vector, value); a value is a list of runs, each a list of
seconds, or a text (`invalid`) where nothing could be measured. `results/step.txt` says how far it got.
Statistics: LatBench's pickle, {vector: seconds}. Log: `truth predicted vector` lines, the vectors trained on, figures.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

import numpy as np

from augur_edge.errors import DataError, UsageError
from augur_edge.store.files import write_whole
from augur_edge.tables.pickles import read_plain

Vector = tuple[int, ...]
Value = Union[list[list[float]], str]
PER_FILE = 1000
_NAME = re.compile(r"results(\d+)\.pickle")


def read_raw(path: Path) -> dict[Vector, Value]:
    """All points of a `results` folder (or one above it), its files in the order of their numbers, or of one file.

    Raises UsageError where there are no such files, DataError for damage and for a vector that is there twice.
    """
    points: dict[Vector, Value] = {}
    where: dict[Vector, Path] = {}
    for file in _files(path):
        data = read_plain(file)
        if not isinstance(data, list):
            raise DataError(f"{file}: not a list of (vector, value)")
        for i, entry in enumerate(data):
            vector, value = _entry(entry, f"{file}, entry {i}")
            if vector in points:
                raise DataError(f"{file}, entry {i}: {vector} is also in {where[vector]}; keep one of them")
            points[vector], where[vector] = value, file
    return points


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    for folder in (path, path / "results"):
        found = {int(m[1]): file for file in folder.glob("results*.pickle") if (m := _NAME.fullmatch(file.name))}
        if found:
            missing = sorted(set(range(max(found) + 1)) - set(found))
            if missing:
                raise DataError(f"{folder}: results{missing[0]}.pickle is missing among {len(found)} files")
            return [found[n] for n in sorted(found)]
    raise UsageError(f"{path}: no results0.pickle in it")


def _entry(entry: object, where: str) -> tuple[Vector, Value]:
    if not isinstance(entry, (tuple, list)) or len(entry) != 2:
        raise DataError(f"{where}: not (vector, value)")
    vector, value = entry
    if not isinstance(vector, (tuple, list)) or not all(type(v) is int for v in vector):
        raise DataError(f"{where}: its vector is not whole numbers")
    if isinstance(value, str):
        return tuple(vector), value
    good = isinstance(value, list) and value and all(isinstance(run, list) and run for run in value)
    if not good or not all(type(v) in (int, float) and 0 <= v < 1e6 for run in value for v in run):
        raise DataError(f"{where}: its value is neither runs of seconds nor a text")
    return tuple(vector), [[float(v) for v in run] for run in value]


def calc_stats(runs: Sequence[Sequence[float]]) -> float:
    """One figure of many runs: the mean of each run's values within its quartiles, and the same across the runs.

    Quartiles are linear percentiles and belong to what is kept, as in Eagle. Raises DataError for two values that
    differ: neither lies within their quartiles, and the figure would be no number.
    """
    return _middle_mean([_middle_mean(run) for run in runs])


def _middle_mean(values: Sequence[float]) -> float:
    found = np.asarray(values, np.float64)
    low, high = np.percentile(found, [25, 75])
    kept = found[(found >= low) & (found <= high)]
    if len(kept) == 0:
        raise DataError(
            f"of {len(found)} values none lies within their quartiles; Eagle's statistic needs one, or three"
        )
    return float(kept.mean())


def normalise(values: Mapping[Vector, float]) -> dict[Vector, float]:
    """Linearly to 0 (the least) … 1 (the largest). Raises UsageError where all are equal."""
    if not values or min(values.values()) == max(values.values()):
        raise UsageError("nothing to normalise: there are no two different values")
    least, span = min(values.values()), max(values.values()) - min(values.values())
    return {k: (v - least) / span for k, v in values.items()}


def write_latbench(values: Mapping[Vector, float], path: Path) -> None:
    """{vector: seconds} as a pickle of plain Python numbers, which every version of Python and numpy reads."""
    plain = {tuple(map(int, k)): float(v) for k, v in values.items()}
    write_whole(path, lambda temporary: _dump(plain, temporary))


def write_raw(points: Mapping[Vector, Value], folder: Path) -> None:
    """`results{N}.pickle` of up to 1000 points each and `step.txt` in `folder`, which must not hold any yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(_NAME.fullmatch(file.name) for file in folder.iterdir()):
        raise UsageError(f"{folder}: has results already; name an empty folder")
    entries = list(points.items())
    parts = [entries[i : i + PER_FILE] for i in range(0, len(entries), PER_FILE)] or [[]]
    for n, part in enumerate(parts):
        write_whole(folder / f"results{n}.pickle", lambda temporary, part=part: _dump(part, temporary))  # type: ignore[misc]
    last = entries[-1][0] if entries else None
    step = repr((len(entries), last, len(parts) - 1))
    write_whole(folder / "step.txt", lambda temporary: _text(temporary, step))


def _dump(data: object, path: Path) -> None:
    with path.open("wb") as file:
        pickle.dump(data, file, protocol=4)


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@dataclass
class PredictionLog:
    """One run of a predictor. predictions: (truth, predicted, vector); trained: vectors in the order picked."""

    predictions: list[tuple[float, float, Vector]]
    trained: list[Vector] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)


def write_log(log: PredictionLog, path: Path) -> None:
    """Append a run to a log, after a line of `===` where there are runs already."""
    lines = [f"{truth!r} {predicted!r} {vector}" for truth, predicted, vector in log.predictions]
    text = "\n".join([*lines, "---", *map(str, log.trained), "---", *log.figures]) + "\n"
    before = path.read_text(encoding="utf-8") + "===\n" if path.exists() else ""
    write_whole(path, lambda temporary: _text(temporary, before + text))


def read_logs(path: Path) -> list[PredictionLog]:
    """Every run of a log. Raises UsageError (no such file) and DataError with the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as err:
        raise UsageError(f"{path}: {err.strerror or err}") from err
    except UnicodeDecodeError as err:
        raise DataError(f"{path}: not text at byte {err.start}") from None
    logs = [PredictionLog([])]
    part = 0
    for number, line in enumerate(lines, 1):
        if line == "===":
            logs.append(PredictionLog([]))
            part = 0
        elif line == "---":
            part += 1
        else:
            _log_line(logs[-1], part, line, f"{path}:{number}")
    return logs


def _log_line(log: PredictionLog, part: int, line: str, where: str) -> None:
    try:
        if part == 0:
            truth, predicted, vector = line.split(" ", 2)
            log.predictions.append((float(truth), float(predicted), _vector(vector)))
        elif part == 1:
            log.trained.append(_vector(line))
        else:
            log.figures.append(line)
    except ValueError:
        what = "truth, prediction and vector" if part == 0 else "a vector"
        raise DataError(f"{where}: not {what}: {line[:60]!r}") from None


def _vector(text: str) -> Vector:
    return tuple(int(part) for part in text.strip("()[] ").rstrip(",").split(","))
