"""The device's side: what the host has not acknowledged goes out in batches, and is noted only when it is there."""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from augur_edge import console
from augur_edge.console import Progress
from augur_edge.errors import AugurError, DataError
from augur_edge.store import Store
from augur_edge.store.ledger import Ledger, Unsent
from augur_edge.sync.batch import pack
from augur_edge.sync.channel import Pace
from augur_edge.sync.hosts import Host, Settle, connected
from augur_edge.sync.names import BatchName, Target, device_name
from augur_edge.sync.ssh import Ssh
from augur_edge.units import size_text


@dataclass
class Pushed:
    """What went out.

    found: batches that were there already, sent by a call that did not live to note it. refused: runs that stay here
    because they are too large for a batch, with the reason.
    """

    runs: int = 0
    batches: int = 0
    found: int = 0
    bytes: int = 0
    packing_s: float = 0.0
    sending_s: float = 0.0
    refused: dict[str, str] = field(default_factory=dict)


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """One `sync` of a store at a time. Raises AugurError where another one runs."""
    path = store.with_name(f"{store.name}.sync")
    try:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as err:
        raise AugurError(f"{store}: another `sync` of this store is running; let it end, or end it") from err


def waiting(store: Store, target: Target) -> dict[str, list[Unsent]]:
    """Runs that `target` has not acknowledged, by device. Raises DataError for a device that cannot be named there."""
    unsent = Ledger(store).unsent(str(target))
    devices = sorted({one.device for one in unsent})
    return {device_name(device): [one for one in unsent if one.device == device] for device in devices}


def push(store: Store, target: Target, ssh: Ssh, pace: Pace, predictors: Path | None = None) -> Pushed:
    """Send every run that waits, and fetch the device's predictors into the folder `predictors`, if given.

    Raises RemoteError, and DataError where the host refuses; what was acknowledged before stays so.
    """
    done = Pushed()
    ledger = Ledger(store)
    groups = waiting(store, target)
    if not groups and not ledger.offered(str(target)) and predictors is None:
        return done  # nothing to say: no connection, which on a device costs time and power
    with connected(ssh, target) as host, tempfile.TemporaryDirectory(prefix="augur-sync-") as folder:
        offered: dict[str, list[str]] = {}
        for batch in ledger.offered(str(target)):
            offered.setdefault(BatchName.parse(batch).device, []).append(batch)
        own = None if predictors is None else _only_device(store)
        for device in sorted({*groups, *offered, *filter(None, [own])}):
            for batch in host.begin(device, ledger.origin, offered.get(device, [])):
                ledger.acknowledge(str(target), batch)
                done.found += 1
        total = sum(map(len, groups.values()))
        with Progress(total, f"sync to {target.host}", "runs") as progress:
            for unsent in waiting(store, target).values():
                _push_all(_Push(store, ledger, target, host, pace, Path(folder), progress, total), unsent, done)
        if predictors is not None and own is not None:
            _fetch(host, own, predictors)
    return done


@dataclass
class _Push:
    """What all batches of one call share."""

    store: Store
    ledger: Ledger
    target: Target
    host: Host
    pace: Pace
    folder: Path
    progress: Progress
    total: int


def _push_all(push: _Push, unsent: Sequence[Unsent], done: Pushed) -> None:
    """One batch after another; while the host makes sure of one, the next is packed and uploaded."""
    settle: Settle | None = None
    while unsent:
        start_s = time.monotonic()
        path, packed, refused = pack(push.store, unsent, push.folder)
        done.refused.update({one.run: why for one, why in refused.items()})
        unsent = unsent[len(packed) + len(refused) :]
        if path is None:
            break
        push.ledger.offer(str(push.target), path.name, packed)
        done.packing_s += time.monotonic() - start_s
        start_s = time.monotonic()
        uploaded = _upload(push, path, len(packed), done)
        if settle is not None:
            settle()
        settle = uploaded
        done.sending_s += time.monotonic() - start_s
    if settle is not None:
        settle()


def _upload(push: _Push, path: Path, n_runs: int, done: Pushed) -> Settle:
    """Returns what waits for the batch to be there under its name, and notes it."""
    size, before, sent = path.stat().st_size, done.runs, [0]

    def moved(count: int) -> None:
        push.pace.take(count)
        sent[0] += count
        done.bytes += count
        push.progress.update(min(before + n_runs * sent[0] / size, push.total), size_text(done.bytes))

    settle = push.host.put(path, moved)
    path.unlink()

    def settled() -> None:
        settle()
        push.ledger.acknowledge(str(push.target), path.name)
        done.runs += n_runs
        done.batches += 1

    return settled


def _only_device(store: Store) -> str:
    devices = {run.device for run in store.runs()}
    if len(devices) != 1:
        raise DataError(f"--predictors: the store has runs of {len(devices)} devices; which is this one cannot be told")
    return device_name(devices.pop())


def _fetch(host: Host, device: str, folder: Path) -> None:
    """Every predictor that will do; then raises the DataError of the first that will not."""
    from augur_edge.sync.predictors import UnsaidError, install

    wrong: list[DataError] = []
    for name, data in host.predictors(device):
        try:
            install(data, folder / name)
        except UnsaidError:  # somebody who can write on the host has put it into this device's own folder
            install(data, folder / name, any_device=True)
            console.warn(f"{name}: does not say what it was trained on; whether that fits this device is not checked")
        except DataError as err:
            wrong.append(err)
    if wrong:
        raise wrong[0]
