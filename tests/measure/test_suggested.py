"""The file between `adapt --suggest` and `measure --suggested`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from augur_edge.cli import main
from augur_edge.errors import DataError, UsageError
from augur_edge.measure.suggested import suggested, suggested_layers
from augur_edge.measure.targets import Request
from augur_edge.prior import sample_layers
from augur_edge.store import Store

EXAMPLE = ["--sample", "conv2d:40,pool:10"]


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_layers_come_back_in_their_order(tmp_path: Path) -> None:
    layers = sample_layers("conv2d:5,dense:3,elementwise:3,concat:2", 1)
    document = {"schema": "augur-edge/suggest/1", "layers": [layer.to_dict() for layer in layers]}
    found = suggested_layers(written(tmp_path / "a.json", document), Request("onnxruntime"))
    assert found.layers == tuple(layers) and found.runtime == "onnxruntime" and found.name == "a.json"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "not a document"),
        ({"layers": []}, "begins with schema None"),
        ({"schema": "augur-edge/suggest/2", "layers": [{}]}, "upgrade"),
        ({"schema": "augur-edge/suggest/1", "layers": []}, "1 to 10000 layers"),
        ({"schema": "augur-edge/suggest/1", "architectures": []}, "1 to 10000 texts"),
        ({"schema": "augur-edge/suggest/1", "architectures": ["x"]}, "'x' is no architecture of darts"),
        ({"schema": "augur-edge/suggest/1", "layers": [3]}, "layer 1: not an object"),
        ({"schema": "augur-edge/suggest/1", "layers": [{"op": "conv2d"}]}, "lacks its 'inputs'"),
        ({"schema": "augur-edge/suggest/1", "layers": [{"op": "add", "inputs": 3, "outputs": [[1]]}]}, "layer 1"),
    ],
)
def test_what_is_no_list_of_layers(tmp_path: Path, document: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        suggested(written(tmp_path / "a.json", document), Request("onnxruntime"))


def test_files_that_are_not_there_or_not_json(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        suggested_layers(tmp_path / "none.json", Request("onnxruntime"))
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        suggested_layers(tmp_path / "a.json", Request("onnxruntime"))


def test_suggest_measure_and_adapt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from augur_edge.predict import example

    predictor, wanted, store = tmp_path / "p.augpred", tmp_path / "layers.json", tmp_path / "store.db"
    predictor.write_bytes(example.example())
    assert main(["adapt", str(predictor), "--suggest", "4", *EXAMPLE, "-o", str(wanted)]) == 0
    asked = [layer["op"] for layer in json.loads(wanted.read_text())["layers"]]
    words = ["measure", "--suggested", str(wanted), "--max-time", "0.05", "--precision", "0.5", "--store", str(store)]
    assert main([*words, "--runtime", "onnxruntime"]) == 0
    assert main([*words, "--mode", "replay"]) == 2
    with Store(store) as kept:
        (found,) = kept.load(kept.resolve("last")).networks
    assert [m.op for m in sorted(found.measurements, key=lambda m: m.position)] == asked
    assert main(["adapt", str(predictor), str(store), "-o", str(tmp_path / "here.augpred")]) == 0
    assert "4 layers" in capsys.readouterr().err
