"""The host's end as `sync` sees it: an sftp server, or our own `serve`; which one is found out on connecting."""

from __future__ import annotations

import hashlib
import io
import os
import select
import shlex
import struct
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Protocol

from augur_edge.errors import AugurError, DataError, RemoteError
from augur_edge.sync import protocol, sftp
from augur_edge.sync.channel import SILENCE_S, Channel, framed
from augur_edge.sync.names import ORIGIN, PREDICTORS, BatchName, Target, is_partial, partial, predictor_name
from augur_edge.sync.serve import other_origin
from augur_edge.sync.sftp import Sftp, StatusError
from augur_edge.sync.ssh import Ssh, environment

Moved = Callable[[int], None]
Settle = Callable[[], None]


class Host(Protocol):
    """Where batches go. All methods raise RemoteError, and DataError where the host refuses what we send."""

    def begin(self, device: str, origin: str, offered: Sequence[str]) -> set[str]:
        """Make ready for a device's batches, and tidy up; which of the `offered` ones are there already."""

    def put(self, path: Path, moved: Moved) -> Settle:
        """Upload a batch; when the function it returns has returned, it is there, whole, under its name.

        Between the two the host sums it up, and the next one can be uploaded.
        """

    def predictors(self, device: str) -> Iterator[tuple[str, bytes]]:
        """Names and bytes of what the host has for the device."""


@contextmanager
def connected(ssh: Ssh, target: Target) -> Iterator[Host]:
    """Connect, find out who answers, and hang up after the block. Raises RemoteError."""
    with Channel(ssh, target, ["sftp"], subsystem=True) as channel:
        channel.send(framed(sftp.INIT, struct.pack(">I", 3)))
        kind, payload = channel.receive()
        if kind == protocol.GREETING:
            yield _Served(channel, protocol.heard(payload))
            return
        if kind != sftp.VERSION:
            raise RemoteError(f"{target.host}: answers neither as sftp nor as `augur-edge serve`")
        sums = _Sums(ssh, target)
        try:
            yield _Plain(target, Sftp(channel, payload), sums)
        finally:
            sums.close()


class _Plain:
    """An sshd with sftp; where it allows a shell too, that sums up what has arrived."""

    def __init__(self, target: Target, server: Sftp, sums: _Sums) -> None:
        self._sftp = server
        self._target = target
        self._sums = sums

    def begin(self, device: str, origin: str, offered: Sequence[str]) -> set[str]:
        folder = f"{self._target.path}/{device}"
        self._sftp.make_folder(folder)
        self._claim(folder, device, origin)
        there = {entry.name for entry in self._sftp.list(folder)}
        for name in filter(is_partial, there):
            self._sftp.remove(f"{folder}/{name}")
        return there.intersection(offered)

    def _claim(self, folder: str, device: str, origin: str) -> None:
        path = f"{folder}/{ORIGIN}"
        if not self._sftp.exists(path):
            temporary = f"{folder}/{partial(ORIGIN)}"
            self._sftp.write(temporary, io.BytesIO(origin.encode()), lambda _: None)
            if self._sftp.rename(temporary, path):
                return
            self._sftp.remove(temporary)
        found = b"".join(self._sftp.read(path, 64)).decode("ascii", "replace").strip()
        if found != origin:
            raise DataError(f"{self._target.host}: {other_origin(device)}")

    def put(self, path: Path, moved: Moved) -> Settle:
        name, size = BatchName.parse(path.name), path.stat().st_size
        folder = f"{self._target.path}/{name.device}"
        temporary = f"{folder}/{partial(path.name)}"
        self._sums.start()
        try:
            with path.open("rb") as file:
                self._sftp.write(temporary, file, moved)
        except StatusError:
            self._sftp.remove(temporary)
            raise
        self._sums.ask(temporary)

        def settle() -> None:
            if (self._sums.answer() or self._read_back(temporary, size)) != name.sha256:
                raise RemoteError(f"{self._target.host}: {name} arrived with other bytes; run again")
            if not self._sftp.rename(temporary, f"{folder}/{name}"):
                self._sftp.remove(temporary)

        return settle

    def _read_back(self, path: str, size: int) -> str:
        """SHA-256 of a file there, where no shell can tell."""
        hasher = hashlib.sha256()
        for block in self._sftp.read(path, size):
            hasher.update(block)
        return hasher.hexdigest()

    def predictors(self, device: str) -> Iterator[tuple[str, bytes]]:
        folder = f"{self._target.path}/{device}/{PREDICTORS}"
        if not self._sftp.exists(folder):
            return
        for entry in self._sftp.list(folder):
            if entry.name.endswith(".augpred"):
                path = f"{folder}/{predictor_name(entry.name)}"
                yield entry.name, b"".join(self._sftp.read(path, protocol.LARGEST_PREDICTOR))


class _Sums:
    """A shell on the host that sums up files, in the order asked for; not asked again once it is of no use."""

    def __init__(self, ssh: Ssh, target: Target) -> None:
        self._command = ssh.command(target.host, ["sh"])
        self._shell: subprocess.Popen[bytes] | None = None
        self._useless = False
        self._heard = b""

    def start(self) -> None:
        """Connect, without waiting for it."""
        if self._shell is None and not self._useless:
            pipe, null = subprocess.PIPE, subprocess.DEVNULL
            self._shell = subprocess.Popen(  # noqa: S603 - words, no shell
                self._command, stdin=pipe, stdout=pipe, stderr=null, env=environment(), bufsize=0
            )

    def ask(self, path: str) -> None:
        """For the SHA-256 of a file there."""
        if self._shell is None or self._shell.stdin is None:
            return
        where = shlex.quote(path)
        # openssl first: it uses what the processor has for it, and takes a fifth of the time of Debian's sha256sum
        programs = "openssl dgst -sha256 -r", "sha256sum", "shasum -a 256"
        sums = " || ".join(f"{program} < {where}" for program in programs)
        line = f"{{ {sums}; }} 2>/dev/null | cut -c 1-64; echo .\n"
        with suppress(OSError):
            self._shell.stdin.write(line.encode("utf-8", "surrogateescape"))

    def answer(self) -> str | None:
        """To the first question that is open; None where this host's shell cannot tell."""
        while b".\n" not in self._heard and not self._useless:
            more = self._read()
            self._heard += more
            self._useless = not more or len(self._heard) > 1 << 16
        found, _, self._heard = self._heard.partition(b".\n")
        if len(found.strip()) == 64:
            return found.strip().decode("ascii", "replace")
        self._useless = True
        self.close()
        return None

    def _read(self) -> bytes:
        if self._shell is None or self._shell.stdout is None:
            return b""
        ready, _, _ = select.select([self._shell.stdout], [], [], SILENCE_S)
        return os.read(self._shell.stdout.fileno(), 1024) if ready else b""

    def close(self) -> None:
        """End the shell."""
        if self._shell is not None:
            self._shell.kill()
            self._shell.communicate()
            self._shell = None


class _Served:
    """Our own restricted end."""

    def __init__(self, channel: Channel, greeting: Any) -> None:
        self._channel = channel
        self._device = str(greeting.get("device"))
        self._predictors: dict[str, Any] = {}
        if greeting.get("serve") != protocol.NUMBER:
            raise RemoteError(f"{channel.host}: its `augur-edge serve` speaks another version; upgrade the older one")

    def begin(self, device: str, origin: str, offered: Sequence[str]) -> set[str]:
        if device != self._device:
            text = f"this key may send runs of {self._device} only, the store has some of {device}"
            raise DataError(f"{self._channel.host}: {text}; send those with their own key")
        there: set[str] = set()
        for at in range(0, max(len(offered), 1), protocol.MOST_NAMES):
            batches = list(offered[at : at + protocol.MOST_NAMES])
            answer = self._ask(protocol.said(protocol.HAVE, origin=origin, batches=batches))
            there.update(map(str, answer.get("batches", [])))
            self._predictors = dict(answer.get("predictors", {}))
        return there.intersection(offered)

    def put(self, path: Path, moved: Moved) -> Settle:
        self._ask(protocol.said(protocol.PUT, name=path.name, size=path.stat().st_size))
        with path.open("rb") as file:
            for block in iter(lambda: file.read(protocol.BLOCK), b""):
                self._channel.send(framed(protocol.DATA, block))
                moved(len(block))
        self._answer()
        return lambda: None

    def predictors(self, device: str) -> Iterator[tuple[str, bytes]]:
        for name in map(predictor_name, self._predictors):
            about = self._ask(protocol.said(protocol.GET, name=name))
            data = b"".join(received(self._channel, protocol.size(about, protocol.LARGEST_PREDICTOR)))
            if hashlib.sha256(data).hexdigest() != about.get("sha256"):
                raise DataError(f"{self._channel.host}: {name} arrived with another SHA-256; run again")
            yield name, data

    def _ask(self, frame: bytes) -> Any:
        self._channel.send(frame)
        return self._answer()

    def _answer(self) -> Any:
        return answer(self._channel)


def answer(channel: Channel) -> Any:
    """The object of an OK. Raises DataError and RemoteError, as it was refused."""
    kind, payload = channel.receive()
    said = protocol.heard(payload)
    if kind == protocol.REFUSED:
        error: type[AugurError] = DataError if said.get("kind") == "data" else RemoteError
        raise error(f"{channel.host}: {' '.join(str(said.get('error')).split())[:300]}")
    if kind != protocol.OK:
        raise RemoteError(f"{channel.host}: answers out of order")
    return said


def received(channel: Channel, size: int) -> Iterable[bytes]:
    """DATA of `size` bytes."""
    while size > 0:
        kind, block = channel.receive()
        if kind != protocol.DATA or not 0 < len(block) <= size:
            raise RemoteError(f"{channel.host}: answers out of order")
        size -= len(block)
        yield block
