"""What a training has reached, in one file beside its output, so that it can go on where it was interrupted."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.dataset.rows import Dataset
from augur_edge.errors import DataError, UsageError
from augur_edge.host.features import F64
from augur_edge.store.files import write_bytes


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
        self._arrays: dict[str, F64] = _read(path, key) if path is not None and resume else {}

    def __len__(self) -> int:
        return len(self._arrays)

    def get(self, name: str) -> F64 | None:
        """What was put there, None if nothing was."""
        return self._arrays.get(name)

    def put(self, name: str, values: F64) -> None:
        """Keeps float64[n]; the file is written whole or not at all."""
        self._arrays[name] = values
        if self.path is not None:
            stream = io.BytesIO()
            kept: dict[str, Any] = {f"a_{name}": array for name, array in self._arrays.items()}
            np.savez(stream, key=np.array(self.key), **kept)
            write_bytes(self.path, stream.getvalue())

    def drop(self) -> None:
        """The work is done: the file goes."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _read(path: Path, key: str) -> dict[str, F64]:
    """Raises UsageError for no file or one of another training, DataError for one that is damaged."""
    if not path.exists():
        raise UsageError(f"nothing to resume: there is no {path}; leave --resume away")
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name[2:]: np.asarray(found[name], np.float64) for name in found.files if name.startswith("a_")}
            known = str(found["key"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a training's checkpoint ({str(error)[:80]}); train without --resume") from None
    if known != key:
        raise UsageError(f"{path} was left by other data or options; repeat those, or train without --resume")
    return arrays
