"""The encoders of search spaces in numpy, the twin of csrc/predict/spaces.cc; format.h lists slots and features.

For each encoder: `features(name, vectors)` gives what trees and base terms may use, `slots(name, vectors)` the values
that tables are read at, `slot_sizes(name)` how many values a slot has, `feature_names(name)` what to call the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np
import numpy.typing as npt

from augur_edge import spaces
from augur_edge.errors import UsageError
from augur_edge.spaces import fbnet, nasbench201

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

_CELL_PLACES = (5,) * 12 + (15625,) * 2
_PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))  # edges of each way from node 0 to node 3
_TARGETS = ((0,), (1, 2), (3, 4, 5))  # edges into nodes 1, 2 and 3
_SKELETON_MACS = 7783040
_OP_MACS = np.array([0, 0, 3932160, 35389440, 0])  # of one edge in all 15 cells of the usual skeleton
_MAP_BYTES = 573440  # all 15 maps once, float32
_OP_BYTES = np.array([0, 0, 2 * _MAP_BYTES + 107520, 2 * _MAP_BYTES + 967680, 2 * _MAP_BYTES])


@dataclass(frozen=True)
class Encoder:
    """code: in a file's header. places: sizes of the numbers tables are read at. pairs: neighbours have slots too."""

    name: str
    code: int
    space: str
    places: tuple[int, ...]
    pairs: bool
    names: tuple[str, ...]
    read: Callable[[I64], I64]
    fill: Callable[[I64], npt.NDArray[np.float64]]


def check_vectors(name: str, vectors: npt.ArrayLike) -> U8:
    """uint8[n, length], C-contiguous. Raises UsageError for another length and for numbers beyond a position's size."""
    space = spaces.get(ENCODERS[name].space)
    found = np.asarray(vectors)
    if found.ndim != 2 or found.shape[1] != len(space.choices) or found.dtype.kind not in "iu":
        wanted = f"whole numbers [n, {len(space.choices)}]"
        raise UsageError(f"{name}: vectors are {wanted}, not {found.dtype} {found.shape}")
    bad = np.flatnonzero(((found < 0) | (found >= space.sizes)).any(axis=1))
    if len(bad):
        space.validate(found[bad[0]].tolist())
    return np.ascontiguousarray(found, np.uint8)


def features(name: str, vectors: npt.ArrayLike) -> F32:
    """Every feature the encoder can derive: float32[n, features]. Raises UsageError as `check_vectors`."""
    return ENCODERS[name].fill(check_vectors(name, vectors).astype(np.int64)).astype(np.float32)


def slots(name: str, vectors: npt.ArrayLike) -> I64:
    """Value of every slot: int64[n, slots]. Raises UsageError as `check_vectors`."""
    encoder = ENCODERS[name]
    places = encoder.read(check_vectors(name, vectors).astype(np.int64))
    if not encoder.pairs:
        return places
    return np.concatenate([places, places[:, :-1] * np.array(encoder.places[1:]) + places[:, 1:]], axis=1)


def slot_sizes(name: str) -> list[int]:
    """Number of values of each slot."""
    places = list(ENCODERS[name].places)
    return places + ([a * b for a, b in zip(places, places[1:])] if ENCODERS[name].pairs else [])


def feature_names(name: str) -> tuple[str, ...]:
    """Of all features, in the order of their ids."""
    return ENCODERS[name].names


def encoder_of(space: str) -> str:
    """The encoder of a search space, by the space's name. Raises UsageError where it has none."""
    for encoder in ENCODERS.values():
        if encoder.space == space:
            return encoder.name
    raise UsageError(f"{space}: no encoder; there are {', '.join(e.space for e in ENCODERS.values())}")


def vector_of_text(encoder: str, text: str) -> tuple[int, ...]:
    """The vector of an architecture's text, `SPACE:` before it or not. Raises UsageError, also for another space."""
    known = ENCODERS[encoder].space
    if not spaces.is_architecture(text):
        return spaces.get(known).encode(text)
    space, vector = spaces.resolve(text)
    if space.name != known:
        raise UsageError(f"{text}: this predictor is for {known}, not for {space.name}")
    return vector


def prune(cells: I64) -> I64:
    """int64[n, 6] of NAS-Bench-201 cells with `none` on every edge that is on no path of working edges."""
    working = cells != nasbench201.NONE
    alive = np.zeros_like(working)
    for path in _PATHS:
        alive[:, path] |= working[:, path].all(axis=1, keepdims=True)
    return np.where(alive, cells, nasbench201.NONE)


def _read_cells(cells: I64) -> I64:
    pruned = prune(cells)
    fives = 5 ** np.arange(6)
    return np.concatenate([cells, pruned, (cells @ fives)[:, None], (pruned @ fives)[:, None]], axis=1)


def _one_hot(values: I64, sizes: tuple[int, ...]) -> I64:
    """int64[n, sum of sizes]."""
    ones = [(values[:, i, None] == np.arange(size)).astype(np.int64) for i, size in enumerate(sizes)]
    return np.concatenate(ones, axis=1)


def _fill_cells(cells: I64) -> npt.NDArray[np.float64]:
    pruned = prune(cells)
    views = [cells, pruned]
    counts = [(view[:, :, None] == np.arange(5)).sum(axis=1) for view in views]
    edges = 6 - counts[1][:, 0]
    nodes = sum((pruned[:, list(t)] != 0).any(axis=1).astype(np.int64) for t in _TARGETS)
    adds = edges - nodes
    macs = [_SKELETON_MACS + c @ _OP_MACS for c in counts]
    work = [c @ _OP_BYTES for c in counts]
    bytes_ = [work[1] + 3 * _MAP_BYTES * adds, work[0] + 9 * _MAP_BYTES + 2 * _MAP_BYTES * counts[0][:, 0]]
    columns = [edges, nodes, adds, *_path_features(cells, pruned), macs[1], macs[0], *bytes_]
    hot = [_one_hot(view, (5,) * 6) for view in views]
    return np.concatenate([*hot, *counts, np.stack(columns, axis=1)], axis=1).astype(np.float64)


def _path_features(cells: I64, pruned: I64) -> list[I64]:
    """Of the pruned cell: paths, edges of the longest and the shortest, most convolutions and most MACs on one."""
    alive = np.stack([(pruned[:, p] != 0).all(axis=1) for p in _PATHS], axis=1)
    lengths = np.where(alive, [len(p) for p in _PATHS], 0)
    convs = np.stack([((cells[:, p] == 2) | (cells[:, p] == 3)).sum(axis=1) for p in _PATHS], axis=1)
    macs = np.stack([_OP_MACS[cells[:, p]].sum(axis=1) for p in _PATHS], axis=1)
    shortest = np.where(alive, lengths, 9).min(axis=1)
    return [
        alive.sum(axis=1), lengths.max(axis=1), np.where(shortest == 9, 0, shortest),
        np.where(alive, convs, 0).max(axis=1), np.where(alive, macs, 0).max(axis=1),
    ]  # fmt: skip


def _cell_names() -> tuple[str, ...]:
    ops = ("none", "skip", "conv1x1", "conv3x3", "pool")
    edges = [f"{a}>{b}" for a, b in nasbench201.EDGES]
    hot = [f"{view}{edge} {op}" for view in ("raw ", "") for edge in edges for op in ops]
    counts = [f"{view}{op}" for view in ("raw ", "") for op in ops]
    rest = ["edges", "nodes", "adds", "paths", "longest", "shortest", "path_convs", "path_macs"]
    return (*hot, *counts, *rest, "macs", "raw macs", "bytes", "raw bytes")


def _conv_cost(size: tuple[int, int], channels: tuple[int, int], kernel: int, groups: int) -> I64:
    """MACs, parameters and bytes of a convolution with its normalisation. size: pixels a side before and after."""
    (before, after), (c_in, c_out) = size, channels
    weights = kernel * kernel * (c_in // groups) * c_out
    moved = 4 * (before * before * c_in + after * after * c_out + weights)
    return np.array([after * after * weights, weights + 2 * c_out, moved])


def _fbnet_costs() -> tuple[I64, I64]:
    """int64[22, 9, 3] of every block at every layer, and int64[3] of the rest of the network."""
    table = np.zeros((22, 9, 3), np.int64)
    size, channels = 112, 16
    for i, (out, stride) in enumerate(fbnet.layers()):
        after, fits = size // stride, stride == 1 and channels == out
        for j, block in enumerate(fbnet.BLOCKS):
            if block == "skip":
                table[i, j] = 0 if fits else _conv_cost((size, after), (channels, out), 1, 1)
                continue
            kernel, inner, groups = int(block[1]), channels * int(block[4]), 2 if block.endswith("g2") else 1
            table[i, j] = _conv_cost((size, size), (channels, inner), 1, groups)
            table[i, j] += _conv_cost((size, after), (inner, inner), kernel, inner)
            table[i, j] += _conv_cost((after, after), (inner, out), 1, groups)
            table[i, j, 2] += 12 * after * after * out if fits else 0
        size, channels = after, out
    rest = _conv_cost((224, 112), (3, 16), 3, 1) + _conv_cost((size, size), (channels, 1504), 1, 1)
    return table, rest + np.array([1504 * 1000, 1505 * 1000, 4 * (1504 + 1505 * 1000 + 1000)])


def _fill_fbnet(vectors: I64) -> npt.NDArray[np.float64]:
    table, rest = _fbnet_costs()
    counts = (vectors[:, :, None] == np.arange(9)).sum(axis=1)
    costs = table[np.arange(22), vectors].sum(axis=1) + rest
    return np.concatenate([_fill_numbers((9,) * 22)(vectors), counts, costs], axis=1)


def _fill_numbers(sizes: tuple[int, ...]) -> Callable[[I64], npt.NDArray[np.float64]]:
    return lambda vectors: np.concatenate([vectors, _one_hot(vectors, sizes)], axis=1).astype(np.float64)


def _numbers(code: int, space: str) -> Encoder:
    """An encoder of the numbers themselves; fbnet/1 has more."""
    known = spaces.get(space)
    choices, sizes = known.choices, known.sizes
    names = [c.name for c in choices] + [f"{c.name} {op}" for c in choices for op in c.ops]
    fill = _fill_numbers(sizes)
    if space == "fbnet":
        names += [*fbnet.BLOCKS, "macs", "params", "bytes"]
        fill = _fill_fbnet
    return Encoder(f"{space}/1", code, space, sizes, True, tuple(names), lambda v: v, fill)


ENCODERS = {
    e.name: e
    for e in (
        Encoder("nasbench201/1", 3, "nasbench201", _CELL_PLACES, False, _cell_names(), _read_cells, _fill_cells),
        _numbers(4, "fbnet"),
        _numbers(5, "nasbench101"),
        _numbers(6, "darts"),
        _numbers(7, "nasbench_asr"),
        _numbers(8, "ofa_mbv3"),
    )
}
