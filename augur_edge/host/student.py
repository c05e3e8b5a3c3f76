"""A student that fits the kernel: a roofline over 16 features at most, and oblivious trees on the log residual."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.host.extra import boosted
from augur_edge.host.features import F64, I64
from augur_edge.predict.encode import FEATURES, encode
from augur_edge.predict.from_catboost import from_catboost
from augur_edge.predict.model import Base, Feature, Model

F32 = npt.NDArray[np.float32]
MAX_FEATURES = 16
_PASSES, _RIDGE = 30, 1.0
_BASE = ("macs", "weight_bytes", "input_bytes", "output_bytes")
_BASE_IDS = [FEATURES.index(name) for name in _BASE]


@dataclass(frozen=True)
class Size:
    """Of a student. trees: at most; depth: of each."""

    trees: int = 128
    depth: int = 8


def fit_student(layers: I64, y: F64, weights: F64, size: Size, seed: int) -> Model:
    """A float32 Model of layer/1 that answers `y`. layers: int64[n, 16]; y, weights: float64[n], positive."""
    x = encode(layers)
    base = _fit_base(x[:, _BASE_IDS].astype(np.float64), y, weights)
    residual = np.log(y / roofline_value(base, x[:, _BASE_IDS]))
    chosen = _choose(x, residual, weights, seed)
    model = refitted(_boost(x[:, chosen], residual, weights, size, seed), x[:, chosen], residual, weights)
    places = [chosen.index(i) for i in _BASE_IDS]
    wide = np.zeros((2, len(chosen)))
    wide[:, places] = base.weights
    features = tuple(Feature(FEATURES[i], i) for i in chosen)
    return replace(model, features=features, base=Base("roofline", base.constant, wide))


def roofline_value(base: Base, x: npt.NDArray[Any]) -> F64:
    """float64[n]: what a base of kind roofline says of float[n, features]."""
    return np.asarray(np.maximum(base.constant + (x.astype(np.float64) @ base.weights.T).max(axis=1), 1e-30))


def _fit_base(x: F64, y: F64, weights: F64) -> Base:
    """Two non-negative rows over MACs and bytes: of layers bound by the first, and by the second."""
    from scipy.optimize import least_squares, nnls

    rows = np.random.default_rng(0).permutation(len(y))[:4000]
    x, y, w = x[rows], y[rows], np.sqrt(weights[rows])
    design = np.hstack([x, np.ones((len(x), 1))]) / y[:, None]
    start, _ = nnls(design * w[:, None], w)
    typical = np.median(y[:, None] / np.maximum(x, 1), axis=0)
    floor = np.log(np.maximum(start[:4], 0.01 * typical))
    lean = np.array([0.3, -0.7, -0.7, -0.7])
    origin = np.concatenate([floor + lean, floor - lean - 0.4, [np.log(max(start[4], 0.05 * y.min()))]])

    def base(theta: F64) -> Base:
        values = np.exp(np.clip(theta, -60, 60))
        return Base("roofline", float(values[8]), values[:8].reshape(2, 4))

    def residuals(theta: F64) -> F64:
        return np.concatenate([w * np.log(roofline_value(base(theta), x) / y), 0.01 * (theta - origin)])

    return base(least_squares(residuals, origin, loss="soft_l1", f_scale=0.2, max_nfev=80).x)


def _choose(x: F32, residual: F64, weights: F64, seed: int) -> list[int]:
    """Features for the student, ascending: those of the base, and what a first forest on all of them used most."""
    varying = [i for i in range(x.shape[1]) if np.ptp(x[:, i]) > 0]
    rows = np.random.default_rng(seed).permutation(len(x))[:8000]
    first = _trained(x[rows][:, varying], residual[rows], weights[rows], Size(100, 7), seed)
    order = [varying[i] for i in np.argsort(-np.asarray(first.get_feature_importance()))]
    rest = [i for i in order if i not in _BASE_IDS][: MAX_FEATURES - len(_BASE_IDS)]
    return sorted([*_BASE_IDS, *rest])


def _trained(x: F32, z: F64, weights: F64, size: Size, seed: int) -> Any:
    return boosted(
        seed, iterations=size.trees, depth=size.depth, learning_rate=0.6, l2_leaf_reg=0.5, border_count=254,
        feature_border_type="UniformAndQuantiles", boosting_type="Plain", bootstrap_type="No", random_strength=0,
        leaf_estimation_iterations=1,
    ).fit(x, z, sample_weight=weights)  # fmt: skip


def refitted(model: Model, x: F32, z: F64, weights: F64) -> Model:
    """The same trees with all leaves fitted together, where boosting fits each tree once and never looks back.

    Cyclic ridge regression on float64[n] z; what the student misses of its teacher falls by a third to a half.
    """
    places = [((x[:, t.features] > t.thresholds) << np.arange(t.depth)).sum(axis=1) for t in model.trees]
    leaves = [t.leaves.astype(np.float64) for t in model.trees]
    mass = [np.bincount(i, weights, len(v)) + _RIDGE for i, v in zip(places, leaves)]
    rest = z - model.bias - sum(v[i] for i, v in zip(places, leaves))
    for _ in range(_PASSES):
        for i, v, m in zip(places, leaves, mass):
            step = (np.bincount(i, weights * rest, len(v)) - _RIDGE * v) / m
            np.add(v, step, out=v)
            rest -= step[i]
    return replace(model, trees=tuple(replace(t, leaves=v.astype(np.float32)) for t, v in zip(model.trees, leaves)))


def _boost(x: F32, z: F64, weights: F64, size: Size, seed: int) -> Model:
    """The forest alone, as a Model of layer/1 with an exp link."""
    trained = _trained(x, z, weights, size, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "student.json"
        trained.save_model(str(path), format="json")
        return from_catboost(path, "layer/1", link="exp", meta={})
