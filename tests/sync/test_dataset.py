"""The Parquet data set: what DuckDB, pyarrow and `train` find in it is what the store has, each run once."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from handmade import run
from helpers import a_run, filled

from augur_edge.cli import main
from augur_edge.store import Store
from augur_edge.store.flat import flat_rows

DAY_NS = 86_400 * 10**9
FIRST_DAY_NS = 1_790_000_000_000_000_000

pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Six runs: two devices, two days."""
    with Store(tmp_path / "host.db") as store:
        for number in range(6):
            store.add_run(a_run(number + 1, f"board-{number % 2}", created_unix_ns=FIRST_DAY_NS + number // 3 * DAY_NS))
    return tmp_path / "host.db"


def export(store: Path, url: object) -> int:
    return main(["export", "--dataset", str(url), "--store", str(store)])


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_duckdb_finds_every_measurement(store: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    assert export(store, tmp_path / "set") == 0
    found = duckdb.sql(
        f"SELECT device, run, position, median_ns, samples_ns FROM "
        f"read_parquet('{tmp_path}/set/**/*.parquet', hive_partitioning = true) ORDER BY run, position"
    ).fetchall()
    with Store(store) as opened:
        rows = [row for r in opened.runs() for row in flat_rows(opened.load(r.id))]
    expected = [(r["device"], r["run"], r["position"], r["median_ns"], r["samples_ns"]) for r in rows]
    assert found == sorted(expected, key=lambda row: (row[1], row[2]))
    days = duckdb.sql(f"SELECT DISTINCT device, day FROM read_parquet('{tmp_path}/set/**/*.parquet') ORDER BY ALL")
    assert [tuple(map(str, row)) for row in days.fetchall()] == [
        ("board-0", "2026-09-21"), ("board-0", "2026-09-22"), ("board-1", "2026-09-21"), ("board-1", "2026-09-22"),
    ]  # fmt: skip


def test_it_is_only_added_to(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(store, tmp_path / "set") == 0
    before = files(tmp_path / "set")
    assert len(before) == 4
    assert export(store, tmp_path / "set") == 0
    assert "added 0 runs in 0 files" in capsys.readouterr().err
    assert files(tmp_path / "set") == before
    filled(store, 2, "board-7", first=50).close()
    with Store(store) as opened:
        opened.add_run(run(status="interrupted", verdict=None))  # may still change: not exported
    assert export(store, tmp_path / "set") == 0
    new = files(tmp_path / "set") - before
    assert len(new) == 1
    (tmp_path / "set" / new.pop()).unlink()  # what was removed comes again
    assert export(store, tmp_path / "set") == 0
    assert len(files(tmp_path / "set")) == 5


def test_a_url_that_is_no_folder(store: Path) -> None:
    import fsspec

    from augur_edge.store.dataset import dataset_digest, read_dataset_runs, url_of

    url = f"memory://{uuid.uuid4().hex}/set"
    for _ in range(2):
        assert export(store, url) == 0
    memory = fsspec.filesystem("memory")
    assert len(memory.find(url)) == 4
    assert not [path for path in memory.find(url) if "/." in path]
    found = read_dataset_runs(str(url_of(Path(url))))
    with Store(store) as opened:
        known = {r.id: opened.load(r.id) for r in opened.runs()}
    assert {r.id for r in found} == set(known)
    for r in found:
        assert list(flat_rows(r)) == list(flat_rows(known[r.id]))
    assert len(dataset_digest(url)) == 64


def test_training_takes_a_data_set(tmp_path: Path) -> None:
    from augur_edge.dataset.reading import read_dataset

    filled(tmp_path / "one.db", 3, n_layers=4).close()
    same = read_dataset([tmp_path / "one.db"])
    for url in (str(tmp_path / "set"), f"memory://{uuid.uuid4().hex}/set", f"file://{tmp_path}/set"):
        assert export(tmp_path / "one.db", url) == 0
        data = read_dataset([Path(url)])  # as `train` has it from its command line
        assert data.keys() == same.keys()
        assert data.targets["latency"].tolist() == same.targets["latency"].tolist()
        assert data.devices == same.devices
        assert data.n_rows == same.n_rows == 12


def test_what_cannot_be(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from augur_edge.errors import DataError, UsageError
    from augur_edge.store.dataset import read_dataset_runs

    (tmp_path / "file").write_text("x")
    for url, code in (("nosuch://x/y", 2), (tmp_path / "file/below", 1)):
        assert export(store, url) == code
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["export", "last", "--dataset", "x", "--store", str(store)]) == 2
    with pytest.raises(UsageError):
        read_dataset_runs(str(tmp_path / "absent"))
    (tmp_path / "set/device=a").mkdir(parents=True)
    (tmp_path / "set/device=a/x.parquet").write_text(json.dumps({}))
    with pytest.raises((DataError, UsageError)):
        read_dataset_runs(str(tmp_path / "set"))
