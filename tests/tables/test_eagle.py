from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError, UsageError
from augur_edge.store import Store
from augur_edge.tables import eagle
from augur_edge.tables.stored import architectures_of, run_of_points

A, B, C = (1, 0, 0, 2, 2, 4), (0, 1, 2, 3, 4, 0), (3, 3, 3, 3, 3, 3)
RUNS = [[0.001, 0.002, 0.003, 0.004, 0.050], [0.002, 0.002], [0.003]]


def folder_of(path: Path, *files: object) -> Path:
    path.mkdir()
    for i, points in enumerate(files):
        (path / f"results{i}.pickle").write_bytes(pickle.dumps(points))
    return path


def test_statistics_by_hand():
    # quartiles of the first run are 2 and 4 ms, both kept
    assert eagle.calc_stats([[0.001, 0.002, 0.003, 0.004, 0.050]]) == pytest.approx(0.003)
    assert eagle.calc_stats([[0.002, 0.002]]) == 0.002
    assert eagle.calc_stats([*[[0.002]] * 4, [0.9]]) == 0.002
    assert eagle.calc_stats(RUNS) == pytest.approx(0.003)  # of 3, 2 and 3 ms the quartiles are 2.5 and 3
    with pytest.raises(DataError, match="needs one, or three"):
        eagle.calc_stats([[0.001], [0.002]])


SAMPLES = st.sampled_from([1, 3, 4, 7]).flatmap(lambda n: st.lists(st.floats(1e-6, 1.0), min_size=n, max_size=n))


@settings(deadline=None)
@given(st.sampled_from([1, 3, 5]).flatmap(lambda n: st.lists(SAMPLES, min_size=n, max_size=n)))
def test_statistics_lie_within_the_samples(runs):
    low, high = min(map(min, runs)), max(map(max, runs))
    assert low * (1 - 1e-9) <= eagle.calc_stats(runs) <= high * (1 + 1e-9)


def test_raw_results_are_combined_in_order(tmp_path):
    found = eagle.read_raw(folder_of(tmp_path / "results", [(A, RUNS), [B, "invalid"]], [(C, [[0.5]])]))
    assert list(found.items()) == [(A, RUNS), (B, "invalid"), (C, [[0.5]])]
    assert eagle.read_raw(tmp_path) == found


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (([(A, RUNS)], [(A, RUNS)]), r"results1.pickle, entry 0: \(1, 0, 0, 2, 2, 4\) is also in .*results0"),
        (({},), "not a list"),
        (([A],), r"not \(vector, value\)"),
        (([(A, [])],), "neither runs of seconds nor a text"),
        (([(A, [[-1.0]])],), "neither runs"),
        (([("A", [[1.0]])],), "not whole numbers"),
    ],
)
def test_bad_raw_results(files, message, tmp_path):
    with pytest.raises(DataError, match=message):
        eagle.read_raw(folder_of(tmp_path / "results", *files))


def test_a_gap_between_the_files_is_seen(tmp_path):
    folder = folder_of(tmp_path / "results", [(A, RUNS)], [(B, RUNS)])
    (folder / "results0.pickle").unlink()
    with pytest.raises(DataError, match=r"results0\.pickle is missing"):
        eagle.read_raw(folder)
    with pytest.raises(UsageError, match=r"no results0\.pickle"):
        eagle.read_raw(folder_of(tmp_path / "empty"))


def test_written_raw_results_read_back(tmp_path):
    points = {tuple(np.unravel_index(i, (5,) * 6)): [[i * 1e-6, 1e-3]] for i in range(2100)}
    points = {tuple(map(int, k)): v for k, v in points.items()}
    points[A] = "invalid"
    eagle.write_raw(points, tmp_path / "raw")
    assert eagle.read_raw(tmp_path / "raw") == points
    sizes = [len(pickle.loads((tmp_path / f"raw/results{i}.pickle").read_bytes())) for i in range(3)]
    assert sizes[:2] == [1000, 1000]
    assert (tmp_path / "raw/step.txt").read_text() == repr((len(points), list(points)[-1], 2))
    with pytest.raises(UsageError, match="has results already"):
        eagle.write_raw(points, tmp_path / "raw")


def test_through_the_store_nothing_is_lost(tmp_path):
    points = {A: RUNS, B: "invalid", C: [[0.5]]}
    run = run_of_points(points, "nasbench201", "i7", "results")
    with Store(tmp_path / "s.db") as store:
        assert store.add_run(run) and not store.add_run(run_of_points(points, "nasbench201", "i7", "again"))
        (table,) = architectures_of(store.load(run.id))
    assert table.points == points and (table.space, table.title) == ("nasbench201", "i7")
    assert table.seconds("eagle")[A] == pytest.approx(eagle.calc_stats(RUNS))
    assert table.seconds("median") == {A: 0.0025, C: 0.5}


def test_normalise():
    assert eagle.normalise({A: 1.0, B: 3.0, C: 2.0}) == {A: 0.0, B: 1.0, C: 0.5}
    with pytest.raises(UsageError, match="two different values"):
        eagle.normalise({A: 1.0, B: 1.0})


def test_logs(tmp_path):
    path = tmp_path / "log.txt"
    first = eagle.PredictionLog([(0.5, 0.51, A), (1.5, 1.0, B)], [C], ["10%: 0.5"])
    eagle.write_log(first, path)
    eagle.write_log(eagle.PredictionLog([(2.0, 2.0, C)]), path)
    assert eagle.read_logs(path) == [first, eagle.PredictionLog([(2.0, 2.0, C)])]
    lines = path.read_text().splitlines()
    assert lines[0] == "0.5 0.51 (1, 0, 0, 2, 2, 4)" and lines[2:5] == ["---", str(C), "---"] and lines[6] == "==="
    path.write_text("0.5 fast (1, 2)\n")
    with pytest.raises(DataError, match=r"log.txt:1: not truth, prediction and vector"):
        eagle.read_logs(path)
