"""Per-layer times from `trtexec --exportProfile=FILE`, TensorRT's own measuring program, as a run of mode `imported`.

The file is a list: first {"count": inferences}, then one object a layer of the built engine, in its order of execution:
`name`, `timeMs` over all inferences, `averageMs`, `percentage` (newer ones add `medianMs`). Names join the layers that
TensorRT fused by ` + `; a subgraph that a DLA runs as one is `{a,b,c}`.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.errors import DataError
from augur_edge.store.files import opened
from augur_edge.store.flat_read import FROM_ELSEWHERE
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord

MODE = "imported"
RUNTIME = "tensorrt"
_LARGEST = 64 << 20  # bytes; the profile of a network of 10 000 layers is 2 MB
_LONGEST_MS = 1e12


def run_of_trtexec(path: Path, device: str) -> RunRecord:
    """The layers of a profile as a run: of each one sample, a block of `count` calls that took `timeMs`.

    The same file always has the same id. Raises DataError, naming the entry, and UsageError for a missing file.
    """
    with opened(path) as file:
        data = file.read(_LARGEST + 1)
    entries = _entries(data, path)
    count = _count(entries, path)
    layers = [_layer(i, entry, count, f"{path}: entry {i + 1}") for i, entry in enumerate(entries[1:])]
    if not layers:
        raise DataError(f"{path}: a profile without layers")
    key = hashlib.sha256(data + f"\0{device}".encode()).hexdigest()
    info = {"notes": [f"trtexec's profiler, {count} inferences; it gives sums: how far calls vary is unknown"]}
    return RunRecord(
        id=key[:16],
        created_unix_ns=time.time_ns(),
        device=device,
        status="done",
        context={"imported_from": path.name},
        plan={},
        verdict={"steady": False, "reasons": [FROM_ELSEWHERE]},
        networks=[NetworkRecord(0, path.stem, RUNTIME, MODE, info, layers)],
    )


def _entries(data: bytes, path: Path) -> list[Any]:
    if len(data) > _LARGEST:
        raise DataError(f"{path}: more than {_LARGEST >> 20} MiB; no profile of trtexec is that large")
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise DataError(f"{path}: not JSON: {e}") from e
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: not a profile of trtexec, which is a list that begins with the count of inferences")
    return entries


def _count(entries: list[Any], path: Path) -> int:
    count = entries[0].get("count") if isinstance(entries[0], dict) else None
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise DataError(f"{path}: entry 0 has no `count` of inferences; was it written by trtexec --exportProfile?")
    return count


def _layer(position: int, entry: Any, count: int, where: str) -> Measurement:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise DataError(f"{where}: no layer's name")
    ms = entry.get("timeMs")
    if not isinstance(ms, (int, float)) or isinstance(ms, bool) or not 0 <= ms < _LONGEST_MS or math.isnan(ms):
        raise DataError(f"{where} ({entry['name'][:40]}): timeMs is {str(ms)[:40]}, not milliseconds")
    samples = np.array([round(ms * 1e6)], np.int64)
    name = entry["name"]
    return Measurement("layer", MODE, position, name, _op(name), 1, nodes_of(name), loops=count, samples_ns=samples)


def nodes_of(name: str) -> tuple[str, ...]:
    """The user's nodes in a layer's name; none for what TensorRT put in itself."""
    if _op(name) in ("reorder", "copy", "wait"):
        return ()
    if name.startswith("{") and name.endswith("}"):
        return tuple(part for part in name[1:-1].split(",") if part)
    return tuple(name.split(" + "))


def _op(name: str) -> str:
    """What the name says of the kind; the profile has nothing else on it."""
    if "reformatter" in name or name.startswith("Reformatting CopyNode"):
        return "reorder"
    if name.endswith((" to nvm", " from nvm")):
        return "copy"
    if name.endswith(" finish"):
        return "wait"
    return "dla" if name.startswith("{") else "layer"
