"""Optuna asks a predictor: the example finds a network within the limit, and says so where there is none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="optuna is not installed")
ROOT = Path(__file__).parents[1]


def asked(*words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    script = [sys.executable, str(ROOT / "examples/optuna_search.py"), *words]
    return subprocess.run(script, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)


def test_a_study_within_a_limit() -> None:
    done = asked("--trials", "25", "--limit-ms", "0.6")
    assert done.returncode == 0, done.stderr
    trials, pruned = map(int, re.match(r"(\d+) trials, (\d+) of them", done.stdout).groups())  # type: ignore[union-attr]
    assert trials == 25 and 0 < pruned < 25
    assert 0 < float(re.search(r", ([\d.]+) ms", done.stdout)[1]) <= 0.6  # type: ignore[index]


def test_a_limit_that_nothing_keeps() -> None:
    done = asked("--trials", "2", "--limit-ms", "0.001")
    assert done.returncode == 1 and "nothing within 0.001 ms" in done.stderr
