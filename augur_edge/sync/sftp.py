"""A host through its sshd's own sftp, version 3: enough of it to put a file there, to be sure of it, and to fetch one.

draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL for the extensions statvfs and fsync.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Callable, NamedTuple

from augur_edge.errors import RemoteError
from augur_edge.sync.channel import Channel, Frame, framed
from augur_edge.sync.names import printable

INIT, VERSION = 1, 2
_OPEN, _CLOSE, _READ, _WRITE, _SETSTAT = 3, 4, 5, 6, 9
_OPENDIR, _READDIR, _REMOVE, _MKDIR, _STAT, _RENAME, _EXTENDED = 11, 12, 13, 14, 17, 18, 200
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS, _EXTENDED_REPLY = 101, 102, 103, 104, 105, 201
_OK, _EOF, _NO_FILE, _DENIED = 0, 1, 2, 3
_FOR_READING, _FOR_WRITING = 0x01, 0x02 | 0x08 | 0x10  # write, create, truncate
_BLOCK = 32 << 10  # what every server takes
_LARGE_BLOCK = 128 << 10  # what those take that tell their limits
_IN_FLIGHT = 64

Moved = Callable[[int], None]


class StatusError(RemoteError):
    """The server would not; `status` is its number."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Entry(NamedTuple):
    """One name in a folder; size is None where the server does not say."""

    name: str
    size: int | None


class Sftp:
    """Requests over a channel whose server has said VERSION. Paths are text; bytes that are no UTF-8 stay as they are.

    Every method raises StatusError, naming the path, or RemoteError where the connection is gone.
    """

    def __init__(self, channel: Channel, version: bytes) -> None:
        self._channel = channel
        self._next = 0
        self._extensions = set(_strings(version[4:])[::2])
        self._block = _LARGE_BLOCK if b"limits@openssh.com" in self._extensions else _BLOCK

    def list(self, folder: str) -> list[Entry]:
        """What is in a folder."""
        handle = self._handle(_OPENDIR, _packed(folder), folder)
        found: list[Entry] = []
        while True:
            answer = self._ask(_READDIR, _packed(handle))
            if answer.type != _NAME:
                break
            found += _entries(answer.payload[4:])
        self._ask(_CLOSE, _packed(handle))
        status = _status(answer)
        if status != _EOF:
            raise self._refused(answer, folder)
        return [entry for entry in found if entry.name not in {".", ".."}]

    def make_folder(self, folder: str) -> None:
        """Make a folder, and those above it, where missing."""
        if self.exists(folder):
            return
        above, slash, _ = folder.rstrip("/").rpartition("/")
        if slash and above:
            self.make_folder(above)
        answer = self._ask(_MKDIR, _packed(folder) + bytes(4))
        if _status(answer) != _OK and not self.exists(folder):  # another device may have been faster
            raise self._refused(answer, folder)

    def exists(self, path: str) -> bool:
        """Whether there is something of that name."""
        answer = self._ask(_STAT, _packed(path))
        if answer.type != _ATTRS and _status(answer) != _NO_FILE:
            raise self._refused(answer, path)
        return answer.type == _ATTRS

    def write(self, path: str, file: BinaryIO, moved: Moved) -> None:
        """Put the rest of `file` there, in place of what was there, and have it on the disk before returning."""
        flags = struct.pack(">II", _FOR_WRITING, 0)
        handle = self._handle(_OPEN, _packed(path) + flags, path)
        answer = self._written(handle, file, moved)
        if _status(answer) == _OK and b"fsync@openssh.com" in self._extensions:
            answer = self._ask(_EXTENDED, _packed(b"fsync@openssh.com", handle))
        closed = self._ask(_CLOSE, _packed(handle))
        self._demand(answer, path)
        self._demand(closed, path)

    def _written(self, handle: bytes, file: BinaryIO, moved: Moved) -> Frame:
        """The answer to the last block, or to the first that was refused; then no other answer is under way."""
        waiting: deque[int] = deque()
        offset, answer = 0, Frame(_STATUS, bytes(4))
        while _status(answer) == _OK and (block := file.read(self._block)):
            if len(waiting) >= _IN_FLIGHT:
                answer = self._receive(waiting.popleft())
            waiting.append(self._send(_WRITE, _packed(handle) + struct.pack(">QI", offset, len(block)) + block))
            offset += len(block)
            moved(len(block))
        while waiting:
            late = self._receive(waiting.popleft())
            answer = late if _status(answer) == _OK else answer
        return answer

    def read(self, path: str, limit: int) -> Iterator[bytes]:
        """The content of a file, block by block; it may have up to `limit` bytes."""
        handle = self._handle(_OPEN, _packed(path) + struct.pack(">II", _FOR_READING, 0), path)
        offset = asked = 0
        waiting: deque[tuple[int, int]] = deque()
        while True:
            while len(waiting) < _IN_FLIGHT:
                waiting.append((self._send(_READ, _packed(handle) + struct.pack(">QI", asked, _BLOCK)), asked))
                asked += _BLOCK
            number, at = waiting.popleft()
            answer = self._receive(number)
            if answer.type != _DATA or at != offset:
                break
            block = answer.payload[4:]
            offset += len(block)
            if offset > limit:
                raise RemoteError(f"{self._channel.host}: {printable(path)} has more than {limit} bytes")
            yield block
            if len(block) < _BLOCK:  # a short answer: what was asked for after it has gaps
                self._drop(waiting)
                asked = offset
        self._drop(waiting)
        self._ask(_CLOSE, _packed(handle))
        if _status(answer) != _EOF:
            raise self._refused(answer, path)

    def remove(self, path: str) -> None:
        """Remove a file; none there is as good."""
        answer = self._ask(_REMOVE, _packed(path))
        if _status(answer) not in {_OK, _NO_FILE}:
            raise self._refused(answer, path)

    def rename(self, old: str, new: str) -> bool:
        """Rename a file, never over another one; False where `new` is there already."""
        answer = self._ask(_RENAME, _packed(old, new))
        if _status(answer) == _OK:
            return True
        if self.exists(new):
            return False
        raise self._refused(answer, new)

    def replace(self, old: str, new: str) -> None:
        """Rename a file over what is there, in one step."""
        self._demand(self._ask(_EXTENDED, _packed(b"posix-rename@openssh.com", old, new)), new)

    def _drop(self, waiting: deque[tuple[int, int]]) -> None:
        while waiting:
            self._receive(waiting.popleft()[0])

    def _handle(self, kind: int, payload: bytes, path: str) -> bytes:
        answer = self._ask(kind, payload)
        if answer.type != _HANDLE:
            raise self._refused(answer, path)
        return _strings(answer.payload)[0]

    def _ask(self, kind: int, payload: bytes) -> Frame:
        return self._receive(self._send(kind, payload))

    def _send(self, kind: int, payload: bytes) -> int:
        self._next = (self._next + 1) & 0xFFFFFFFF
        self._channel.send(framed(kind, struct.pack(">I", self._next) + payload))
        return self._next

    def _receive(self, number: int) -> Frame:
        kind, payload = self._channel.receive()
        if len(payload) < 8 or struct.unpack_from(">I", payload)[0] != number:
            raise RemoteError(f"{self._channel.host}: its sftp answers out of order")
        return Frame(kind, payload[4:])

    def _demand(self, answer: Frame, path: str) -> None:
        if _status(answer) != _OK:
            raise self._refused(answer, path)

    def _refused(self, answer: Frame, path: str) -> StatusError:
        status = _status(answer)
        where = f"{self._channel.host}: {printable(path)}"
        if status == _DENIED:
            return StatusError(f"{where}: may not be written or read; give its user the right to, or name another", 3)
        if status == _NO_FILE:
            return StatusError(f"{where}: not there, nor a folder for it", status)
        return StatusError(f"{where}: {self._why(path)}", status)

    def _why(self, path: str) -> str:
        """sftp has one number for every fault of a disk; the file system itself can tell a few apart."""
        folder = path.rpartition("/")[0] or "."
        if b"statvfs@openssh.com" in self._extensions:
            answer = self._ask(_EXTENDED, _packed(b"statvfs@openssh.com", folder))
            if answer.type == _EXTENDED_REPLY and len(answer.payload) >= 88:
                _, size, _, _, free, _, _, _, _, flags, _ = struct.unpack_from(">11Q", answer.payload)
                if flags & 1:
                    return "the file system is read-only; name another folder"
                if free * size < (1 << 20):
                    return "the disk is full; free some of it and run again"
        return "cannot be written: a quota, or a disk that is full or failing; free some of it and run again"


def _packed(*texts: str | bytes) -> bytes:
    raw = [t.encode("utf-8", "surrogateescape") if isinstance(t, str) else t for t in texts]
    return b"".join(struct.pack(">I", len(r)) + r for r in raw)


def _strings(payload: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 4 <= len(payload):
        (size,) = struct.unpack_from(">I", payload, at)
        found.append(payload[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _status(answer: Frame) -> int:
    """Its number; -1 for an answer that is none."""
    return int(struct.unpack_from(">I", answer.payload)[0]) if answer.type == _STATUS else -1


def _entries(payload: bytes) -> Iterator[Entry]:
    """From the names of a READDIR, each with its long form and attributes."""
    at = 0
    try:
        while at < len(payload):
            (size,) = struct.unpack_from(">I", payload, at)
            name = payload[at + 4 : at + 4 + size].decode("utf-8", "surrogateescape")
            at += 4 + size
            (size,) = struct.unpack_from(">I", payload, at)
            at += 4 + size
            length, at = _attributes(payload, at)
            yield Entry(name, length)
    except struct.error as err:
        raise RemoteError("an answer of sftp was cut short") from err


def _attributes(payload: bytes, at: int) -> tuple[int | None, int]:
    """Size, and where what follows begins."""
    (flags,) = struct.unpack_from(">I", payload, at)
    at += 4
    length = struct.unpack_from(">Q", payload, at)[0] if flags & 1 else None
    at += (8 if flags & 1 else 0) + (8 if flags & 2 else 0) + (4 if flags & 4 else 0) + (8 if flags & 8 else 0)
    if flags & 0x80000000:
        (pairs,) = struct.unpack_from(">I", payload, at)
        at += 4
        for _ in range(2 * pairs):
            at += 4 + struct.unpack_from(">I", payload, at)[0]
    return length, at
