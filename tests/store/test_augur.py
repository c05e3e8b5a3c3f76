"""Augur's CSV: its units by hand, and published files through the store and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from handmade import POOL, layer, network, run, whole

from augur_edge.models.augur_csv import read_augur_rows
from augur_edge.store import Store
from augur_edge.store.augur import augur_rows, run_of_augur
from augur_edge.window import Window, conv2d


def test_augurs_cycles_and_picojoules_by_hand() -> None:
    measurements = [
        layer(0, "a", 10_000, energy={"median": 2.5}),
        layer(1, "b", 4_000, spec=conv2d((1, 8, 20, 10), 16, Window(3, 2, "same")), count=2),
        layer(2, "pool", 10, spec=POOL),
        layer(3, "dilated", 10, spec=conv2d((1, 8, 20, 10), 16, Window(3, dilation=2))),
        layer(4, "batch", 10, spec=conv2d((2, 8, 20, 10), 16, Window(3))),
        layer(5, "unknown", 10, spec=None),
        layer(6, "failed", None),
        layer(0, "a", 9_000, mode="isolated"),
        whole(30_000),
    ]
    rows, n_left_out = augur_rows(run(networks=[network(measurements=measurements)]), 500)
    assert n_left_out == 4
    assert [(r.latency_cycles, r.energy_pj) for r in rows] == [(5_000, 2.5e6), (2_000, None), (2_000, None)]
    assert rows[0].layer == conv2d((1, 64, 56, 56), 128, Window(3, 2, 1))
    assert rows[1].layer == conv2d((1, 8, 20, 10), 16, Window(3, 2, 1))


def test_augurs_file_becomes_a_run(tmp_path: Path) -> None:
    path = tmp_path / "profiled.csv"
    path.write_text(
        "kx,ifmx,ifmy,zin,zout,stridex,pad_x,group,latency,energy\n"
        "1,112,112,16,96,1,0,1,51177,14622282.768\n3,112,112,96,96,2,1,96,,\n"
    )
    record = run_of_augur(path, "npu", 500)
    (net,) = record.networks
    first, second = net.measurements
    assert (net.name, net.mode, record.device, record.context) == (
        "profiled", "imported", "npu", {"imported_from": "profiled.csv", "clock_mhz": 500},
    )  # fmt: skip
    assert (first.samples_ns.tolist(), first.energy) == ([102_354], {"median": 14.622282768})
    assert (second.status, second.reason, len(second.samples_ns)) == ("failed", "the file has no latency for it", 0)
    assert record.id == run_of_augur(path, "npu", 500).id
    assert len({record.id, run_of_augur(path, "npu", 400).id, run_of_augur(path, "gpu", 500).id}) == 3
    with Store(tmp_path / "store.db") as store:
        assert store.add_run(record)
        assert not store.add_run(run_of_augur(path, "npu", 500))
        assert augur_rows(store.load(record.id), 500)[0] == read_augur_rows(path)[:1]


def test_published_files_survive_the_way_through_the_store(tmp_path: Path, data_folder: Path) -> None:
    for path in sorted((data_folder / "augur").glob("*_convnets/*.csv"))[::20]:
        with Store(tmp_path / f"{path.stem}.db") as store:
            record = run_of_augur(path, "augur", 500)
            store.add_run(record)
            rows, n_left_out = augur_rows(store.load(record.id), 500)
        known = read_augur_rows(path)
        assert n_left_out == 0
        assert [r.layer for r in rows] == [r.layer for r in known]
        assert [r.latency_cycles for r in rows] == [r.latency_cycles for r in known]
        assert [r.energy_pj for r in rows] == pytest.approx([r.energy_pj for r in known])
