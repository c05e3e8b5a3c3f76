"""`export` and `import`: from one store to another and back, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest
from handmade import layer, network, plain, run

from augur_edge.cli import main
from augur_edge.store import RunRecord, Store

Captured = pytest.CaptureFixture[str]
A, B = "00aa000000000001", "00ab000000000002"


@pytest.fixture
def path(tmp_path: Path) -> str:
    with Store(tmp_path / "store.db") as store:
        store.add_run(run(A))
        store.add_run(run(B, created_unix_ns=run().created_unix_ns + 1))
    return str(tmp_path / "store.db")


def load(path: str | Path, run_id: str) -> RunRecord:
    with Store(Path(path), create=False) as store:
        return store.load(run_id)


def test_a_run_goes_to_another_store_and_shows_the_same(path: str, tmp_path: Path, capsys: Captured) -> None:
    lines, other = tmp_path / "runs.jsonl", str(tmp_path / "new" / "other.db")
    assert main(["export", "00aa", "last", "00aa", "-o", str(lines), "--store", path]) == 0
    assert capsys.readouterr() == ("", f"wrote 2 runs to {lines}\n")
    assert main(["import", str(lines), "--store", other]) == 0
    assert capsys.readouterr() == (f"{A}\n{B}\n", "imported 2 runs\n")
    assert main(["import", str(lines), "--store", other]) == 0
    assert capsys.readouterr() == ("", "imported 0 runs; 2 here already\n")
    documents = []
    for store in (path, other):
        assert main(["show", A, "--json", "--store", store]) == 0
        documents.append(capsys.readouterr().out)
        assert plain(load(store, A)) == plain(load(path, A))
    assert documents[0] == documents[1]


def test_export_writes_the_last_run_to_stdout(path: str, capsys: Captured) -> None:
    assert main(["export", "--store", path]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["record"] for line in out.splitlines()] == ["run", "network", *["measurement"] * 6]
    assert json.loads(out.splitlines()[0])["id"] == B
    assert err == ""


def test_export_csv_is_a_table_and_comes_back(path: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(["export", A, B, "--format", "csv", "--store", path]) == 0
    out = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(r["run"], r["name"]) for r in rows][6:8] == [(B, "identity"), (B, "stem.conv")]
    assert rows[0]["median_ns"] == "1000.0"
    (tmp_path / "table.csv").write_text(out)
    assert main(["import", str(tmp_path / "table.csv"), "--store", str(tmp_path / "other.db")]) == 0
    found = load(tmp_path / "other.db", A)
    assert found.context == {"imported_from": "table.csv"}
    original = plain(load(path, A))["networks"][0]["measurements"]
    assert plain(found)["networks"][0]["measurements"] == original


def test_augurs_files_come_in_and_go_out(tmp_path: Path, capsys: Captured) -> None:
    store = str(tmp_path / "store.db")
    rows = "kx,ifmx,ifmy,zin,zout,stridex,pad_x,group,latency,energy\n3,32,24,8,16,1,1,1,1500.0,2500000.0\n"
    (tmp_path / "net.csv").write_text(rows)
    words = ["import", str(tmp_path / "net.csv"), "--measured-on", "npu", "--clock-mhz", "1000", "--store", store]
    assert main(words) == 0
    run_id = capsys.readouterr().out.strip()
    found = load(store, run_id)
    assert (found.device, found.networks[0].measurements[0].samples_ns.tolist()) == ("npu", [1500])
    assert main(["export", "--format", "augur", "--clock-mhz", "1000", "--store", store]) == 0
    assert capsys.readouterr().out == rows
    assert main(["export", "--format", "augur", "--store", store]) == 0
    assert "1,1,1,750.0,2500000.0" in capsys.readouterr().out


def test_layers_augur_cannot_hold_are_counted(path: str, capsys: Captured) -> None:
    assert main(["export", "--format", "augur", "--store", path]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err == "measured layers left out, being no convolutions of Augur's kind: 1\n"


@pytest.mark.parametrize("order", [1, -1])
def test_one_bad_line_and_nothing_is_imported(path: str, tmp_path: Path, capsys: Captured, order: int) -> None:
    main(["export", A, "-o", str(tmp_path / "good.jsonl"), "--store", path])
    main(["export", B, "-o", str(tmp_path / "bad.jsonl"), "--store", path])
    lines = (tmp_path / "bad.jsonl").read_text().splitlines()
    (tmp_path / "bad.jsonl").write_text("\n".join([*lines[:4], lines[4][:-9], *lines[5:]]) + "\n")
    capsys.readouterr()
    other = str(tmp_path / "other.db")
    files = [str(tmp_path / "good.jsonl"), str(tmp_path / "bad.jsonl")][::order]
    assert main(["import", *files, "--store", other]) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{tmp_path / 'bad.jsonl'}:5: not a line of JSON" in err
    with Store(Path(other), create=False) as store:
        assert store.runs() == []
        assert store.check() == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["export", "zz"], 2, "no run 'zz'"),
        (["export", "--format", "parquet"], 2, "binary and not for stdout; name a file with -o"),
        (["export", "--format", "xml"], 2, "invalid choice: 'xml'"),
        (["export", "--format", "augur", "--clock-mhz", "0"], 2, "0 MHz is no clock"),
        (["export", "-o", "/nowhere/at/all.jsonl"], 1, "cannot be written: No such file"),
        (["import", "/nowhere/at/all.jsonl"], 2, "/nowhere/at/all.jsonl: No such file"),
        (["import", "/dev/null"], 5, "/dev/null:1: no column 'created_unix_ns'"),
        (["import"], 2, "required: FILE"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str], code: int, message: str, path: str, capsys: Captured
) -> None:
    assert main([*words, "--store", path]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_failed_export_leaves_the_file_of_before(path: str, tmp_path: Path, capsys: Captured) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("before")
    damaged = sqlite3.connect(path)
    damaged.execute("UPDATE measurement SET nodes = '[' WHERE run = 2")
    damaged.commit()
    damaged.close()
    assert main(["export", A, B, "-o", str(target), "--store", path]) == 5
    assert f"run {B} is not as it was written" in capsys.readouterr().err
    assert target.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir() if "out" in p.name) == ["out.jsonl"]


def test_a_run_still_going_elsewhere_can_be_taken_along(tmp_path: Path, capsys: Captured) -> None:
    here, there = str(tmp_path / "here.db"), str(tmp_path / "there.db")
    with Store(Path(here)) as store:
        store.start_run(run(A, status="running", networks=[], verdict=None))
        store.put_network(A, network(measurements=[]))
        store.save(A, 0, [layer(0, "x", 1000)])
        assert main(["export", "-o", str(tmp_path / "part.jsonl"), "--store", here]) == 0
    assert main(["import", str(tmp_path / "part.jsonl"), "--store", there]) == 0
    assert load(there, A).status == "interrupted"
