"""`show` and `compare` on stores of hand-made runs: what goes to stdout, what to stderr, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from handmade import layer, network, run, whole

from augur_edge.cli import main
from augur_edge.store import RunRecord, Store, measure_document

OWNER = "from augur_edge.store.owner import this_process; print(this_process())"
Captured = pytest.CaptureFixture[str]


def stored(path: Path, *records: RunRecord) -> str:
    with Store(path) as store:
        for record in records:
            store.add_run(record)
    return str(path)


@pytest.fixture
def path(tmp_path: Path) -> str:
    older = run("00aa000000000001", created_unix_ns=1_790_000_000_000_000_000)
    slower = network(measurements=[layer(0, "stem.conv", 12_000), layer(1, "body.conv", 20_000), whole(33_000)])
    newer = run("00ab000000000002", created_unix_ns=1_790_000_900_000_000_000, networks=[slower], device="board-2")
    return stored(tmp_path / "store.db", older, newer)


def test_show_prints_the_last_run(path: str, capsys: Captured) -> None:
    assert main(["show", "--store", path]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("run 00ab000000000002, ")
    assert "stem.conv" in out
    assert err == ""


def test_show_takes_a_prefix_and_a_width(path: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["show", "00aa", "--sort", "latency", "--store", path]) == 0
    out = capsys.readouterr().out
    assert "run 00aa000000000001" in out
    assert out.index("body.conv") < out.index("stem.conv")
    assert max(map(len, out.splitlines())) <= 60


def test_show_json_is_the_document_of_measure(path: str, capsys: Captured) -> None:
    assert main(["show", "00aa000000000001", "--json", "--store", path]) == 0
    out = capsys.readouterr().out
    assert out.startswith('{\n  "schema": "augur-edge/measure/1",\n  "context":')
    with Store(Path(path), create=False) as store:
        assert json.loads(out) == json.loads(json.dumps(measure_document(store.load("00aa000000000001"))))


def test_show_list_has_the_newest_at_the_bottom(path: str, capsys: Captured) -> None:
    assert main(["show", "--list", "--store", path]) == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["run", "when", "status", "steady", "device", "networks"]
    assert first.split()[0] == "00aa000000000001"
    assert second.split()[0] == "00ab000000000002"
    assert second.endswith("done    yes     board-2  tiny (onnxruntime, replay)")


def test_show_list_json(path: str, capsys: Captured) -> None:
    assert main(["show", "--list", "--json", "--store", path]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["context"]) == ("augur-edge/runs/1", {"store": path})
    assert [r["run"] for r in document["runs"]] == ["00aa000000000001", "00ab000000000002"]
    assert document["runs"][0]["networks"] == [{"name": "tiny", "runtime": "onnxruntime", "mode": "replay"}]


def test_show_list_does_not_call_a_dead_process_running(path: str, capsys: Captured) -> None:
    owner = subprocess.run([sys.executable, "-c", OWNER], capture_output=True, text=True, check=True).stdout.strip()
    with Store(Path(path)) as store:
        store.start_run(run("00ac000000000003", created_unix_ns=1_790_000_990_000_000_000, status="running"))
        store._db.write("UPDATE run SET owner = ? WHERE status = 'running'", (owner,))
    assert main(["show", "--list", "--store", path]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[3] == "interrupted"


def test_a_store_without_runs(tmp_path: Path, capsys: Captured) -> None:
    path = stored(tmp_path / "store.db")
    assert main(["show", "--list", "--store", path]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{path}: no runs yet; `augur-edge measure resnet18` makes the first\n")
    assert main(["show", "--store", path]) == 2
    assert "no runs yet" in capsys.readouterr().err
    assert main(["show", "--store", path + "x"]) == 2
    assert "there is no store yet" in capsys.readouterr().err
    assert not Path(path + "x").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["show", "ff"], 2, "no run 'ff'; the last ones are 00ab000000000002, 00aa000000000001"),
        (["show", "00"], 2, "2 runs begin with '00'"),
        (["compare", "zz"], 2, "no run 'zz'"),
        (["compare", "00aa", "--threshold", "3"], 2, "--threshold 3: give a share from 0 to 1"),
        (["show", "last~2"], 2, "there is no run last~2; the store has 2"),
        (["compare", "last", "00ab"], 2, "last and 00ab are one run, 00ab000000000002; the one before last is last~1"),
    ],
)
def test_a_wrong_name_is_one_line(words: list[str], code: int, message: str, path: str, capsys: Captured) -> None:
    assert main([*words, "--store", path]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_compare_takes_the_last_run_for_the_second(path: str, capsys: Captured) -> None:
    assert main(["compare", "00aa", "--store", path]) == 0
    out, err = capsys.readouterr()
    assert "1.200  <0.001" in out
    assert "layers of b: 1 slower, 1 no difference" in out
    assert "only in a: pool" in out
    assert "two devices: board-1 and board-2" in err


def test_runs_before_the_last_have_names(path: str, capsys: Captured) -> None:
    assert main(["show", "last~1", "--json", "--store", path]) == 0
    assert json.loads(capsys.readouterr().out)["networks"][0]["run"] == "00aa000000000001"
    assert main(["compare", "--store", path]) == 0  # the last with the one before it
    out = capsys.readouterr().out.splitlines()
    assert (out[0].split(",")[0], out[1].split(",")[0]) == ("a: run 00aa000000000001", "b: run 00ab000000000002")


def test_long_names_do_not_break_the_list(path: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = network(name="nasbench201:" + "|nor_conv_3x3~0|+" * 9 + "\x1b[2J")
    cells = [cell, *(network(i, name=f"{cell.name}{i}") for i in range(1, 5))]
    stored(Path(path), run("00ac000000000003", created_unix_ns=1_790_000_990_000_000_000, networks=cells))
    monkeypatch.setenv("COLUMNS", "110")
    assert main(["show", "--list", "--store", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 110
    assert (
        "nasbenc" in lines[-1] and lines[-1].endswith(" (onnxruntime, replay), and 4 more") and "\x1b" not in lines[-1]
    )


def test_compare_json_begins_with_schema_and_context(path: str, capsys: Captured) -> None:
    assert main(["compare", "00aa", "00ab", "--json", "--store", path]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document)[:2] == ["schema", "context"]
    assert document["context"]["b"]["run"] == "00ab000000000002"
    assert [e["verdict"] for e in document["networks"][0]["layers"]] == ["slower", "no difference"]


def test_compare_warns_of_what_weakens_it(tmp_path: Path, capsys: Captured) -> None:
    reason = {"code": "drift", "text": "tiny: became 5% slower", "advice": "cool it"}
    isolated = network(mode="isolated", measurements=[layer(0, "stem.conv", 1000, mode="isolated")])
    a = run("00aa000000000001", verdict={"steady": False, "reasons": [reason]})
    b = run("00ab000000000002", status="interrupted", verdict=None, networks=[isolated])
    path = stored(tmp_path / "store.db", a, b)
    assert main(["compare", a.id, b.id, "--quiet", "--store", path]) == 0
    err = capsys.readouterr().err.splitlines()
    assert err[0] == f"warning: run {a.id} was not steady: tiny: became 5% slower"
    assert err[1] == f"warning: run {b.id} was not steady: the run is interrupted, so nothing was judged"
    assert err[2].startswith("warning: the runs were measured in different modes")


def test_the_commands_import_no_numpy_until_they_run() -> None:
    code = "import sys, augur_edge.cli.show, augur_edge.cli.compare; print('numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "False\n"


def test_show_list_keeps_the_number_of_threads_of_a_long_name(tmp_path: Path, capsys: Captured) -> None:
    name = "a_model_with_a_name_that_is_far_too_long_for_a_line.onnx"
    record = run("00aa000000000001", networks=[network(name=f"{name}, 2 threads")])
    assert main(["show", "--list", "--store", stored(tmp_path / "s.db", record)]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert "…" in line and line.endswith(", 2 threads (onnxruntime, replay)")
