"""Layers without measurements, for a teacher to label: of the prior, and relatives of the measured ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from augur_edge.host.features import I64
from augur_edge.predict.encode import CONV, DENSE, KINDS, LEAST, TCONV, encode, layer_matrix
from augur_edge.prior import KINDS as PRIOR_KINDS
from augur_edge.prior import kind_of, sample_layers

_CHANNELS = np.array(
    [1, 3, *range(4, 64, 4), *range(64, 128, 8), *range(128, 512, 16), *range(512, 2049, 64)], np.int64
)
_SIDES = np.array([1, 2, *range(3, 65), *range(72, 161, 8), *range(176, 353, 16)], np.int64)


def unlabelled(layers: I64, ops: list[str], count: int, seed: int) -> I64:
    """int64[about count, 16]: 19 in 20 are relatives of `layers`, the rest from the prior where it has their kinds.

    ops: names of the ops in `layers`. Relatives keep op, kernel, stride and grouping; sizes and channels move.
    """
    kinds = sorted({kind for kind in map(kind_of, ops) if kind in PRIOR_KINDS})
    share = count // 20 // max(len(kinds), 1)
    drawn = sample_layers(",".join(f"{kind}:{share}" for kind in kinds), seed) if kinds else []
    parts = [relatives(layers, count - share * len(kinds), seed)]
    if drawn:
        parts.append(layer_matrix(drawn))
    return np.concatenate(parts)


def relatives(layers: I64, count: int, seed: int) -> I64:
    """int64[n <= count, 16] of layers near measured ones; those whose kernel no longer fits are left out."""
    rng = np.random.default_rng(seed)
    channels_seen, sides_seen = np.unique(layers[:, 5:7]), np.unique(layers[:, 3:5])

    def channels_near(values: I64) -> I64:
        return _moved(values, (_CHANNELS, channels_seen), rng, 0.6)

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


def _moved(values: I64, grids: tuple[I64, I64], rng: np.random.Generator, chance: float) -> I64:
    """With `chance` a value within a factor of about two: 2 in 5 times of the first grid, else of the second."""
    out = values
    wished = np.log(values * np.exp(rng.normal(0, 0.5, len(values))))
    pick = rng.random(len(values))
    for grid, low, high in ((grids[0], 0.0, 0.4 * chance), (grids[1], 0.4 * chance, chance)):
        near = grid[np.abs(np.log(grid)[None, :] - wished[:, None]).argmin(axis=1)]
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
