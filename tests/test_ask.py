"""A network's cost in one call: a file, a name or an architecture, by a predictor, its file, or the example."""

from __future__ import annotations

from pathlib import Path

import pytest
from handmade import open_net

import augur_edge
from augur_edge import zoo
from augur_edge.errors import UsageError
from augur_edge.models.onnx_write import to_onnx
from augur_edge.predict import Predictor
from augur_edge.predict.example import example
from augur_edge.predict.format import dumps
from augur_edge.predict.model import Feature, Level, Model

GOLDEN = Path(__file__).parent / "predict/golden"


def test_a_file_in_one_call(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    file = tmp_path / "net.onnx"
    file.write_bytes(to_onnx(zoo.build("squeezenet1_0")))
    cost = augur_edge.predict_file(file, level=0.9)
    assert (cost.what, cost.target, cost.unit) == (str(file), "latency_ns", "ns")
    assert "ANOTHER MACHINE" in cost.remarks[0] and len(cost.remarks) == 1
    assert cost.low is not None and cost.high is not None and cost.low < cost.value < cost.high
    predictor = Predictor(example())
    besides = predictor.overhead + len(cost.layers) * predictor.layer_overhead
    assert cost.value == pytest.approx(sum(layer.value for layer in cost.layers) + besides)
    for layer in cost.layers:
        assert layer.low is not None and layer.high is not None and layer.low <= layer.value <= layer.high
    named = augur_edge.predict_file("squeezenet1_0", predictor)
    assert named.value == pytest.approx(cost.value) and named.low == pytest.approx(cost.low) and not named.remarks


def test_as_written_where_the_runtime_is_not_known() -> None:
    cost = augur_edge.predict_file("resnet18", GOLDEN / "calls-1.3.augpred", level=0.9)
    assert len(cost.layers) == len(zoo.build("resnet18").nodes)
    assert cost.low is None and "the total has no bounds of 90 %" in cost.remarks[0]


def test_what_is_unlike_the_training_is_remarked_where_the_total_has_no_bounds() -> None:
    levels = (Level(0.9, -2.0, 3.0),)
    model = Model((Feature("op", 0, high=2.0),), (), "layer/1", levels=levels)
    cost = augur_edge.predict_file("squeezenet1_0", Predictor(dumps(model)))
    strange = sum(layer.in_domain is False for layer in cost.layers)
    assert 0 < strange < len(cost.layers) and cost.low is None and cost.in_domain is False
    assert cost.remarks[0].startswith("the total has no bounds of 90 %: the predictor's file tells of no whole network")
    assert cost.remarks[1].startswith(f"{strange} of {len(cost.layers)} layers (") and "UNLIKE" in cost.remarks[1]


@pytest.mark.parametrize("predictor", [None, GOLDEN / "layer-1.augpred"])
def test_shapes_that_a_file_leaves_open(predictor: Path | None, tmp_path: Path) -> None:
    if predictor is None:
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    file = open_net(tmp_path)
    with pytest.raises(UsageError, match=r"in Python shapes=\{'x': \(1, 3, 224, 224\)\}"):
        augur_edge.predict_file(file, predictor)
    small, large = (augur_edge.predict_file(file, predictor, shapes={"x": (1, 3, n, n)}).value for n in (64, 128))
    assert small < large
    with pytest.raises(UsageError, match="does not fit"):
        augur_edge.predict_file(file, predictor, shapes={"x": (1, 4, 64, 64)})
    for fixed in ("resnet18", "fbnet:" + ",".join("0" * 22)):
        with pytest.raises(UsageError, match=r"shapes=.*is for \.onnx"):
            augur_edge.predict_file(fixed, predictor, shapes={"x": (1, 3, 64, 64)})


def test_an_architecture_by_a_predictor_of_its_space() -> None:
    cells = Predictor.load(GOLDEN / "vectors/nasbench201-1.augpred")
    cost = augur_edge.predict_file("nasbench201:#3", cells)
    assert cost.value == pytest.approx(cells.predict(*cells.vector_of("#3"))) and cost.layers == ()
    for other in ("resnet18", "net.onnx"):
        with pytest.raises(UsageError, match=f"{other}: this is a predictor of nasbench201's architectures, not of"):
            augur_edge.predict_file(other, cells)
    with pytest.raises(UsageError, match="this predictor is for nasbench201, not for fbnet"):
        augur_edge.predict_file("fbnet:" + ",".join("0" * 22), cells)


def test_layers_that_cost_nothing_have_their_bounds() -> None:
    level = Level(0.9, -2.0, 3.0)
    predictor = Predictor(dumps(Model((Feature("macs", 0),), (), "layer/1", levels=(level,))))
    cost = augur_edge.predict_file("squeezenet1_0", predictor)
    assert {(layer.low, layer.value, layer.high) for layer in cost.layers} == {(-2.0, 0.0, 3.0)}


@pytest.mark.parametrize("level", [0.0, 0.99])
def test_a_level_that_is_asked_for_is_the_one_that_is_given(level: float) -> None:
    levels = (Level(0.5, -1.0, 1.0), Level(0.9, -2.0, 3.0))
    predictor = Predictor(dumps(Model((Feature("macs", 0),), (), "layer/1", levels=levels)))
    if level:
        with pytest.raises(UsageError, match=r"0\.99"):
            augur_edge.predict_file("squeezenet1_0", predictor, level=level)
    else:
        assert augur_edge.predict_file("squeezenet1_0", predictor, level=level).layers[0].high == 1.0


def test_an_architecture() -> None:
    cost = augur_edge.predict_file("fbnet:" + ",".join("0" * 22), GOLDEN / "calls-1.3.augpred")
    assert any(layer.name.startswith("layers.21.") for layer in cost.layers)


def test_what_is_no_network_or_no_predictor_of_layers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"resnet19.*did you mean"):
        augur_edge.predict_file("resnet19")
    with pytest.raises(UsageError, match=r"takes raw/1, not a network's layers"):
        augur_edge.predict_file("resnet18", GOLDEN / "raw-float32.augpred")
    with pytest.raises(UsageError, match="absent"):
        augur_edge.predict_file("resnet18", tmp_path / "absent")
    with pytest.raises(AttributeError, match="no attribute 'predict_files'"):
        _ = augur_edge.predict_files
