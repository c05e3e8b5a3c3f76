"""Whichever call of a runtime's C API fails, what was made before it is let go of, and the reason is told."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augur_edge.timing import native

pytestmark = pytest.mark.skipif(native is None, reason="the native timing module is not built")
FLOAT = 1


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))), None)
    if compiler is None:
        pytest.skip("no C++ compiler here")
    made = tmp_path_factory.mktemp("native") / "libfake.so"
    source = Path(__file__).with_name("fake_runtimes.cc")
    plain = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}  # a sanitizer is for what runs here only
    subprocess.run([compiler, "-std=c++17", "-shared", "-fPIC", str(source), "-o", str(made)], check=True, env=plain)
    return str(made)


def aligned() -> Any:
    block = np.zeros(32, np.float32)
    start = -block.ctypes.data % 64 // 4
    return block[start : start + 1]


def ort(path: str, threads: int) -> None:
    assert native is not None
    for optimise in (True, False):
        session = native.OrtLibrary(path, threads).session(b"model", optimise)
        task = session.bind([("x", aligned(), [1], FLOAT)], [("y", aligned(), [1], FLOAT)])
        task.run()
        native.replay([task, task], np.zeros(4, np.int64))


def litert(path: str, threads: int) -> None:
    assert native is not None
    compiled = native.LiteRtLibrary(path).compile(b"model", threads, True)
    task = compiled.bind([("x", aligned(), [1], FLOAT)], [("y", aligned(), [1], FLOAT)])
    task.run()
    compiled.profile(task)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("use", "said"), [(ort, "as planned"), (litert, "failed with status 1")])
def test_nothing_is_left_whichever_call_fails(
    path: str, use: Callable[[str, int], None], said: str, threads: int, request: pytest.FixtureRequest
) -> None:
    fake = ctypes.CDLL(path)
    fake.fail_at(-1)
    gc.freeze()  # what other tests left need not be looked through after each call
    request.addfinalizer(gc.unfreeze)
    use(path, threads)
    gc.collect()
    assert fake.alive() == 0
    n_calls = fake.calls()
    assert n_calls > 10
    for call in range(n_calls):
        fake.fail_at(call)
        with pytest.raises(RuntimeError, match=said):
            use(path, threads)
        gc.collect()
        assert fake.alive() == 0, f"call {call} failed and left {fake.alive()} objects"
