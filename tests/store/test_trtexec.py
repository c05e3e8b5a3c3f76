"""trtexec's profiles: one made by hand, real ones, and broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from augur_edge.cli import main
from augur_edge.errors import DataError
from augur_edge.store import Store, measure_document
from augur_edge.store.trtexec import nodes_of, run_of_trtexec

HANDMADE = [
    {"count": 200},
    {"name": "data to nvm", "timeMs": 3.0, "averageMs": 0.015, "percentage": 3},
    {"name": "conv1 + relu1", "timeMs": 50.0, "averageMs": 0.25, "medianMs": 0.249, "percentage": 50},
    {"name": "{pool1,conv2}", "timeMs": 40.0, "averageMs": 0.2, "percentage": 40},
    {"name": "prob input reformatter 0", "timeMs": 5.0, "averageMs": 0.025, "percentage": 5},
    {"name": "loss finish", "timeMs": 2, "averageMs": 0.01, "percentage": 2},
]


def profile(folder: Path, entries: object = HANDMADE) -> Path:
    path = folder / "net.profile"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


def test_a_profile_becomes_a_run(tmp_path: Path) -> None:
    record = run_of_trtexec(profile(tmp_path), "orin")
    (network,) = record.networks
    assert (network.name, network.runtime, network.mode, record.device) == ("net", "tensorrt", "imported", "orin")
    found = [(m.name, m.op, m.nodes, m.loops, m.samples_ns.tolist()) for m in network.measurements]
    assert found == [
        ("data to nvm", "copy", (), 200, [3_000_000]),
        ("conv1 + relu1", "layer", ("conv1", "relu1"), 200, [50_000_000]),
        ("{pool1,conv2}", "dla", ("pool1", "conv2"), 200, [40_000_000]),
        ("prob input reformatter 0", "reorder", (), 200, [5_000_000]),
        ("loss finish", "wait", (), 200, [2_000_000]),
    ]
    (document,) = measure_document(record)["networks"]
    assert [layer["latency_ns"]["median"] for layer in document["layers"]] == [15e3, 250e3, 200e3, 25e3, 10e3]
    assert document["sum_of_layers_ns"] == 500e3 and document["latency_ns"] is None


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ("[{", "not JSON"),
        ({"count": 3}, "not a profile of trtexec"),
        ([], "not a profile of trtexec"),
        ([{"count": 0}, HANDMADE[1]], "entry 0 has no `count`"),
        ([{"count": True}, HANDMADE[1]], "entry 0 has no `count`"),
        ([HANDMADE[1]], "entry 0 has no `count`"),
        ([{"count": 3}], "without layers"),
        ([{"count": 3}, {"timeMs": 1}], "entry 1: no layer's name"),
        ([{"count": 3}, HANDMADE[1], {"name": "conv", "timeMs": "1"}], r"entry 2 \(conv\): timeMs is 1, not"),
        ([{"count": 3}, {"name": "conv"}], "timeMs is None"),
        ('[{"count": 3}, {"name": "conv", "timeMs": -1}]', "timeMs is -1"),
        ('[{"count": 3}, {"name": "conv", "timeMs": NaN}]', "timeMs is nan"),
        ('[{"count": 3}, {"name": "conv", "timeMs": 1e999}]', "timeMs is inf"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_broken_profile_is_refused_with_its_place(tmp_path: Path, entries: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        run_of_trtexec(profile(tmp_path, entries), "orin")


def test_import_tells_the_format_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    store = str(tmp_path / "store.db")
    path = str(profile(tmp_path))
    assert main(["import", path, "--measured-on", "orin", "--store", store]) == 0
    run_id = capsys.readouterr().out.strip()
    assert main(["import", path, "--measured-on", "orin", "--store", store]) == 0
    assert capsys.readouterr().err == "imported 0 runs; 1 here already\n"
    assert main(["import", path, "--store", store]) == 0
    assert capsys.readouterr().out.strip() != run_id
    assert main(["show", run_id, "--store", store]) == 0
    assert "{pool1,conv2}" in capsys.readouterr().out


def test_real_profiles_are_read_whole(data_folder: Path, tmp_path: Path) -> None:
    paths = sorted((data_folder / "trt_profiles").glob("*.profile"))
    assert paths
    for path in paths:
        check_whole(path, tmp_path / f"{path.stem}.db")


def check_whole(path: Path, store_path: Path) -> None:
    entries = json.loads(path.read_text())
    record = run_of_trtexec(path, "jetson")
    layers = record.networks[0].measurements
    assert len(layers) == len(entries) - 1
    for m, entry in zip(layers, entries[1:]):
        assert m.samples_ns[0] / m.loops == pytest.approx(entry["averageMs"] * 1e6, rel=1e-3)
    total_ms = sum(e["averageMs"] for e in entries[1:])
    assert measure_document(record)["networks"][0]["sum_of_layers_ns"] == pytest.approx(total_ms * 1e6, rel=1e-3)
    assert {node for m in layers for node in nodes_of(m.name)} >= {"conv1/7x7_s2", "conv1/relu_7x7"}
    with Store(store_path) as store:
        assert store.add_run(record)
        assert len(store.load(record.id).networks[0].measurements) == len(layers)
