"""Inference engines, one a file, behind `base.Runtime`; nothing is imported before it is asked for."""

from __future__ import annotations

import importlib
import importlib.util

from augur_edge.errors import MissingExtraError, UsageError
from augur_edge.runtime.base import DeployedLayer, Deployment, LayerProfile, Runtime, RuntimeOptions, Task

__all__ = [
    "CHAINED", "ONLY_MODE", "DeployedLayer", "Deployment", "LayerProfile", "Runtime", "RuntimeOptions", "Task",
    "chained_layers", "check_name", "default_name", "get",
]  # fmt: skip

RUNTIMES = {
    "onnxruntime": "augur_edge.runtime.ort:OnnxRuntime",
    "litert": "augur_edge.runtime.litert:LiteRt",
    "tflite_runtime": "augur_edge.runtime.litert:TfliteRuntime",
    "edgetpu": "augur_edge.runtime.edgetpu:EdgeTpu",
    "tensorrt": "augur_edge.runtime.tensorrt:TensorRt",
    "fake": "augur_edge.runtime.fake:Fake",
}
CHAINED = frozenset({"edgetpu"})
"""Runtimes that run a network as one operator: their layers are measured as chains."""
ONLY_MODE = {"edgetpu": "isolated", "tensorrt": "profiler"}
"""Runtimes whose networks cannot be cut, with the one mode in which they tell of layers."""
TFLITE = ("litert", "tflite_runtime")
PACKAGES = {"onnxruntime": "onnxruntime", "litert": "ai_edge_litert", "tflite_runtime": "tflite_runtime"}


def get(name: str) -> Runtime:
    """The runtime called `name`. Raises UsageError for an unknown one, MissingExtraError if it is not installed."""
    check_name(name)
    module, _, attribute = RUNTIMES[name].partition(":")
    runtime: Runtime = getattr(importlib.import_module(module), attribute)()
    return runtime


def check_name(name: str) -> None:
    """Raises UsageError, with the names there are, for a runtime that is not one of them."""
    if name not in RUNTIMES:
        raise UsageError(f"--runtime {name}: unknown; valid names are {', '.join(RUNTIMES)}")


def default_name(suffix: str = "") -> str:
    """The runtime for a model file's suffix, or for a named network: onnxruntime if installed, else litert."""
    wanted = {".onnx": ("onnxruntime",), ".tflite": TFLITE}.get(suffix, ("onnxruntime", *TFLITE))
    for name in wanted:
        if importlib.util.find_spec(PACKAGES[name]):
            return name
    extra = {"onnxruntime": "ort", "litert": "litert"}[wanted[0]]
    raise MissingExtraError(f"no runtime for this network is installed: pip install 'augur-edge[{extra}]'")


def chained_layers(model: bytes) -> list[DeployedLayer]:
    """The layers of a model for one of `CHAINED`, unbound; none where the model is compiled already."""
    from augur_edge.runtime.edgetpu import layers_of

    return layers_of(model)
