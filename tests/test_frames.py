"""Data frames in and out: what is predicted for a frame is what the predictor answers for its layers, in its order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from augur_edge import frames, spaces
from augur_edge.cli import main
from augur_edge.errors import DataError, MissingExtraError, UsageError
from augur_edge.models.augur_csv import GEOMETRY
from augur_edge.predict import Predictor
from augur_edge.predict.example import example
from augur_edge.search import Figure, random_search

pd = pytest.importorskip("pandas", reason="pandas is not installed")
ROWS = [[3, 56, 56, 64, 64, 1, 1, 1], [1, 56, 56, 64, 128, 1, 0, 1], [5, 28, 28, 32, 32, 2, 2, 32]]
GOLDEN = Path(__file__).parent / "predict/golden"


def test_layers_as_columns_keep_their_index() -> None:
    predictor = Predictor(example())
    frame = pd.DataFrame(ROWS, columns=list(GEOMETRY), index=["a", "b", "c"])
    frame["note"] = "mine"
    found = frames.predict(frame, predictor)
    assert found.name == "latency_ns" and list(found.index) == ["a", "b", "c"]
    assert found.tolist() == [predictor.predict(*row) for row in ROWS]
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pyarrow.Table.from_pandas(frame.reset_index(drop=True))
    assert frames.predict(table, predictor).tolist() == found.tolist()
    assert len(frames.predict(frame[:0], predictor)) == 0


def test_a_row_that_is_no_layer_is_named() -> None:
    frame = pd.DataFrame(ROWS, columns=list(GEOMETRY), index=["a", "b", "c"])
    frame.loc["b", GEOMETRY[0]] = -1
    with pytest.raises(DataError, match="row b: not a layer"):
        frames.predict(frame, Predictor(example()))
    with pytest.raises(DataError, match="the frame: no layer columns"):
        frames.predict(frame[[GEOMETRY[0]]], Predictor(example()))


def test_architectures_and_what_a_search_found() -> None:
    predictor = Predictor.load(GOLDEN / "vectors/fbnet-1.augpred")
    space = spaces.get("fbnet")
    found = random_search(space, Figure("latency", "ns", predictor.predict_many), evaluations=20)
    frame = found.to_frame(space)
    assert list(frame.columns) == ["architecture", "latency_ns"] and len(frame) == 20
    assert frames.predict(frame, predictor).to_numpy() == pytest.approx(frame.latency_ns.to_numpy())
    assert frame.latency_ns.is_monotonic_increasing
    with pytest.raises(DataError, match="no column 'architecture'"):
        frames.predict(frame[["latency_ns"]], predictor)
    frame.loc[7, "architecture"] = "k9"
    with pytest.raises(DataError, match="row 7: fbnet: 1 answer"):
        frames.predict(frame, predictor)


def test_measurements_of_a_store(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    store = tmp_path / "store.db"
    words = ["measure", "--sample", "conv2d:3", "--max-time", "0.02", "--no-guard", "-q", "--store", str(store)]
    assert main(words) == 0
    measured = frames.measurements(store)
    assert {"network", "op", "median_ns", "samples_ns", "spec"} <= set(measured.columns)
    predicted = frames.predict(measured, Predictor(example()))
    known = measured.spec.notna()
    assert known.any() and (predicted.notna() == known).all() and (predicted[known] > 0).all()
    assert np.isfinite(measured.median_ns[known]).any()
    with pytest.raises(UsageError):
        frames.measurements(store, "ffffff")


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"augur-edge\[frames\]"):
        frames.measurements("absent.db")
