"""One command on many devices at once: each in a job of its own, which outlives the connection and this program."""

from __future__ import annotations

import asyncio
import json
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable

from augur_edge.errors import DataError
from augur_edge.store.files import write_whole
from augur_edge.sync import jobs
from augur_edge.sync.devices import FleetDevice
from augur_edge.sync.ssh import Ssh, environment, explained

WAITING, RUNNING, OK, FAILED = "waiting", "running", "ok", "failed"
TIMED_OUT, UNREACHABLE, LOST = "timed out", "unreachable", "lost"
ENDED = frozenset({OK, FAILED, TIMED_OUT})
LAST = "last.json"
_AGAIN_S = 2.0
_SHORT_S = 20.0
_LONGEST_LINE = 1 << 16
_LARGEST_LOG = 64 << 20
_LONGEST_NOTE = 400

Changed = Callable[[], None]


@dataclass
class State:
    """How one device stands. state: one of the words above; `lost`: the connection went, the job may go on.

    seconds: that it was followed; None where nobody did.
    """

    device: str
    job: str
    state: str = WAITING
    code: int | None = None
    seconds: float | None = None
    note: str = ""


class Session:
    """`words` on one device, followed to its end; `changed` is called whenever `state` says something new."""

    def __init__(self, device: FleetDevice, state: State, ssh: Ssh, log: Path, changed: Changed) -> None:
        self._device = device
        self.state = state
        self._ssh = ssh
        self._log = log
        self._changed = changed

    async def run(self, words: Sequence[str], timeout_s: float) -> None:
        """Start the job, or find it running, and follow it; raises nothing that has to do with the device."""
        start_s = time.monotonic()
        try:
            await asyncio.wait_for(self._follow([self._device.program, *words]), timeout_s)
        except asyncio.TimeoutError:
            await self._give_up(timeout_s)
        finally:
            self.state.seconds = time.monotonic() - start_s
            self._changed()

    async def _give_up(self, timeout_s: float) -> None:
        """Stop the job; where nobody confirms that, the state says what is not known, and a retry asks again."""
        if self.state.state == WAITING:
            self._set(UNREACHABLE, note=f"no word from it in {timeout_s:g} s; whether its job began is not known")
        elif await self._stop():
            self._set(TIMED_OUT, note=f"not done after {timeout_s:g} s; its job was stopped")
        else:
            self._set(LOST, note=f"not done after {timeout_s:g} s, nor can it be told to stop; its job may go on")

    async def _follow(self, words: Sequence[str]) -> None:
        """Through lost connections: the job does not notice them."""
        script = jobs.start_script(self.state.job, words)
        while True:
            code, said = await self._session(script)
            if self.state.state in {OK, FAILED}:
                return
            why = str(explained(self._device.ssh.host, said, code)).partition(": ")[2]
            if self.state.state == WAITING:  # never reached: whether it will be, somebody has to see to
                self._set(UNREACHABLE, note=why)
                return
            self._set(LOST, note=why)
            await asyncio.sleep(_AGAIN_S)

    async def _session(self, script: str) -> tuple[int | None, str]:
        process = await self._shell()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            with suppress(OSError):
                process.stdin.write(script.encode())
                await process.stdin.drain()
                process.stdin.close()
            said, _ = await asyncio.gather(process.stderr.read(_LONGEST_LINE), self._read(process.stdout))
            return await process.wait(), said.decode("utf-8", "replace")
        finally:
            await _end(process)

    async def _shell(self) -> Process:
        command = self._ssh.command(self._device.ssh.host, ["sh", "-s"])
        return await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment(), limit=_LONGEST_LINE
        )

    async def _read(self, lines: asyncio.StreamReader) -> None:
        """What `start_script` says, and the log after it."""
        ending: tuple[str, int | None, str] | None = None
        with suppress(ValueError):  # a line that is too long is none of the script's
            while line := (await lines.readline()).decode("utf-8", "replace").rstrip("\n"):
                word, _, rest = line.partition(" ")
                if word == "started":
                    self._set(RUNNING)
                elif word == "note":
                    self._set(RUNNING, note=_clean(rest))
                elif word == "exit" and rest.isdecimal():
                    ending = (OK if rest == "0" else FAILED, int(rest), "")
                elif word == "died":
                    ending = (FAILED, None, "the job died without a word: killed, or the device was switched off")
                elif word == "log" and ending:
                    cut, last = await self._keep_log(lines)
                    why = ending[2] or (last if ending[0] == FAILED else "")
                    self._set(*ending[:2], "; ".join(filter(None, [why, cut])))
                    return

    async def _keep_log(self, lines: asyncio.StreamReader) -> tuple[str, str]:
        """Writes the log; a remark where it is longer than what is kept, and its last line."""
        size, end = 0, b""
        with self._log.open("wb") as file:
            while block := await lines.read(_LONGEST_LINE):
                file.write(block[: max(0, _LARGEST_LOG - size)])
                size += len(block)
                end = (end + block)[-_LONGEST_NOTE:]
        cut = f"only the first {_LARGEST_LOG} of its log's {size} bytes were kept" if size > _LARGEST_LOG else ""
        return cut, _clean(end.rstrip().rpartition(b"\n")[2].decode("utf-8", "replace"))

    async def _stop(self) -> bool:
        return b"stopped" in await self.ask(jobs.stop_script(self.state.job))

    async def ask(self, script: str) -> bytes:
        """What a short script prints; empty, with `state` saying why, where there is no answer."""
        process = await self._shell()
        try:
            out, said = await asyncio.wait_for(process.communicate(script.encode()), _SHORT_S)
        except asyncio.TimeoutError:
            self._set(UNREACHABLE, note=f"no answer in {_SHORT_S:g} s")
            return b""
        finally:
            await _end(process)
        if process.returncode:
            why = explained(self._device.ssh.host, said.decode("utf-8", "replace"), process.returncode)
            self._set(UNREACHABLE, note=str(why).partition(": ")[2])
        return out

    def _set(self, state: str, code: int | None = None, note: str = "") -> None:
        self.state.state, self.state.code, self.state.note = state, code, note
        self._changed()


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()[:120]


async def run_all(sessions: Sequence[tuple[Session, float]], words: Sequence[str]) -> None:
    """All at once; each to its own end or timeout."""
    await asyncio.gather(*(session.run(words, timeout_s) for session, timeout_s in sessions))


async def status_all(devices: Sequence[FleetDevice], ssh: Ssh) -> list[State]:
    """The jobs of every device, asked at once; a device without any has one State with an empty job."""
    return [state for states in await asyncio.gather(*(_status(d, ssh) for d in devices)) for state in states]


async def _status(device: FleetDevice, ssh: Ssh) -> list[State]:
    session = Session(device, State(device.name, ""), ssh, Path(), lambda: None)
    out = await session.ask(jobs.list_script())
    if session.state.state == UNREACHABLE:
        return [session.state]
    found = []
    for line in out.decode("utf-8", "replace").splitlines():
        job, _, rest = line.partition("|")
        state, _, note = rest.partition("|")
        if jobs.is_job(job):
            found.append(_listed(device.name, job, state, _clean(note)))
    return found or [State(device.name, "", "idle")]


def newest(states: Sequence[State]) -> list[State]:
    """Of each device the jobs that have not ended, and the one that was started last."""
    last = {state.device: state.job for state in sorted(states, key=lambda state: state.job)}
    return [state for state in states if state.state not in ENDED or state.job == last[state.device]]


def _listed(device: str, job: str, state: str, note: str) -> State:
    code = int(state[5:]) if state.startswith("exit ") and state[5:].isdecimal() else None
    if code is None:
        return State(device, job, RUNNING if state == "running" else FAILED, None, None, note or state)
    return State(device, job, FAILED if code else OK, code, None, note)


def save(states: Sequence[State], words: Sequence[str], folder: Path) -> None:
    """Note in `folder` how the last run ended, for `--retry`."""
    text = json.dumps({"words": list(words), "devices": [asdict(state) for state in states]}, indent=2)

    def write(path: Path) -> None:
        path.write_text(text + "\n", encoding="utf-8")

    write_whole(folder / LAST, write)


def not_ok(folder: Path) -> tuple[list[str], dict[str, State]]:
    """The words of the last run and the devices that it did not end well on. Raises DataError."""
    path = folder / LAST
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        states = [State(**values) for values in data["devices"]]
        if not all(jobs.is_job(state.job) for state in states):
            raise ValueError("a job is called otherwise")
        return list(map(str, data["words"])), {s.device: s for s in states if s.state != OK}
    except OSError as err:
        raise DataError(f"{path}: {err.strerror}; --retry needs the folder of an earlier run, see --logs") from err
    except (ValueError, TypeError, KeyError) as err:
        raise DataError(f"{path}: not what `fleet run` writes there: {err}") from err
