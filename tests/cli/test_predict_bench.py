from __future__ import annotations

import json
from pathlib import Path

import pytest
from handmade import open_net

from augur_edge import predict_file
from augur_edge.cli import main
from augur_edge.cli.predict_text import answer_text
from augur_edge.predict import Predictor, kernel, kernels
from augur_edge.predict.example import example
from augur_edge.units import time_text

GOLDEN = Path(__file__).parents[1] / "predict/golden"
CELLS = str(GOLDEN / "vectors/nasbench201-1.augpred")
RAW, LAYER = str(GOLDEN / "raw-float32.augpred"), str(GOLDEN / "layer-1.augpred")


pytestmark = pytest.mark.usefixtures("restore_kernel")


def test_numbers_and_networks(capsys):
    assert main(["predict", LAYER, "3,56,56,64,64,1,1,1", "resnet18", "--level", "0.9"]) == 0
    lines = capsys.readouterr().out.splitlines()
    low, value, high, _ = Predictor.load(LAYER).interval(3, 56, 56, 64, 64, 1, 1, 1)
    bounds = f"{time_text(value)}, with 90 % between {time_text(low)} and {time_text(high)}"
    assert lines[0].startswith(f"3,56,56,64,64,1,1,1: {bounds}")
    assert lines[1].split() == ["layer", "op", "latency", "90%", "from", "to", "learnt", "such"]
    (total,) = (line for line in lines if line.startswith("resnet18: latency "))
    assert " between " not in total
    assert lines[-2:] == list(predict_file("resnet18", LAYER).remarks) and lines[-2].startswith(
        "the total has no bounds"
    )


def test_the_interval_is_told_unasked_and_what_was_not_learnt_too(capsys):
    """A figure far outside what a predictor learnt from looks like any other."""
    strange = "11,4096,4096,4096,4096,1,5,1"
    assert main(["predict", strange]) == 0
    assert "UNLIKE what it was trained on" in capsys.readouterr().out
    assert main(["predict", "3,56,56,64,64,1,1,1"]) == 0
    out = capsys.readouterr().out
    assert " ms, with 90 % between " in out and "UNLIKE" not in out
    assert main(["predict", RAW, "1,2,3,4,5,6,7,8"]) == 0
    assert "(no bounds: this predictor holds none of 90 %)" in capsys.readouterr().out


def test_a_total_says_why_it_is_not_the_sum_and_what_to_know():
    layers = [
        {"name": "a", "op": "conv2d", "value": 3e6, "low": 2e6, "high": 4e6, "in_domain": True},
        {"name": "b", "op": "gelu", "value": 1e6, "low": 0.5e6, "high": 9e6, "in_domain": False},
    ]
    answer = {"what": "net.onnx", "value": 3.5e6, "layers": layers, "remarks": ["half is new"]}
    lines = answer_text(answer, "latency_ns", "ns", 0.9).splitlines()
    assert lines[2].split() == ["b", "gelu", "1.00", "ms", "500.00", "us", "9.00", "ms", "no"]
    assert lines[3:] == [
        "",
        "layers add up to 4.00 ms; in a network run as a whole 500.00 us are saved, for layers need "
        "no calls of their own",
        "net.onnx: latency 3.50 ms",
        "half is new",
    ]
    answer["value"] = 4.1e6
    assert "100.00 us come on top, for the call" in answer_text(answer, "latency_ns", "ns", 0.9)
    answer["value"] = 4e6
    assert "add up" not in answer_text(answer, "latency_ns", "ns", 0.9)


def test_a_shape_left_open_is_given_as_for_measure(tmp_path, capsys):
    file = open_net(tmp_path)
    assert main(["predict", LAYER, file]) == 2
    assert "pass --shape x=1,3,224,224" in capsys.readouterr().err
    totals = []
    for shape in ("x=1,3,64,64", "x=1,3,128,128"):
        assert main(["predict", LAYER, file, "--shape", shape, "--json"]) == 0
        (answer,) = json.loads(capsys.readouterr().out)["answers"]
        totals.append(answer["value"])
        assert [layer["op"] for layer in answer["layers"]] == ["conv2d"] and answer["remarks"]
    assert totals[0] < totals[1]


def test_architectures_by_a_predictor_of_their_space(capsys):
    assert main(["predict", CELLS, "nasbench201:#3", "#3"]) == 0
    predictor = Predictor.load(CELLS)
    value = time_text(predictor.predict(*predictor.vector_of("#3")))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"nasbench201:#3: {value} (") and second.startswith(f"#3: {value} (")


def test_json(capsys):
    assert main(["predict", LAYER, "resnet18", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert next(iter(document)) == "schema" and document["schema"] == "augur-edge/predict/1"
    (answer,) = document["answers"]
    total = Predictor.load(LAYER).overhead + sum(layer["value"] for layer in answer["layers"])
    assert answer["value"] == pytest.approx(total, rel=1e-9)


def test_dump_shows_all(capsys):
    assert main(["predict", str(GOLDEN / "all-parts-int16.augpred"), "--dump"]) == 0
    out = capsys.readouterr().out
    for words in (
        "link exp",
        "base roofline",
        "interval 0.9",
        "meta note",
        "tree 8:",
        "int16 leaves, rounding moves",
        "x5",
    ):
        assert words in out


def test_rounding_writes_a_smaller_file(tmp_path, capsys):
    assert main(["predict", RAW, "--int16", "-o", str(tmp_path / "small.augpred")]) == 0
    assert (tmp_path / "small.augpred").stat().st_size < Path(RAW).stat().st_size * 0.75
    assert Predictor.load(tmp_path / "small.augpred").predict(*[0.5] * 8) == pytest.approx(
        Predictor.load(RAW).predict(*[0.5] * 8), abs=0.01
    )


def test_to_c_on_stdout(capsys):
    assert main(["predict", RAW, "--to-c"]) == 0
    assert f"augur_model_size = {Path(RAW).stat().st_size};" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([RAW], 2, "nothing to do"),
        ([RAW, "1,2"], 2, "2 features given"),
        ([RAW, "resnet18"], 2, "takes 8 ready features"),
        ([LAYER, "resnet19"], 2, "did you mean"),
        ([LAYER, "0,1,1,1,1,1,1,1"], 2, "out of range"),
        ([LAYER, "1.5,1,1,1,1,1,1,1"], 2, "neither numbers"),
        ([LAYER, "3,56,56,64,64,1,1,1", "--level", "0.999"], 2, "0.999"),
        ([LAYER, "nothing.onnx"], 2, "nothing.onnx"),
        ([LAYER, "resnet18", "--shape", "x=1,3,64,64"], 2, "for .onnx and .tflite files"),
        ([LAYER, "3,56,56,64,64,1,1,1", "--shape", "x=1,3,64,64"], 2, "for .onnx and .tflite files"),
        ([LAYER, "resnet18", "--shape", "x"], 2, "NAME=1,3,224,224"),
        ([CELLS, "resnet18"], 2, "a predictor of nasbench201's architectures, not of networks' layers"),
        ([CELLS, "nasbench201:#3", "--level", "0.9"], 2, "no interval"),
        (["absent.augpred", "1"], 2, "absent.augpred: No such file"),
        ([__file__, "1"], 5, "not an .augpred file"),
        ([RAW, "1", "--kernel", "abacus"], 2, "Valid values: "),
    ],
)
def test_bad_questions(words, code, text, capsys):
    assert main(["predict", *words]) == code
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1 and text in captured.err


def test_a_kernel_named_by_the_environment_is_used(monkeypatch, capsys):
    monkeypatch.setenv("AUGUR_EDGE_KERNEL", "scalar")
    assert main(["predict", RAW, "1,2,3,4,5,6,7,8"]) == 0
    assert kernel() == "scalar"
    monkeypatch.delenv("AUGUR_EDGE_KERNEL")


def test_bench_times_each_kernel(capsys):
    assert main(["bench", RAW, "--rows", "1,100", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "augur-edge/bench/1"
    assert [k["kernel"] for k in document["kernels"]] == list(kernels())
    assert all(1 < ns < 100_000 for k in document["kernels"] for ns in k["ns_per_row"].values())
    assert main(["bench", RAW, "--rows", "10", "--kernel", "scalar"]) == 0
    assert "scalar" in capsys.readouterr().out
    assert main(["bench", RAW, "--rows", "0"]) == 2


def test_without_a_predictor_the_example_answers_and_says_so(capsys):
    assert main(["predict", "3,56,56,64,64,1,1,1"]) == 0
    said = capsys.readouterr()
    assert "ANOTHER MACHINE" in said.err
    assert 0.1 < float(said.out.split()[1]) < 10 and said.out.split()[2] == "ms,"


def test_a_network_is_priced_as_its_runtime_deploys_it(capsys):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    assert main(["predict", "squeezenet1_0", "--level", "0.8", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    ops = {layer["op"] for layer in answer["layers"]}
    assert "relu" not in ops and "reorder" in ops
    assert answer["low"] < answer["value"] < answer["high"]
    model = json.loads(Predictor(example()).meta_json)["training"]
    assert model["network"]["measured"] >= 20 and model["runtime"] == "onnxruntime" and model["threads"] == 1
