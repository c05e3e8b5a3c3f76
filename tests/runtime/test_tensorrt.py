"""The TensorRT runtime over a stand-in of the bindings: it holds the order of calls, not that TensorRT takes them."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from augur_edge import timing
from augur_edge.errors import InferenceError, MissingExtraError, UsageError
from augur_edge.models.onnx_write import to_onnx
from augur_edge.runtime import RuntimeOptions, get, tensorrt
from augur_edge.zoo import Builder

LAYERS_MS = {"conv1 + relu1": 0.25, "pool": 0.125}


class Context:
    """Runs for a millisecond and reports LAYERS_MS to its profiler, as the documentation says a context does."""

    def __init__(self) -> None:
        self.profiler: Any = None
        self.addresses: dict[str, int] = {}

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        if set(self.addresses) != {"input", "output"} or stream != 7:
            return False
        time.sleep(0.001)
        if self.profiler is not None:
            for name, ms in LAYERS_MS.items():
                self.profiler.report_layer_time(name, ms)
        return True


class Engine:
    num_io_tensors = 2

    def get_tensor_name(self, i: int) -> str:
        return ("input", "output")[i]

    def get_tensor_dtype(self, name: str) -> str:
        return "FLOAT"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (1, 3, 16, 16) if name == "input" else (1, 8, 16, 16)

    def create_execution_context(self) -> Context:
        return Context()


class Builder_:  # noqa: N801
    plan: Any = b"plan"
    flags: list[str]

    def __init__(self, logger: Any) -> None:
        Builder_.flags = []

    def create_network(self, flags: int) -> int:
        return flags

    def create_builder_config(self) -> Any:
        return SimpleNamespace(set_flag=Builder_.flags.append)

    def build_serialized_network(self, network: Any, config: Any) -> Any:
        assert config.profiling_verbosity == "DETAILED"
        return Builder_.plan


class Parser:
    errors: ClassVar[list[str]] = []
    num_errors = property(lambda self: len(Parser.errors))

    def __init__(self, network: Any, logger: Any) -> None: ...

    def parse(self, model: bytes) -> bool:
        return not Parser.errors

    def get_error(self, i: int) -> Any:
        return SimpleNamespace(desc=lambda: Parser.errors[i])


class Logger:
    ERROR = 1

    def __init__(self, level: int) -> None: ...


class Cuda:
    stream = 7

    def allocate(self, content: bytes) -> int:
        return id(content)

    def wait(self) -> None: ...


@pytest.fixture
def bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the package and for the CUDA library."""
    module = SimpleNamespace(
        __version__="10.3.0-stand-in", Logger=Logger, Builder=Builder_, OnnxParser=Parser,
        IProfiler=type("IProfiler", (), {}), NetworkDefinitionCreationFlag=SimpleNamespace(EXPLICIT_BATCH=0),
        ProfilingVerbosity=SimpleNamespace(DETAILED="DETAILED"), BuilderFlag=SimpleNamespace(FP16="FP16"),
        nptype=lambda dtype: np.float32,
        Runtime=lambda logger: SimpleNamespace(deserialize_cuda_engine=lambda plan: Engine()),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    monkeypatch.setattr(tensorrt, "Cuda", Cuda)


def model() -> bytes:
    b = Builder("small", (1, 3, 16, 16))
    return to_onnx(b.network(b.relu(b.conv(b.input, 8, 3, padding=1))))


def test_without_the_bindings_it_says_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingExtraError, match=r"JetPack.*--system-site-packages"):
        get("tensorrt")


def test_an_engine_is_timed_whole_and_profiled_by_layer(bindings: None) -> None:
    made = get("tensorrt").deploy(model(), RuntimeOptions())
    out = np.zeros(3, np.int64)
    timing.time_blocks(made.whole, 1, out)
    assert out.min() >= 1_000_000
    profile = made.profile(5)
    assert profile.samples_ns == {"conv1 + relu1": [250_000] * 5, "pool": [125_000] * 5}
    assert len(profile.whole_ns) == 5
    assert tensorrt.NOTE in made.notes and Builder_.flags == []


def test_half_precision_is_a_delegate(bindings: None) -> None:
    get("tensorrt").deploy(model(), RuntimeOptions(delegate="fp16"))
    assert Builder_.flags == ["FP16"]


@pytest.mark.parametrize("options", [RuntimeOptions(delegate="dla"), RuntimeOptions(threads=2)])
def test_what_it_does_not_have_is_a_usage_error(bindings: None, options: RuntimeOptions) -> None:
    with pytest.raises(UsageError, match=r"leave --threads away|has gpu"):
        get("tensorrt").deploy(model(), options)


def test_a_network_it_does_not_take_is_told_in_its_words(bindings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Parser, "errors", ["No importer registered for op: Strange"])
    with pytest.raises(InferenceError, match=r"10.3.0-stand-in: the network is not taken: No importer .* Strange"):
        get("tensorrt").deploy(model(), RuntimeOptions())


def test_an_engine_that_cannot_be_built_is_an_error(bindings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Builder_, "plan", None)
    with pytest.raises(InferenceError, match="no engine could be built"):
        get("tensorrt").deploy(model(), RuntimeOptions())


def test_without_the_cuda_library_it_says_so(bindings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from augur_edge.runtime import cuda

    monkeypatch.setattr(tensorrt, "Cuda", cuda.Cuda)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    monkeypatch.setattr(cuda, "_PLACES", ())
    with pytest.raises(MissingExtraError, match="libcudart"):
        get("tensorrt").deploy(model(), RuntimeOptions())
