"""The script of latency-limited searches, quick, on measurements made up in the published formats; and on real ones."""

from __future__ import annotations

import csv
import gzip
import importlib
import itertools
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("catboost", reason="the extra [host]")
pytest.importorskip("matplotlib", reason="the extra [host]")

TOOLS = Path(__file__).parents[2] / "tools"
DEVICE = "embedded-gpu-jetson-nono-fp16"
CELLS = np.array(list(itertools.product(range(5), repeat=6)))[::7]
Cells = npt.NDArray[np.int64]


def latency_s(cells: Cells) -> npt.NDArray[np.float64]:
    return 1e-3 * (2 + np.array([0, 0.01, 1, 5, 0.2])[cells].sum(axis=1) + 0.3 * (cells[:, 0] == cells[:, 5]))


def accuracy(cells: Cells) -> npt.NDArray[np.float64]:
    return np.round(50 + np.array([-4, 1, 2, 3, 0])[cells].sum(axis=1) + 0.01 * (cells @ 7 ** np.arange(6) % 97), 4)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module("eagle_results")


@pytest.fixture
def measured(tmp_path: Path, script: Any) -> Path:
    """A device of LatBench, one of HELP's and its sources, and accuracies, all of a seventh of the cells."""
    folder = tmp_path / "data"
    (folder / "latbench").mkdir(parents=True)
    table = dict(zip(map(tuple, CELLS.tolist()), latency_s(CELLS).tolist()))
    (folder / "latbench" / f"{DEVICE}.pickle").write_bytes(pickle.dumps(table))
    ms = 1e3 * latency_s(CELLS)
    columns = {name: k * ms for k, name in enumerate(script.SOURCES, 1)}
    np.savez(folder / "nasbench201_latency_ms.npz", arch_vector=CELLS.astype(np.int8), titan_rtx_256=2 * ms, **columns)
    with gzip.open(folder / "nasbench201_accuracy.csv.gz", "wt") as file:
        file.write("arch_vector,cifar100_accuracy\n")
        file.writelines(f"{' '.join(map(str, c))},{a:.4f}\n" for c, a in zip(CELLS.tolist(), accuracy(CELLS)))
    return folder


def test_searches_are_held_against_every_cell(
    script: Any, measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [str(measured), str(tmp_path / "out")]
    script.main([*folders, "--quick"])
    said = capsys.readouterr().out
    latency, worth = latency_s(CELLS), accuracy(CELLS)
    best = worth[latency <= np.median(latency)].max()
    assert f"| {DEVICE} | {1e3 * np.median(latency):.3g} | {best:.2f} |" in said
    assert "all cells tried: the true best on 1 of 1 devices" in said
    for limit_ms, help_ms, help_accuracy in script.HELP["titan_rtx_256"]:
        line = next(line for line in said.splitlines() if line.startswith(f"| titan_rtx_256 | {limit_ms} |"))
        true, mean, worst, ms, *theirs = map(float, re.findall(r"[\d.]+", line)[2:])
        assert true == round(worth[2e3 * latency <= limit_ms].max(), 2)
        assert worst <= mean <= true and ms <= limit_ms
        assert theirs == [help_accuracy, help_ms]
    check_csv(tmp_path / "out" / "eagle.csv", latency, worth)
    assert (tmp_path / "out" / "eagle.png").read_bytes().startswith(b"\x89PNG")

    monkeypatch.delattr(script, "predictor_of")  # what is kept is not trained again
    script.main([*folders, "predictor", "--quick", "--resume"])
    again = capsys.readouterr().out
    assert again.splitlines()[1:9] == said[said.rindex("\npoints", 0, said.rindex("\npoints")) :].splitlines()[1:9]


def check_csv(path: Path, latency: npt.NDArray[np.float64], worth: npt.NDArray[np.float64]) -> None:
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["method"] for line in lines} == {"evolution", "random", "all cells"}
    for line in lines:
        limit_ns, found_ns = float(line["limit_ns"]), float(line["latency_ns"])
        assert found_ns <= limit_ns == pytest.approx(1e9 * np.quantile(latency, float(line["quantile"])))
        cell = np.flatnonzero(np.isclose(1e9 * latency, found_ns) & np.isclose(worth, float(line["accuracy"])))
        assert len(cell), "what was picked is a measured cell"
        assert float(line["best"]) == worth[1e9 * latency <= limit_ns].max() >= float(line["accuracy"])


def test_what_is_beyond_the_limit_when_measured_is_passed_over(script: Any) -> None:
    cells = importlib.import_module("cells")
    vectors = np.array([[3] * 6, [3, 3, 3, 3, 3, 2], [1] * 6, [0] * 6], np.uint8)
    found = type("Found", (), {"vectors": vectors, "scores": np.array([[4.0], [3.0], [2.0], [1.0]])})
    latency = script.Figure("latency", "ns", lambda v: 1e9 * latency_s(v.astype(np.int64)))
    assert cells.pick(found, latency, 10e6) == (2.0, pytest.approx(2.36e6), 3, pytest.approx(2.23))
    assert cells.pick(found, latency, 1e6)[0] == -np.inf


def test_the_true_best_of_a_real_device_is_found(
    script: Any, data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.main([str(data_folder), str(tmp_path), "table", "--quick", "--device", DEVICE])
    said = capsys.readouterr().out
    assert f"| {DEVICE} | 14.5 | 71.23 |" in said
    assert "all cells tried: the true best on 1 of 1 devices" in said
