"""The script of Augur's tables and pictures, quick, on a made-up accelerator's layers; and on the published ones."""

from __future__ import annotations

import csv
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from machine import HEADER, cycles, short_layers, write_augur

from augur_edge.predict.encode import from_short

pytest.importorskip("catboost", reason="the extra [host]")
pytest.importorskip("matplotlib", reason="the extra [host]")
pytest.importorskip("plotly", reason="the extra [report]")

TOOLS = Path(__file__).parents[2] / "tools"
LAYERS = short_layers(70, seed=2)
NETS = [np.random.default_rng(i).choice(40, 12) for i in range(6)]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module("augur_results")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Two networks, a third to learn from, six supernets, and their accuracies beside figures 5 % and 2 % too high."""
    folder = tmp_path / "data"
    for name, layers in (
        ("torchvision_models/resnet18_conv_layers", LAYERS[40:50]), ("fb_convnets/fb_convnet_1", LAYERS[50:60]),
        ("neuralpower_convnets/profiled_nin", LAYERS[60:]),
        *((f"supernet_convnets/profiled_{10 * i}", LAYERS[rows]) for i, rows in enumerate(NETS)),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_augur(folder / f"{name}.csv", layers)
    lines = ["Net_ID,Augur_Latency (ms),WhiteBox_Profiler_Latency (ms),Accuracy (%),Augur_Energy (pJ),WhiteBox (pJ)"]
    for i, rows in enumerate(NETS):
        cost = cycles(from_short(LAYERS[rows])).sum()
        lines.append(f"SuperNet_{10 * i},{1.05 * cost / 5e5},{cost / 5e5},{70 + i},{1.02 * 250 * cost},{250 * cost}")
    (folder / "supernet_convnets/accuracy").mkdir()
    (folder / "supernet_convnets/accuracy/SuperNet_NAS_Pareto_Data.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def trainings(script: Any, monkeypatch: pytest.MonkeyPatch) -> list[set[tuple[int, ...]]]:
    """What each training is given; only the first of each target is carried out, for it takes three seconds."""
    given: list[set[tuple[int, ...]]] = []
    made: dict[str, Any] = {}
    train = script.train

    def first(data: Any, plan: Any) -> Any:
        given.append(set(data.keys()))
        if plan.target not in made:
            made[plan.target] = train(data, plan)
        return made[plan.target]

    for module in (script, importlib.import_module("accuracy")):
        monkeypatch.setattr(module, "train", first)
    return given


def test_tables_and_pictures_of_layers_that_no_predictor_saw(
    script: Any, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trainings: list[Any]
) -> None:
    out = tmp_path / "out"
    script.main([str(published), str(out), "--quick"])
    said = capsys.readouterr().out
    everything, layers = set().union(*trainings), script.read(published)
    assert everything == set(layers.keys()) and len(trainings) == 14
    for folds in (trainings[:5], trainings[5:10]):
        assert sorted(key for fold in folds for key in everything - fold) == sorted(everything)
    for given, name in zip(trainings[10:], 2 * ["resnet18_conv_layers", "fb_convnet_1"]):
        assert everything - given == set(layers.take(layers.of_network(name)).keys())
    for words in ("| resnet18 | 10 |", "| 10.38 (8.54) |", "| fb_convnet_1 | 10 |", "| Augur's own | 5.00 | 2.00 |"):
        assert words in said
    for name in ("folds-latency.svg", "folds-energy.svg", "whole-latency.svg", "whole-energy.svg"):
        assert "resnet18 (10)" in (out / name).read_text()
    assert (out / "supernets.png").read_bytes().startswith(b"\x89PNG")
    assert "SuperNet_50" in (out / "supernets.html").read_text()
    with (out / "supernets.csv").open(newline="") as file:
        lines = {line["network"]: line for line in csv.DictReader(file)}
    for i, rows in enumerate(NETS):
        line, cost = lines[f"SuperNet_{10 * i}"], cycles(from_short(LAYERS[rows])).sum()
        assert float(line["profiled_latency_ns"]) == pytest.approx(2 * cost, rel=1e-5)
        assert float(line["profiled_energy_uj"]) == pytest.approx(250e-6 * cost, rel=1e-5)
        assert float(line["predicted_latency_ns"]) == pytest.approx(2 * cost, rel=0.5)
        assert float(line["accuracy"]) == 70 + i


def test_a_supernet_without_accuracy_is_named(script: Any, published: Path, tmp_path: Path) -> None:
    (published / "supernet_convnets" / "profiled_99.csv").write_text(f"{HEADER}\n3,7,7,8,8,1,1,1,1000,2000\n")
    data = script.read(published)
    with pytest.raises(script.DataError, match="no line of SuperNet_99"):
        script.supernets_of(data, published, dict.fromkeys(script.TARGETS, np.ones(len(data))))


def test_the_volume_of_a_front_that_was_predicted_wrong(script: Any) -> None:
    profiled = {"latency": np.array([1.0, 2.0, 3.0]), "energy": np.array([1.0, 1.0, 2.0])}
    nets = script.Supernets(["a", "b", "c"], np.array([2.0, 3.0, 1.0]), profiled, profiled, profiled)
    assert script.volumes(nets, profiled) == (0.0, 0.0)
    # Up to c: a covers 2 x 1 x 1, and b 1 x 1 x 1 above it, which is gone where b seems as slow as c.
    missed = {**profiled, "latency": np.array([1.0, 3.0, 3.0])}
    assert script.volumes(nets, missed) == pytest.approx((-100 / 3, 0.0))
    swapped = {"latency": np.array([3.0, 1.0, 3.0]), "energy": np.array([2.0, 1.0, 2.0])}
    assert script.volumes(nets, swapped) == pytest.approx((100 / 3, -100 / 3))


def test_supernets_add_up_to_what_was_published_of_them(script: Any, data_folder: Path) -> None:
    folder = data_folder / "augur"
    data = script.read(folder)
    nets = script.supernets_of(data, folder, data.targets)
    assert len(nets.names) == 200
    published = script._accuracies(folder / script.ACCURACIES)
    ms = [published[name]["WhiteBox_Profiler_Latency (ms)"] for name in nets.names]
    assert nets.profiled["latency"] / 1e6 == pytest.approx(ms, rel=1e-6)
    assert np.array_equal(nets.predicted["latency"], nets.profiled["latency"])
