"""What a network costs besides its layers, fitted to networks measured whole."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge.dataset.rows import Dataset, Row, Whole, merge
from augur_edge.host.totals import fit_totals
from augur_edge.predict.encode import layer_matrix
from augur_edge.prior import sample_layers

LAYERS = layer_matrix(sample_layers("conv2d:300,elementwise:60", 0))
COST = np.exp(np.random.default_rng(0).uniform(9, 15, len(LAYERS)))  # 8 us to 3 ms


def data_of(once: float, per_layer: float, count: int = 40, noise: float = 0.003) -> Dataset:
    rng = np.random.default_rng(1)
    rows = [Row(tuple(r), {"latency": c}, "net", "f") for r, c in zip(LAYERS.tolist(), COST.tolist())]
    known = dict(zip(map(tuple, LAYERS.tolist()), COST))
    wholes = []
    for i in range(count):
        chosen = LAYERS[rng.choice(len(LAYERS), int(rng.integers(5, 120)))]
        total = sum(known[tuple(r)] for r in chosen.tolist()) + once + per_layer * len(chosen)
        wholes.append(Whole(f"n{i}", chosen, float(total * np.exp(rng.normal(0, noise)))))
    return merge(rows, wholes)


@pytest.mark.parametrize(("once", "per_layer"), [(0.0, 40_000.0), (4_000_000.0, 0.0), (0.0, -5_000.0)])
def test_both_parts_are_found(once: float, per_layer: float) -> None:
    found = fit_totals(data_of(once, per_layer), COST, (0.9,))
    assert found.once == pytest.approx(once, rel=0.1, abs=300_000)
    assert found.per_layer == pytest.approx(per_layer, rel=0.15, abs=6_000)
    assert found.report["measured"] == 40 and found.report["mape"] < 1


def test_a_layer_is_never_spared_more_than_it_costs() -> None:
    found = fit_totals(data_of(0.0, -9_000.0), COST, ())
    assert -0.9 * COST.min() <= found.per_layer < 0


def test_bounds_hold_their_share_of_other_networks() -> None:
    said = COST * np.exp(np.random.default_rng(3).normal(0, 0.3, len(COST)))
    (level,) = fit_totals(data_of(0.0, 0.0, 60), said, (0.8,)).levels
    fresh = data_of(0.0, 0.0, 400).wholes
    known = dict(zip(map(tuple, LAYERS.tolist()), said))
    rest = np.array([np.log(w.latency_ns / sum(known[tuple(r)] for r in w.layers.tolist())) for w in fresh])
    assert ((rest >= level.low) & (rest <= level.high)).mean() == pytest.approx(0.8, abs=0.12)


def test_few_networks_say_little() -> None:
    assert fit_totals(data_of(0.0, 0.0, 0), COST, (0.9,)).report == {}
    few = fit_totals(data_of(2e6, 0.0, 3), COST, (0.9,))
    assert few.per_layer == 0 and few.levels == () and few.once == pytest.approx(2e6, rel=0.5)


def test_no_network_costs_less_than_nothing() -> None:
    assert fit_totals(data_of(-2e6, 0.0, 3), COST, ()).once == 0
