"""The device half works with the host half deleted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import augur_edge
from augur_edge.predict.example import example

SAMPLES = "kx,ifmx,ifmy,zin,zout,stridex,pad_x,group,latency_us\n" + "".join(
    f"3,{size},{size},{width},{width},1,1,1,{size * size * width * width / 1e4 + 5}\n"
    for size in (7, 14, 28, 56)
    for width in (16, 64, 128)
)
NET = {"layers": [{"name": "a", "op": "conv2d", "durations_ns": [50_000]}]}
GOLDEN = Path(__file__).parent / "predict" / "golden" / "layer-1.augpred"


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("device")
    package = Path(augur_edge.__file__).parent
    shutil.copytree(package, folder / "augur_edge", ignore=shutil.ignore_patterns("host", "__pycache__"))
    profiles = package.parent / "device_profiles"
    if profiles.is_dir():  # in a checkout the profiles are beside the package
        shutil.copytree(profiles, folder / "device_profiles")
    (folder / "net.json").write_text(json.dumps(NET))
    (folder / "example.augpred").write_bytes(example())
    (folder / "samples.csv").write_text(SAMPLES)
    assert (package / "host").is_dir()
    assert not (folder / "augur_edge" / "host").exists()
    return folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["probe", "--json"], "augur-edge/probe/1"),
        (["measure", "net.json", "--max-time", "0.5", "--json"], "augur-edge/measure/1"),
        (["show", "--json"], "augur-edge/measure/1"),
        (["predict", str(GOLDEN), "--dump"], "layer/1"),
        (["predict", "3,56,56,64,64,1,1,1"], " ms, with 90 % between "),
        (["adapt", "example.augpred", "samples.csv", "-o", "here.augpred"], ""),
        (["predict", "here.augpred", "--dump"], '"layers": 12'),
    ],
)
def test_a_command_of_the_device(device: Path, words: list[str], said: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(device), "AUGUR_EDGE_STORE": str(device / "store.db")}
    command = [sys.executable, "-m", "augur_edge", *words]
    done = subprocess.run(command, cwd=device, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
