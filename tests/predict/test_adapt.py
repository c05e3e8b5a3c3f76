"""A predictor moved to other speeds by a few layers, with numpy alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from augur_edge.errors import UsageError
from augur_edge.metrics import mape
from augur_edge.predict import Predictor
from augur_edge.predict.adapt import adapt, suggest
from augur_edge.predict.encode import FEATURES, layer_matrix
from augur_edge.predict.format import dumps
from augur_edge.predict.model import Base, Feature, Level, Model, Tree
from augur_edge.prior import sample_layers

NAMES = ("macs", "weight_bytes", "input_bytes", "output_bytes", "kernel_area")
IDS = [FEATURES.index(name) for name in NAMES]
WEIGHTS = np.array([[1e-3, 1e-2, 1e-3, 1e-3, 0], [1e-4, 1e-2, 2e-2, 3e-2, 0]])
LAYERS = layer_matrix(sample_layers("conv2d:300", 0))


def model_of(weights=WEIGHTS, constant=900.0):
    tree = Tree(np.array([4]), np.array([1.5], np.float32), np.array([0.0, 0.2], np.float32))
    features = tuple(Feature(name, i) for name, i in zip(NAMES, IDS))
    levels = (Level(0.9, -0.1, 0.1),)
    return Model(features, (tree,), "layer/1", link="exp", base=Base("roofline", constant, weights), levels=levels)


def truth(weights, constant=900.0):
    return Predictor(dumps(model_of(weights, constant))).predict_many(LAYERS).astype(np.float64)


@pytest.mark.parametrize(
    ("other", "n", "at_most"),
    [(WEIGHTS / 2, 5, 4.0), (WEIGHTS * [1, 3, 3, 3, 1], 40, 6.0), (WEIGHTS * [5, 1, 1, 1, 1], 40, 6.0)],
)
def test_another_machine_is_learnt_from_few_layers(other, n, at_most):
    y = truth(other, 450.0)
    before = mape(y, truth(WEIGHTS))
    chosen = suggest(model_of(), LAYERS, n)
    moved = Predictor(dumps(adapt(model_of(), LAYERS[chosen], y[chosen])))
    after = mape(y, moved.predict_many(LAYERS))
    assert after < at_most and after < before / 2


def test_the_same_machine_stays_as_it_is():
    y = truth(WEIGHTS)
    moved = adapt(model_of(), LAYERS[:20], y[:20])
    assert mape(y, Predictor(dumps(moved)).predict_many(LAYERS)) < 0.1
    assert moved.levels == model_of().levels
    assert moved.meta["adapted"]["layers"] == 20 and moved.trees is not None


def test_what_networks_cost_above_their_layers_does_not_move_along():
    model = replace(model_of(), overhead=5e6, layer_overhead=2e3)
    y = truth(WEIGHTS / 2)
    moved = Predictor(dumps(adapt(model, LAYERS[:20], y[:20])))
    assert moved.predict_network(LAYERS[:10]) == pytest.approx(moved.predict_many(LAYERS[:10]).sum(), rel=1e-5)


def test_what_is_suggested_is_better_than_what_comes_first():
    y = truth(WEIGHTS * [1, 4, 2, 2, 1], 2000.0)
    errors = []
    for rows in (suggest(model_of(), LAYERS, 8), list(range(8))):
        errors.append(mape(y, Predictor(dumps(adapt(model_of(), LAYERS[rows], y[rows]))).predict_many(LAYERS)))
    assert errors[0] < errors[1]
    assert len(set(suggest(model_of(), LAYERS, 50))) == 50


def test_noise_widens_the_interval():
    y = truth(WEIGHTS) * np.exp(np.random.default_rng(0).normal(0, 0.3, len(LAYERS)))
    level = adapt(model_of(), LAYERS[:50], y[:50]).levels[0]
    assert level.low < -0.25 and level.high > 0.25


@pytest.mark.parametrize(
    ("model", "n", "words"),
    [
        (model_of(), 2, "at least 3"),
        (replace(model_of(), base=None), 5, "can be adapted"),
        (replace(model_of(), link="identity"), 5, "can be adapted"),
        (model_of(-WEIGHTS), 5, "negative"),
    ],
)
def test_what_cannot_be_adapted(model, n, words):
    with pytest.raises(UsageError, match=words):
        adapt(model, LAYERS[:n], np.ones(n))


def test_it_is_of_the_samples_devices_not_of_the_sources():
    source = replace(
        model_of(), meta={"training": {"device": "old", "devices": ["old, litert"], "network": {}, "seed": 3}}
    )
    y = 2 * truth(WEIGHTS)[:5]
    assert adapt(source, LAYERS[:5], y, {"new-1, litert"}).meta["training"] == {"devices": ["new-1, litert"], "seed": 3}
    assert adapt(source, LAYERS[:5], y).meta["training"] == {"seed": 3}  # of whom is not known
    assert "training" not in adapt(replace(source, meta={"training": [1]}), LAYERS[:5], y).meta
