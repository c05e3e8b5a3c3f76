from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import handtree
import pytest

from augur_edge.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return handtree.board(tmp_path / "board")


def system(root: Path, *words: str) -> int:
    return main(["system", *words, "--sysroot", str(root)])


def shown(root: Path, capsys: Captured) -> dict[str, Any]:
    capsys.readouterr()
    assert system(root, "show", "--json") == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_show_tells_what_stands_in_the_way_and_tune_removes_it(root: Path, capsys: Captured) -> None:
    before = shown(root, capsys)
    assert next(iter(before)) == "schema" and before["schema"] == "augur-edge/system/1"
    assert [r["text"] for r in before["reasons"] if r["code"] == "governor"] == [
        "governor ondemand lets the clock vary"
    ]
    assert before["ready"] is False and before["tuned"] is None
    assert system(root, "tune") == 0
    out = capsys.readouterr().out
    assert "cpu0/cpufreq/scaling_governor: ondemand -> performance" in out and "system reset" in out
    after = shown(root, capsys)
    assert not [r for r in after["reasons"] if r["code"] == "governor"]
    assert len(after["tuned"]["settings"]) == 8
    assert system(root, "reset") == 0
    assert "cpu0/cpufreq/scaling_governor: performance -> ondemand" in capsys.readouterr().out
    again = shown(root, capsys)
    assert [r["code"] for r in again["reasons"] if r["code"] == "governor"] == ["governor"] and again["tuned"] is None


def test_a_restart_since_is_told(root: Path, capsys: Captured) -> None:
    assert system(root, "tune") == 0
    assert shown(root, capsys)["tuned"]["restarted"] is False
    handtree.put(root / "proc/sys/kernel/random/boot_id", "boot-2\n")
    assert system(root, "show") == 0
    assert "before the last restart" in capsys.readouterr().out


def test_heat_and_throttling_are_not_ready(root: Path, capsys: Captured) -> None:
    handtree.put(root / handtree.COOLING, "3\n")
    document = shown(root, capsys)
    assert "throttled" in [r["code"] for r in document["reasons"]]
    assert system(root, "show") == 0
    out = capsys.readouterr().out
    assert "not ready" in out and "cpufreq-cpu0 is at state 3" in out and "cpu-thermal 45 C" in out


def test_a_jetson_s_modes_are_in_the_context(root: Path, capsys: Captured) -> None:
    handtree.write(
        root,
        {
            "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3\n",
            "var/lib/nvpmodel/status": "pmode:0002\n",
            "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n",
            "sys/class/hwmon/hwmon3/name": "pwmfan\n",
            "sys/class/hwmon/hwmon3/pwm1": "128\n",
            "sys/class/hwmon/hwmon3/fan1_input": "2100\n",
        },
    )
    assert shown(root, capsys)["context"]["conditions"]["controls"] == {
        "nvpmodel": "2 MAXN_SUPER",
        "jetson_clocks": "off",
        "fan pwmfan pwm1": "128 of 255, 2100 rpm",
    }
    for cpu in range(4):
        handtree.put(root / handtree.CPUFREQ.format(cpu) / "scaling_min_freq", "1500000\n")
    assert shown(root, capsys)["context"]["conditions"]["controls"]["jetson_clocks"] == "on"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tune", "--governor", "performanc"], 2, "did you mean performance?"),
        (["tune", "--mhz", "fast"], 2, "'fast': a clock in MHz"),
        (["tune", "--affinity", "2-"], 2, "'2-': numbers of processors"),
        (["tune", "--affinity", "9"], 2, "processors 0 to 3"),
        (["tweak"], 2, "invalid choice: 'tweak'"),
    ],
)
def test_bad_words_get_one_line_and_change_nothing(
    root: Path, capsys: Captured, words: list[str], code: int, said: str
) -> None:
    before = handtree.contents(root)
    assert system(root, *words) == code
    err = capsys.readouterr().err
    assert said in err and len(err.splitlines()) == 1
    assert handtree.contents(root) == before


def test_a_malformed_journal_is_exit_code_5_and_stays(root: Path, capsys: Captured) -> None:
    journal = root / "var/lib/augur-edge/tuned.json"
    handtree.write(root, {"var/lib/augur-edge/tuned.json": '{"schema": "augur-edge/tuned/1", "settings": [}'})
    for action in ("reset", "tune", "show"):
        assert system(root, action) == 5
        err = capsys.readouterr().err
        assert str(journal) in err and "set by hand" in err and len(err.splitlines()) == 1
    assert journal.exists()


def test_nothing_to_set_is_exit_code_4_and_nothing_to_put_back_is_said(tmp_path: Path, capsys: Captured) -> None:
    handtree.write(tmp_path, {"etc/machine-id": "0123\n", "proc/sys/kernel/arch": "aarch64\n"})
    assert system(tmp_path, "tune") == 4
    assert "nothing here can be set" in capsys.readouterr().err
    assert system(tmp_path, "reset") == 0
    assert "nothing to put back" in capsys.readouterr().err


def test_tuning_what_is_tuned_changes_nothing(root: Path, capsys: Captured) -> None:
    assert system(root, "tune") == 0
    now = handtree.contents(root)
    capsys.readouterr()
    assert system(root, "tune") == 0
    assert capsys.readouterr().out == "nothing to change\n"
    assert handtree.contents(root) == now


@pytest.fixture
def open_root() -> Iterator[Path]:
    """A board below a folder that anybody may enter, all of it root's."""
    with TemporaryDirectory(prefix="augur-edge-") as folder:
        Path(folder).chmod(0o755)
        yield handtree.board(Path(folder) / "board")


def as_nobody(words: list[str]) -> tuple[int, str]:
    """Exit code and stderr of the program in a process that has given up root's rights."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 2)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(main(words))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def test_without_rights_it_says_who_may(open_root: Path, root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody without rights")
    assert system(root, "tune") == 0  # what it imports may not be readable for the other one
    words = ["system", "tune", "--sysroot", str(open_root), "--store", "none.db"]
    before = handtree.contents(open_root)
    code, err = as_nobody(words)
    assert code == 4 and "so nothing was changed; run it as root: `sudo augur-edge system tune`" in err
    (open_root / "var/lib/augur-edge").mkdir(parents=True)
    (open_root / "var/lib/augur-edge").chmod(0o777)
    code, err = as_nobody(words)
    assert code == 4 and "Permission denied" in err and "sudo augur-edge system tune" in err
    assert len(err.splitlines()) == 1
    assert handtree.contents(open_root) == before
    assert not (open_root / "var/lib/augur-edge/tuned.json").exists(), "nothing was changed, so nothing to put back"


def test_a_control_is_run_as_a_list_and_its_own_words_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from augur_edge.device import commands

    tool, log = tmp_path / "clocktool", tmp_path / "log"
    tool.write_text(
        f'#!/bin/sh\necho "$# $1" >> {log}\n[ "$1" = "a b; true" ] || {{ echo no such mode >&2; exit 3; }}\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    told: list[str] = []
    refused = commands.run_all([("clocktool", "a b; true"), ("clocktool", "c"), ("clocktool-2",)], told.append)
    assert log.read_text() == "1 a b; true\n1 c\n"
    assert refused == {"clocktool c": "ended with 3: no such mode", "clocktool-2": "clocktool-2 is not installed"}
    assert told == ["running clocktool a b; true", "running clocktool c", "running clocktool-2"]


@pytest.fixture
def jetson(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An Orin Nano whose tools are scripts that do to the tree what the real ones do to the board."""
    handtree.write(
        root,
        {
            "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0",
            "proc/device-tree/model": "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit\0",
            "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3\n",
            "var/lib/nvpmodel/status": "pmode:0002\n",
        },
    )
    floor, log = root / handtree.CPUFREQ.format(0) / "scaling_min_freq", tmp_path / "log"
    scripts = {
        "jetson_clocks": f'case "$1" in --store) cp {floor} {tmp_path}/kept;; --restore) cp {tmp_path}/kept {floor};; '
        f"*) echo 1500000 > {floor};; esac",
        "nvpmodel": f'[ "$1" = -m ] && echo "pmode:000$2" > {root}/var/lib/nvpmodel/status',
    }
    for name, body in scripts.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\n{body}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return root


def test_a_profile_s_commands_are_run_and_the_power_mode_comes_back(
    jetson: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augur_edge.device.commands.why_not", lambda root: None)
    before = handtree.contents(jetson)
    assert system(jetson, "tune") == 0
    assert shown(jetson, capsys)["context"]["conditions"]["controls"]["jetson_clocks"] == "on"
    assert system(jetson, "tune") == 2
    assert "tuned already, with its profile's commands" in capsys.readouterr().err
    subprocess.run(["nvpmodel", "-m", "1"], check=True)
    assert system(jetson, "reset") == 0
    assert (tmp_path / "log").read_text().splitlines() == [
        "jetson_clocks --store",
        "jetson_clocks ",
        "nvpmodel -m 1",
        "jetson_clocks --restore",
        "nvpmodel -m 2",
    ]
    assert handtree.contents(jetson) == before


def test_commands_are_not_run_for_a_copy_of_a_board(jetson: Path, tmp_path: Path, capsys: Captured) -> None:
    assert system(jetson, "tune") == 0
    assert "refused clocks: they are for the board itself, not for a copy of its files" in capsys.readouterr().out
    assert not (tmp_path / "log").exists()


def test_a_command_that_fails_keeps_the_journal(
    jetson: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augur_edge.device.commands.why_not", lambda root: None)
    assert system(jetson, "tune") == 0
    (tmp_path / "jetson_clocks").write_text("#!/bin/sh\necho Error: no stored file >&2; exit 1\n")
    assert system(jetson, "reset") == 4
    err = capsys.readouterr().err
    assert "jetson_clocks --restore: ended with 1: Error: no stored file" in err and "is kept" in err
    assert shown(jetson, capsys)["tuned"] is not None
