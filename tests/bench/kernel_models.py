"""Forests for the kernel's benchmark, trained by the peer on synthetic layers' costs and kept in build/bench."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.predict import Predictor, encode
from augur_edge.predict.format import dumps, loads
from augur_edge.predict.from_catboost import from_catboost
from augur_edge.predict.model import Base, Feature, Level, Model

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build/bench"
ROWS = 10_000

# Rows are copied to the peer's own argument type before the clock starts.
LOOP = """
#include <time.h>
#include <vector>
double ApplyCatboostModel(const std::vector<float> &features);
extern "C" double peer_ns(const float *rows, long n, long width) {
  std::vector<std::vector<float>> x;
  for (long i = 0; i < n; ++i) x.emplace_back(rows + i * width, rows + (i + 1) * width);
  timespec a, b;
  volatile double sum = 0;
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (const auto &row : x) sum = sum + ApplyCatboostModel(row);
  clock_gettime(CLOCK_MONOTONIC, &b);
  return ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / n;
}
"""


@dataclass
class Peers:
    """One forest as CatBoost (Python, Pool, exported C++), as onnxruntime runs it, and as ours (float32, int16)."""

    catboost: Any
    exported: Any
    onnx: Path
    model: Model
    predictor: Predictor
    rounded: Predictor
    x: np.ndarray


def forest(trees: int, depth: int, width: int) -> Peers:
    """The peers of one size; trained and compiled on first use."""
    import catboost

    FOLDER.mkdir(parents=True, exist_ok=True)
    stem = FOLDER / f"{trees}x{depth}x{width}"
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, (2 * ROWS, width)).astype(np.float32)
    model = catboost.CatBoostRegressor(
        iterations=trees,
        depth=depth,
        learning_rate=0.1,
        verbose=False,
        thread_count=2,
        random_seed=0,
        allow_writing_files=False,
    )
    if not stem.with_suffix(".so").exists():
        y = np.log1p(
            5 * x[:, 0] * x[:, 1] + np.floor(8 * x[:, 2]) / 3 * x[:, 3] + np.maximum(x[:, 4], x[:, 5]) * x[:, 6]
        )
        model.fit(x, y + x @ rng.uniform(0, 0.3, width))
        for kind in ("cbm", "json", "cpp", "onnx"):
            model.save_model(str(stem.with_suffix(f".{kind}")), format=kind)
        stem.with_suffix(".loop.cpp").write_text(LOOP)
        sources = [str(stem.with_suffix(".cpp")), str(stem.with_suffix(".loop.cpp"))]
        subprocess.run(["g++", "-O3", "-shared", "-fPIC", *sources, "-o", str(stem.with_suffix(".so"))], check=True)
    model.load_model(str(stem.with_suffix(".cbm")))
    exported = ctypes.CDLL(str(stem.with_suffix(".so"))).peer_ns
    exported.restype = ctypes.c_double
    exported.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_long]
    ours = from_catboost(stem.with_suffix(".json"))
    data, small = dumps(ours), dumps(ours.quantised())
    return Peers(model, exported, stem.with_suffix(".onnx"), ours, Predictor(data), Predictor(small), x[:ROWS].copy())


NAMES = [
    "macs", "bytes_moved", "weight_bytes", "input_bytes", "output_bytes", "intensity", "in_c", "out_c", "kernel_area",
    "out_places", "padded_8", "padded_32", "tiles_in_16", "tiles_out_16", "stride_h", "macs_per_output",
]  # fmt: skip


def layer_files() -> tuple[Path, Path, Path, Path]:
    """layer/1 with 16 features, base and exp; the same forest alone; 1000 layers' integers, and their features."""
    import catboost

    stem = FOLDER / "layers"
    paths = (
        stem.with_suffix(".augpred"),
        FOLDER / "forest.augpred",
        stem.with_suffix(".i64"),
        stem.with_suffix(".f32"),
    )
    rng, n = np.random.default_rng(0), 20_000
    kernel, size, stride = rng.choice([1, 3, 5], n), rng.choice([7, 14, 28, 56, 112], n), rng.choice([1, 1, 2], n)
    short = np.stack([
        kernel, size, size, 8 * rng.integers(1, 64, n), 8 * rng.integers(1, 64, n), stride, kernel // 2, np.ones(n),
    ], axis=1).astype(np.int64)  # fmt: skip
    layers = encode.from_short(short)
    ids = encode.feature_ids(NAMES)
    x = encode.encode(layers)[:, ids].copy()
    if not all(p.exists() for p in paths):
        FOLDER.mkdir(parents=True, exist_ok=True)
        model = catboost.CatBoostRegressor(
            iterations=128, depth=8, verbose=False, thread_count=2, random_seed=0, allow_writing_files=False
        )
        model.fit(x, np.log1p(0.2 * np.sin(x[:, 6]) + 0.3 * x[:, 10] + 0.001 * x[:, 7]))
        model.save_model(str(FOLDER / "layers.json"), format="json")
        features = tuple(Feature(name, i, 0, 1e12) for name, i in zip(NAMES, ids))
        alone = replace(from_catboost(FOLDER / "layers.json", encoder="layer/1"), features=features)
        weights = np.zeros((2, 16))
        weights[0, 0], weights[1, 1], weights[1, 2] = 0.01, 0.1, 0.1
        base = Base("roofline", 100.0, weights)
        full = replace(alone, link="exp", base=base, levels=(Level(0.9, -0.1, 0.1),), overhead=1000.0)
        paths[0].write_bytes(dumps(full))
        paths[1].write_bytes(dumps(alone))
        paths[2].write_bytes(layers[:1000].tobytes())
        paths[3].write_bytes(x[:1000].tobytes())
    assert loads(paths[0].read_bytes()).trees
    return paths
