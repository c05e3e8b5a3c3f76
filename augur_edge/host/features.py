"""What a layer costs a machine, as physics sees it: padded work, weights, activations and tiles.

A machine computes whole tiles of channels, so cost is a staircase: 65 channels cost what 128 do. Which tiles, differs
from device to device; `infer_tiles` finds them from training layers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from augur_edge.predict.encode import CONV, DENSE, FEATURES, KINDS, MATMUL, TCONV, encode

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

TERMS = ("work", "weights", "inputs", "outputs", "tiles", "one")
_SIZES = (1, 8, 16, 32, 64, 128)
_LEAST = (1, 4, 8, 16)
_COLUMN = {name: i for i, name in enumerate(FEATURES)}


@dataclass(frozen=True)
class Tiles:
    """Channels computed at once: multiples of `inner` (in) and `outer` (out); below, powers of two from `least` on."""

    inner: int = 1
    outer: int = 1
    least: int = 1


def pad(channels: F64, tile: int, least: int) -> F64:
    """Channels that are computed where `channels` are asked for."""
    small = np.minimum(np.maximum(2.0 ** np.ceil(np.log2(np.maximum(channels, 1))), least), tile)
    return np.where(channels < tile, small, np.ceil(channels / tile) * tile)


def _columns(layers: I64) -> Callable[[str], F64]:
    """The encoder's features by name, float64[n] each."""
    features = encode(layers).astype(np.float64)
    return lambda name: features[:, _COLUMN[name]]


def layer_class(layers: I64) -> I64:
    """int64[n]: layers of one class share a roofline: -2 grouped and depthwise convolutions, else the op's code."""
    grouped = (KINDS[layers[:, 0]] == CONV) & (layers[:, 12] > 1)
    return np.where(grouped, -2, layers[:, 0])


def terms(layers: I64, tiles: Tiles) -> F64:
    """float64[n, 6] in the order of TERMS, each at least 1: MACs (or values written) and bytes over whole tiles.

    layers: int64[n, 16] as augur_edge.predict.encode. A block of a grouped convolution pads its own input channels,
    while its outputs are packed side by side: a depthwise layer computes `least` inputs for each output.
    """
    get = _columns(layers)
    kind, size = get("kind"), get("element_bytes")
    multiplies = np.isin(kind, (CONV, TCONV, DENSE, MATMUL))
    in_c, out_c, in_group = get("in_c"), get("out_c"), get("in_c_per_group")
    wide_in = np.where(layers[:, 12] > 1, pad(in_c, tiles.outer, tiles.least), pad(in_c, tiles.inner, tiles.least))
    wide_out, deep = pad(out_c, tiles.outer, tiles.least), pad(in_group, tiles.inner, tiles.least)
    waste = wide_out / out_c * deep / in_group
    columns = [
        np.where(multiplies, get("macs") * waste, get("output_bytes") / size),
        get("weight_bytes") * np.where(multiplies, waste, 1),
        get("input_bytes") * np.where(multiplies, wide_in / in_c, 1),
        get("output_bytes") * np.where(multiplies, wide_out / out_c, 1),
        np.where(multiplies, np.ceil(in_group / tiles.inner) * np.ceil(out_c / tiles.outer), 1),
        np.ones(len(layers)),
    ]
    return np.asarray(np.maximum(np.stack(columns, axis=1), 1.0))


def physics(layers: I64, tiles: Tiles, shares: F64) -> F64:
    """Features of the teachers, float64[n, d]: logs of terms and shapes, and each term's share of the fitted roofline.

    shares: float64[n, 6] as `Roofline.shares` gives them.
    """
    get = _columns(layers)
    in_c, out_c, out_h, out_w = get("in_c"), get("out_c"), get("out_h"), get("out_w")
    places = out_h * out_w
    wide_in, wide_out = pad(in_c, tiles.inner, tiles.least), pad(out_c, tiles.outer, tiles.least)
    logs = [get(n) for n in ("kernel_h", "stride_h", "in_h", "in_c", "out_c", "in_c_per_group", "dilation")]
    logs += [places, wide_in, wide_out, wide_in / in_c, wide_out / out_c]
    logs += [pad(out_h, 8, 8) * pad(out_w, 8, 8) / places, get("kernel_w") / get("kernel_h"), get("element_bytes")]
    flags = [get("kind") == k for k in range(8)]
    convolution, groups = get("kind") == CONV, get("groups") > 1
    flags += [convolution & ~groups & (get("kernel_area") == 1), get("depthwise") > 0]
    flags += [convolution & groups & (get("in_c_per_group") > 1), get("padding_h") > 0, get("fused_add") > 0]
    flags += [convolution & ~groups & (get("in_c") < 16), convolution & groups & (get("in_c_per_group") % 16 == 0)]
    blocks = [np.log2(np.gcd(layers[:, i] // by, 64)) for i in (5, 6) for by in (1, layers[:, 12])]
    ops = [get("op") == code for code in (14, 16, 21, 38)]
    logged = np.log(np.stack(logs, axis=1))
    return np.hstack(
        [np.log(terms(layers, tiles)[:, :5]), logged, np.stack(flags + blocks + ops, axis=1), shares[:, :5]]
    )


def infer_tiles(layers: I64, targets: Sequence[F64], seed: int = 0) -> Tiles:
    """The tiles whose additive cost model has the least cross-validated relative error on these layers.

    targets: float64[n] each, positive, NaN where unknown; tiles are the device's, so latency and energy find them
    together. A non-negative linear fit for each class of layers, for each candidate; larger tiles must win by one part
    in two hundred, so that layers which do not tell leave the tiles at 1.
    """
    fold = np.random.default_rng(seed).permutation(len(layers)) % 5
    classes = _merged(layer_class(layers), least=25)
    known = [(~np.isnan(y), y) for y in targets]
    best, found = np.inf, Tiles()
    for inner, outer, least in product(_SIZES, _SIZES, _LEAST):
        if least > min(inner, outer):
            continue
        tiles = Tiles(inner, outer, least)
        t = terms(layers, tiles)
        error = sum(_additive_error(t[k] / y[k, None], classes[k], fold[k]) for k, y in known if k.any())
        if error < 0.995 * best:
            best, found = error, tiles
    return found


def _merged(classes: I64, least: int) -> I64:
    """Classes of fewer than `least` layers as one."""
    values, counts = np.unique(classes, return_counts=True)
    return np.where(np.isin(classes, values[counts >= least]), classes, -1)


def _additive_error(scaled: F64, classes: I64, fold: I64) -> float:
    from scipy.optimize import nnls

    errors = np.zeros(len(scaled))
    for value in np.unique(classes):
        for k in range(5):
            train, test = (classes == value) & (fold != k), (classes == value) & (fold == k)
            if train.any() and test.any():
                weights, _ = nnls(scaled[train], np.ones(int(train.sum())))
                errors[test] = np.minimum(np.abs(scaled[test] @ weights - 1), 2.0)
    return float(errors.mean())
