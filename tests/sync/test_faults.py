"""What goes wrong between device and host: exit code 6 or 5, one line that helps, nothing noted that is not there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cutting import Cutter
from handmade import network, run
from helpers import filled, leftovers, target
from loopback import Sshd, free_port, make_key

from augur_edge.cli import main
from augur_edge.store import Store, sql
from augur_edge.store.ledger import Ledger
from augur_edge.store.records import Measurement
from augur_edge.sync.ingest import ingest


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A store with three runs."""
    filled(tmp_path / "device.db").close()
    return tmp_path / "device.db"


def sync(store: Path, config: Path, where: str, *more: str) -> int:
    return main(["sync", where, "--store", str(store), "--ssh-config", str(config), "-q", *more])


def refused(
    capsys: pytest.CaptureFixture[str], store: Path, config: Path, inbox: Path, *words: str, code: int = 6
) -> None:
    """The sync fails with `code` and one line that has all `words`; no run is noted as sent."""
    capsys.readouterr()
    assert sync(store, config, f"board:{inbox}") == code
    line = capsys.readouterr().err.strip()
    assert len(line.splitlines()) == 1, line
    for word in words:
        assert word in line
    with Store(store) as opened:
        assert len(Ledger(opened).unsent(str(target(inbox)))) == 3


def test_a_wrong_key(sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_key(tmp_path / "other")
    refused(capsys, device, sshd.client(tmp_path / "other"), tmp_path / "in", "board", "does not accept our key")


def test_an_unknown_host_key(sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = sshd.client(sshd.folder / "key", ".unknown", folder=tmp_path)
    refused(capsys, device, config, tmp_path / "in", "host key is not known", "--accept-new-host-key")
    assert sync(device, config, f"board:{tmp_path / 'in'}", "--accept-new-host-key") == 0
    assert "board" in (tmp_path / "known_hosts").read_text()
    assert sync(device, config, f"board:{tmp_path / 'in'}") == 0


def test_a_changed_host_key(sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "known_hosts").write_text(f"board {make_key(tmp_path / 'impostor')}\n")
    config = sshd.client(sshd.folder / "key", ".changed", folder=tmp_path)
    refused(capsys, device, config, tmp_path / "in", "host key has changed", "ssh-keygen -R")
    assert sync(device, config, f"board:{tmp_path / 'in'}", "--accept-new-host-key") == 6


def test_refused(sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = sshd.client(sshd.folder / "key", ".refused", port=free_port())
    refused(capsys, device, config, tmp_path / "in", "refused the connection")


def test_no_route(sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = sshd.client(sshd.folder / "key", ".lost")
    config.write_text(config.read_text().replace("127.0.0.1", "240.0.0.1"))  # reserved: nobody has it
    refused(capsys, device, config, tmp_path / "in", "board: ")
    config.write_text(config.read_text().replace("240.0.0.1", "no-such-host.invalid"))
    refused(capsys, device, config, tmp_path / "in", "no host of that name")


def test_the_key_is_taken_away_in_the_middle(
    own_sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The batch is checked over a second connection: without one it is read back over the first; later calls fail."""
    own_sshd.start()
    cutter = Cutter(own_sshd.port, 4000, own_sshd.authorize)
    config = own_sshd.client(own_sshd.folder / "key", ".cut", port=cutter.port)
    refused(capsys, device, config, tmp_path / "in", "board: ")
    refused(capsys, device, own_sshd.config, tmp_path / "in", "does not accept our key")
    own_sshd.authorize(own_sshd.public_key)
    assert sync(device, own_sshd.config, f"board:{tmp_path / 'in'}") == 0
    cutter.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("mounting a small file system takes root and its rights")
    return folder


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(sshd: Sshd, tmp_path: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        filled(tmp_path / "device.db", 3, n_layers=2000).close()
        refused(capsys, tmp_path / "device.db", sshd.config, small_disk, "disk is full")
        assert leftovers(small_disk) == []
    finally:
        unmount(small_disk)


def test_a_full_disk_behind_serve(
    own_sshd: Sshd, tmp_path: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        filled(tmp_path / "device.db", 3, n_layers=2000).close()
        restrict(own_sshd, small_disk)
        refused(capsys, tmp_path / "device.db", own_sshd.config, small_disk, "No space left", "free some room")
        assert leftovers(small_disk) == []
    finally:
        unmount(small_disk)


def test_a_read_only_folder(sshd: Sshd, device: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        refused(capsys, device, sshd.config, small_disk, "read-only")
    finally:
        unmount(small_disk)


def test_a_quota(own_sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A limit on the size of files stands for one on a user's: the server says as little about either."""
    filled(tmp_path / "device.db", 3, n_layers=2000).close()
    limited = tmp_path / "limited"
    limited.write_text(
        "#!/usr/bin/env python3\nimport os, resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "os.execv('/usr/lib/openssh/sftp-server', ['sftp-server'])\n"
    )
    limited.chmod(0o755)
    own_sshd.start(sftp=str(limited))
    refused(capsys, tmp_path / "device.db", own_sshd.config, tmp_path / "in", "a quota")
    assert leftovers(tmp_path / "in") == []


def test_clocks_do_not_matter(sshd: Sshd, device: Path, tmp_path: Path) -> None:
    """Whatever dates the host's files have, uploads that came to no end are removed and batches are kept."""
    folder = tmp_path / "in/board-1"
    folder.mkdir(parents=True)
    for name, when in ((".a.jsonl.gz.00000000.part", 0), (".b.jsonl.gz.00000000.part", 4_000_000_000)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (when, when))
    assert sync(device, sshd.config, f"board:{tmp_path / 'in'}") == 0
    (batch,) = folder.glob("*.jsonl.gz")
    os.utime(batch, (0, 0))
    with filled(device, 1, first=10) as store:
        store.add_run(run("00000000000000f0", created_unix_ns=1, finished_unix_ns=2))  # a device without a battery
    assert sync(device, sshd.config, f"board:{tmp_path / 'in'}") == 0
    assert len(list(folder.glob("*.jsonl.gz"))) == 2
    assert leftovers(tmp_path / "in") == []


def test_two_devices_with_one_id(sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path / "twin.db", first=50).close()
    assert sync(tmp_path / "twin.db", sshd.config, f"board:{tmp_path / 'in'}") == 0
    refused(capsys, device, sshd.config, tmp_path / "in", "two devices with one id", "AUGUR_EDGE_DEVICE", code=5)


def test_a_store_from_a_newer_version(
    sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store(device) as store:
        store._db.read(f"PRAGMA user_version = {sql.VERSION + 1}")
    assert sync(device, sshd.config, f"board:{tmp_path / 'in'}") == 5
    assert "upgrade augur-edge" in capsys.readouterr().err
    assert not (tmp_path / "in").exists()


def test_an_upload_cut_short_stays_invisible(sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path / "device.db", 3, n_layers=2000).close()
    cutter = Cutter(sshd.port, 100_000)
    config = sshd.client(sshd.folder / "key", ".cut", port=cutter.port)
    refused(capsys, tmp_path / "device.db", config, tmp_path / "in", "the connection was lost")
    assert list((tmp_path / "in").rglob("*.jsonl.gz")) == []
    assert len(leftovers(tmp_path / "in")) == 1
    assert sync(tmp_path / "device.db", sshd.config, f"board:{tmp_path / 'in'}") == 0
    assert leftovers(tmp_path / "in") == []
    cutter.close()


def test_a_run_that_is_too_large_holds_up_no_other(
    sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = Measurement("layer", "replay", 0, "a", "conv2d", samples_ns=np.full(200_000, 10**12))
    with Store(device) as store:
        store.add_run(run("00000001ffffffff", networks=[network(measurements=[large])]))
    pull = ["--pull", "--program", str(sshd.program), "--store", str(tmp_path / "host.db")]
    for where, more in ((f"board:{tmp_path / 'in'}", ["--store", str(device)]), (f"board:{device}", pull)):
        assert main(["sync", where, "--ssh-config", str(sshd.config), "-q", *more]) == 5
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "run 00000001ffffffff stays where it is" in line
        assert "augur-edge export 00000001ffffffff" in line
    with Store(tmp_path / "host.db") as pulled, Store(tmp_path / "pushed.db") as pushed:
        assert not ingest(pushed, tmp_path / "in").bad
        assert len(pulled.runs()) == len(pushed.runs()) == 3
    with Store(device) as store:
        assert [one.run for one in Ledger(store).unsent(str(target(tmp_path / "in")))] == ["00000001ffffffff"]


@pytest.mark.parametrize("name", ["a b", "it's", 'say "x"', "$(touch hacked)", "`id`", "a;b", "ä", "*", "-n"])
def test_a_host_folder_with_any_name(sshd: Sshd, device: Path, tmp_path: Path, name: str) -> None:
    assert sync(device, sshd.config, f"board:{tmp_path / name}") == 0
    assert len(list((tmp_path / name).rglob("*.jsonl.gz"))) == 1
    assert not (tmp_path / "hacked").exists()
    assert not (Path.home() / "hacked").exists()


@pytest.mark.parametrize(
    "where", ["board:a\nb", "bo ard:x", "-oProxyCommand=id:x", "$(id)@board:x", "a'b:x", "board;id:x", ":x"]
)
def test_a_target_that_is_none(sshd: Sshd, device: Path, capsys: pytest.CaptureFixture[str], where: str) -> None:
    assert main(["sync", "--store", str(device), "--ssh-config", str(sshd.config), "--", where]) == 6
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["a b", "it's", "a\nb", "$(touch x)", "../up", ".hidden", "", "a/b", "x" * 64])
def test_a_device_with_a_name_that_cannot_be_a_files(
    sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with Store(tmp_path / "device.db") as store:
        store.add_run(run(device=name, networks=[network()]))
    assert sync(tmp_path / "device.db", sshd.config, f"board:{tmp_path / 'in'}") == 5
    line = capsys.readouterr().err.strip()
    assert len(line.splitlines()) == 1
    assert "name it with AUGUR_EDGE_DEVICE" in line
    assert not (tmp_path / "in").exists()


def test_a_login_script_that_prints(
    own_sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noisy = tmp_path / "noisy"
    noisy.write_text("#!/bin/sh\necho Welcome to the host, dear friend\nexec /usr/lib/openssh/sftp-server\n")
    noisy.chmod(0o755)
    own_sshd.start(sftp=str(noisy))
    refused(capsys, device, own_sshd.config, tmp_path / "in", "does a login script print something?")


def test_one_sync_of_a_store_at_a_time(
    sshd: Sshd, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from augur_edge.sync.push import alone

    with alone(device):
        assert sync(device, sshd.config, f"board:{tmp_path / 'in'}") == 1
    assert "another `sync`" in capsys.readouterr().err


def test_watch_waits_and_goes_on(own_sshd: Sshd, device: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            own_sshd.start()
        if len(naps) == 5:
            raise KeyboardInterrupt

    clock = SimpleNamespace(sleep=nap)  # of the command alone: waiting inside is real
    monkeypatch.setattr("augur_edge.cli.sync.time", clock)
    assert sync(device, own_sshd.config, f"board:{tmp_path / 'in'}", "--watch", "--every", "7") == 130
    assert [4 <= naps[0] <= 6, 8 <= naps[1] <= 12, 16 <= naps[2] <= 24] == [True] * 3, naps
    assert naps[3:] == [7, 7]
    assert len(list((tmp_path / "in").rglob("*.jsonl.gz"))) == 1


def restrict(sshd: Sshd, folder: Path, device: str = "board-1") -> None:
    command = f"{sshd.program} serve --restrict-to {folder} --device {device}"
    sshd.authorize(f'restrict,command="{command}" {sshd.public_key}')
    sshd.start()
