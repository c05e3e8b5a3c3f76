"""A made-up machine with tiles and a roofline, so that teachers have something to find; and files of its layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from augur_edge.predict.encode import FEATURES, encode, from_short

HEADER = "kx,ifmx,ifmy,zin,zout,stridex,pad_x,group,latency,energy"


def short_layers(n: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """int64[n, 8] in Augur's columns: dense, pointwise and depthwise convolutions, all different."""
    rng = np.random.default_rng(seed)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < n:
        kernel, side = int(rng.choice([1, 3, 5])), int(rng.choice([7, 14, 28, 56]))
        c_in, c_out = (int(c) for c in 4 * rng.integers(1, 100, 2))
        depthwise = kernel > 1 and rng.random() < 0.4
        c_out, groups = (c_in, c_in) if depthwise else (c_out, 1)
        found[(kernel, side, side, c_in, c_out, int(rng.choice([1, 2])), kernel // 2, groups)] = None
    return np.array(list(found), np.int64)


def cycles(layers: npt.NDArray[np.int64], tile: int = 32) -> npt.NDArray[np.float64]:
    """float64[n]: tiled work, bytes and a call. layers: int64[n, 16]."""
    f = dict(zip(FEATURES, encode(layers).astype(np.float64).T))
    padded = np.ceil(f["in_c_per_group"] / tile) * tile / f["in_c_per_group"]
    padded = padded * np.ceil(f["out_c"] / tile) * tile / f["out_c"]
    work = f["macs"] * np.where(f["depthwise"] > 0, np.ceil(f["out_c"] / tile) * tile / f["out_c"], padded)
    return np.asarray(work / 512 + f["bytes_moved"] / 64 + 900)


def write_augur(path: Path, short: npt.NDArray[np.int64]) -> Path:
    """An Augur CSV of these layers; a cycle costs 250 pJ."""
    cost = cycles(from_short(short))
    lines = [",".join([*map(str, row), f"{c:.3f}", f"{c * 250:.3f}"]) for row, c in zip(short.tolist(), cost)]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path
