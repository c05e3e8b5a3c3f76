"""A whole search space scored: all 15 625 cells of NAS-Bench-201 at once from Python, and one at a time from C.

Three predictors: the space as one table, additive tables of the edges' ops, and 128 trees of depth 6 over features. For
FBNet and once-for-all, and as many random networks, what students are: tables of the answers and of neighbouring pairs.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from augur_edge import spaces
from augur_edge.predict import Predictor
from augur_edge.predict import encode_spaces as es
from augur_edge.predict.format import dumps
from augur_edge.predict.model import Feature, Model, Table, Tree

CSRC = Path(__file__).parents[2] / "csrc"
CELLS = np.stack(np.unravel_index(np.arange(15625), (5,) * 6, order="F"), axis=1).astype(np.uint8).copy()
LARGE = ("fbnet", "ofa_mbv3")
ALL_MS, ONE_NS = 3.0, 150.0


def models() -> dict[str, Model]:
    rng = np.random.default_rng(0)
    name = "nasbench201/1"
    names = es.feature_names(name)
    edges = tuple(Table(i, rng.normal(size=5).astype(np.float32)) for i in range(12))
    x = es.features(name, CELLS)[:, 60:82]
    trees = []
    for _ in range(128):
        features = rng.integers(0, 22, 6)
        cuts = np.array([rng.choice(x[:, f]) for f in features], np.float32)
        trees.append(Tree(features, cuts, rng.normal(size=64).astype(np.float32)))
    used = tuple(Feature(names[60 + i], 60 + i) for i in range(22))
    whole = Table(12, rng.normal(size=15625).astype(np.float32))
    return {
        "table": Model(used[:1], (), name, link="exp", tables=(whole,)),
        "edges": Model(used[:1], (), name, link="exp", tables=edges),
        "trees": Model(used, tuple(trees), name, link="exp", tables=edges, scale=0.01).quantised(),
    }


def of_pairs(space: str) -> tuple[Model, npt.NDArray[np.uint8]]:
    """A student of a large space, and vectors to ask it for."""
    rng, encoder = np.random.default_rng(1), f"{space}/1"
    pairs = tuple(Table(i, rng.normal(size=n).astype(np.float32)) for i, n in enumerate(es.slot_sizes(encoder)))
    answers = [len(choice.ops) for choice in spaces.get(space).choices]
    model = Model((Feature(es.feature_names(encoder)[0], 0),), (), encoder, tables=pairs)
    return model, rng.integers(0, answers, (len(CELLS), len(answers))).astype(np.uint8)


def python_ms(predictor: Predictor, vectors: npt.NDArray[np.uint8]) -> float:
    """The lowest tenth of 60 scorings of all vectors."""
    out = np.empty(len(vectors), np.float32)
    times = []
    for _ in range(60):
        start = time.perf_counter_ns()
        predictor.predict_many(vectors, out)
        times.append(time.perf_counter_ns() - start)
    return sorted(times)[6] / 1e6


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    if not shutil.which("g++"):
        pytest.skip("no C++ compiler here")
    folder = tmp_path_factory.mktemp("bench")
    subprocess.run(["make", "-s", "-C", str(CSRC), f"BUILD={folder}"], check=True)
    source = Path(__file__).with_name("vectors.cc")
    command = ["g++", "-O2", "-std=c++17", f"-I{CSRC}/include", str(source), str(folder / "libaugur.a")]
    subprocess.run([*command, "-o", str(folder / "vectors")], check=True)
    return folder / "vectors"


@pytest.mark.parametrize("name", ["table", "edges", "trees", *LARGE])
def test_speed(name, program, tmp_path):
    model, vectors = of_pairs(name) if name in LARGE else (models()[name], CELLS)
    data = dumps(model)
    (tmp_path / "model.augpred").write_bytes(data)
    (tmp_path / "cells.u8").write_bytes(vectors.tobytes())
    done = subprocess.run(
        [str(program), str(tmp_path / "model.augpred"), str(tmp_path / "cells.u8")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    all_ms = python_ms(Predictor(data), vectors)
    print(
        f"\n{name}: {len(data)} bytes, all 15 625 from Python {all_ms:.2f} ms; from C, one, and one among all, in ns:"
    )
    print(done.stdout.strip())
    assert all_ms < ALL_MS
    if name != "trees":  # what `train --space` writes are tables, of small spaces and large ones
        assert float(done.stdout.split()[1]) < ONE_NS
