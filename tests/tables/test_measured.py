"""Samples for `adapt` from stores and tables."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge.errors import DataError, UsageError
from augur_edge.store import Store
from augur_edge.tables import read_table
from augur_edge.tables.measured import measured, table_of_store
from augur_edge.tables.stored import architectures_of, run_of_points

POINTS = {(3, 0, 0, 1, 0, 2): [[0.002, 0.004, 0.003]], (2, 0, 0, 1, 0, 2): [[0.001]], (1, 0, 0, 1, 0, 2): "invalid"}


def test_a_store_and_a_table_together(tmp_path):
    with Store(tmp_path / "s.db") as store:
        store.add_run(run_of_points(POINTS, "nasbench201", "board", "test"))
    (tmp_path / "t.csv").write_text("arch_vector,latency_ms\n4 4 4 4 4 4,7.5\n0 0 0 1 0 0,0\n")
    said = []
    vectors, y, unit, devices = measured(
        [tmp_path / "s.db", tmp_path / "t.csv"], "nasbench201", read_table, None, said.append
    )
    assert unit == "ns" and dict(zip(map(tuple, vectors.tolist()), y.tolist())) == pytest.approx(
        {(3, 0, 0, 1, 0, 2): 3e6, (2, 0, 0, 1, 0, 2): 1e6, (4,) * 6: 7.5e6}
    )
    assert devices == {"board", "latency"}
    assert len(said) == 1 and "1 of 2 are zero or less" in said[0]


def test_devices_are_not_mixed(tmp_path):
    with Store(tmp_path / "s.db") as store:
        store.add_run(run_of_points(POINTS, "nasbench201", "board", "test"))
        other = {k: v for k, v in POINTS.items() if k[0] == 3}
        store.add_run(run_of_points(other, "nasbench201", "phone", "test"))
    with pytest.raises(UsageError, match="name one with --device; there is"):
        measured([tmp_path / "s.db"], "nasbench201", read_table, None, print)
    vectors, _, _, devices = measured([tmp_path / "s.db"], "nasbench201", read_table, "phone", print)
    assert vectors.tolist() == [[3, 0, 0, 1, 0, 2]] and devices == {"phone"}
    with pytest.raises(UsageError, match="no architecture of fbnet"):
        measured([tmp_path / "s.db"], "fbnet", read_table, None, print)


def test_a_store_is_a_table_of_all_its_devices(tmp_path):
    with Store(tmp_path / "s.db") as store:
        store.add_run(run_of_points(POINTS, "nasbench201", "board", "test"))
        store.add_run(run_of_points({(4,) * 6: [[0.5]]}, "nasbench201", "phone", "test"))
    found = table_of_store(tmp_path / "s.db", "nasbench201")
    assert found.vectors.tolist() == [[3, 0, 0, 1, 0, 2], [2, 0, 0, 1, 0, 2], [4] * 6]
    assert {name: c.values.tolist() for name, c in found.columns.items()} == {
        "board": pytest.approx([3e6, 1e6, np.nan], nan_ok=True),
        "phone": pytest.approx([np.nan, np.nan, 5e8], nan_ok=True),
    }
    with pytest.raises(UsageError, match="no architecture of darts in it"):
        table_of_store(tmp_path / "s.db", "darts")


def test_units_are_not_mixed(tmp_path):
    (tmp_path / "t.csv").write_text("arch_vector,latency_ms\n4 4 4 4 4 4,7.5\n")
    np.savez(tmp_path / "e.npz", arch_vector=np.full((1, 6), 3, np.int8), energy_mj=np.ones(1))
    with pytest.raises(DataError, match="samples in"):
        measured([tmp_path / "t.csv", tmp_path / "e.npz"], "nasbench201", read_table, None, print)


def test_an_architecture_in_two_files_is_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("arch_vector,latency_ms\n4 4 4 4 4 4,7.5\n")
    with pytest.raises(DataError, match="in more than one of the samples"):
        measured([tmp_path / "a.csv", tmp_path / "b.csv"], "nasbench201", read_table, None, print)


@pytest.mark.parametrize("runs", [3, [], [1, 1], [-1, 4], [1.5, 1.5], [True, 2], ["3"], None, [0, 3]])
def test_runs_that_are_not_those_of_the_samples(runs):
    run = run_of_points(POINTS, "nasbench201", "board", "test")
    run.networks[0].info["runs"] = runs
    with pytest.raises(DataError, match="add up to its 3 samples"):
        architectures_of(run)
    run.networks[0].info["runs"] = [1, 2]
    assert architectures_of(run)[0].points[(3, 0, 0, 1, 0, 2)] == [[0.002], [0.004, 0.003]]
