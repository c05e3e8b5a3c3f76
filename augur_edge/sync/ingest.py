"""A folder of batches into the host's store: each one whole, once, in any order; a bad one is set aside."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from augur_edge.errors import AugurError, DataError, NewerDataError, UsageError
from augur_edge.store import Store
from augur_edge.store.intake import ConflictError, Intake, Taken, is_ingested, mark_ingested
from augur_edge.sync.ahead import Reader, reader
from augur_edge.sync.batch import BadBatchError, records_of
from augur_edge.sync.names import SUFFIX, BatchName, is_partial, printable

QUARANTINE = ".quarantine"


@dataclass
class Ingested:
    """What came of a folder. bad: names of batches with the reason each was set aside; newer: left where they are.

    refused: runs that a device keeps, as they are too large for a batch, with the reason.
    """

    batches: int = 0
    seen: int = 0
    total: Taken = field(default_factory=Taken)
    bad: dict[str, str] = field(default_factory=dict)
    newer: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def ingest(store: Store, folder: Path) -> Ingested:
    """Take in every batch in `folder` and in its devices' folders that is not in `store` yet.

    A batch that is wrong moves to `folder`/.quarantine with its reason beside it. Raises UsageError where there is no
    such folder, AugurError where the store or the folder cannot be used.
    """
    done = Ingested()
    paths = list(_new_batches(store, folder, done))
    intake = Intake(store)
    with reader(paths) as records:
        for path in paths:
            if is_ingested(store, path.name):  # it lies here twice, or another `ingest` was faster
                done.seen += 1
                continue
            try:
                taken = take_in(store, intake, path, records)
            except NewerDataError as err:
                done.newer[path.name] = str(err)
            except (BadBatchError, ConflictError) as err:
                _set_aside(folder, path, str(err), done)
            except AugurError:
                if os.path.lexists(path):
                    raise  # else another `ingest` has set it aside
            else:
                done.batches += 1
                done.total.add(taken)
    return done


def _new_batches(store: Store, folder: Path, done: Ingested) -> Iterator[Path]:
    """Those that are not in the store yet and are called as they should be; counts or sets aside the others."""
    for path, device in batches_in(folder):
        try:
            name = _name_of(path, device)
        except BadBatchError as err:
            _set_aside(folder, path, str(err), done)
            continue
        if is_ingested(store, str(name)):
            done.seen += 1
        else:
            yield path


def take_in(store: Store, intake: Intake, path: Path, records: Reader = records_of) -> Taken:
    """One batch in one transaction. Raises BadBatchError, ConflictError, NewerDataError with the store unchanged."""
    with store.transaction():
        intake.begin()
        for record in records(path):
            intake.take(record)
        intake.flush()
        mark_ingested(store, [path.name])
    return intake.taken


def batches_in(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Files that are called like a batch, and the device whose folder each lies in (None: in `folder` itself)."""
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            for inner in _entries(Path(entry.path)):
                if _may_be_batch(inner):
                    yield Path(inner.path), entry.name
        elif _may_be_batch(entry):
            yield Path(entry.path), None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as err:
        raise UsageError(f"{folder}: {err.strerror}; name the folder that devices sync to") from err


def _may_be_batch(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(SUFFIX) and not is_partial(entry.name) and not entry.is_dir(follow_symlinks=False)


def _name_of(path: Path, device: str | None) -> BatchName:
    try:
        name = BatchName.parse(path.name)
    except DataError as err:
        raise BadBatchError(str(err)) from err
    if device not in (None, name.device):
        raise BadBatchError(f"{path.name}: lies in the folder of {printable(str(device))}, another device")
    return name


def _set_aside(folder: Path, path: Path, reason: str, done: Ingested) -> None:
    """Move a batch and say why, unless another `ingest` was faster."""
    try:
        name = str(BatchName.parse(path.name))
    except DataError:
        name = f"unnamed-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}"
    aside = folder / QUARANTINE
    try:
        aside.mkdir(exist_ok=True)
        path.rename(aside / name)
        (aside / f"{name}.reason").write_text(f"{printable(path.name)}: {reason}\n", encoding="utf-8")
    except FileNotFoundError:
        return
    except OSError as err:
        raise AugurError(f"{aside}: cannot set {printable(path.name)} aside: {err.strerror}") from err
    done.bad[path.name] = reason
