"""`search` from the command line, on tables and functions of the test's own."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from augur_edge.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def table(tmp_path: Path) -> str:
    """All cells: 3x3 convolutions cost and help most."""
    path = tmp_path / "cells.csv"
    lines = ["arch_vector,latency_ms,accuracy"]
    for cell in itertools.product(range(5), repeat=6):
        convs, ones = cell.count(3), cell.count(2)
        lines.append(f"{' '.join(map(str, cell))},{1 + 2 * convs + ones},{50 + 6 * convs + 4 * ones + 0.1 * cell[0]}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def searched(table: str, *more: str) -> int:
    tables = [f"{table}#latency_ms", f"{table}#accuracy"]
    return main(["search", "--space", "nasbench201", "--table", *tables, "--objective", "accuracy", *more])


def test_the_best_within_the_limit_is_found(table: str, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "found.csv"
    assert searched(table, "--constraint", "latency_ms<=7", "--json", "-o", str(out)) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "augur-edge/search/1"
    assert document["found"][0]["accuracy"] == pytest.approx(74.2)
    assert document["found"][0]["latency_ns"] <= 7e6
    assert out.read_text().splitlines()[0].startswith("name,accuracy")


@pytest.mark.parametrize("method", ["evolution", "random"])
def test_other_methods_stay_within_the_evaluations(table: str, method: str, capsys: Captured) -> None:
    assert searched(table, "--constraint", "latency_ms<=7", "--method", method, "--evaluations", "300", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["evaluations"] == 300
    assert document["complete"]


def test_limits_that_nothing_meets_name_the_nearest(table: str, capsys: Captured) -> None:
    assert searched(table, "--constraint", "latency_ms<=0.5") == 1
    said = capsys.readouterr().err
    assert "nothing of 15625 architectures is within latency_ms<=0.5; the nearest, nasbench201:" in said
    assert "1.000 ms" in said


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--constraint", "latency_ms<=7", "latency_ms>=8"], "contradict"),
        (["--constraint", "size<=7"], "no figure is called 'size'"),
        (["--method", "random", "--objective", "accuracy", "latency"], "for one objective"),
        (["--call", "sum=math:fsum", "sum=math:prod"], "two figures are called sum"),
        (["--call", "nonsense"], "write NAME=MODULE:FUNCTION"),
        (["--confidence", "0.9", "--predictor", "tests/predict/golden/layer-1.augpred"], "not of the space"),
    ],
)
def test_what_cannot_be_searched_is_refused(table: str, more: list[str], says: str, capsys: Captured) -> None:
    root = Path(__file__).parents[2]
    assert searched(table, *(str(root / m) if m.endswith(".augpred") else m for m in more)) == 2
    assert says in capsys.readouterr().err


def test_a_function_that_raises_half_way_keeps_what_was_found(table: str, tmp_path: Path, capsys: Captured) -> None:
    code = tmp_path / "mine.py"
    code.write_text(
        "asked = []\n"
        "def score(vectors):\n"
        "    asked.extend(vectors)\n"
        "    if len(asked) > 100:\n"
        "        raise RuntimeError('no more')\n"
        "    return vectors.sum(axis=1)\n"
    )
    out = tmp_path / "found.csv"
    args = ["--space", "nasbench201", "--objective", "mine", "--method", "evolution", "-o", str(out)]
    assert main(["search", *args, "--call", f"mine={code}:score"]) == 1
    assert "mine: RuntimeError: no more, for nasbench201:" in (said := capsys.readouterr().err)
    assert "what was found before is in" in said
    assert len(out.read_text().splitlines()) > 50
    code.write_text("def score(vectors):\n    return vectors.sum(axis=1)\n")
    assert main(["search", *args, "--call", f"mine={code}:score", "--resume"]) == 0
    assert "a --call file has changed since" in capsys.readouterr().err
    assert len(out.read_text().splitlines()) == 1001


def test_only_what_a_table_knows_is_found_and_zeros_are_left_out(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "few.csv"
    path.write_text("arch_vector,board-7_onnxruntime_ms\n0 0 0 0 0 3,5\n3 3 3 3 3 3,9\n1 1 1 1 1 1,0\n")
    args = ["--space", "nasbench201", "--table", str(path), "--objective", "latency", "--json"]
    assert main(["search", *args]) == 0
    out, err = capsys.readouterr()
    assert [row["latency_ns"] for row in json.loads(out)["found"]] == [5e6, 9e6]
    assert "1 of 3 are zero or less and are left out" in err


def test_all_of_a_space_is_not_tried_with_a_function_that_may_be_slow(tmp_path: Path, capsys: Captured) -> None:
    code = tmp_path / "mine.py"
    code.write_text("def score(vectors):\n    return vectors.sum(axis=1)\n")
    args = ["--space", "nasbench201", "--call", f"mine={code}:score", "--objective", "mine", "--evaluations", "60"]
    assert main(["search", *args, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["evaluations"] == 60


def test_what_has_no_part_in_a_search_is_told(table: str, capsys: Captured) -> None:
    assert searched(table, "--batch", "9", "--json") == 0
    assert "--batch is of --method evolution; this is exhaustive" in capsys.readouterr().err
    assert searched(table, "--seed", "-1") == 2
    assert "'-1': a seed, a whole number from 0 on" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["evolution", "random"])
def test_a_search_that_has_found_all_there_is_says_so(method: str, table: str, capsys: Captured) -> None:
    more = ["--constraint", "latency_ms<=2", "--evaluations", "3000", "--method", method, "--batch", "100"]
    assert searched(table, *more, "--json") == 0
    out, err = capsys.readouterr()
    known = json.loads(out)["evaluations"]
    assert 1 < known < 3000
    assert f"it ended after {known} evaluations: no more were found within the limits" in err


@pytest.mark.parametrize("evaluations", [300, 12000])
def test_without_limits_none_is_said_to_be_looked_at(evaluations: int, table: str, capsys: Captured) -> None:
    assert searched(table, "--method", "evolution", "--evaluations", str(evaluations)) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert f"kept, best first; {evaluations} evaluated" in line and "limits" not in line
    looked = int((re.findall(r"; (\d+) looked at", line) or ["0"])[0])
    assert ("more than once" in line) == (looked > 15_625)
