"""What a call costs by the network it stands in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from augur_edge.predict import Predictor
from augur_edge.predict.calls import Calls, calls_of, fit_calls
from augur_edge.predict.encode import from_short
from augur_edge.predict.example import example
from augur_edge.predict.format import dumps, loads

LAYERS = from_short(np.array([[1, 7, 7, 8, 8, 1, 0, 1], [3, 112, 112, 64, 64, 1, 1, 1]], np.int64))
CALLS = Calls(4000.0, ((1e4, 1000.0), (1e6, 6000.0)))


def test_knots_are_medians_of_neighbours_and_ascend() -> None:
    rng = np.random.default_rng(0)
    times = np.exp(rng.uniform(10, 16, 80))
    found = fit_calls([(t, 1000 + 500 * np.log(t / 2e4) * rng.uniform(0.9, 1.1)) for t in times.tolist()])
    assert found is not None
    knots = np.array(found.knots)
    assert len(knots) == 8 and (np.diff(knots, axis=0) >= 0).all()
    for t, ns in found.knots:
        assert ns == pytest.approx(1000 + 500 * np.log(t / 2e4), rel=0.2)


def test_few_networks_say_nothing_of_calls() -> None:
    assert fit_calls([(1e4, 1000.0)] * 7) is None


def test_a_call_is_cheaper_among_quick_layers_and_never_takes_all_of_a_layer() -> None:
    assert CALLS.moved(np.array([4100.0, 9000.0])) == pytest.approx([1100.0, 6000.0])
    assert CALLS.moved(np.array([2e6, 4e6])) == pytest.approx([2e6 + 2000.0, 4e6 + 2000.0])
    assert CALLS.of(np.array([1e4, 1e6])) == pytest.approx(np.sqrt(6e6))
    assert CALLS.moved(np.array([3100.0])) == pytest.approx([500.0])
    assert len(CALLS.moved(np.array([]))) == 0


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"usual_ns": 1, "knots": []},
        {"usual_ns": 1, "knots": [[2, 5], [1, 6]]},
        {"usual_ns": "nan", "knots": [[1, 1]]},
        {"usual_ns": -1, "knots": [[1, 1]]},
    ],
)
def test_what_is_not_calls_is_none(found: object) -> None:
    assert calls_of(found) is None
    assert calls_of(CALLS.to_dict()) == CALLS


def test_a_predictor_moves_layers_to_their_network_and_sums_them() -> None:
    model = loads(example())
    model.meta.setdefault("training", {}).setdefault("network", {})["calls"] = CALLS.to_dict()
    predictor = Predictor(dumps(model))
    alone = predictor.predict_many(LAYERS).astype(float)
    there = CALLS.moved(alone)
    assert (there != alone).all()
    assert predictor.predict_layers_of(LAYERS).tolist() == there.tolist()
    overhead = predictor.overhead + 2 * predictor.layer_overhead
    assert predictor.predict_network(LAYERS) == pytest.approx(there.sum() + overhead)
    assert predictor.predict_network(LAYERS[:0]) == predictor.overhead


@pytest.mark.parametrize(
    "meta",
    [
        {"training": None},
        {"training": []},
        {"training": {"network": None}},
        {"training": {"network": {"calls": {"usual_ns": 10**400, "knots": []}, "levels": 3}}},
        {"training": {"network": {"levels": [[0.9]]}}},
        {"training": {"network": {"levels": [[0.9, "a", "b"]]}}},
        {"training": {"network": {"levels": [[0.9, 0.1, 1e6]]}}},
    ],
)
def test_what_others_write_of_networks_is_not_believed(meta: dict[str, object]) -> None:
    model = loads(example())
    plain = Predictor(dumps(replace(model, meta={})))
    predictor = Predictor(dumps(replace(model, meta=meta)))
    assert predictor.predict_network(LAYERS) == plain.predict_network(LAYERS)
    with pytest.raises(ValueError, match="it has none"):
        predictor.network_interval(LAYERS)
