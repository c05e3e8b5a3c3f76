"""Many syncs, killed at a random byte of their connections; run by `make torture`, and in short by the tests."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from cutting import Cutter
from helpers import a_run, leftovers, send
from loopback import ROOT, Sshd

from augur_edge.errors import RemoteError
from augur_edge.store import Store, sql
from augur_edge.store.ledger import Ledger
from augur_edge.store.records import RunRecord
from augur_edge.sync.batch import pack, records_of
from augur_edge.sync.ingest import batches_in, ingest

WAYS = ("client", "server", "sshd", "wire")


def digests(store: Store) -> dict[str, bytes]:
    """The content of every run."""
    return {row[0]: Ledger(store).content(row[0], bytes(row[-1])) for row in store._db.read(sql.ALL_RUNS)}


def torture(sshd: Sshd, folder: Path, n_kills: int, n_measurements: int, seed: int) -> Counter[str]:
    """Adds a run and syncs, over and over, until so many syncs were killed; one in ten is left to live.

    Asserts that host and device are equal in the end. Counts what happened.
    """
    dice, counts = random.Random(seed), Counter[str]()
    inbox = folder / "inbox"
    number = 0
    with Store(folder / "device.db") as device, Store(folder / "host.db") as host:
        while sum(n for what, n in counts.items() if what.endswith("killed")) < n_kills:
            number += 1
            device.add_run(a_run(number, n_layers=n_measurements))
            way = dice.choice(WAYS)
            at = dice.randrange(1, to_send(device, inbox, folder)) if dice.random() < 0.9 else 1 << 40
            counts[f"{way} {'killed' if one(sshd, device, inbox, way, at) else 'lived'}"] += 1
            if number % 10 == 0:
                assert not ingest(host, inbox).bad
                assert set(digests(host).items()) <= set(digests(device).items())
                print(f"{number} syncs: {dict(counts)}", file=sys.stderr, flush=True)
        send(device, sshd.ssh, inbox)
        assert not ingest(host, inbox).bad
        assert host.check() == device.check() == number * n_measurements  # each is what its digest says
        assert digests(host) == digests(device)
        assert len(digests(host)) == number
        assert leftovers(inbox) == []
        assert not Ledger(device).unsent(f"board:{inbox}")
        held = Counter(r.id for path, _ in batches_in(inbox) for r in records_of(path) if isinstance(r, RunRecord))
        counts["runs in more than one batch"] = sum(n > 1 for n in held.values())
    return counts


_CONNECTING = 4_000  # bytes of a sync's connections beside what they carry, roughly


def to_send(device: Store, inbox: Path, folder: Path) -> int:
    """Bytes that a sync would put on the wire, roughly: those of the runs that wait, packed."""
    unsent = Ledger(device).unsent(f"board:{inbox}")
    path, packed_runs, _ = pack(device, unsent[-1:], folder)  # they are all alike
    assert path is not None
    size = path.stat().st_size
    path.unlink()
    return _CONNECTING + size * len(unsent) // len(packed_runs)


def one(sshd: Sshd, device: Store, inbox: Path, way: str, at: int) -> bool:
    """One sync through a proxy that strikes at byte `at`; whether it did."""
    child: list[subprocess.Popen[bytes]] = []

    def strike() -> None:
        if way == "client":
            child[0].kill()
        elif way != "wire":
            sshd.kill_sessions()

    cutter = Cutter(sshd.port, at, strike)
    config = sshd.client(sshd.folder / "key", ".proxy", port=cutter.port)
    words = ["sync", f"board:{inbox}", "--quiet", "--store", str(device.path), "--ssh-config", str(config)]
    child.append(
        subprocess.Popen(
            [sys.executable, "-m", "augur_edge", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
    )
    _, said = child[0].communicate(timeout=300)
    cutter.close()
    assert child[0].returncode in ({0, RemoteError.exit_code, -9}), said
    assert cutter.done or child[0].returncode == 0, said
    if way == "sshd" and cutter.done:
        sshd.stop()
        sshd.start()
    return cutter.done


def main() -> None:
    """`python tests/sync/torture.py [KILLS [MEASUREMENTS [SEED]]]`: until so many were killed, each with new ones."""
    n_kills, n_measurements, seed = [*map(int, sys.argv[1:]), *(100, 10_000, 0)[len(sys.argv) - 1 :]]
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        sshd = Sshd(Path(folder) / "sshd").start()
        try:
            counts = torture(sshd, Path(folder), n_kills, n_measurements, seed)
        finally:
            sshd.kill_sessions()
            sshd.stop()
    for what, n in sorted(counts.items()):
        print(f"{what}: {n}")
    spent_s = time.monotonic() - start_s
    print(f"{n_kills} killed syncs, {n_measurements} new measurements each, host equals device; {spent_s:.0f} s")


if __name__ == "__main__":
    main()
