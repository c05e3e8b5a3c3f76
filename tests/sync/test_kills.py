"""Connections that are killed at any byte: nothing is lost, nothing comes twice, nothing is left lying about."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from helpers import content, filled, leftovers, send, target
from loopback import ROOT, Sshd, make_key
from torture import torture

from augur_edge.store import Store
from augur_edge.store.ledger import Ledger
from augur_edge.sync.ingest import ingest


def test_syncs_that_are_killed_at_a_random_byte(own_sshd: Sshd, tmp_path: Path) -> None:
    counts = torture(own_sshd.start(), tmp_path, n_kills=5, n_measurements=300, seed=1)
    assert len([what for what in counts if what.endswith("killed")]) >= 2, counts


def test_eight_devices_push_into_one_folder_while_it_is_ingested(own_sshd: Sshd, tmp_path: Path) -> None:
    names = [f"device-{i}" for i in range(8)]
    keys = [make_key(tmp_path / name) for name in names]
    own_sshd.authorize(*keys)
    own_sshd.start()
    inbox, stores = tmp_path / "inbox", [tmp_path / f"{name}.db" for name in names]
    for path, name in zip(stores, names):
        filled(path, 6, name, 40).close()
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "augur_edge", "sync", f"board:{inbox}", "--quiet", "--store", str(path),
             "--ssh-config", str(own_sshd.client(tmp_path / name))],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for path, name in zip(stores, names)
    ]  # fmt: skip
    inbox.mkdir()
    over = threading.Event()
    with Store(tmp_path / "host.db") as host:
        rounds = 0
        threading.Thread(target=lambda: ([c.wait() for c in children], over.set()), daemon=True).start()
        while not over.is_set():
            assert not ingest(host, inbox).bad
            rounds += 1
        assert not ingest(host, inbox).bad
        assert rounds > 3
        assert [child.returncode for child in children] == [0] * 8
        expected: dict[str, object] = {}
        for path in stores:
            with Store(path) as store:
                expected.update(content(store))
        assert content(host) == expected
        assert len(expected) == 48
    assert leftovers(inbox) == []


def test_what_was_sent_but_not_noted_is_found_and_not_sent_again(sshd: Sshd, tmp_path: Path) -> None:
    with filled(tmp_path / "device.db") as store:
        send(store, sshd.ssh, tmp_path / "inbox")
        where = str(target(tmp_path / "inbox"))
        with store.transaction():  # as if the power had gone before the last commit
            store._db.write("UPDATE sent SET acknowledged = 0")
        assert len(Ledger(store).unsent(where)) == 3
        again = send(store, sshd.ssh, tmp_path / "inbox")
        assert (again.found, again.batches) == (1, 0)
        assert Ledger(store).unsent(where) == []
