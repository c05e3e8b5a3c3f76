"""What can happen to a store: kills, other processes, full and read-only disks, foreign and damaged files."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from handmade import floor, layer, network, run

from augur_edge.errors import AugurError, DataError, UsageError
from augur_edge.store import Store, sql

SAVER = """
import sys
from dataclasses import replace
from pathlib import Path
from handmade import layer, network, run
from augur_edge.store import Store

with Store(Path(sys.argv[1])) as store:
    store.start_run(run(status="running", networks=[]))
    store.put_network(run().id, network(measurements=[]))
    have = len(store.load(run().id).networks[0].measurements)
    for position in range(have, 100_000):
        store.save(run().id, 0, [layer(position, f"layer{position}", 1000 + position)])
        print(position, flush=True)
"""


def python(code: str, *args: object, **options: object) -> subprocess.Popen[str]:
    """A child that can import the package and the tests' helpers."""
    here = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", dedent(code), *map(str, args)],
        env={**os.environ, "PYTHONPATH": path},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,  # type: ignore[call-overload]
    )


def test_twenty_kills_lose_nothing_that_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    random = np.random.default_rng(0)
    saved = -1
    for _ in range(20):
        child = python(SAVER, path)
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first, child.stderr.read() if child.stderr else ""
        time.sleep(random.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        said = [int(first), *map(int, child.stdout.read().split())]
        child.communicate()
        assert said[0] == saved + 1
        with Store(path, create=False) as store:
            found = [m.position for m in store.load(run().id).networks[0].measurements]
            assert found == list(range(len(found)))
            # The one after the last said may have been saved already when the kill came.
            assert said[-1] + 1 <= len(found) <= said[-1] + 2
            assert store.check() == len(found)
            assert [r.id for r in store.interrupted()] == [run().id]
        saved = len(found) - 1
    assert saved > 20


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """A store that somebody else is writing to."""
    path = tmp_path / "store.db"
    Store(path).close()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    yield path, other
    other.close()


def test_a_store_in_use_is_waited_for(locked: tuple[Path, sqlite3.Connection]) -> None:
    path, other = locked
    told: list[str] = []
    release = threading.Timer(1.5, lambda: other.execute("COMMIT"))
    release.start()
    with Store(path, on_wait=told.append) as store:
        start_s = time.monotonic()
        store.start_run(run(networks=[], status="running"))
        assert time.monotonic() - start_s > 1.0
        release.join()
        assert told == [f"{path} is in use by another process; waiting for it"]
        assert len(store.runs()) == 1


def test_a_short_wait_is_not_worth_a_word(locked: tuple[Path, sqlite3.Connection]) -> None:
    path, other = locked
    told: list[str] = []
    release = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    release.start()
    with Store(path, on_wait=told.append) as store:
        store.start_run(run(networks=[], status="running"))
    release.join()
    assert told == []


def test_reading_goes_on_while_another_process_writes(locked: tuple[Path, sqlite3.Connection]) -> None:
    with Store(locked[0], create=False, on_wait=pytest.fail) as store:
        assert store.runs() == []


def test_many_processes_make_and_fill_one_store(tmp_path: Path) -> None:
    code = """
    import sys
    from pathlib import Path
    from handmade import run
    from augur_edge.store import Store
    with Store(Path(sys.argv[1])) as store:
        for i in range(20):
            assert store.add_run(run(f"{int(sys.argv[2]):08x}{i:08x}"))
    """
    children = [python(code, tmp_path / "store.db", i) for i in range(4)]
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
    with Store(tmp_path / "store.db", create=False) as store:
        assert len(store.runs()) == 80
        assert store.check() == 80 * 6


def test_a_full_disk_keeps_what_was_saved(tmp_path: Path) -> None:
    with Store(tmp_path / "store.db") as store:
        store.start_run(run(status="running", networks=[]))
        store.put_network(run().id, network(measurements=[]))
        store.save(run().id, 0, [layer(0, "a", 1000)])
        pages = store._db.read("PRAGMA page_count")[0][0]
        store._db.read(f"PRAGMA max_page_count = {pages + 2}")
        big = layer(1, "b", 1000)
        big.samples_ns = np.arange(100_000)
        with pytest.raises(AugurError, match="disk is full; what was saved before is kept") as error:
            store.save(run().id, 0, [floor(10), big])
        assert error.value.exit_code == 1
        assert [m.name for m in store.load(run().id).networks[0].measurements] == ["a"]
        store._db.read("PRAGMA max_page_count = 1000000")
        store.save(run().id, 0, [big])
        assert store.check() == 2


def test_a_file_that_is_not_sqlite_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"kx,ifmx,ifmy\n" * 1000)
    for create in (True, False):
        with pytest.raises(DataError, match="not an SQLite file"):
            Store(path, create=create)
    assert path.read_bytes() == b"kx,ifmx,ifmy\n" * 1000


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    before = path.read_bytes()
    with pytest.raises(DataError, match="of another program"):
        Store(path)
    assert path.read_bytes() == before


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store(path) as store:
        store._db.read(f"PRAGMA user_version = {sql.VERSION + 1}")
    with pytest.raises(DataError, match=f"store of schema {sql.VERSION + 1}, this program reads up to {sql.VERSION}"):
        Store(path)


def test_an_absent_or_empty_store_is_not_made_for_readers(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for _ in range(2):
        with pytest.raises(UsageError, match="there is no store yet"):
            Store(path, create=False)
        path.touch()
    assert path.read_bytes() == b""


def test_a_place_that_cannot_hold_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AugurError, match="cannot make the store's folder"):
        Store(tmp_path / "file" / "store.db")
    with pytest.raises(AugurError, match="unable to open"):
        Store(tmp_path)


def test_a_path_with_signs_of_a_uri(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=ro#%41.db"
    with Store(path) as store:
        store.add_run(run())
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE measurement SET samples = zeroblob(8) WHERE name = 'pool'", "'pool' of run 00000000000000a1"),
        ("UPDATE measurement SET status = 'failed' WHERE position = 1", "'body.conv' of run"),
        ("UPDATE spec SET layer = replace(layer, '56', '57')", "of run 00000000000000a1 is not as it was written"),
        ("UPDATE network SET info = '{}'", "network 'tiny' of run"),
        ("UPDATE run SET context = '{}'", "run 00000000000000a1 is not as it was written"),
        ("PRAGMA foreign_keys = OFF; DELETE FROM network", "the store is damaged"),
    ],
)
def test_a_change_behind_its_back_is_found(tmp_path: Path, change: str, message: str) -> None:
    with Store(tmp_path / "store.db") as store:
        store.add_run(run())
        assert store.check() == 6
    other = sqlite3.connect(tmp_path / "store.db")
    other.executescript(change)
    other.close()
    with Store(tmp_path / "store.db") as store:
        with pytest.raises(DataError, match=message):
            store.check()
        if "DELETE" not in change:
            with pytest.raises(DataError, match=message):
                store.load("00000000000000a1")


def test_a_torn_file_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store(path) as store:
        for i in range(30):
            store.add_run(run(f"{i:016x}"))
    blob = path.read_bytes()
    for size in (100, 3000, 4096, 9000, len(blob) // 2, len(blob) - 4096):
        path.write_bytes(blob[:size])
        with pytest.raises(DataError, match="the store is damaged"), Store(path) as store:
            store.check()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a user without rights may enter; pytest's own is closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(work: str, path: Path) -> str:
    """What a process that may write nothing prints."""
    code = f"""
    import os, sys
    from pathlib import Path
    from handmade import run
    from augur_edge.errors import AugurError
    from augur_edge.store import Store
    record = run("00000000000000b2")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresuid(65534, 65534, 65534)
    path = Path(sys.argv[1])
    try:
        {work}
    except AugurError as err:
        print(type(err).__name__, err)
    """
    out, errors = python(code, path).communicate(timeout=60)
    assert not errors
    return out


def test_a_read_only_store_can_be_read_and_says_it_cannot_be_written(open_folder: Path) -> None:
    path = open_folder / "store.db"
    with Store(path) as store:
        store.add_run(run())
    path.chmod(0o444)
    open_folder.chmod(0o555)
    assert as_nobody("print(len(Store(path, create=False).load('00000000000000a1').networks))", path) == "1\n"
    text = as_nobody("Store(path).add_run(record)", path)
    assert text.startswith(f"AugurError {path}: the store cannot be ")
    text = as_nobody("Store(path, create=False).add_run(record)", path)
    assert text == f"AugurError {path}: the store cannot be written, it is read-only; name another with --store\n"
    text = as_nobody("Store(path.with_name('new.db'))", path)
    assert text.startswith(f"AugurError {open_folder / 'new.db'}: the store cannot be used: unable to open")
    open_folder.chmod(0o755)
