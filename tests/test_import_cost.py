"""What it costs to import the package and to ask who we are; medians over processes of their own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.quiet

ROOT = Path(__file__).parents[1]
ROUNDS = 15


def run(*words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=True, timeout=60)


def wall_ms(*words: str) -> float:
    start = time.perf_counter()
    run(*words)
    return 1000 * (time.perf_counter() - start)


def test_importing_adds_at_most_15_ms() -> None:
    run("-c", "import augur_edge")  # so that bytecode is there
    pairs = [(wall_ms("-c", "import augur_edge"), wall_ms("-c", "pass")) for _ in range(ROUNDS)]
    added_ms = statistics.median(ours - bare for ours, bare in pairs)
    assert added_ms <= 15


def test_importing_loads_neither_numpy_nor_an_extra() -> None:
    code = (
        "import sys, augur_edge; print(sorted({'numpy', 'onnxruntime', 'ai_edge_litert', 'onnx'} & set(sys.modules)))"
    )
    assert run("-c", code).stdout == "[]\n"


def test_probe_takes_less_than_a_second() -> None:
    run("-m", "augur_edge", "probe")
    assert statistics.median(wall_ms("-m", "augur_edge", "probe") for _ in range(3)) < 1000
