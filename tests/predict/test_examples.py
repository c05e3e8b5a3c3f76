"""The examples are built and run as their users would; what embeds the kernel needs no Python and no C++ library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from forests import full_model

from augur_edge.cli import main
from augur_edge.predict.format import dumps

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"


def run(*words: str, cwd: Path, **extra: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(words, cwd=cwd, env={**environment, **extra}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def embed_c(tmp_path_factory):
    if not shutil.which("gcc"):
        pytest.skip("no gcc here")
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "examples/embed_c", folder / "embed_c", ignore=shutil.ignore_patterns("build", "main"))
    prefix = folder / "prefix"
    run("make", "install-c", f"PREFIX={prefix}", f"BUILD={folder / 'objects'}", cwd=ROOT)
    return folder / "embed_c", prefix


def test_the_c_example_reads_a_file(embed_c):
    folder, prefix = embed_c
    assert "Libs: " in (prefix / "lib/pkgconfig/augur.pc").read_text()
    run("make", f"PREFIX={prefix}", cwd=folder)
    assert "a row of 8 zeros: -9.455 ns" in run("./main", str(GOLDEN / "raw-float32.augpred"), cwd=folder)
    assert "layer 1: " in run("./main", str(GOLDEN / "layer-1.augpred"), cwd=folder)
    needed = run("readelf", "-d", "main", cwd=folder) if shutil.which("readelf") else ""
    assert "stdc++" not in needed and "python" not in needed
    shutil.copy(folder / "main", folder / "small")
    run("strip", "small", cwd=folder)
    assert (folder / "small").stat().st_size <= 60 * 1024


def test_the_c_example_with_its_model_inside(embed_c, capsys):
    folder, prefix = embed_c
    (folder / "board.augpred").write_bytes(dumps(full_model(encoder="layer/1")))
    assert main(["predict", str(folder / "board.augpred"), "--to-c", "-o", str(folder / "model.c"), "-q"]) == 0
    (folder / "main").unlink(missing_ok=True)
    run("make", "MODEL=model.c", f"PREFIX={prefix}", cwd=folder)
    inside = run("./main", cwd=folder)
    assert inside == run("./main", "board.augpred", cwd=folder) and "both: " in inside


def test_valgrind_finds_nothing(embed_c):
    folder, prefix = embed_c
    if not shutil.which("valgrind"):
        pytest.skip("no valgrind here")
    run("make", f"PREFIX={prefix}", cwd=folder)
    check = ("valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=all", "./main")
    for name in ("raw-float32", "all-parts-int16", "layer-1"):
        run(*check, str(GOLDEN / f"{name}.augpred"), cwd=folder)
        run(*check, str(GOLDEN / f"{name}.augpred"), cwd=folder, AUGUR_EDGE_KERNEL="scalar")


def test_the_cython_example(tmp_path):
    pytest.importorskip("Cython", reason="no Cython here to build it")
    shutil.copytree(
        ROOT / "examples/embed_cython", tmp_path / "it", ignore=shutil.ignore_patterns("*.so", "*.c", "build")
    )
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    run(sys.executable, "setup.py", "-q", "build_ext", "--inplace", cwd=tmp_path / "it", PYTHONPATH=path)
    out = run(sys.executable, "main.py", str(GOLDEN / "raw-float32.augpred"), cwd=tmp_path / "it", PYTHONPATH=path)
    assert "costs" in out
