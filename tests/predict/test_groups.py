"""A factor for each group of ops is one more tree, and changes nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge.layers import Layer
from augur_edge.predict import Predictor
from augur_edge.predict.encode import layer_matrix
from augur_edge.predict.example import example
from augur_edge.predict.format import dumps, loads
from augur_edge.predict.groups import N_GROUPS, group_of, with_factors
from augur_edge.prior import sample_layers

LAYERS = layer_matrix(sample_layers("conv2d:200,dense:30,matmul:20,pool:40,elementwise:40,activation:20,norm:20", 0))


def test_every_group_occurs_and_conv_is_told_from_the_rest() -> None:
    groups = group_of(LAYERS)
    assert set(groups.tolist()) == set(range(N_GROUPS))
    pixel = Layer("conv2d", ((1, 8, 7, 7),), ((1, 8, 7, 7),), ((8, 8, 1, 1),), (1, 1), (1, 1), (0, 0, 0, 0))
    assert group_of(layer_matrix([pixel])).tolist() == [1]


@pytest.mark.parametrize("factors", [np.zeros(N_GROUPS), np.log([2.0, 0.5, 3.0, 1.0, 0.25, 1.5])])
def test_answers_change_by_their_groups_factor(factors: np.ndarray) -> None:
    model = loads(example())
    before = Predictor(dumps(model)).predict_many(LAYERS).astype(np.float64)
    after = Predictor(dumps(with_factors(model, factors))).predict_many(LAYERS).astype(np.float64)
    assert np.log(after / before) == pytest.approx(factors[group_of(LAYERS)], abs=0.01)
