"""From the host's side: runs fetched from a device, predictors brought to one, and back again."""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from handmade import lines_of
from helpers import GOLDEN, a_run, content, filled, target, trained_for
from loopback import Sshd

from augur_edge.cli import main
from augur_edge.predict.format import dumps, loads
from augur_edge.store import Store
from augur_edge.store.ledger import Ledger
from augur_edge.sync import protocol
from augur_edge.sync.channel import framed
from augur_edge.sync.names import BatchName
from augur_edge.sync.predictors import install


def pull(sshd: Sshd, device: Path, host: Path, *more: str) -> int:
    ssh = ["--ssh-config", str(sshd.config), "--program", str(sshd.program)]
    return main(["sync", "--pull", f"board:{device}", "--store", str(host), "-q", *ssh, *more])


def test_pull_takes_each_run_once(sshd: Sshd, tmp_path: Path) -> None:
    device, host = tmp_path / "the device's $(store).db", tmp_path / "host.db"
    filled(device, 4).close()
    filled(device, 2, "board-2", first=9).close()
    assert pull(sshd, device, host) == 0
    assert pull(sshd, device, host) == 0
    filled(device, 1, first=20).close()
    assert pull(sshd, device, host) == 0
    with Store(device) as a, Store(host) as b:
        assert content(a) == content(b)
        assert len(b.runs()) == 7
        assert Ledger(a).unsent(f"pull:{Ledger(b).origin}") == []


def test_pulling_to_two_hosts_gives_both_everything(sshd: Sshd, tmp_path: Path) -> None:
    filled(tmp_path / "device.db", 2).close()
    for host in ("one.db", "two.db"):
        assert pull(sshd, tmp_path / "device.db", tmp_path / host) == 0
        with Store(tmp_path / host) as store:
            assert len(store.runs()) == 2


def test_pull_from_no_store_and_from_no_program(sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pull(sshd, tmp_path / "absent.db", tmp_path / "host.db") == 6
    assert "there is no store yet" in capsys.readouterr().err
    assert pull(sshd, tmp_path / "absent.db", tmp_path / "host.db", "--program", "/no/such") == 6
    assert "name it with --program" in capsys.readouterr().err.strip()


LINES = gzip.compress(lines_of(a_run(1)).encode(), 1, mtime=0)
SHA256 = hashlib.sha256(LINES).hexdigest()
NAME = str(BatchName("board-1", a_run(1).id, a_run(1).id, SHA256))


@pytest.mark.parametrize(
    ("name", "size", "data", "words"),
    [
        ("../../x.jsonl.gz", len(LINES), LINES, "not a batch's name"),
        (NAME.replace(SHA256, "0" * 64), len(LINES), LINES, "another SHA-256"),
        (NAME.replace("board-1", "board-2"), len(LINES), LINES, "another device than its name"),
        (NAME, 1 << 40, b"", "not a number of bytes"),
        (NAME, len(LINES), LINES[:-9], "out of order"),
        (NAME, len(LINES), b"", "and no word"),
    ],
    ids=["path", "digest", "forged", "size", "short", "gone"],
)
def test_a_device_that_lies_is_not_believed(
    sshd: Sshd, tmp_path: Path, name: str, size: int, data: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it is asked, it says this."""
    said = protocol.said(protocol.OK, name=name, size=size) + (framed(protocol.DATA, data) if data else b"")
    said += protocol.said(protocol.OK) if data else b""
    (tmp_path / "said").write_bytes(said)
    (tmp_path / "liar").write_text(f"#!/bin/sh\nexec cat {tmp_path}/said\n")
    (tmp_path / "liar").chmod(0o755)
    code = pull(sshd, tmp_path / "any.db", tmp_path / "host.db", "--program", str(tmp_path / "liar"))
    line = capsys.readouterr().err.strip()
    assert words in line
    assert (len(line.splitlines()), code) == (1, 6 if words in {"out of order", "and no word"} else 5)
    assert {p.name for p in tmp_path.iterdir()} == {"said", "liar", "host.db", "host.db.sync"}
    with Store(tmp_path / "host.db") as host:
        assert host.runs() == []


def deploy(sshd: Sshd, file: Path | str, folder: Path, *more: str) -> int:
    ssh = ["--ssh-config", str(sshd.config), "--program", str(sshd.program)]
    return main(["deploy", str(file), "board", "--folder", str(folder), "-q", *ssh, *more])


@pytest.fixture
def own_name(own_sshd: Sshd) -> Sshd:
    """A device that is called board-1."""
    own_sshd.authorize(f'environment="AUGUR_EDGE_DEVICE=board-1" {own_sshd.public_key}')
    config = own_sshd.config.read_text().replace("  Port", f"  User {os.environ.get('USER', 'root')}\n  Port")
    own_sshd.config.write_text(config)
    return own_sshd.start(more="PermitUserEnvironment yes")


def test_deploy_and_back(own_name: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "p.augpred", tmp_path / "new/p.augpred"
    second.parent.mkdir()
    first.write_bytes(trained_for("board-7, onnxruntime"))  # another board of its kind
    second.write_bytes(trained_for("board-1, litert"))
    folder = tmp_path / "device's $(folder)"
    words = ["board", "--folder", str(folder), "-q", "--ssh-config", str(own_name.config)]
    words += ["--program", str(own_name.program)]
    for file in (first, second, second):
        assert main(["deploy", str(file), *words]) == 0
    assert (folder / "p.augpred").read_bytes() == second.read_bytes()
    for expected in (first, second):
        assert main(["deploy", "--rollback", "p.augpred", *words]) == 0
        assert (folder / "p.augpred").read_bytes() == expected.read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == ["p.augpred", "p.augpred.previous"]
    assert main(["deploy", "--rollback", "q.augpred", *words]) == 2
    assert "no predictor before it" in capsys.readouterr().err

    first.write_bytes(trained_for("jetson-7, onnxruntime"))
    assert main(["deploy", str(first), *words]) == 5
    assert "trained for jetson-7" in capsys.readouterr().err
    assert main(["deploy", str(first), *words, "--any-device"]) == 0
    second.write_bytes(GOLDEN[:-10])
    assert main(["deploy", str(second), *words]) == 5
    line = capsys.readouterr().err.strip()
    assert len(line.splitlines()) == 1
    assert line.startswith("augur-edge: error: board: p.augpred: not a predictor")
    assert (folder / "p.augpred").read_bytes() == first.read_bytes()


def test_one_device_that_is_gone_does_not_hold_up_another(
    sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.augpred").write_bytes(GOLDEN)
    sshd.config.with_name("two.config").write_text(
        f"Host gone\n  Port 1\nHost *\n  User {os.environ.get('USER', 'root')}\n{sshd.config.read_text()}"
    )
    words = ["--ssh-config", str(sshd.config.with_name("two.config")), "--program", str(sshd.program), "--any-device"]
    folder = tmp_path / "predictors"
    assert (
        main(["deploy", str(tmp_path / "p.augpred"), "gone", "board", "--folder", str(folder), "--any-device", *words])
        == 6
    )
    said = capsys.readouterr().err
    assert "gone: refused the connection" in said
    assert "board: in place" in said
    assert (folder / "p.augpred").read_bytes() == GOLDEN


def test_a_device_without_the_program(sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.augpred").write_bytes(GOLDEN)
    words = ["board", "--ssh-config", str(sshd.config), "--program", "/no/such $(program)"]
    assert main(["deploy", str(tmp_path / "p.augpred"), *words]) == 6
    assert "name it with --program" in capsys.readouterr().err


@pytest.mark.parametrize("restricted", [False, True])
def test_sync_fetches_the_devices_predictors(
    own_sshd: Sshd, tmp_path: Path, restricted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox = tmp_path / "in"
    (inbox / "board-1/predictors").mkdir(parents=True)
    (inbox / "board-1/predictors/p.augpred").write_bytes(GOLDEN)
    (inbox / "board-1/predictors/notes.txt").write_bytes(b"no predictor")
    (inbox / "board-1/predictors/a-bad.augpred").write_bytes(b"nor this")
    if restricted:
        command = f"{own_sshd.program} serve --restrict-to {inbox} --device board-1"
        own_sshd.authorize(f'restrict,command="{command}" {own_sshd.public_key}')
    own_sshd.start()
    filled(tmp_path / "device.db").close()
    words = ["--store", str(tmp_path / "device.db"), "--ssh-config", str(own_sshd.config), "-q"]
    for _ in range(2):
        assert main(["sync", str(target(inbox)), *words, "--predictors", str(tmp_path / "mine")]) == 5
        assert "a-bad.augpred: not a predictor" in capsys.readouterr().err  # and holds up no other
        assert [p.name for p in (tmp_path / "mine").iterdir()] == ["p.augpred"]
    assert (tmp_path / "mine/p.augpred").read_bytes() == GOLDEN


def test_what_a_device_does_not_take_leaves_what_is_there(
    own_name: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there, unsaid = tmp_path / "there", tmp_path / "p.augpred"
    install(GOLDEN, there / "p.augpred", any_device=True)
    unsaid.write_bytes(dumps(replace(loads(GOLDEN), meta={})))
    assert deploy(own_name, unsaid, there) == 5
    line = capsys.readouterr().err
    assert "board: p.augpred: does not say what it was trained on, this is board-1" in line
    assert len(line.strip().splitlines()) == 1
    assert (there / "p.augpred").read_bytes() == GOLDEN
    assert deploy(own_name, unsaid, there, "--any-device") == 0
    assert (there / "p.augpred").read_bytes() == unsaid.read_bytes()
