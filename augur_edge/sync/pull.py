"""The host's side of `sync --pull`: asks a device's `serve --pull` for batch after batch, each noted when it is in."""

from __future__ import annotations

import hashlib
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augur_edge.console import Progress
from augur_edge.errors import DataError
from augur_edge.store import Store
from augur_edge.store.intake import Intake, is_ingested
from augur_edge.store.ledger import Ledger
from augur_edge.sync import protocol
from augur_edge.sync.batch import LARGEST_FILE, pack
from augur_edge.sync.channel import Channel, Frame, Pace
from augur_edge.sync.hosts import answer, received
from augur_edge.sync.ingest import Ingested, take_in
from augur_edge.sync.names import BatchName, Target
from augur_edge.sync.push import alone, waiting
from augur_edge.sync.serve import Wire
from augur_edge.sync.ssh import Ssh
from augur_edge.units import size_text


def pull(store: Store, device: Target, ssh: Ssh, pace: Pace, program: str) -> Ingested:
    """Take into `store` what the store `device.path` has for it. program: how augur-edge is called on the device.

    Raises RemoteError, and DataError for a batch that is not what it says; what came before stays.
    """
    done = Ingested()
    target = f"pull:{Ledger(store).origin}"
    words = [shlex.quote(word) for word in (program, "serve", "--pull", "--quiet", "--store", device.path)]
    intake = Intake(store)
    progress = Progress(1, f"pull from {device.host}")
    with tempfile.TemporaryDirectory(prefix="augur-pull-") as folder, Channel(ssh, device, words) as channel, progress:
        while "name" in (about := _next(channel, target, done)):
            path = _fetched(channel, about, Path(folder), pace, progress)
            if is_ingested(store, path.name):
                done.seen += 1
            else:
                done.total.add(take_in(store, intake, path))
                done.batches += 1
            path.unlink()
            channel.send(protocol.said(protocol.DONE, target=target, name=path.name))
            answer(channel)
    return done


def _next(channel: Channel, target: str, done: Ingested) -> Mapping[str, Any]:
    channel.send(protocol.said(protocol.NEXT, target=target))
    found: Mapping[str, Any] = answer(channel)
    refused = found.get("refused", {})
    if not isinstance(refused, dict):
        raise DataError(f"{channel.host}: refused is no object")
    done.refused.update({str(run): str(why) for run, why in refused.items()})
    return found


def _fetched(channel: Channel, about: Mapping[str, Any], folder: Path, pace: Pace, progress: Progress) -> Path:
    name = BatchName.parse(protocol.text(about, "name"))
    size = protocol.size(about, LARGEST_FILE)
    path, hasher, done = folder / str(name), hashlib.sha256(), 0
    progress.total = size
    with path.open("wb") as file:
        for block in received(channel, size):
            pace.take(len(block))
            hasher.update(block)
            file.write(block)
            done += len(block)
            progress.update(done, size_text(done))
    if hasher.hexdigest() != name.sha256:
        raise DataError(f"{channel.host}: {name} arrived with another SHA-256 than the one in its name; run again")
    return path


def serve_pull(wire: Wire, store: Store) -> None:
    """The device's end: packs what the host does not have, and notes what it says it took in."""
    with alone(store.path), tempfile.TemporaryDirectory(prefix="augur-pull-") as folder:
        while frame := wire.receive():
            try:
                _answer(wire, store, Path(folder), frame)
            except DataError as err:
                wire.send(protocol.said(protocol.REFUSED, error=str(err), kind="data"))


def _answer(wire: Wire, store: Store, folder: Path, frame: Frame) -> None:
    asked = protocol.heard(frame.payload)
    target = protocol.text(asked, "target")
    if not target.startswith("pull:"):
        raise DataError("the target of a pull begins with pull:")
    if frame.type == protocol.DONE:
        Ledger(store).acknowledge(target, protocol.text(asked, "name"))
        wire.send(protocol.said(protocol.OK))
    elif frame.type == protocol.NEXT:
        _send_next(wire, store, folder, target)
    else:
        raise DataError(f"a frame of type {frame.type}, which is none of next, done")


def _send_next(wire: Wire, store: Store, folder: Path, target: str) -> None:
    groups = waiting(store, Target(*target.split(":", 1)))
    refused: dict[str, str] = {}
    for unsent in groups.values():
        path, packed, too_large = pack(store, unsent, folder)
        refused.update({one.run: why for one, why in too_large.items()})
        if path is None:
            continue
        Ledger(store).offer(target, path.name, packed)
        with path.open("rb") as file:
            wire.send(protocol.said(protocol.OK, name=path.name, size=path.stat().st_size, refused=refused))
            wire.send_file(file)
        path.unlink()
        return
    wire.send(protocol.said(protocol.OK, refused=refused))
