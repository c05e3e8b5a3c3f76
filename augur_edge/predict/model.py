"""A predictor as plain data: what an .augpred file holds (csrc/include/augur/format.h says what each part means)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError
from augur_edge.predict.calls import Calls, calls_of

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

LINKS = ("identity", "exp")
LEAVES = ("float32", "int16")
BASES = ("none", "linear", "log-linear", "roofline")
ENCODERS = {
    "raw/1": (1, 1), "layer/1": (2, 1), "nasbench201/1": (3, 1), "fbnet/1": (4, 1), "nasbench101/1": (5, 1),
    "darts/1": (6, 1), "nasbench_asr/1": (7, 1), "ofa_mbv3/1": (8, 1),
}  # fmt: skip
N_LAYER_FEATURES = 48

MAX_FEATURES, MAX_COLUMNS, MAX_LEVELS, MAX_TREES, MAX_DEPTH = 64, 64, 16, 65535, 12
MAX_TABLES, MAX_KNOTS = 128, 16


@dataclass(frozen=True)
class Feature:
    """One input of the trees. id: its place in the encoder's list; low, high: its range in training."""

    name: str
    id: int
    low: float = -3.0e38
    high: float = 3.0e38


@dataclass(frozen=True, eq=False)
class Tree:
    """An oblivious tree: bit i of its leaf's index is `x[features[i]] > thresholds[i]`.

    features: int[depth], thresholds: float32[depth], leaves: float32 or int16[2 ** depth].
    """

    features: npt.NDArray[np.int64]
    thresholds: F32
    leaves: npt.NDArray[Any]

    @property
    def depth(self) -> int:
        """Comparisons from root to leaf, 1 to 12."""
        return len(self.features)


@dataclass(frozen=True, eq=False)
class Base:
    """The term under the trees. kind: one of BASES; weights: float64[1 or 2, features], two rows for a roofline."""

    kind: str
    constant: float
    weights: F64


@dataclass(frozen=True)
class Level:
    """A conformal interval: the residual's quantiles, in the link's space, that hold `level` of the cases."""

    level: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Spread:
    """Which share of each level's interval a row gets, 0 < share <= 1, by one oblivious tree as `Tree`.

    features: int[depth], thresholds: float32[depth], shares: float32[2 ** depth].
    """

    features: npt.NDArray[np.int64]
    thresholds: F32
    shares: F32

    def of(self, x: npt.NDArray[Any]) -> F64:
        """float64[n] shares of rows float32[n, features]."""
        place = ((x[:, self.features] > self.thresholds) << np.arange(len(self.features))).sum(axis=1)
        return np.asarray(self.shares[place], np.float64)


@dataclass(frozen=True, eq=False)
class Table:
    """Values added by an architecture's slot: float32, as many as the slot has (`predict.encode_spaces.slot_sizes`).

    One table of slot 12 of nasbench201/1, the cell's index, is the whole space.
    """

    slot: int
    values: F32


@dataclass(frozen=True, eq=False)
class Model:
    """All of a predictor. With int16 leaves, `leaves="int16"` and `rounding_error` bounds what that costs the score.

    overhead: of a network, layer_overhead: of each of its layers besides, in `unit`. calls: how layers move with the
    network they stand in (layer/1 alone). meta: provenance, anything JSON can hold.
    """

    features: tuple[Feature, ...]
    trees: tuple[Tree, ...]
    encoder: str = "raw/1"
    target: str = "latency_ns"
    unit: str = "ns"
    link: str = "identity"
    leaves: str = "float32"
    bias: float = 0.0
    scale: float = 1.0
    base: Base | None = None
    levels: tuple[Level, ...] = ()
    spread: Spread | None = None
    tables: tuple[Table, ...] = ()
    overhead: float = 0.0
    layer_overhead: float = 0.0
    calls: Calls | None = None
    rounding_error: float = 0.0
    meta: dict[str, Any] = field(default_factory=dict)

    def quantised(self) -> Model:
        """The same with int16 leaves, all of one scale; `rounding_error` then says how far a score can move."""
        if self.leaves == "int16":
            return self
        largest = max((float(np.abs(t.leaves).max()) for t in self.trees), default=0.0)
        step = largest / 32767 if largest > 0 else 1.0
        trees = tuple(
            replace(t, leaves=np.rint(t.leaves.astype(np.float64) / step).astype(np.int16)) for t in self.trees
        )
        error = sum(
            float(np.abs(q.leaves * step - t.leaves.astype(np.float64)).max()) for q, t in zip(trees, self.trees)
        )
        scale = step * self.scale
        return replace(self, trees=trees, leaves="int16", scale=scale, rounding_error=error * abs(self.scale))


def check_model(model: Model) -> None:
    """Raises DataError for what a file cannot hold or a kernel would refuse."""
    _check_counts(model)
    for i, tree in enumerate(model.trees):
        _check_tree(model, i, tree)
    if model.base is not None:
        rows = 2 if model.base.kind == "roofline" else 1
        if model.base.weights.shape != (rows, len(model.features)):
            raise DataError(
                f"base term: weights of shape {model.base.weights.shape}, not {(rows, len(model.features))}"
            )
        if not np.isfinite(model.base.weights).all() or not np.isfinite(model.base.constant):
            raise DataError("base term: a weight is not finite")
    last = 0.0
    for level in model.levels:
        if not last < level.level < 1 or not level.low <= 0 <= level.high:
            raise DataError(f"interval {level}: levels must ascend between 0 and 1, with low <= 0 <= high")
        last = level.level
    if model.spread is not None:
        _check_spread(model.spread, len(model.features))
    _check_tables(model)
    if model.calls is not None and (model.encoder != "layer/1" or not 1 <= len(model.calls.knots) <= MAX_KNOTS):
        raise DataError(f"calls: they need layer/1 and 1 to {MAX_KNOTS} knots")
    if model.calls is not None and calls_of(vars(model.calls)) is None:
        raise DataError("calls: they must be positive, and their knots ascend")
    if not np.isfinite([model.bias, model.scale, model.overhead, model.layer_overhead, model.rounding_error]).all():
        raise DataError("bias, scale, overheads and rounding error must be finite")


def _check_counts(model: Model) -> None:
    if not 1 <= len(model.features) <= MAX_FEATURES:
        raise DataError(f"a predictor has 1 to {MAX_FEATURES} features, not {len(model.features)}")
    if len(model.trees) > MAX_TREES:
        raise DataError(f"{len(model.trees)} trees: a predictor holds at most {MAX_TREES}")
    if len(model.levels) > MAX_LEVELS:
        raise DataError(f"{len(model.levels)} interval levels: a predictor holds at most {MAX_LEVELS}")
    for value, known, what in (
        (model.link, LINKS, "link"),
        (model.leaves, LEAVES, "leaves"),
        (model.encoder, tuple(ENCODERS), "encoder"),
        (model.base.kind if model.base else "none", BASES, "base term"),
    ):
        if value not in known:
            raise DataError(f"{what} {value!r} is none of {', '.join(known)}")
    for text, size, what in ((model.target, 24, "target"), (model.unit, 8, "unit")):
        if len(text.encode()) >= size:
            raise DataError(f"{what} {text!r} is longer than {size - 1} bytes")
    ids = n_features_of(model.encoder) or len(model.features)
    for feature in model.features:
        if not 0 <= feature.id < ids:
            raise DataError(f"feature {feature.name!r}: id {feature.id}, the encoder {model.encoder} has {ids}")
        if not -3.5e38 < feature.low <= feature.high < 3.5e38:
            raise DataError(f"feature {feature.name!r}: range {feature.low} to {feature.high} is not low <= high")


def _check_spread(spread: Spread, n_features: int) -> None:
    depth = len(spread.features)
    if not 1 <= depth <= MAX_DEPTH or spread.thresholds.shape != (depth,) or spread.shares.shape != (1 << depth,):
        raise DataError(f"spread: depth 1 to {MAX_DEPTH}, as many thresholds, 2^depth shares; it has depth {depth}")
    if spread.features.min() < 0 or spread.features.max() >= n_features or not np.isfinite(spread.thresholds).all():
        raise DataError(f"spread: a feature that is not among the {n_features}, or a threshold that is not finite")
    if not ((spread.shares > 0) & (spread.shares <= 1)).all():
        raise DataError("spread: a share is not above 0 and at most 1")


def n_features_of(encoder: str) -> int:
    """How many features an encoder can derive; 0 for raw/1, which takes what it is given."""
    if encoder == "layer/1":
        return N_LAYER_FEATURES
    if encoder == "raw/1":
        return 0
    from augur_edge.predict.encode_spaces import feature_names

    return len(feature_names(encoder))


def _check_tables(model: Model) -> None:
    if not model.tables:
        return
    if model.encoder in ("raw/1", "layer/1"):
        raise DataError(f"tables belong to search spaces; the encoder {model.encoder} has no slots")
    from augur_edge.predict.encode_spaces import slot_sizes

    sizes = slot_sizes(model.encoder)
    if len(model.tables) > MAX_TABLES:
        raise DataError(f"{len(model.tables)} tables: a predictor holds at most {MAX_TABLES}")
    last = -1
    for table in model.tables:
        if not last < table.slot < len(sizes):
            raise DataError(f"table of slot {table.slot}: slots ascend, and {model.encoder} has {len(sizes)}")
        if table.values.shape != (sizes[table.slot],) or not np.isfinite(table.values).all():
            raise DataError(f"table of slot {table.slot}: {sizes[table.slot]} finite values, not {table.values.shape}")
        last = table.slot


def _check_tree(model: Model, i: int, tree: Tree) -> None:
    if not 1 <= tree.depth <= MAX_DEPTH:
        raise DataError(f"tree {i}: depth {tree.depth} is not 1 to {MAX_DEPTH}")
    if tree.thresholds.shape != (tree.depth,) or tree.leaves.shape != (1 << tree.depth,):
        raise DataError(f"tree {i}: {tree.depth} features need as many thresholds, and {1 << tree.depth} leaves")
    if not np.isfinite(tree.thresholds).all() or not np.isfinite(tree.leaves).all():
        raise DataError(f"tree {i}: a threshold or leaf is NaN or infinite")
    if tree.features.min() < 0 or tree.features.max() >= len(model.features):
        raise DataError(f"tree {i}: a feature that is not among the {len(model.features)}")
    if tree.leaves.dtype != np.dtype(model.leaves):
        raise DataError(f"tree {i}: leaves are {tree.leaves.dtype}, the predictor's are {model.leaves}")
