"""The examples are built and run as their users would; what embeds the kernel needs no Python and no C++ library."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from forests import full_model

from augur_edge.cli import main
from augur_edge.predict import Predictor
from augur_edge.predict.encode import from_short
from augur_edge.predict.example import example
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


@pytest.fixture(scope="module")
def embed_cython(tmp_path_factory):
    """`examples/embed_cython` built, and how to run it."""
    return built_by_cython(ROOT / "examples/embed_cython", tmp_path_factory.mktemp("cython") / "it")


def built_by_cython(source, folder):
    pytest.importorskip("Cython", reason="no Cython here to build it")
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.so", "*.c", "build"))
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    run(sys.executable, "setup.py", "-q", "build_ext", "--inplace", cwd=folder, PYTHONPATH=path)
    return lambda *words: run(sys.executable, *words, cwd=folder, PYTHONPATH=path)


TWO = [[3, 56, 56, 64, 64, 1, 1, 1], [1, 56, 56, 64, 128, 1, 0, 1]]


def test_totals_are_the_same_in_c_cython_and_python(embed_c, embed_cython):
    """Of a predictor that prices a call by its network, in which no layer can be added up alone."""
    folder, prefix = embed_c
    (folder / "example.augpred").write_bytes(example())
    predictor = Predictor(example())
    layers = from_short(np.array(TWO))
    total = predictor.predict_network(layers)
    assert total != predictor.predict_many(layers).sum() + predictor.overhead + 2 * predictor.layer_overhead
    assert predictor.network_total(layers).total == total
    run("make", f"PREFIX={prefix}", cwd=folder)
    said = run("./main", "example.augpred", cwd=folder)
    assert f"both: {total:.1f} ns" in said
    layers[1, 6] = 96
    assert f"with 96 channels: {predictor.predict_network(layers):.1f} ns" in said
    code = (
        "import sys, numpy, cheapest; from augur_edge.predict import Predictor;"
        "from augur_edge.predict.encode import from_short;"
        f"print(repr(cheapest.total(Predictor.load(sys.argv[1]), from_short(numpy.array({TWO})))))"
    )
    assert float(embed_cython("-c", code, str(folder / "example.augpred"))) == total


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """worth.augpred and cost.augpred of FBNet's architectures, and what was said of them."""
    folder = tmp_path_factory.mktemp("search")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    script = str(ROOT / "examples/search/make_predictors.py")
    return folder, run(sys.executable, script, "-o", str(folder), "--check", "2", cwd=folder, PYTHONPATH=path)


def found_by(said: str) -> tuple[list[int], float, float]:
    """Architecture, worth and cost of what a search prints."""
    _, best, figures = said.splitlines()
    worth, cost = (float(word) for word in re.findall(r" ([\d.e+]+)(?=,| ns)", figures))
    return [int(n) for n in best.removeprefix("fbnet:").split(",")], worth, cost


def test_a_space_predictor_is_near_the_layer_predictor_it_came_from(searched):
    _, said = searched
    off = [abs(float(share)) for share in re.findall(r"by the table ([-+][\d.]+)%", said)]
    assert len(off) == 2 and max(off) < 6, said


def test_the_same_search_in_python_cython_and_c(searched, embed_c, tmp_path):
    folder, _ = searched
    words = [str(folder / "worth.augpred"), str(folder / "cost.augpred"), "6e6", "40000", "3"]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    best, worth, cost = found_by(
        run(sys.executable, str(ROOT / "examples/search/search.py"), *words, cwd=tmp_path, PYTHONPATH=path)
    )
    assert Predictor.load(words[0]).predict(*best) == pytest.approx(worth, rel=1e-5)
    assert Predictor.load(words[1]).predict(*best) == pytest.approx(cost, rel=1e-5) and cost <= 6e6
    shutil.copytree(ROOT / "examples/search/c", tmp_path / "c", ignore=shutil.ignore_patterns("build", "search"))
    run("make", f"PREFIX={embed_c[1]}", cwd=tmp_path / "c")
    in_c = found_by(run("./search", *words, cwd=tmp_path / "c"))
    assert in_c[2] <= 6e6 and in_c[1] == pytest.approx(worth, rel=0.03)
    absent = ["./search", words[0], "absent", "1"]
    refused = subprocess.run(absent, cwd=tmp_path / "c", capture_output=True, text=True, check=False)
    assert refused.returncode == 5 and "absent" in refused.stderr
    in_cython = built_by_cython(ROOT / "examples/search/cython", tmp_path / "cython")
    assert found_by(in_cython("main.py", *words)) == in_c


def test_valgrind_finds_nothing(embed_c):
    folder, prefix = embed_c
    if not shutil.which("valgrind"):
        pytest.skip("no valgrind here")
    run("make", f"PREFIX={prefix}", cwd=folder)
    check = ("valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=all", "./main")
    for name in ("raw-float32", "all-parts-int16", "layer-1"):
        run(*check, str(GOLDEN / f"{name}.augpred"), cwd=folder)
        run(*check, str(GOLDEN / f"{name}.augpred"), cwd=folder, AUGUR_EDGE_KERNEL="scalar")


def test_the_cython_example(embed_cython):
    """Layers, by the predictor that comes along: the least of them takes some microseconds, and is one of the least."""
    found = re.fullmatch(r"the cheapest is ([135]),14,14,(\d+),(\d+),1,[012],1: ([\d.]+) ns\n", embed_cython("main.py"))
    assert found is not None and int(found[2]) * int(found[3]) < 64 * 64 and 500 < float(found[4]) < 50_000
    raw = [sys.executable, "-c", "import numpy, cheapest; from augur_edge.predict import Predictor; import sys;"
           "cheapest.cheapest(Predictor.load(sys.argv[1]), numpy.ones((3, 16), 'int64'))"]  # fmt: skip
    with pytest.raises(AssertionError, match="not layers, or a predictor of something else"):
        embed_cython(*raw[1:], str(GOLDEN / "raw-float32.augpred"))
