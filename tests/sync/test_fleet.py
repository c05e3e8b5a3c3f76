"""Five devices at one real sshd: one is gone, one hangs, one is slow; each is reported as it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from handmade import FAKE_LAYERS
from loopback import ROOT, Sshd, free_port

from augur_edge.cli import main
from augur_edge.errors import DataError
from augur_edge.sync import jobs
from augur_edge.sync.devices import read_devices
from augur_edge.sync.fleet import Session, State, _listed, newest

SLOW_S = 9  # long enough for a busy machine to reach every device before


@pytest.fixture
def fleet(own_sshd: Sshd, tmp_path: Path) -> Path:
    """devices.toml: a and b work, slow when there is a file `go`, `hanging` never ends, for `dead` nobody listens."""
    own_sshd.start()
    own_sshd.config.write_text(f"Host dead\n  Port {free_port()}\n{own_sshd.config.read_text()}")
    waits = f"while [ ! -e '{tmp_path / 'go'}' ]; do sleep 0.1; done"
    for name, line in (("slow", waits), ("hanging", "echo hangs; sleep 1000")):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\n{line}\nexec {own_sshd.program} "$@"\n')
        path.chmod(0o755)
    tables = {"a": "", "b": "", "slow": f"program = '{tmp_path / 'slow'}'", "dead": "",
              "hanging": f"program = '{tmp_path / 'hanging'}'\ntimeout_s = {SLOW_S - 2}"}  # fmt: skip
    text = f"[defaults]\nprogram = '{own_sshd.program}'\ntimeout_s = 120\n"
    (tmp_path / "devices.toml").write_text(text + "".join(f"[devices.{k}]\n{v}\n" for k, v in tables.items()))
    (tmp_path / "net.json").write_text(json.dumps({"layers": FAKE_LAYERS}))
    return tmp_path / "devices.toml"


def words(fleet: Path, sshd: Sshd, action: str, *more: str) -> list[str]:
    logs = str(fleet.parent / "logs")
    return ["fleet", action, str(fleet), "--ssh-config", str(sshd.config), "--logs", logs, "--json", *more]


def measure(fleet: Path) -> list[str]:
    folder = fleet.parent
    return ["--", "measure", str(folder / "net.json"), "--max-time", "0.2", "--store", str(folder / "$(s) 'tore'.db")]


def started(fleet: Path, sshd: Sshd, device: str) -> subprocess.Popen[str]:
    """A run of the fleet in a process of its own, once it has told that the device's job runs."""
    command = [sys.executable, "-m", "augur_edge", *words(fleet, sshd, "run", *measure(fleet))]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    told = []
    for line in child.stderr:
        told.append(line)
        if line.startswith(f"{device}: running"):
            return child
    raise AssertionError(f"{device} never ran: {''.join(told)}")


def cut(sshd: Sshd) -> None:
    """Its connections, and not the jobs."""
    for pid in sshd.sessions():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a job's `sleep 0.1` is over
            if Path(f"/proc/{pid}/comm").read_text().startswith("sshd"):
                os.kill(pid, signal.SIGKILL)


def states(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    return {state["device"]: state for state in json.loads(capsys.readouterr().out)["devices"]}


def test_five_devices(fleet: Path, own_sshd: Sshd, capsys: pytest.CaptureFixture[str]) -> None:
    slow = fleet.parent / "slow"
    slow.write_text(f'#!/bin/sh\nsleep {SLOW_S}\nexec {own_sshd.program} "$@"\n')
    assert main(words(fleet, own_sshd, "run", *measure(fleet))) == 6
    found = states(capsys)
    assert {name: (s["state"], s["code"]) for name, s in found.items()} == {
        "a": ("ok", 0), "b": ("ok", 0), "slow": ("ok", 0),
        "dead": ("unreachable", None), "hanging": ("timed out", None),
    }  # fmt: skip
    assert "refused" in str(found["dead"]["note"])
    assert "was stopped" in str(found["hanging"]["note"])
    slow_s = float(str(found["slow"]["seconds"]))
    assert slow_s >= SLOW_S
    assert max(float(str(s["seconds"])) for s in found.values()) <= slow_s + 2.5  # a look at the hanging one's end
    for name in ("a", "b", "slow"):
        assert "layer7" in (fleet.parent / "logs" / f"{name}.log").read_text()
    assert (fleet.parent / "$(s) 'tore'.db").exists()

    for name in ("hanging", "slow"):  # mended
        (fleet.parent / name).write_text(slow.read_text().replace(f"sleep {SLOW_S}", ""))
    assert main(words(fleet, own_sshd, "run", "--retry")) == 6
    found = states(capsys)
    assert {name: s["state"] for name, s in found.items()} == {"dead": "unreachable", "hanging": "ok"}


def test_ctrl_c_leaves_jobs_that_status_finds(fleet: Path, own_sshd: Sshd, capsys: pytest.CaptureFixture[str]) -> None:
    child = started(fleet, own_sshd, "slow")
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130, said
    assert "jobs that were started go on" in said

    last = json.loads((fleet.parent / "logs/last.json").read_text())["devices"]
    (job,) = [state["job"] for state in last if state["device"] == "slow"]
    assert main(words(fleet, own_sshd, "status", "--all")) == 6  # nobody answers for `dead`
    found = status(capsys)
    assert (found[job], found[""]) == ("running", "unreachable")
    (fleet.parent / "go").touch()
    for _ in range(100):
        main(words(fleet, own_sshd, "status", "--all"))
        if status(capsys)[job] == "ok":
            break
        time.sleep(0.3)
    else:
        raise AssertionError("the slow device's job did not end well")
    stop_all(own_sshd)


def status(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """By job: here the devices are one machine, so that each has the others' too."""
    found = json.loads(capsys.readouterr().out)["devices"]
    return {state["job"]: state["state"] for state in found}


def stop_all(sshd: Sshd) -> None:
    for job in (sshd.folder / "data/augur-edge/jobs").iterdir():
        script = f"XDG_DATA_HOME={sshd.folder}/data\n{jobs.stop_script(job.name)}"
        subprocess.run(["sh", "-s"], input=script.encode(), check=False, capture_output=True)


def test_a_connection_that_is_lost_is_taken_up_again(
    fleet: Path, own_sshd: Sshd, capsys: pytest.CaptureFixture[str]
) -> None:
    text = fleet.read_text()
    fleet.write_text(text[: text.index("[devices.a]")] + f"[devices.slow]\nprogram = '{fleet.parent / 'slow'}'\n")
    child = started(fleet, own_sshd, "slow")
    cut(own_sshd)
    assert any(line.startswith("slow: lost") for line in child.stderr or ())
    (fleet.parent / "go").touch()
    out, said = child.communicate(timeout=60)
    assert child.returncode == 0, said
    (state,) = json.loads(out)["devices"]
    assert (state["state"], state["code"]) == ("ok", 0)
    assert len(list((own_sshd.folder / "data/augur-edge/jobs").iterdir())) == 1


def test_a_hanging_device_that_is_gone_when_its_time_is_over(
    fleet: Path, own_sshd: Sshd, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # connections are taken by the kernel, and nobody says a word
        port = deaf.getsockname()[1]
        own_sshd.config.write_text(f"Host deaf\n  Port {port}\n{own_sshd.config.read_text()}")
        text = fleet.read_text()
        hanging = f"[devices.hanging]\nprogram = '{fleet.parent / 'hanging'}'\ntimeout_s = 5\n"
        fleet.write_text(f"{text[: text.index('[devices.a]')]}{hanging}[devices.deaf]\ntimeout_s = 2\n")
        child = started(fleet, own_sshd, "hanging")
        own_sshd.stop()
        cut(own_sshd)
        out, said = child.communicate(timeout=60)
    assert child.returncode == 6, said
    found = {state["device"]: state for state in json.loads(out)["devices"]}
    assert (found["deaf"]["state"], found["hanging"]["state"]) == ("unreachable", "lost")
    assert "whether its job began is not known" in found["deaf"]["note"]
    assert "its job may go on" in found["hanging"]["note"]

    own_sshd.start()  # it went on: a retry follows it under its name, and now it can be told to stop
    assert main(words(fleet, own_sshd, "run", "--retry", "--timeout", "4")) == 6
    again = states(capsys)
    assert (again["hanging"]["state"], again["hanging"]["job"]) == ("timed out", found["hanging"]["job"])
    assert "was stopped" in str(again["hanging"]["note"])


def test_a_job_of_before_a_reboot_neither_runs_nor_is_ended(tmp_path: Path) -> None:
    job, other = jobs.new_job(), subprocess.Popen(["sleep", "60"], start_new_session=True)
    folder = tmp_path / "augur-edge/jobs" / job
    folder.mkdir(parents=True)
    (folder / "pid").write_text(str(other.pid))
    (folder / "boot").write_text("another boot")

    def sh(script: str) -> str:
        env = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
        return subprocess.run(["sh", "-s"], input=script, text=True, env=env, capture_output=True, check=False).stdout

    try:
        assert sh(jobs.list_script()) == f"{job}|died|\n"
        assert sh(jobs.stop_script(job)) == ""
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no device"),
        ("[devices]", "no device"),
        ("[devices.a\n", "not TOML"),
        ("[device.a]", "no key 'device'"),
        ("[devices.a]\nhost = 'x'", "no key 'host'"),
        ("[devices.a]\ntimeout_s = 0", "above 0"),
        ("[devices.a]\ntimeout_s = true", "above 0"),
        ("[devices.a]\nssh = 7", "texts"),
        ("devices = 3", "no device"),
        ("[devices]\na = 3", "not a table"),
        ("[devices.'$(id)']", "not letters"),
    ],
)
def test_a_list_of_devices_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "d.toml").write_text(text)
    with pytest.raises(DataError, match=said.replace("(", "[(]")):
        read_devices(tmp_path / "d.toml")


def test_status_shows_what_runs_and_each_devices_newest() -> None:
    jobs_of = {"a": ("ok", "running", "ok", "failed"), "b": ("failed", "ok"), "c": ("unreachable",), "d": ("idle",)}
    states = [
        State(d, f"{i}" if len(found) > 1 else "", s) for d, found in jobs_of.items() for i, s in enumerate(found)
    ]
    assert [(s.device, s.job, s.state) for s in newest(states)] == [
        ("a", "1", "running"), ("a", "3", "failed"), ("b", "1", "ok"), ("c", "0", "unreachable"), ("d", "0", "idle"),
    ]  # fmt: skip


def test_retry_without_an_earlier_run(fleet: Path, own_sshd: Sshd, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(fleet, own_sshd, "run", "--retry")) == 5
    assert "needs the folder of an earlier run" in capsys.readouterr().err
    assert main(words(fleet, own_sshd, "run")) == 2


def test_a_log_is_told_as_it_is(tmp_path: Path) -> None:
    job, line = jobs.new_job(), r"a\cb\tc\\d"

    def sh(script: str) -> list[str]:
        env = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
        done = subprocess.run(["sh", "-s"], input=script, text=True, env=env, capture_output=True, check=False)
        return done.stdout.splitlines()

    said = sh(jobs.start_script(job, ["sh", "-c", "printf '%s\\n' \"$1\"; sleep 1", "sh", line]))
    assert f"note {line}" in said
    assert sh(jobs.list_script()) == [f"{job}|exit 0|{line}"]
    assert _listed("a", job, "exit 0", "").seconds is None


def test_a_log_that_is_cut_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augur_edge.sync.fleet._LARGEST_LOG", 10)

    async def state_of(log: bytes, code: int = 0) -> State:
        state = State("a", jobs.new_job())
        lines = asyncio.StreamReader()
        lines.feed_data(f"started\nexit {code}\nlog\n".encode() + log)
        lines.feed_eof()
        await Session(Any, state, Any, tmp_path / "log", lambda: None)._read(lines)  # type: ignore[arg-type]
        return state

    assert asyncio.run(state_of(b"0123456789")).note == ""
    assert asyncio.run(state_of(b"a\nwhy\n\n", 2)).note == "why"  # of one that failed, the last that it said
    state = asyncio.run(state_of(b"0123456789ab"))
    assert (state.state, state.note) == ("ok", "only the first 10 of its log's 12 bytes were kept")
    assert (tmp_path / "log").read_bytes() == b"0123456789"
