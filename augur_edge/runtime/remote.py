"""A runtime in a process of its own, for libraries that may crash or hang: either is an error here, and no more.

The worker (`remote_worker`) holds the interpreters and times them with the same loops as this process would, so what
passes between the two is not in any figure. Requests are JSON lines on its stdin, answers JSON lines on a pipe.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from augur_edge import timing
from augur_edge.errors import InferenceError

WORKER = "augur_edge.runtime.remote_worker"
PATIENCE = 20
"""A call that takes this many times as long as the first one did hangs, if the worker's patience has ended too."""


class WorkerLostError(InferenceError):
    """The worker died. signal: the name of the signal that ended it, None where it left by itself."""

    def __init__(self, text: str, signal_name: str | None) -> None:
        super().__init__(text)
        self.signal = signal_name


class WorkerHangsError(InferenceError):
    """The worker did not answer in time, and was ended."""


class RefusedError(InferenceError):
    """The worker lives, and says no. kind: the exception's type there."""

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind


class Worker:
    """The process. answer_s: how long it may think, beyond what a request takes by what is known of it.

    forgotten: interpreters that nobody needs; told with the next request, as it may grow at any time. ended: it was
    lost or hung, and answers no more.
    """

    def __init__(self, answer_s: float) -> None:
        self._answer_s = answer_s
        self._heard = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the worker lives
        mine, theirs = os.pipe()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", WORKER, str(theirs)],
            stdin=subprocess.PIPE, stdout=self._heard, stderr=self._heard, pass_fds=[theirs],
        )  # fmt: skip
        os.close(theirs)
        self._answers, self._rest = mine, b""
        self.forgotten: list[int] = []
        self.ended = False
        weakref.finalize(self, _end, self._process, mine, self._heard)

    def ask(self, request: dict[str, Any], expected_s: float = 0.0) -> dict[str, Any]:
        """The worker's answer. Raises RefusedError, WorkerLostError or WorkerHangsError."""
        assert self._process.stdin is not None
        forgotten, self.forgotten[:] = self.forgotten[:], []
        try:
            self._process.stdin.write(json.dumps({**request, "forget": forgotten}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._lost(request["do"]) from None
        answer: dict[str, Any] = json.loads(self._line(request["do"], self._answer_s + PATIENCE * expected_s))
        if "error" in answer:
            raise RefusedError(answer["error"], answer["kind"])
        return answer

    def _line(self, doing: str, timeout_s: float) -> bytes:
        until = timing.now_ns() + timeout_s * 1e9
        while b"\n" not in self._rest:
            left_s = (until - timing.now_ns()) / 1e9
            if left_s <= 0 or not select.select([self._answers], [], [], left_s)[0]:
                self.ended = True
                self._process.kill()
                raise WorkerHangsError(f"no answer within {timeout_s:.0f} s ({doing}); the process was ended")
            data = os.read(self._answers, 1 << 20)
            if not data:
                raise self._lost(doing)
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _lost(self, doing: str) -> WorkerLostError:
        self.ended = True
        try:
            code = self._process.wait(self._answer_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._heard.seek(0)
        lines = self._heard.read().decode(errors="replace").strip().splitlines()
        last = f": {lines[-1][:200]}" if lines else ""
        if code < 0:
            name = signal.Signals(-code).name
            return WorkerLostError(f"its process died of {name} ({doing}){last}", name)
        return WorkerLostError(f"its process ended with code {code} ({doing}){last}", None)


def _end(process: subprocess.Popen[bytes], answers: int, heard: Any) -> None:
    process.kill()
    process.wait()
    os.close(answers)
    heard.close()
    if process.stdin is not None:
        with contextlib.suppress(OSError):  # a request it never read
            process.stdin.close()


@dataclass(frozen=True)
class RemoteTask:
    """A `Task` in the worker. first_ns: what its first call took, by which a hang is told."""

    remote: RemoteLoop
    id: int
    first_ns: int

    def run(self) -> None:
        """Call it once, untimed."""
        self.remote.time_blocks(self, 1, 1)


class RemoteLoop:
    """The worker's timed loops."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def time_blocks(self, task: RemoteTask, loops: int, n_blocks: int) -> list[int]:
        """ns of every block of `loops` calls; RuntimeError, as local loops raise it, with the runtime's own words."""
        request = {"do": "time", "id": task.id, "loops": loops, "blocks": n_blocks}
        return self._ns(request, loops * n_blocks * task.first_ns)

    def replay(self, tasks: Sequence[RemoteTask], n_passes: int) -> list[int]:
        """ns of every call, task after task, pass after pass."""
        request = {"do": "replay", "ids": [t.id for t in tasks], "passes": n_passes}
        return self._ns(request, n_passes * sum(t.first_ns for t in tasks))

    def _ns(self, request: dict[str, Any], expected_ns: int) -> list[int]:
        try:
            ns: list[int] = self._worker.ask(request, expected_ns / 1e9)["ns"]
        except RefusedError as e:
            raise RuntimeError(str(e)) from e
        return ns
