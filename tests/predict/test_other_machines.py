"""The library built by every compiler that is here, for other processors too, which then are emulated by QEMU."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from forests import full_model, random_model, random_rows

from augur_edge.predict import Predictor
from augur_edge.predict.format import dumps

CSRC = Path(__file__).parents[2] / "csrc"
GOLDEN = Path(__file__).parent / "golden/vectors"

BUILDS = {
    "gcc": ("g++", []),
    "clang": ("clang++", []),
    "aarch64, Cortex-A72": ("aarch64-linux-gnu-g++", ["qemu-aarch64-static", "-cpu", "cortex-a72"]),
    "aarch64, newest": ("aarch64-linux-gnu-g++", ["qemu-aarch64-static", "-cpu", "max"]),
    "32-bit ARM": ("arm-linux-gnueabihf-g++", ["qemu-arm-static"]),
}


@pytest.fixture(scope="module")
def stems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    models = [full_model(leaves, encoder) for leaves in ("float32", "int16") for encoder in ("raw/1", "layer/1")]
    for leaves in ("float32", "int16"):
        models += [random_model(d, [d] * (11 + d), 3 * d, 40, leaves) for d in range(1, 13)]
        models += [
            random_model(40, list(range(1, 9)) * 6, 45, 200, leaves),
            random_model(41, [6] * 150, 8, 255, leaves),
        ]
        models += [random_model(42, [1, 4, 5, 6, 6] * 9, 20, 60, leaves)]
    stems = []
    for i, model in enumerate(models):
        x = random_rows(i, model, 140)
        data = dumps(model)
        stem = folder / f"model{i}"
        stem.with_suffix(".augpred").write_bytes(data)
        stem.with_suffix(".x").write_bytes(x.tobytes())
        stem.with_suffix(".y").write_bytes(np.asarray(Predictor(data).predict_many(x)).tobytes())
        stems.append(str(stem))
    for path in sorted(GOLDEN.glob("*.augpred")):
        want = np.load(path.with_suffix(".npz"))
        stem = folder / path.stem
        stem.with_suffix(".augpred").write_bytes(path.read_bytes())
        stem.with_suffix(".x").write_bytes(want["vectors"].tobytes())
        stem.with_suffix(".y").write_bytes(want["answers"].tobytes())
        stems.append(str(stem))
    return stems


@pytest.mark.parametrize("name", BUILDS)
def test_all_kernels_agree_with_this_machine(name, stems, tmp_path):
    compiler, emulator = BUILDS[name]
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler} here")
    if emulator and not shutil.which(emulator[0]):
        pytest.skip(f"no {emulator[0]} here")
    build = ["make", "-s", "-C", str(CSRC), f"BUILD={tmp_path}", f"CXX={compiler}"]
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    subprocess.run(build, check=True, env=environment)
    program = str(tmp_path / "check")
    include = ["-std=c++17", "-O1", f"-I{CSRC}/include", "-static"]
    sources = [str(CSRC / "tests/check_models.cc"), str(tmp_path / "libaugur.a")]
    subprocess.run([compiler, *include, *sources, "-o", program], check=True)
    done = subprocess.run([*emulator, program, *stems], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{len(stems)} files, 0 wrong" in done.stdout
    assert ("neon" in done.stdout) == name.startswith("aarch64")
