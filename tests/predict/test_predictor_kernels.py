from __future__ import annotations

import numpy as np
import pytest
from forests import answers, random_model, random_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge import _kernel
from augur_edge.predict import Predictor
from augur_edge.predict.format import dumps

pytestmark = pytest.mark.usefixtures("restore_kernel")


def per_kernel(predictor, x):
    for name in _kernel.kernels():
        _kernel.select_kernel(name)
        yield name, predictor.predict_many(x), [predictor.predict(*row) for row in x[:5].tolist()]


FORESTS = st.builds(
    random_model,
    st.integers(0, 2**32),
    st.lists(st.integers(1, 12), max_size=40) | st.builds(lambda d, n: [d] * n, st.integers(1, 9), st.integers(1, 70)),
    st.integers(1, 64),
    st.sampled_from([1, 3, 40, 254, 255]),
    st.sampled_from(["float32", "int16"]),
)


@settings(max_examples=120, deadline=None)
@given(FORESTS, st.integers(1, 300), st.integers(0, 1000))
def test_every_kernel_gives_the_oracles_bits(model, n, seed):
    x = random_rows(seed, model, n)
    want = answers(model, x)
    for name, many, ones in per_kernel(Predictor(dumps(model)), x):
        np.testing.assert_array_equal(many.view(np.uint32), want.view(np.uint32), err_msg=name)
        np.testing.assert_array_equal(np.array(ones, np.float32), want[:5], err_msg=name)


@pytest.mark.parametrize("leaves", ["float32", "int16"])
@pytest.mark.parametrize("depth", range(1, 13))
@pytest.mark.parametrize("n_features", [3, 17, 40])
def test_every_depth_and_width(depth, n_features, leaves):
    model = random_model(depth, [depth] * 21, n_features, 60, leaves)
    x = random_rows(1, model, 150)
    for name, many, ones in per_kernel(Predictor(dumps(model)), x):
        np.testing.assert_array_equal(many, answers(model, x), err_msg=name)
        np.testing.assert_array_equal(ones, many[:5], err_msg=name)


def test_more_than_255_borders_take_more_columns():
    model = random_model(0, [6] * 200, 3, 2000)
    x = random_rows(0, model, 64)
    for name, many, _ in per_kernel(Predictor(dumps(model)), x):
        np.testing.assert_array_equal(many, answers(model, x), err_msg=name)


def test_int16_sums_that_leave_16_bits():
    model = random_model(0, [6] * 300 + [8] * 50, 4, 30, "int16")
    trees = tuple(
        type(t)(t.features, t.thresholds, np.full_like(t.leaves, 32767 - 3 * (i % 2)))
        for i, t in enumerate(model.trees)
    )
    model = type(model)(**{**vars(model), "trees": trees})
    x = random_rows(0, model, 200)
    for name, many, _ in per_kernel(Predictor(dumps(model)), x):
        np.testing.assert_array_equal(many, answers(model, x), err_msg=name)


def test_extreme_features_and_thresholds():
    model = random_model(2, [4, 6, 6], 2, 4)
    big = np.finfo(np.float32).max
    x = np.array([[big, -big], [1e-45, -1e-45], [0.0, -0.0]], np.float32)
    for name, many, _ in per_kernel(Predictor(dumps(model)), x):
        np.testing.assert_array_equal(many, answers(model, x), err_msg=name)


def test_a_kernel_is_used_or_refused(monkeypatch):
    from augur_edge.errors import UsageError

    for name in _kernel.kernels():
        monkeypatch.setenv("AUGUR_EDGE_KERNEL", name)
        _kernel.select_kernel()
        assert _kernel.kernel() == name
    monkeypatch.setenv("AUGUR_EDGE_KERNEL", "abacus")
    with pytest.raises(UsageError, match=r"'abacus'.*scalar"):
        _kernel.select_kernel()
    monkeypatch.delenv("AUGUR_EDGE_KERNEL")
