"""All runs of a store as a Parquet data set at any URL that fsspec knows: a folder per device and day, only added to.

`device=NAME/day=YYYY-MM-DD/part-FROM-TO-DIGEST.parquet`, as Hive partitions are called: DuckDB, Dask, Spark and pyarrow
read them. What has been exported to a URL is noted in the store.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import secrets
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from augur_edge.errors import AugurError, DataError, MissingExtraError, UsageError
from augur_edge.store.flat import write_parquet
from augur_edge.store.flat_read import collect, from_plain
from augur_edge.store.ledger import Ledger, Unsent
from augur_edge.store.records import RunRecord
from augur_edge.store.store import Store

_PARTITION = "device="
_MOST_RUNS = 500


def url_of(path: Path) -> str | None:
    """The URL that was on a command line, or None for a file or folder here; `Path` makes one slash of two."""
    found = re.match(r"([a-z][a-z0-9+.-]+):/+(?=[^/]|$)", str(path))
    if found is None or path.exists():
        return None
    host = "/" if found[1] in {"file", "local"} else ""  # has no host, and its path begins with another slash
    return f"{found[1]}://{host}{str(path)[found.end() :]}"


def is_dataset(path: Path) -> bool:
    """Whether this is a data set, or names one elsewhere."""
    return url_of(path) is not None or (path.is_dir() and any(p.name.startswith(_PARTITION) for p in path.iterdir()))


def append_dataset(store: Store, url: str) -> tuple[int, int]:
    """Add every finished run that is not there yet; returns how many runs, in how many files.

    A file appears whole or not at all; one that has been removed from there is written again. Raises AugurError where
    it cannot be written, UsageError for an unknown kind of URL, MissingExtraError without pyarrow and fsspec.
    """
    files, root = _files_at(url)
    target, ledger = f"dataset:{url.rstrip('/')}", Ledger(store)
    n_runs = n_files = 0
    try:
        here = {_below(root, path) for path in files.find(root)} if files.exists(root) else set()
        ledger.forget(target, set(ledger.sent(target).values()) - here)
        for folder, runs in _parts(ledger.unsent(target)):
            digest = hashlib.sha256(b"".join(run.state for run in runs)).hexdigest()[:16]
            part = f"{folder}/part-{runs[0].run}-{runs[-1].run}-{digest}.parquet"
            ledger.offer(target, part, runs)
            _put(store, runs, files, f"{root}/{part}")
            ledger.acknowledge(target, part)
            n_runs, n_files = n_runs + len(runs), n_files + 1
    except OSError as err:
        raise AugurError(f"{url}: cannot be written: {err.strerror or err}") from err
    return n_runs, n_files


def read_dataset_runs(source: str) -> list[RunRecord]:
    """The runs of a data set, as far as a table holds them. Raises DataError, naming the row, and UsageError."""
    files, root = _files_at(source)
    pyarrow = importlib.import_module("pyarrow")
    dataset = importlib.import_module("pyarrow.dataset")
    partitions = pyarrow.schema([("device", pyarrow.string()), ("day", pyarrow.string())])
    try:
        found = dataset.dataset(
            root, filesystem=files, format="parquet", partitioning=dataset.partitioning(partitions, flavor="hive")
        )
        if not found.files:
            raise UsageError(f"{source}: no Parquet files there")
        return collect(_rows(found, source), source)
    except OSError as err:
        raise UsageError(f"{source}: {err.strerror or str(err).splitlines()[0]}") from err
    except pyarrow.ArrowException as err:
        raise DataError(f"{source}: not a data set of `export`: {str(err).splitlines()[0]}") from err


def dataset_digest(source: str) -> str:
    """SHA-256 of the names of its files, each of which ends in a digest of what is in it."""
    files, root = _files_at(source)
    names = "\n".join(sorted(_below(root, path) for path in files.find(root)))
    return hashlib.sha256(names.encode()).hexdigest()


def _rows(found: Any, source: str) -> Iterator[tuple[dict[str, Any], str]]:
    number = 0
    for batch in found.to_batches():
        for row in batch.to_pylist():
            number += 1
            where = f"{source}: row {number}"
            yield from_plain(row, where), where


def _files_at(url: str) -> tuple[Any, str]:
    try:
        core = importlib.import_module("fsspec.core")
        importlib.import_module("pyarrow")
    except ImportError as err:
        raise MissingExtraError(
            "a data set needs pyarrow and fsspec; pip install 'augur-edge[parquet]' (for s3:// also s3fs, gs:// gcsfs)"
        ) from err
    try:
        files, root = core.url_to_fs(url)
    except ImportError as err:
        raise MissingExtraError(f"{url}: {err}") from err
    except ValueError as err:
        raise UsageError(f"{url}: {err}") from err
    return files, root.rstrip("/")


def _below(root: str, path: str) -> str:
    return path[len(root) :].strip("/")


def _parts(unsent: Sequence[Unsent]) -> Iterator[tuple[str, list[Unsent]]]:
    """Finished runs by device and day (UTC); one that was interrupted may still change."""
    groups: dict[str, list[Unsent]] = defaultdict(list)
    for run in unsent:
        if run.final:
            day = datetime.fromtimestamp(run.created_unix_ns / 1e9, timezone.utc).strftime("%Y-%m-%d")
            groups[f"{_PARTITION}{quote(run.device, safe='') or '__HIVE_DEFAULT_PARTITION__'}/day={day}"].append(run)
    for folder, runs in sorted(groups.items()):
        for at in range(0, len(runs), _MOST_RUNS):
            yield folder, runs[at : at + _MOST_RUNS]


def _put(store: Store, runs: Sequence[Unsent], files: Any, path: str) -> None:
    folder, _, name = path.rpartition("/")
    temporary = f"{folder}/.{name}.{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="augur-dataset-") as here:
        write_parquet((store.load(run.run) for run in runs), Path(here) / name, without=("device",))
        files.makedirs(folder, exist_ok=True)
        try:
            files.put_file(str(Path(here) / name), temporary)
            files.mv(temporary, path)
        except BaseException:
            if files.exists(temporary):
                files.rm_file(temporary)
            raise
