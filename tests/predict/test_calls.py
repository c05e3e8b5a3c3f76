"""What a call costs by the network it stands in."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge.predict import Predictor
from augur_edge.predict.calls import Calls, bytes_per_layer, calls_of, fit_calls
from augur_edge.predict.encode import from_short
from augur_edge.predict.example import example
from augur_edge.predict.format import dumps, loads

SMALL = from_short(np.array([[1, 7, 7, 8, 8, 1, 0, 1]] * 3, np.int64))
LARGE = from_short(np.array([[3, 112, 112, 64, 64, 1, 1, 1]] * 3, np.int64))
CALLS = Calls(4000.0, ((1e4, 1000.0), (1e6, 6000.0)))


def test_knots_are_medians_of_neighbours_and_ascend() -> None:
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(10, 16, 80))
    found = fit_calls([(b, 1000 + 500 * np.log(b / 2e4) * rng.uniform(0.9, 1.1)) for b in sizes.tolist()])
    assert found is not None
    knots = np.array(found.knots)
    assert len(knots) == 8 and (np.diff(knots, axis=0) >= 0).all()
    for b, ns in found.knots:
        assert ns == pytest.approx(1000 + 500 * np.log(b / 2e4), rel=0.2)


def test_few_networks_say_nothing_of_calls() -> None:
    assert fit_calls([(1e4, 1000.0)] * 7) is None


def test_a_call_is_cheaper_where_layers_move_little_and_never_takes_all_of_a_layer() -> None:
    assert bytes_per_layer(SMALL) < 1e4 < 1e6 < bytes_per_layer(LARGE)
    times = np.array([4100.0, 9000.0, 2e6])
    assert CALLS.moved(times, SMALL) == pytest.approx([1100.0, 6000.0, 2e6 - 3000.0])
    assert CALLS.moved(times, LARGE) == pytest.approx([6100.0, 11000.0, 2e6 + 2000.0])
    assert CALLS.moved(np.array([3100.0]), SMALL) == pytest.approx([500.0])


@pytest.mark.parametrize("found", [None, {}, {"usual_ns": 1, "knots": []}, {"usual_ns": 1, "knots": [[2, 5], [1, 6]]},
                                   {"usual_ns": "nan", "knots": [[1, 1]]}, {"usual_ns": -1, "knots": [[1, 1]]}])  # fmt: skip
def test_what_is_not_calls_is_none(found: object) -> None:
    assert calls_of(found) is None
    assert calls_of(CALLS.to_dict()) == CALLS


def test_a_predictor_moves_layers_to_their_network_and_sums_them() -> None:
    model = loads(example())
    model.meta.setdefault("training", {}).setdefault("network", {})["calls"] = CALLS.to_dict()
    predictor = Predictor(dumps(model))
    alone = predictor.predict_many(LARGE).astype(float)
    assert predictor.predict_layers_of(LARGE) == pytest.approx(alone + 2000)
    overhead = predictor.overhead + 3 * predictor.layer_overhead
    assert predictor.predict_network(LARGE) == pytest.approx((alone + 2000).sum() + overhead)
    assert predictor.predict_network(LARGE[:0]) == predictor.overhead
