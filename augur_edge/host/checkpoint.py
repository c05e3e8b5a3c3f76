"""What a training has reached, in one file beside its output, so that it can go on where it was interrupted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.dataset.rows import Dataset
from augur_edge.host.features import F64
from augur_edge.store.partial import read_partial, write_partial


def key_of(data: Dataset, *about: Any) -> str:
    """SHA-256 of the layers, their targets and `about`, anything JSON can hold: equal keys train equally."""
    digest = hashlib.sha256(data.layers.astype("<i8").tobytes())
    for name, values in sorted(data.targets.items()):
        digest.update(name.encode() + values.astype("<f8").tobytes())
    digest.update(json.dumps(about, sort_keys=True, default=str).encode())
    return digest.hexdigest()


class Checkpoint:
    """Arrays by name, kept in `path` after each `put`; without a path in memory only. key: as `key_of` gives it."""

    def __init__(self, path: Path | None = None, key: str = "", resume: bool = False) -> None:
        self.path, self.key = path, key
        found = read_partial(path, key, "train") if path is not None and resume else {}
        self._arrays: dict[str, F64] = {name: np.asarray(values, np.float64) for name, values in found.items()}

    def __len__(self) -> int:
        return len(self._arrays)

    def get(self, name: str) -> F64 | None:
        """What was put there, None if nothing was."""
        return self._arrays.get(name)

    def put(self, name: str, values: F64) -> None:
        """Keeps float64[n]; the file is written whole or not at all."""
        self._arrays[name] = values
        if self.path is not None:
            write_partial(self.path, self.key, self._arrays)

    def drop(self) -> None:
        """The work is done: the file goes."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
