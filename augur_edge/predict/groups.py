"""A factor for each group of ops, put into a predictor as one more tree: what `adapt` moves besides the base term.

Groups: convolutions with a window, pointwise and depthwise ones, dense layers with matrix products, pools,
all the rest. A runtime or a thread count speeds these up differently, which no weight of a roofline over bytes and
MACs can say.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from augur_edge.predict.encode import FEATURES, OPS, encode
from augur_edge.predict.model import MAX_FEATURES, Base, Feature, Model, Tree

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

N_GROUPS = 6
# comparisons of the tree, in the order of the bits of its leaf's index
_SPLITS = (
    ("op", OPS["dense"][0] - 0.5),
    ("op", OPS["matmul"][0] + 0.5),
    ("op", OPS["reduce_mean"][0] + 0.5),
    ("depthwise", 0.5),
    ("pointwise", 0.5),
)


def group_of(layers: I64) -> I64:
    """int64[n]: 0 window, 1 pointwise, 2 depthwise, 3 dense and matmul, 4 pools, 5 the rest."""
    x = encode(layers)
    bits = [x[:, FEATURES.index(name)] > cut for name, cut in _SPLITS]
    return np.array([_group(*row) for row in zip(*bits)], np.int64)


def _group(dense: bool, pool: bool, rest: bool, depthwise: bool, pointwise: bool) -> int:
    if dense:
        return 5 if rest else 4 if pool else 3
    return 2 if depthwise else int(pointwise)


def with_factors(model: Model, factors: F64) -> Model:
    """The model with one more tree, whose leaves are the factors' logs; its leaves become float32 and int16 again."""
    model, places = _with_features(model, list(dict.fromkeys(name for name, _ in _SPLITS)))
    leaves = [factors[_group(*(bool(i >> bit & 1) for bit in range(len(_SPLITS))))] for i in range(1 << len(_SPLITS))]
    features = np.array([places[name] for name, _ in _SPLITS], np.int64)
    cuts = np.array([cut for _, cut in _SPLITS], np.float32)
    scale = model.scale
    trees = [replace(t, leaves=(t.leaves * scale).astype(np.float32)) for t in model.trees]
    trees.append(Tree(features, cuts, np.array(leaves, np.float32)))
    plain = replace(model, trees=tuple(trees), leaves="float32", scale=1.0, rounding_error=0.0)
    return plain.quantised() if model.leaves == "int16" else plain


def _with_features(model: Model, names: list[str]) -> tuple[Model, dict[str, int]]:
    """The model with these features among its own, and their places."""
    have = {f.id: i for i, f in enumerate(model.features)}
    missing = [name for name in names if FEATURES.index(name) not in have]
    features = (*model.features, *(Feature(name, FEATURES.index(name)) for name in missing))
    if len(features) > MAX_FEATURES:
        raise ValueError(f"{len(features)} features, at most {MAX_FEATURES}")
    base = model.base
    if base is not None:
        base = Base(base.kind, base.constant, np.pad(base.weights, ((0, 0), (0, len(missing)))))
    places = {f.id: i for i, f in enumerate(features)}
    return replace(model, features=features, base=base), {n: places[FEATURES.index(n)] for n in names}
