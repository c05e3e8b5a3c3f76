"""Frames to a process and back: a length of four bytes, most significant first, a type of one byte, a payload.

SFTP and our own `serve` are framed alike, so that one reader finds out which of them answers.
"""

from __future__ import annotations

import os
import select
import struct
import subprocess
import tempfile
import time
from types import TracebackType
from typing import NamedTuple

from augur_edge.errors import RemoteError
from augur_edge.sync.names import Target
from augur_edge.sync.ssh import Ssh, environment, explained

LONGEST_FRAME = (256 << 10) + 1024
SILENCE_S = 60.0
_HEAD = struct.Struct(">IB")


class Frame(NamedTuple):
    """type: what the payload is, by the protocol's own numbers."""

    type: int
    payload: bytes


def framed(kind: int, payload: bytes) -> bytes:
    """A frame as bytes."""
    return _HEAD.pack(len(payload) + 1, kind) + payload


class Channel:
    """A process of ssh that speaks frames; a context manager, which ends it. One thread only.

    silence_s: how long nothing may move. Every method raises RemoteError, in words, where the connection is gone.
    """

    def __init__(self, ssh: Ssh, target: Target, words: list[str], *, subsystem: bool = False) -> None:
        self.host = target.host
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads could fill up
        self._process = subprocess.Popen(  # noqa: S603 - words, no shell
            ssh.command(target.host, words, subsystem=subsystem),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment(),
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in = self._process.stdin.fileno()
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._buffer = bytearray()

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Say good-bye, and end the process where it does not."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()

    def send(self, data: bytes) -> None:
        """Frames, ready made."""
        left = memoryview(data)
        while left:
            self._wait(writing=True)
            try:
                left = left[os.write(self._in, left) :]
            except BlockingIOError:
                continue
            except OSError as err:
                raise self.lost() from err

    def receive(self) -> Frame:
        """The next frame, waited for."""
        length, kind = _HEAD.unpack(self._take(_HEAD.size))
        if not 1 <= length <= LONGEST_FRAME:
            raise RemoteError(
                f"{self.host}: answers {bytes(self._buffer[:40])!r}, not frames; does a login script print something?"
            )
        return Frame(kind, self._take(length - 1))

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._wait(writing=False)
            more = os.read(self._out, 1 << 18)
            if not more:
                raise self.lost()
            self._buffer += more
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def _wait(self, *, writing: bool) -> None:
        waiting = select.poll()
        waiting.register(self._in if writing else self._out, select.POLLOUT if writing else select.POLLIN)
        if not waiting.poll(1000 * SILENCE_S):
            self._process.kill()
            raise RemoteError(f"{self.host}: nothing moved for {SILENCE_S:.0f} s; run again, it goes on where it was")

    def lost(self) -> RemoteError:
        """Why there is nothing more, from what ssh said."""
        try:
            code: int | None = self._process.wait(5)
        except subprocess.TimeoutExpired:
            code = None
        self._said.seek(0)
        return explained(self.host, self._said.read(1 << 16).decode("utf-8", "replace"), code)


class Pace:
    """Holds a stream to a number of bytes a second."""

    def __init__(self, bytes_per_s: float | None) -> None:
        self._rate = bytes_per_s
        self._free_at_s = time.monotonic()

    def take(self, size: int) -> None:
        """Wait until `size` more bytes may go."""
        if self._rate is None:
            return
        now_s = time.monotonic()
        if self._free_at_s > now_s:
            time.sleep(self._free_at_s - now_s)
        self._free_at_s = max(self._free_at_s, now_s) + size / self._rate
