"""How a predictor file holds its trees: columns of borders, slots and cuts of comparisons, leaves; see format.h."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError
from augur_edge.predict.model import MAX_COLUMNS, MAX_DEPTH, Tree

COLUMN = struct.Struct("<BBH")
PADDING_CUT = 127
LEAF_PADDING = 64  # bytes after every eighth tree of a depth
_DTYPES = {"float32": "<f4", "int16": "<i2"}

Columns = list[tuple[int, npt.NDArray[np.float32]]]


class Forest(NamedTuple):
    """The bytes of the sections 4 to 9."""

    columns: bytes
    borders: bytes
    depths: bytes
    slots: bytes
    cuts: bytes
    leaves: bytes


def packed(trees: Sequence[Tree], n_features: int, leaf_kind: str) -> Forest:
    """Trees in the order of their depth. Raises DataError for more thresholds than the format can hold."""
    trees = sorted(trees, key=lambda t: t.depth)
    columns = _columns_of(trees, n_features)
    slots, cuts = _slots_of(trees, columns)
    counts = np.bincount([t.depth for t in trees], minlength=16).astype("<u4") if trees else np.zeros(16, "<u4")
    return Forest(
        b"".join(COLUMN.pack(feature, len(borders), 0) for feature, borders in columns),
        b"".join(borders.astype("<f4").tobytes() for _, borders in columns),
        counts.tobytes(),
        slots.tobytes(),
        cuts.tobytes(),
        b"".join(_placed(trees, _DTYPES[leaf_kind])),
    )


def n_columns(forest: Forest) -> int:
    """Columns of borders."""
    return len(forest.columns) // COLUMN.size


def _columns_of(trees: list[Tree], n_features: int) -> Columns:
    """Every border once, feature by feature, in columns of at most 255."""
    if not trees:
        return []
    features = np.concatenate([t.features for t in trees])
    thresholds = np.concatenate([t.thresholds for t in trees]).astype(np.float32) + np.float32(0)  # no -0.0
    columns: Columns = []
    for feature in range(n_features):
        borders = np.unique(thresholds[features == feature])
        columns += [(feature, borders[i : i + 255]) for i in range(0, len(borders), 255)]
    if len(columns) > MAX_COLUMNS:
        raise DataError(
            f"the trees compare with too many thresholds: {len(columns)} columns of 255, at most {MAX_COLUMNS}; "
            "train with fewer borders a feature"
        )
    return columns


def _slots_of(trees: list[Tree], columns: Columns) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Column and cut of each comparison, padded as the format wants."""
    places = {(f, float(b)): (c, k - 128) for c, (f, borders) in enumerate(columns) for k, b in enumerate(borders)}
    slots: list[npt.NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    cuts: list[npt.NDArray[np.int8]] = [np.empty(0, np.int8)]
    for depth in range(1, MAX_DEPTH + 1):
        group = [t for t in trees if t.depth == depth]
        size = (len(group) * depth + 127) // 64 * 64 if group else 0
        slot, cut = np.zeros(size, np.uint8), np.full(size, PADDING_CUT, np.int8)
        for i, tree in enumerate(group):
            found = [places[f, t] for f, t in zip(tree.features.tolist(), tree.thresholds.tolist())]
            slot[i * depth : (i + 1) * depth], cut[i * depth : (i + 1) * depth] = zip(*found)
        slots.append(slot)
        cuts.append(cut)
    return np.concatenate(slots), np.concatenate(cuts)


def _placed(trees: list[Tree], kind: str) -> Iterator[bytes]:
    """The leaves tree by tree, with the padding after every eighth of a depth."""
    for _, group in groupby(trees, key=lambda t: t.depth):
        for i, tree in enumerate(group, 1):
            yield tree.leaves.astype(kind).tobytes() + (b"" if i % 8 else bytes(LEAF_PADDING))


def unpacked(forest: Forest, n_trees: int, n_columns: int, leaf_kind: str) -> list[Tree]:
    """The trees; their numbers and those of the columns as the header states them. Raises ValueError or IndexError."""
    records = list(COLUMN.iter_unpack(forest.columns))
    borders = np.split(np.frombuffer(forest.borders, "<f4"), np.cumsum([r[1] for r in records])[:-1])
    slots, cuts = np.frombuffer(forest.slots, np.uint8), np.frombuffer(forest.cuts, np.int8)
    leaves = np.frombuffer(forest.leaves, _DTYPES[leaf_kind])
    trees: list[Tree] = []
    gap, gaps = LEAF_PADDING // leaves.itemsize, b""
    slot_at = leaf_at = 0
    counts = np.frombuffer(forest.depths, "<u4").tolist()
    if any(len(b) == 0 or not (np.isfinite(b).all() and (np.diff(b) > 0).all()) for b in borders if records):
        raise ValueError("borders are NaN or infinite, or do not ascend")
    if sum(counts) != n_trees or n_columns != len(records) or any(counts[MAX_DEPTH + 1 :] + counts[:1]):
        raise ValueError("trees")
    for depth, count in enumerate(counts[: MAX_DEPTH + 1]):
        for i in range(count):
            at = slot_at + i * depth
            chosen = [(int(c), int(k) + 128) for c, k in zip(slots[at : at + depth], cuts[at : at + depth])]
            features = np.array([records[c][0] for c, _ in chosen], np.int64)
            thresholds = np.array([borders[c][k] for c, k in chosen], np.float32)
            trees.append(Tree(features, thresholds, leaves[leaf_at : leaf_at + (1 << depth)]))
            leaf_at += 1 << depth
            if i % 8 == 7:
                gaps += leaves[leaf_at : leaf_at + gap].tobytes()
                leaf_at += gap
        end = slot_at + ((count * depth + 127) // 64 * 64 if count else 0)
        padding = slice(slot_at + count * depth, end)
        if slots[padding].any() or (cuts[padding] != PADDING_CUT).any():
            raise ValueError("padding of the slots")
        slot_at = end
    if gaps.strip(b"\0"):
        raise ValueError("padding of the leaves")
    if leaf_at != len(leaves) or slot_at != len(slots) or slot_at != len(cuts):
        raise ValueError("slots or leaves")
    return trees
