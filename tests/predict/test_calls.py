"""What a call costs by the network it stands in."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from forests import full_model
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError
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
    assert calls_of({"usual_ns": 4000, "knots": [list(k) for k in CALLS.knots]}) == CALLS


def test_a_predictor_moves_layers_to_their_network_and_sums_them() -> None:
    predictor = Predictor(dumps(replace(loads(example()), calls=CALLS)))
    alone = predictor.predict_many(LAYERS).astype(float)
    there = CALLS.moved(alone)
    assert (there != alone).all()
    assert predictor.predict_layers_of(LAYERS) == pytest.approx(there, rel=1e-13)
    overhead = predictor.overhead + 2 * predictor.layer_overhead
    assert predictor.predict_network(LAYERS) == pytest.approx(there.sum() + overhead)
    assert predictor.predict_network(LAYERS[:0]) == predictor.overhead


def test_a_file_from_before_the_kernel_knew_calls_answers_as_it_did() -> None:
    model = replace(loads(example()), calls=None)
    model.meta["training"]["network"]["calls"] = {"usual_ns": 4000.0, "knots": [list(k) for k in CALLS.knots]}
    old, new = Predictor(dumps(model)), Predictor(dumps(replace(model, calls=CALLS)))
    assert (old.has_calls, new.has_calls) == (False, True)
    assert old.predict_layers_of(LAYERS) == pytest.approx(new.predict_layers_of(LAYERS), rel=1e-13)
    assert old.predict_network(LAYERS) == pytest.approx(new.predict_network(LAYERS), rel=1e-13)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 600), st.integers(0, 2**32 - 1))
def test_totals_are_the_same_from_scratch_and_after_changes_and_agree_with_the_twin(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = np.cumsum(rng.uniform(0, 20000, (2, rng.integers(1, 17))), axis=1).T + 1.0
    calls = Calls(float(rng.uniform(100, 9000)), tuple((t, ns) for t, ns in pairs.tolist()))
    model = replace(loads(example()), calls=calls)
    predictor = Predictor(dumps(model))
    columns = rng.integers([1, 7, 7, 1, 1, 1, 2, 1], [6, 60, 60, 99, 99, 3, 4, 2], (n, 8))
    layers = from_short(columns)
    total = predictor.network_total(layers)
    there = calls.moved(predictor.predict_many(layers).astype(float))
    assert total.total == predictor.predict_network(layers)
    assert predictor.predict_layers_of(layers) == pytest.approx(there, rel=1e-12)
    overhead = predictor.overhead + n * predictor.layer_overhead
    assert total.total == pytest.approx(there.sum() + overhead, rel=1e-9)
    for position in rng.integers(0, n, 3).tolist():
        layers[position] = layers[rng.integers(n)]
        assert total.change(position, *layers[position].tolist()) == predictor.predict_network(layers)


@pytest.mark.parametrize("at", [0, 8, 16, 24])
@pytest.mark.parametrize("number", [-1.0, 0.0, np.nan, np.inf])
def test_a_file_with_impossible_calls_is_refused(at: int, number: float) -> None:
    data = dumps(replace(loads(example()), calls=CALLS))
    where = data.index(struct.pack("<5d", 4000.0, *np.ravel(CALLS.knots))) + at
    bad = data[:where] + struct.pack("<d", number) + data[where + 8 :]
    with pytest.raises(DataError, match="checksum"):
        Predictor(bad)
    with pytest.raises(DataError, match="calls do not ascend"):
        Predictor(bad[:12] + struct.pack("<I", zlib.crc32(bad[16:])) + bad[16:])


def test_calls_are_of_layers() -> None:
    with pytest.raises(DataError, match="layer/1"):
        dumps(replace(full_model(), calls=CALLS))
    with pytest.raises(DataError, match="1 to 16 knots"):
        dumps(replace(loads(example()), calls=Calls(1.0, CALLS.knots * 9)))
    for bad in (Calls(-1.0, CALLS.knots), Calls(1.0, CALLS.knots[::-1])):
        with pytest.raises(DataError, match="positive, and their knots ascend"):
            dumps(replace(loads(example()), calls=bad))


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
    with pytest.raises(ValueError, match="tells of no whole network in its training"):
        predictor.network_interval(LAYERS)
