"""What a long work has reached, in one file beside its output, so that it can go on where it was interrupted."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.errors import DataError, UsageError
from augur_edge.store.files import write_bytes


def partial_of(output: Path) -> Path:
    """Where a work that is interrupted leaves what it has reached: OUT.partial."""
    return output.with_name(f"{output.name}.partial")


def write_partial(path: Path, key: str, arrays: Mapping[str, Any]) -> None:
    """Arrays by name; the file is written whole or not at all. key: equal keys are equal works."""
    stream = io.BytesIO()
    kept: dict[str, Any] = {f"a_{name}": array for name, array in arrays.items()}
    np.savez(stream, key=np.array(key), **kept)
    write_bytes(path, stream.getvalue())


def read_partial(path: Path, key: str, command: str) -> dict[str, Any]:
    """The arrays. command: whose they are, `train`, for people.

    Raises UsageError for no file or one of another work, DataError for one that is damaged.
    """
    if not path.exists():
        raise UsageError(f"nothing to resume: there is no {path}; leave --resume away")
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name[2:]: np.asarray(found[name]) for name in found.files if name.startswith("a_")}
            known = str(found["key"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        text = str(error)[:80]
        raise DataError(f"{path}: not a checkpoint of `{command}` ({text}); {command} without --resume") from None
    if known != key:
        raise UsageError(f"{path} was left by other data or options; repeat those, or {command} without --resume")
    return arrays
