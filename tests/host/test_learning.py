"""Teachers and students on a made-up machine: what there is to find is found, and lands in the kernel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from machine import cycles, short_layers, write_augur

from augur_edge.dataset.rows import Row, merge
from augur_edge.errors import DataError, UsageError
from augur_edge.host.features import TERMS, Tiles, infer_tiles, pad, physics, terms
from augur_edge.metrics import mape
from augur_edge.predict.encode import FEATURES, encode, from_short

pytest.importorskip("scipy", reason="the extra [host]")
pytest.importorskip("catboost", reason="the extra [host]")
pytest.importorskip("sklearn", reason="the extra [host]")

from augur_edge.dataset.reading import read_dataset
from augur_edge.host.distill import Budget
from augur_edge.host.evaluate import evaluate, evaluation_text, published
from augur_edge.host.intervals import Doubt, conformal, fit_spread, intervals
from augur_edge.host.roofline import Roofline
from augur_edge.host.teachers import TEACHERS
from augur_edge.host.training import Plan, train
from augur_edge.host.unlabelled import relatives, unlabelled
from augur_edge.predict import Predictor
from augur_edge.predict.format import dumps, loads

LAYERS = from_short(short_layers(300))
COST = cycles(LAYERS)
QUICK = Budget(labelled=4000)


def data_of(layers, cost):
    return merge([Row(tuple(row), {"latency": c}, "net", "f") for row, c in zip(layers.tolist(), cost.tolist())])


def test_padding_is_a_staircase():
    assert pad(np.array([1.0, 3, 9, 31, 32, 33, 65]), 32, 4).tolist() == [4, 4, 16, 32, 32, 64, 96]
    assert pad(np.array([1.0, 7, 200]), 1, 1).tolist() == [1, 7, 200]


def test_terms_without_tiles_are_the_layer_itself():
    found = dict(zip(TERMS, terms(LAYERS, Tiles()).T))
    f = dict(zip(FEATURES, encode(LAYERS).astype(np.float64).T))
    for term, feature in (("work", "macs"), ("weights", "weight_bytes"), ("inputs", "input_bytes")):
        assert found[term] == pytest.approx(f[feature])
    wider = terms(LAYERS, Tiles(32, 64, 8))
    assert (wider >= terms(LAYERS, Tiles()) * 0.999)[:, :4].all()


def test_tiles_are_found_from_training_layers():
    tiles = infer_tiles(LAYERS, [COST, np.full(len(COST), np.nan)])
    assert tiles.outer == 32, tiles
    assert infer_tiles(LAYERS, [cycles(LAYERS, tile=1)]).outer == 1


def test_physics_is_finite_for_every_op():
    layers = relatives(LAYERS, 500, 3)
    layers[:100, 0], layers[:100, 12], layers[:100, 6] = 14, 1, layers[:100, 5]
    assert np.isfinite(physics(layers, Tiles(16, 32, 8), np.ones((len(layers), 6)))).all()


@pytest.mark.parametrize(("name", "at_most"), [("roofline", 12.0), ("trees", 7.0), ("process", 7.0), ("stack", 6.0)])
def test_teachers_learn_what_they_have_not_seen(name, at_most):
    teacher = TEACHERS[name](0, Tiles(32, 32, 32)).fit(LAYERS[:220], COST[:220])
    assert mape(COST[220:], teacher.predict(LAYERS[220:])) < at_most
    again = TEACHERS[name](0, Tiles(32, 32, 32)).fit(LAYERS[:220], COST[:220])
    assert np.array_equal(teacher.predict(LAYERS), again.predict(LAYERS))


def test_unlabelled_layers_are_new_possible_and_the_same_each_time():
    drawn = unlabelled(LAYERS, ["conv2d"], 2000, 0)
    assert 1500 < len(drawn) <= 2000 and np.isfinite(encode(drawn)).all()
    assert np.array_equal(drawn, unlabelled(LAYERS, ["conv2d"], 2000, 0))
    assert len({tuple(r) for r in drawn.tolist()} - {tuple(r) for r in LAYERS.tolist()}) > 1000


def test_train_from_layers_to_the_kernel():
    data = data_of(LAYERS[:220], COST[:220])
    said = []
    trained = train(data, Plan("latency", "trees", budget=QUICK), said.append)
    predictor = Predictor(trained.data)
    model = loads(trained.data)
    assert mape(COST[220:], predictor.predict_many(LAYERS[220:])) < 10
    assert len(model.features) <= 16 and len(model.trees) <= 128 and model.leaves == "int16"
    assert [level.level for level in model.levels] == [0.5, 0.8, 0.9, 0.95]
    assert model.meta["training"]["layers"] == 220 and model.meta["training"]["teacher"] == "trees"
    assert (predictor.target, predictor.unit) == ("latency_ns", "ns")
    inside = [predictor.interval(*row).in_domain for row in LAYERS[:220].tolist()]
    assert all(inside)
    assert not predictor.interval(3, 500, 500, 4000, 4000, 1, 1, 1).in_domain
    assert train(data, Plan("latency", "trees", budget=QUICK)).data == trained.data
    assert len([line for line in said if line.startswith("fold")]) == 5


def test_a_budget_makes_it_smaller():
    data = data_of(LAYERS, COST)
    small = train(data, Plan("latency", "roofline", budget=Budget(max_kb=12, labelled=3000)))
    assert len(small.data) < 13000
    with pytest.raises(UsageError, match="smallest"):
        train(data, Plan("latency", "roofline", budget=Budget(max_kb=0.1, labelled=500)))


def test_a_network_costs_more_than_its_layers(tmp_path):
    from augur_edge.dataset.rows import Whole

    rows = [Row(tuple(r), {"latency": c}, "net", "f") for r, c in zip(LAYERS.tolist(), COST.tolist())]
    whole = Whole("net", LAYERS[:30], float(COST[:30].sum()) + 1e7)
    trained = train(merge(rows, [whole]), Plan("latency", "roofline", budget=QUICK))
    assert Predictor(trained.data).overhead == pytest.approx(1e7, rel=0.1)


TRAINED = train(data_of(LAYERS[:220], COST[:220]), Plan("latency", "roofline", budget=QUICK))


@pytest.mark.parametrize(
    ("layers", "cost", "words"),
    [(LAYERS[:5], COST[:5], "5 distinct layers are too few"), (LAYERS, np.full(len(LAYERS), 7.0), "nothing to learn")],
)
def test_what_cannot_be_learnt(layers, cost, words):
    with pytest.raises(UsageError, match=words):
        train(data_of(layers, cost), Plan("latency"))


def test_intervals_hold_their_share():
    rng = np.random.default_rng(0)
    levels = conformal(rng.normal(0, 0.1, (1, 500)), [0.9, 0.5])
    fresh = rng.normal(0, 0.1, 20_000)
    for level in levels:
        assert ((fresh >= level.low) & (fresh <= level.high)).mean() == pytest.approx(level.level, abs=0.04)


def test_the_spread_finds_where_errors_are_large():
    x = np.random.default_rng(0).uniform(0, 1, (4000, 3)).astype(np.float32)
    logs = np.where(x[:, 1] > 0.5, np.log(0.4), np.log(0.1)) + np.where(x[:, 2] > 0.25, np.log(1.5), 0)
    shares, wished = fit_spread(x, logs).of(x), np.exp(logs) / 0.6
    assert shares.max() == 1 and (np.abs(shares / wished - 1) < 0.05).mean() > 0.95


def test_intervals_are_wide_where_the_layers_are_hard():
    """Channels above 200 scatter five times as much: both halves are covered, neither by the other's width."""
    model = loads(TRAINED.data)
    rng = np.random.default_rng(1)
    hard = LAYERS[:, 6] > 200
    deviations = np.where(hard, 0.25, 0.05)
    noise = rng.normal(0, deviations, len(LAYERS))
    unseen = relatives(LAYERS, 3000, 5)
    there = np.where(unseen[:, 6] > 200, 0.25, 0.05)
    levels, spread = intervals(model, LAYERS, noise, Doubt(unseen, np.zeros(len(unseen)), there), [0.9], seed=0)
    x = encode(LAYERS)[:, [f.id for f in model.features]]
    shares, fresh = spread.of(x), rng.normal(0, deviations, (200, len(LAYERS)))
    inside = (fresh >= shares * levels[0].low) & (fresh <= shares * levels[0].high)
    for part in (hard, ~hard):
        assert inside[:, part].mean() == pytest.approx(0.9, abs=0.05)


def test_the_fitted_roofline_comes_back_from_its_file():
    found = Roofline.from_dict(loads(TRAINED.data).meta["training"]["roofline"])
    fitted = Roofline(found.tiles).fit(LAYERS[:220], COST[:220])
    assert found.predict(LAYERS) == pytest.approx(fitted.predict(LAYERS), rel=1e-4)
    for bad in ({}, {"tiles": [1, 1, 1], "fits": {}}, {"tiles": [4, 4, 8], "fits": {}}, []):
        with pytest.raises(DataError, match="roofline cannot be read"):
            Roofline.from_dict(bad)


def test_evaluate_says_what_is_known(tmp_path):
    layers = short_layers(300)
    write_augur(tmp_path / "resnet18_conv_layers.csv", layers[220:260])
    write_augur(tmp_path / "resnet18.csv", layers[260:])
    data = read_dataset([tmp_path], clock_mhz=1000)  # the made-up machine counts a nanosecond a cycle
    document = evaluate(Predictor(TRAINED.data), data)
    assert list(document) == ["schema", "groups", "overall"]
    other, group = document["groups"]
    names = "name n mape medape acc1 acc5 acc10 spearman kendall coverage out_of_domain total_error"
    for found in (group, other, document["overall"]):
        assert list(found) == [*names.split(), "baseline_mape", "published_mape"]
    assert group["name"] == "resnet18_conv_layers" and group["n"] == 40 and group["published_mape"] == 10.38
    assert other["published_mape"] is None and document["overall"]["published_mape"] is None
    assert group["mape"] < 25 and group["spearman"] > 0.95 and abs(group["total_error"]) < 0.2
    assert "resnet18" in evaluation_text(document)
    base = Roofline(Roofline.from_dict(loads(TRAINED.data).meta["training"]["roofline"]).tiles)
    rows = data.of_network("resnet18_conv_layers")
    truth = data.targets["latency"][rows]
    fitted = base.fit(LAYERS[:220], COST[:220]).predict(data.layers[rows])
    assert group["baseline_mape"] == pytest.approx(mape(truth, fitted), abs=0.01)
    assert published("resnet50", "energy") is None


def test_the_published_figure_of_all_networks_weighs_them_by_their_layers(tmp_path):
    layers = short_layers(280)
    write_augur(tmp_path / "resnet18_conv_layers.csv", layers[220:230])
    write_augur(tmp_path / "squeezenet_conv_layers.csv", layers[230:260])
    overall = evaluate(Predictor(TRAINED.data), read_dataset([tmp_path], clock_mhz=1000))["overall"]
    assert overall["published_mape"] == pytest.approx((10 * 10.38 + 30 * 30.02) / 40)
    assert published("torchvision_models/ResNet50_conv_layers", "energy") == 2.03


def test_a_predictor_without_its_roofline_has_no_baseline(tmp_path):
    model = loads(TRAINED.data)
    write_augur(tmp_path / "a.csv", short_layers(30))
    data = read_dataset([tmp_path / "a.csv"])
    for meta in ({}, {**model.meta, "adapted": {}}):
        document = evaluate(Predictor(dumps(replace(model, meta=meta))), data)
        assert document["overall"]["baseline_mape"] is None and document["groups"][0]["baseline_mape"] is None
