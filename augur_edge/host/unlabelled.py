"""Layers without measurements, for a teacher to label: of the prior, and relatives of the measured ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from augur_edge.host.features import I64
from augur_edge.predict.encode import CONV, DENSE, KINDS, LEAST, TCONV, encode, layer_matrix
from augur_edge.prior import KINDS as PRIOR_KINDS
from augur_edge.prior import kind_of, sample_layers

_CHANNELS = np.array(
    [1, 2, 3, *range(4, 32, 2), *range(32, 64, 4), *range(64, 128, 8), *range(128, 512, 16), *range(512, 2049, 64)],
    np.int64,
)
_SIDES = np.arange(1, 353, dtype=np.int64)  # all: a machine's tiles of places show at sides that are no multiples
_FEW_CHANNELS = 0.25  # of the moves lead to far fewer: steps are steepest there, and the student fell behind there
_MOST_OF_PRIOR = 2000  # drawing these takes longer than all the rest


def unlabelled(layers: I64, ops: list[str], count: int, seed: int) -> I64:
    """int64[about count, 16]: most are relatives of `layers`, at most 1 in 20 from the prior where it has their kinds.

    ops: names of the ops in `layers`. Relatives keep op, kernel, stride and grouping; sizes and channels move.
    """
    kinds = sorted({kind for kind in map(kind_of, ops) if kind in PRIOR_KINDS})
    share = min(count // 20, _MOST_OF_PRIOR) // max(len(kinds), 1)
    parts = [relatives(layers, count - share * len(kinds), seed)]
    if kinds and share:
        parts.append(_of_prior(",".join(f"{kind}:{share}" for kind in kinds), seed))
    return np.concatenate(parts)


@lru_cache(maxsize=8)
def _of_prior(kinds: str, seed: int) -> I64:
    """int64[n, 16], kept: cross-validated trainings of one seed draw the same."""
    return layer_matrix(sample_layers(kinds, seed))


def relatives(layers: I64, count: int, seed: int) -> I64:
    """int64[n <= count, 16] of layers near measured ones; those whose kernel no longer fits are left out."""
    rng = np.random.default_rng(seed)
    channels_seen, sides_seen = np.unique(layers[:, 5:7]), np.unique(layers[:, 3:5])

    def channels_near(values: I64) -> I64:
        return _moved(values, (_CHANNELS, channels_seen), rng, 0.6, _FEW_CHANNELS)

    def sides_near(values: I64) -> I64:
        return _moved(values, (_SIDES, sides_seen), rng, 0.5)

    out = layers[rng.choice(len(layers), count, p=_chances(layers))].copy()
    multiplies = np.isin(KINDS[out[:, 0]], (CONV, TCONV, DENSE))
    depthwise = (out[:, 12] > 1) & (out[:, 5] == out[:, 12])
    dense = (out[:, 12] == 1) & multiplies
    same = out[:, 5] == out[:, 6]
    for column in (5, 6):
        moved = channels_near(out[:, column])
        out[:, column] = np.where(dense, moved, out[:, column])
    channels = channels_near(out[:, 5])
    plain = depthwise | (~multiplies & same)
    for column in (5, 6):
        out[:, column] = np.where(plain, channels, out[:, column])
    out[:, 12] = np.where(depthwise, out[:, 5], out[:, 12])
    _move_groups(out, (out[:, 12] > 1) & ~depthwise, rng)
    high, wide = out[:, 3].copy(), out[:, 4].copy()
    out[:, 3] = np.where(high > 1, sides_near(high), 1)
    other = np.where(wide > 1, sides_near(wide), 1)  # rows of a dense layer have width 1 and keep it
    out[:, 4] = np.where(high == wide, out[:, 3], other)
    return np.asarray(out[_possible(out)])


def _chances(layers: I64) -> npt.NDArray[np.float64]:
    """float64[n], sum 1: rare kernels, strides and groupings are taken more often than their share."""
    shape = np.stack([*layers[:, [0, 1, 7]].T, (layers[:, 12] > 1) + 0, (layers[:, 5] == layers[:, 12]) + 0], axis=1)
    _, inverse, counts = np.unique(shape, axis=0, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[inverse.reshape(-1)])
    return np.asarray(weights / weights.sum())


def _moved(values: I64, grids: tuple[I64, I64], rng: np.random.Generator, chance: float, few: float = 0.0) -> I64:
    """With `chance` a value within a factor of about two: 2 in 5 times of the first grid, else of the second.

    few: share of the moves that go down, by a factor of three and more.
    """
    out = values
    down = rng.random(len(values)) < few
    wished = np.log(values) + np.where(down, rng.normal(-1.2, 1.0, len(values)), rng.normal(0, 0.5, len(values)))
    pick = rng.random(len(values))
    for grid, low, high in ((grids[0], 0.0, 0.4 * chance), (grids[1], 0.4 * chance, chance)):
        logs = np.log(grid)
        near = grid[np.searchsorted((logs[1:] + logs[:-1]) / 2, wished)]
        out = np.where((low <= pick) & (pick < high), near, out)
    return np.asarray(out)


def _move_groups(out: I64, rows: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Grouped convolutions get other blocks: 2 to 64 channels each, the groups kept or doubled or halved."""
    n = int(rows.sum())
    groups = np.maximum((out[rows, 12] << rng.integers(0, 3, n)) >> 1, 2)
    block = np.int64(2) ** rng.integers(1, 7, n)
    out[rows, 12] = groups
    out[rows, 5] = out[rows, 6] = np.minimum(groups * block, groups * (2048 // groups))


def _possible(layers: I64) -> npt.NDArray[np.bool_]:
    """bool[n]: which layers the encoder takes, and that are not too large."""
    from augur_edge.prior import MAX_BYTES, MAX_MACS

    good = (layers >= LEAST).all(axis=1)
    reach = layers[:, 11:12] * (layers[:, 1:3] - 1)
    good &= (layers[:, 3:5] + layers[:, 9:11] >= reach + 1).all(axis=1)
    features = np.zeros((len(layers), 2))
    features[good] = encode(layers[good])[:, [19, 23]]
    return np.asarray(good & (features[:, 0] <= 8 * MAX_MACS) & (features[:, 1] <= 4 * MAX_BYTES))
