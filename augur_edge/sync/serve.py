"""The restricted end of `sync`: a device may add batches to its own folder and read its own predictors, nothing else.

Meant for `command=` in an authorized_keys file. What the client asked ssh to run is never looked at.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from augur_edge.errors import AugurError, DataError
from augur_edge.sync import protocol
from augur_edge.sync.batch import LARGEST_FILE, digest_of
from augur_edge.sync.channel import LONGEST_FRAME, Frame, framed
from augur_edge.sync.names import (
    ORIGIN,
    PREDICTORS,
    BatchName,
    device_name,
    is_partial,
    partial,
    predictor_name,
    printable,
)

INIT = 1
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Wire:
    """Frames on two streams of this process."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink

    def receive(self) -> Frame | None:
        """The next frame; None where the client has gone. Raises DataError for what is no frame."""
        head = self._source.read(5)
        length = int.from_bytes(head[:4], "big")
        if len(head) < 5:
            return None
        if not 1 <= length <= LONGEST_FRAME:
            raise DataError(f"a frame of {length} bytes; at most {LONGEST_FRAME}")
        payload = self._source.read(length - 1)
        return Frame(head[4], payload) if len(payload) == length - 1 else None

    def send(self, frame: bytes) -> None:
        """A frame, at once."""
        self._sink.write(frame)
        self._sink.flush()

    def send_file(self, file: BinaryIO) -> None:
        """The rest of a file as DATA."""
        for block in iter(lambda: file.read(protocol.BLOCK), b""):
            self.send(framed(protocol.DATA, block))


class Folder:
    """The folder of one device below `root`, held by its descriptor, so that no link can lead out of it."""

    def __init__(self, root: Path, device: str) -> None:
        self.device = device_name(device)
        try:
            (root / device).mkdir(parents=True, exist_ok=True)
            self._fd = os.open(root / device, _FOLDER)
        except OSError as err:
            raise AugurError(f"{root / device}: {err.strerror}; `serve` needs a folder there") from err

    def origin(self, wanted: str) -> None:
        """Take `wanted` as the store whose runs come here. Raises DataError where it is another one's folder."""
        if not re.fullmatch("[0-9a-f]{16}", wanted):
            raise DataError("origin is not 16 hex digits")
        if not self.has(ORIGIN):  # never half there, on a full disk say: that would pass for another store's
            temporary = partial(ORIGIN)
            with self.create(temporary) as file:
                file.write(wanted.encode())
                file.flush()
                os.fsync(file.fileno())
            self.keep(temporary, ORIGIN)
        with os.fdopen(self._open(ORIGIN, os.O_RDONLY), "rb") as file:
            found = file.read(64).decode("ascii", "replace").strip()
        if found != wanted:
            raise DataError(other_origin(self.device))

    def tidy(self) -> None:
        """Remove uploads that came to no end."""
        for name in filter(is_partial, os.listdir(self._fd)):  # noqa: PTH208
            with suppress(FileNotFoundError):  # another session was faster
                os.unlink(name, dir_fd=self._fd)

    def has(self, batch: str) -> bool:
        """Whether a batch is here."""
        try:
            return stat.S_ISREG(os.stat(batch, dir_fd=self._fd, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return False

    def create(self, name: str) -> BinaryIO:
        """A new file."""
        return os.fdopen(self._open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb")

    def keep(self, temporary: str, name: str) -> None:
        """Call a new file `name`, unless there is one."""
        try:
            os.link(temporary, name, src_dir_fd=self._fd, dst_dir_fd=self._fd, follow_symlinks=False)
        except FileExistsError:
            if not self.has(name):  # something else of that name
                raise
        os.unlink(temporary, dir_fd=self._fd)
        os.fsync(self._fd)

    def drop(self, name: str) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=self._fd)

    def predictors(self) -> list[str]:
        """Names of the device's predictors."""
        try:
            folder = os.open(PREDICTORS, _FOLDER, dir_fd=self._fd)
        except OSError:
            return []
        try:
            return sorted(name for name in os.listdir(folder) if _is_predictor(name))  # noqa: PTH208
        finally:
            os.close(folder)

    def predictor(self, name: str) -> BinaryIO:
        """One of them, to read. Raises DataError where it is none, or too large."""
        predictor_name(name)
        try:
            folder = os.open(PREDICTORS, _FOLDER, dir_fd=self._fd)
            try:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                file = os.fdopen(os.open(name, flags, dir_fd=folder), "rb")
            finally:
                os.close(folder)
        except OSError as err:
            raise DataError(f"{printable(name)}: no such predictor for {self.device}") from err
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode) or state.st_size > protocol.LARGEST_PREDICTOR:
            file.close()
            raise DataError(f"{name}: not a file of at most {protocol.LARGEST_PREDICTOR} bytes")
        return file

    def _open(self, name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=self._fd)


def _is_predictor(name: str) -> bool:
    try:
        return predictor_name(name) == name
    except DataError:
        return False


def other_origin(device: str) -> str:
    """What is wrong where two stores say they are one device."""
    return (
        f"another store already sends as {device}: two devices with one id; name this one with AUGUR_EDGE_DEVICE,"
        f" or, where it has replaced the other, remove {device}/{ORIGIN} on the host"
    )


def serve(wire: Wire, root: Path, device: str) -> None:
    """Answer one client until it goes. Whatever it asks for that is not allowed is refused, and logged nowhere.

    Raises AugurError where `root` cannot hold the device's folder.
    """
    folder = Folder(root, device)
    try:
        while frame := wire.receive():
            try:
                _answer(wire, folder, frame)
            except DataError as err:
                wire.send(protocol.said(protocol.REFUSED, error=str(err), kind="data"))
            except OSError as err:
                text = f"{folder.device}: {err.strerror}; free some room or give the right to write there"
                wire.send(protocol.said(protocol.REFUSED, error=text, kind="disk"))
    except DataError as err:  # out of step: there is no way to go on
        wire.send(protocol.said(protocol.REFUSED, error=str(err), kind="data"))


def _answer(wire: Wire, folder: Folder, frame: Frame) -> None:
    if frame.type == INIT:
        wire.send(protocol.said(protocol.GREETING, serve=protocol.NUMBER, device=folder.device))
    elif frame.type == protocol.HAVE:
        _have(wire, folder, protocol.heard(frame.payload))
    elif frame.type == protocol.PUT:
        _put(wire, folder, protocol.heard(frame.payload))
    elif frame.type == protocol.GET:
        _get(wire, folder, protocol.heard(frame.payload))
    else:
        raise DataError(f"a frame of type {frame.type}, which is none of have, put, get")


def _have(wire: Wire, folder: Folder, asked: Mapping[str, Any]) -> None:
    folder.origin(protocol.text(asked, "origin"))
    folder.tidy()  # not before: another store's uploads in flight are not ours to end
    names = asked.get("batches")
    if not isinstance(names, list) or len(names) > protocol.MOST_NAMES:
        raise DataError(f"batches is no list of up to {protocol.MOST_NAMES} names")
    here = [str(name) for name in names if folder.has(str(_own(folder, str(name))))]
    predictors = {}
    for name in folder.predictors():
        with suppress(DataError), folder.predictor(name) as file:  # one that cannot be had is not offered
            predictors[name] = {"size": os.fstat(file.fileno()).st_size, "sha256": digest_of(file)}
    wire.send(protocol.said(protocol.OK, batches=here, predictors=predictors))


def _own(folder: Folder, name: str) -> BatchName:
    batch = BatchName.parse(name)
    if batch.device != folder.device:
        raise DataError(f"{name}: this key may send batches of {folder.device} only")
    return batch


def _put(wire: Wire, folder: Folder, asked: Mapping[str, Any]) -> None:
    batch = _own(folder, protocol.text(asked, "name"))
    size = protocol.size(asked, LARGEST_FILE)
    temporary = partial(str(batch))
    hasher = hashlib.sha256()
    with folder.create(temporary) as file:
        wire.send(protocol.said(protocol.OK))
        try:
            _receive(wire, file, size, hasher)
            file.flush()
            os.fsync(file.fileno())
            if hasher.hexdigest() != batch.sha256:
                raise DataError(f"{batch}: arrived with another SHA-256 than the one in its name")
        except BaseException:
            folder.drop(temporary)
            raise
    folder.keep(temporary, str(batch))
    wire.send(protocol.said(protocol.OK))


def _receive(wire: Wire, file: BinaryIO, size: int, hasher: Any) -> None:
    """DATA of `size` bytes. After a full disk the rest is taken in and forgotten, so that the refusal can be heard."""
    failed: OSError | None = None
    while size > 0:
        frame = wire.receive()
        if frame is None:
            raise DataError("the client has gone in the middle of a batch")
        if frame.type != protocol.DATA or not 0 < len(frame.payload) <= size:
            raise DataError("a frame that is not the rest of the batch")
        size -= len(frame.payload)
        hasher.update(frame.payload)
        try:
            if failed is None:
                file.write(frame.payload)
        except OSError as err:
            failed = err
    if failed is not None:
        raise failed


def _get(wire: Wire, folder: Folder, asked: Mapping[str, Any]) -> None:
    with folder.predictor(protocol.text(asked, "name")) as file:
        digest = digest_of(file)
        file.seek(0)
        wire.send(protocol.said(protocol.OK, size=os.fstat(file.fileno()).st_size, sha256=digest))
        wire.send_file(file)
