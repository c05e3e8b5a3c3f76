"""The Edge TPU's runtime as far as it goes without one: a real child, a real delegate that takes no operator."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from coral import build_plugin, install_compiler

from augur_edge import timing
from augur_edge.device import software
from augur_edge.errors import AugurError, InferenceError, MissingExtraError, UsageError
from augur_edge.models.tflite_schema import decode_tflite, encode_tflite
from augur_edge.models.tflite_write import to_tflite
from augur_edge.runtime import RuntimeOptions, edgetpu, get
from augur_edge.runtime.edgetpu_compiler import Operators, table
from augur_edge.runtime.remote import RemoteTask
from augur_edge.zoo import Builder

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")


def model(dtype: str = "int8") -> bytes:
    b = Builder("small", (1, 3, 16, 16))
    x = b.relu(b.conv(b.relu(b.conv(b.input, 8, 3, padding=1)), 8, 3, padding=1))
    return to_tflite(b.network(x), dtype=dtype)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return install_compiler(tmp_path, monkeypatch)


def deploy(delegate: str | None, data: bytes | None = None) -> edgetpu.EdgeTpuDeployment:
    deployment = get("edgetpu").deploy(data or model(), RuntimeOptions(delegate=delegate))
    assert isinstance(deployment, edgetpu.EdgeTpuDeployment)
    return deployment


def test_what_can_go_wrong_with_libedgetpu_are_different_errors(
    tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "libedgetpu.so.1"
    broken.write_bytes(b"\x7fELF, but no library")
    said: dict[str, str] = {}
    for name, library in {
        "missing": str(tmp_path / "no/libedgetpu.so.1"),
        "unloadable": str(broken),
        **{kind: build_plugin(tmp_path, kind) for kind in ("REFUSES", "CRASHES", "CRASHES_LATER", "HANGS")},
    }.items():
        with pytest.raises(AugurError) as caught, monkeypatch.context() as patch:
            patch.setattr(edgetpu, "ANSWER_S", 1.0 if name == "HANGS" else edgetpu.ANSWER_S)
            deploy(library)
        said[name] = f"{type(caught.value).__name__}: {caught.value}"
        assert "\n" not in said[name]
    assert "MissingExtraError" in said["missing"] and "no such file" in said["missing"]
    assert "InferenceError" in said["unloadable"] and "cannot be loaded" in said["unloadable"]
    assert "found no Edge TPU" in said["REFUSES"] and "lsusb" in said["REFUSES"]
    assert "died of SIGSEGV (open)" in said["CRASHES"] and "crashed" in said["CRASHES"]
    assert "died of SIGSEGV (load)" in said["CRASHES_LATER"]
    assert "no answer within 1 s (open)" in said["HANGS"] and "hangs" in said["HANGS"]
    assert len(set(said.values())) == len(said)


def test_without_libedgetpu_it_says_what_to_install(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edgetpu, "edge_tpu", lambda: {"library": None, "pycoral": None})
    with pytest.raises(MissingExtraError, match="libedgetpu1-std"):
        deploy(None)


def test_a_network_is_compiled_once_and_timed_in_the_child(tmp_path: Path, calls: Path) -> None:
    library, out = build_plugin(tmp_path, "WORKS"), np.zeros(6, np.int64)
    made = deploy(library)
    timing.time_blocks(made.whole, 2, out)
    assert (out > 1000).all()
    replayed = np.zeros(8, np.int64)
    timing.replay([made.whole, made.floor], replayed)
    assert replayed.reshape(4, 2)[:, 0].min() > replayed.reshape(4, 2)[:, 1].min() > 0
    assert made.load_ns > 0 and made.first_ns > 0
    assert calls.read_text() == "compiled\n"
    again = deploy(library)
    assert calls.read_text() == "compiled\n"
    assert again.notes == made.notes
    notes = " ".join(made.notes)
    assert "Stand-in for the Edge TPU Compiler" in notes
    assert "SOFTMAX (1): Operation is otherwise supported" in notes and "CONV_2D" not in notes
    assert "nothing of it was mapped to the Edge TPU" in notes


def test_networks_nobody_needs_leave_the_child(tmp_path: Path, calls: Path) -> None:
    runtime, options = get("edgetpu"), RuntimeOptions(delegate=build_plugin(tmp_path, "WORKS"))
    task = runtime.deploy(model(), options).whole
    task.run()
    assert isinstance(task, RemoteTask)
    loop, number = task.remote, task.id
    del task
    runtime.deploy(model(), options).whole.run()
    with pytest.raises(RuntimeError, match=str(number)):
        loop.time_blocks(RemoteTask(loop, number, 1), 1, 1)


def test_a_child_that_dies_while_it_measures_is_an_error(tmp_path: Path, calls: Path) -> None:
    made = deploy(build_plugin(tmp_path, "WORKS"))
    made._loop._worker._process.kill()
    with pytest.raises(InferenceError, match="died of SIGKILL"):
        made.whole.run()


@pytest.mark.parametrize("how", ["dies", "hangs"])
def test_the_next_network_gets_a_new_child(
    how: str, tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, options = get("edgetpu"), RuntimeOptions(delegate=build_plugin(tmp_path, "WORKS"))
    made = runtime.deploy(model(), options)
    assert isinstance(made, edgetpu.EdgeTpuDeployment)
    worker = made._loop._worker
    if how == "dies":
        worker._process.kill()
    else:
        worker._process.send_signal(signal.SIGSTOP)
        worker._answer_s = 0.5
    with pytest.raises(InferenceError, match="crashed" if how == "dies" else "hangs"):
        runtime.deploy(model(), options)
    runtime.deploy(model(), options).whole.run()


def test_without_a_compiler_a_model_can_be_compiled_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"edgetpu_compiler is not installed.*MODEL_edgetpu.tflite"):
        edgetpu.prepared(model())


def test_a_model_the_compiler_refuses_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_compiler(tmp_path, monkeypatch, words="Invalid model: model.tflite\nModel not quantized")
    with pytest.raises(InferenceError, match=r"refused the model \(code 1\): Model not quantized"):
        edgetpu.prepared(model())
    assert list((tmp_path / "cache/augur-edge/edgetpu").iterdir()) == []


def test_a_float_model_is_refused_before_it_is_compiled(calls: Path) -> None:
    with pytest.raises(UsageError, match="float32"):
        edgetpu.prepared(model("float32"))
    assert calls.read_text() == ""


@pytest.mark.parametrize(("pooled", "left"), [(False, []), (True, ["MAX_POOL_2D (1)"])])
def test_a_compiled_model_is_taken_as_it_is_and_what_is_left_on_the_cpu_is_told(pooled: bool, left: list[str]) -> None:
    b = Builder("small", (1, 3, 16, 16))
    x = b.conv(b.input, 8, 3, padding=1)
    decoded = decode_tflite(to_tflite(b.network(b.max_pool(x, 2, 2) if pooled else x), dtype="int8"))
    convolution = decoded.subgraphs[0].operators[0]
    code = decoded.operatorCodes[convolution.opcodeIndex]
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = 32, 32, b"edgetpu-custom-op"
    convolution.builtinOptionsType, convolution.builtinOptions = 0, None
    data = encode_tflite(decoded)
    ready, notes = edgetpu.prepared(data)
    assert ready is data
    assert notes == [edgetpu.ALREADY_COMPILED] + [f"these run on the CPU, not on the Edge TPU: {text}" for text in left]
    assert edgetpu.layers_of(data) == []


def test_the_table_of_the_compiler_is_read() -> None:
    text = (
        "Edge TPU Compiler version 16.0.384591198\nInput model: m.tflite\nOperator  Count  Status\n\n"
        "ADD                            10         Mapped to Edge TPU\n"
        "DEPTHWISE_CONV_2D              3          Mapped to Edge TPU\n"
        "RESIZE_BILINEAR                1          Operation version not supported\n"
    )
    rows = table(text)
    assert rows == [
        Operators("ADD", 10, "Mapped to Edge TPU"),
        Operators("DEPTHWISE_CONV_2D", 3, "Mapped to Edge TPU"),
        Operators("RESIZE_BILINEAR", 1, "Operation version not supported"),
    ]
    assert [row.mapped for row in rows] == [True, True, False]


@pytest.mark.parametrize("kind", ["google", "unrelated"])
def test_google_s_pycoral_is_used_and_the_other_one_is_not(
    kind: str, tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's is a stand-in here that says it was called, over the interpreter that is installed."""
    files = {"pycoral/__init__.py": ""}
    if kind == "google":
        files = {
            **files,
            "pycoral/utils/__init__.py": "",
            "pycoral/utils/edgetpu.py": (
                "import pathlib\nfrom ai_edge_litert.interpreter import Interpreter\n"
                "def make_interpreter(path, device=None, delegate=None):\n"
                f"    pathlib.Path({str(tmp_path / 'used')!r}).write_text(path)\n"
                "    return Interpreter(model_path=path, experimental_delegates=[delegate])\n"
            ),
            "tflite_runtime/__init__.py": "",
            "tflite_runtime/interpreter.py": "from ai_edge_litert.interpreter import load_delegate\n",
        }
    for name, text in files.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{Path(software.__file__).parents[2]}")
    made = deploy(build_plugin(tmp_path, "WORKS"))
    assert (tmp_path / "used").exists() == (kind == "google")
    assert (edgetpu.NOT_GOOGLES in made.notes) == (kind == "unrelated")
    assert get("edgetpu").version.startswith("pycoral " if kind == "google" else "ai_edge_litert 2")
