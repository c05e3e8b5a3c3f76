"""Random predictors, and the format's point 6 in numpy: the oracle of every kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.predict.model import Base, Feature, Level, Model, Spread, Tree

F32 = npt.NDArray[np.float32]


SPREAD = Spread(np.array([1, 4]), np.array([0, 0.5], np.float32), np.array([0.25, 1, 0.5, 0.125], np.float32))


def random_model(
    seed: int, depths: list[int], n_features: int = 8, borders: int = 100, leaves: str = "float32", **fields: Any
) -> Model:
    """A predictor of one tree per depth; `borders` different thresholds a feature, so that columns are shared."""
    rng = np.random.default_rng(seed)
    grid = rng.normal(size=(n_features, borders)).astype(np.float32)
    trees = []
    for depth in depths:
        features = rng.integers(0, n_features, depth)
        thresholds = grid[features, rng.integers(0, borders, depth)]
        scale = 10.0 ** rng.uniform(-3, 1)
        trees.append(Tree(features, thresholds, (scale * rng.normal(size=1 << depth)).astype(np.float32)))
    features_ = tuple(Feature(f"x{i}", i, -4.0, 4.0) for i in range(n_features))
    model = Model(features_, tuple(trees), bias=float(rng.normal()), **fields)
    return model.quantised() if leaves == "int16" else model


def random_rows(seed: int, model: Model, n: int) -> F32:
    """Rows around the thresholds, some exactly on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(model.features))).astype(np.float32)
    for tree in model.trees[:20]:
        hit = rng.integers(0, n, 2)
        x[hit, tree.features[0]] = tree.thresholds[0]
    return x


def sums(model: Model, x: F32) -> npt.NDArray[Any]:
    """S of point 6: float32 in the stated order, or exact integers."""
    trees = sorted(model.trees, key=lambda t: t.depth)
    dtype = np.float32 if model.leaves == "float32" else np.int64
    s = np.zeros((8, len(x)), dtype)
    place, depth = 0, 0
    for tree in trees:
        place = place + 1 if tree.depth == depth else 0
        depth = tree.depth
        index = ((x[:, tree.features] > tree.thresholds) << np.arange(depth)).sum(axis=1)
        s[place % 8] += tree.leaves[index].astype(dtype)
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))


def answers(model: Model, x: F32) -> F32:
    """Predictions of an identity link; of an exp link, within the last bits of numpy's exp and log."""
    score = sums(model, x).astype(np.float64) * model.scale + model.bias
    factor: Any = 1.0
    if model.base is not None:
        wide = x.astype(np.float64)
        if model.base.kind == "log-linear":
            wide = np.log(np.maximum(wide, 1))
        parts = wide @ model.base.weights.T
        if model.base.kind == "roofline":
            factor = np.maximum(model.base.constant + parts.max(axis=1), 1e-30)
            score, factor = (score, factor) if model.link == "exp" else (score + factor, 1.0)
        else:
            score = score + model.base.constant + parts[:, 0]
    return np.asarray(factor * np.exp(score) if model.link == "exp" else score).astype(np.float32)


def full_model(leaves: str = "float32", encoder: str = "raw/1") -> Model:
    """A small predictor with every part that a file can hold."""
    rng = np.random.default_rng(5)
    base = Base("roofline", 2.5, np.abs(rng.normal(size=(2, 6))))
    levels = (Level(0.5, -0.05, 0.04), Level(0.9, -0.2, 0.25))
    model = random_model(
        3, [1, 2, 4, 6, 6, 8, 9, 3, 6], 6, 20, leaves,
        encoder=encoder, link="exp", base=base, levels=levels, spread=SPREAD, overhead=125.0,
        meta={"digest": "00ff", "note": "µ"},
    )  # fmt: skip
    return model
