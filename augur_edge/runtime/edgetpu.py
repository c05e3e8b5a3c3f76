"""Coral's Edge TPU: an int8 network compiled for it, run through LiteRT with `libedgetpu` as its delegate.

The delegate lives in a process of its own (`remote`): a libedgetpu that is older than the interpreter's TensorFlow
crashes it, and a device that was pulled out hangs it. It runs the network as one operator and has no profiler,
so layers are measured as chains (`measure.chained`).
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import tempfile
import weakref
from collections.abc import Collection
from pathlib import Path
from typing import Any

from augur_edge.device.software import EDGE_TPU_LIBRARY, edge_tpu, version_of
from augur_edge.errors import InferenceError, MissingExtraError, UsageError
from augur_edge.runtime.base import DeployedLayer, Deployment, LayerProfile, RuntimeOptions, Task
from augur_edge.runtime.edgetpu_compiler import compiled
from augur_edge.runtime.remote import RefusedError, RemoteLoop, RemoteTask, Worker, WorkerHangsError, WorkerLostError

ANSWER_S = 60.0
"""The first use of a USB accelerator loads its firmware, which takes seconds."""
COMPILED_OP = "edgetpu-custom-op"
NOT_GOOGLES = (
    "the package `pycoral` here is not Google's, which is on no registry, but another tool of that name: it is not used"
)
ALREADY_COMPILED = "a compiled file: its layers cannot be told apart; measure the model it was compiled from for them"
_PACKAGES = {"ai_edge_litert": "ai-edge-litert", "tflite_runtime": "tflite-runtime"}


def interpreter_package() -> str:
    """`pycoral` where Google's is installed, whose tflite_runtime fits libedgetpu; else the first interpreter here.

    Raises MissingExtraError where there is none.
    """
    pycoral = edge_tpu()["pycoral"]
    if pycoral == "google":
        return "pycoral"
    for name in _PACKAGES:
        if importlib.util.find_spec(name):
            return name
    also = f"; {NOT_GOOGLES}" if pycoral == "unrelated" else ""
    raise MissingExtraError(f"there is no TFLite interpreter: pip install 'augur-edge[litert]'{also}")


def delegate_library(delegate: str | None) -> str:
    """The file of the delegate: the one named, else libedgetpu where systems put it. Raises MissingExtraError."""
    if delegate is None:
        found: str | None = edge_tpu()["library"]
        if found is None:
            raise MissingExtraError(
                f"{EDGE_TPU_LIBRARY} is not installed: install libedgetpu1-std "
                "(coral.ai/docs/accelerator/get-started), or name the file: --delegate /path/to/libedgetpu.so.1"
            )
        return found
    if not Path(delegate).is_file():
        raise MissingExtraError(f"--delegate {delegate}: no such file; --runtime edgetpu takes the path of libedgetpu")
    return str(Path(delegate).resolve())


def model_operators(model: bytes) -> list[tuple[str, str]]:
    """(operator, dtype of its first output) of the main graph; a custom operator's own name."""
    from augur_edge.models.tflite_schema import DTYPES, decode_tflite, operator_code, operator_names

    decoded = decode_tflite(model)
    graph = decoded.subgraphs[0]
    out = []
    for op in graph.operators:
        code = decoded.operatorCodes[op.opcodeIndex]
        custom = code.customCode
        name = custom.decode("utf-8", "replace") if custom else operator_names()[operator_code(decoded, op)]
        out.append((name, DTYPES.get(graph.tensors[op.outputs[0]].type, "?")))
    return out


def layers_of(model: bytes) -> list[DeployedLayer]:
    """The operators of a model that is not compiled yet, as the CPU would execute them; none of a compiled one."""
    from augur_edge.runtime.litert import cut

    if any(name == COMPILED_OP for name, _ in model_operators(model)):
        return []
    return [DeployedLayer(x.name, x.op, x.nodes, x.spec, None, x.error) for x in cut(model).layers]


def prepared(model: bytes) -> tuple[bytes, list[str]]:
    """The model as the Edge TPU takes it, and notes on how it came about and what stays on the CPU."""
    names = [name for name, _ in model_operators(model)]
    if COMPILED_OP in names:
        rest = [name for name in names if name != COMPILED_OP]
        left = [_on_cpu([f"{n} ({rest.count(n)})" for n in dict.fromkeys(rest)])] if rest else []
        return model, [ALREADY_COMPILED, *left]
    floats = sum(dtype == "float32" for _, dtype in model_operators(model))
    if floats == len(names):
        raise UsageError("the Edge TPU computes in int8, and this model is of float32: quantise it first")
    result = compiled(model)
    notes = [f"compiled by {result.compiler}"]
    if not any(name == COMPILED_OP for name, _ in model_operators(result.model)):
        notes.append("nothing of it was mapped to the Edge TPU: all figures are the CPU's")
    return result.model, notes + ([_on_cpu(result.unmapped)] if result.unmapped else [])


def _on_cpu(operators: list[str]) -> str:
    return f"these run on the CPU, not on the Edge TPU: {'; '.join(operators)}"


class EdgeTpuDeployment:
    """Implements `Deployment`: the whole network, which the Edge TPU runs as one; its layers come from chains."""

    def __init__(self, worker: Worker, model: bytes, notes: list[str]) -> None:
        self._loop = RemoteLoop(worker)
        self._folder = tempfile.TemporaryDirectory(prefix="augur-edge-")
        path = Path(self._folder.name) / "model.tflite"
        path.write_bytes(model)
        number = next(_numbers)
        answer = _ask(worker, {"do": "load", "id": number, "path": str(path)})
        self.layers: list[DeployedLayer] = []
        task = RemoteTask(self._loop, number, answer["first_ns"])
        weakref.finalize(task, worker.forgotten.append, number)
        self.whole: Task = task
        self.floor: Task = RemoteTask(self._loop, 0, 1000)
        self.load_ns, self.first_ns = answer["load_ns"], answer["first_ns"]
        self.notes = notes

    def isolate(self, positions: Collection[int]) -> dict[int, Task]:
        """None: see `measure.chained`."""
        return {}

    def output_error(self) -> float | None:
        """None: nothing was cut."""
        return None

    def peak_rss(self) -> int:
        """Not told: the network lies in the accelerator's memory."""
        raise RuntimeError("the network lies in the Edge TPU's memory")

    def profile(self, passes: int) -> LayerProfile:
        """Not offered."""
        raise InferenceError("the Edge TPU has no profiler; its layers are measured with --mode isolated")


_numbers = itertools.count(1)


class EdgeTpu:
    """Implements `Runtime`. One process holds the delegate, for all that is deployed through this object."""

    name = "edgetpu"
    model_format = "tflite"

    def __init__(self) -> None:
        self._package = interpreter_package()
        version = version_of(_PACKAGES.get(self._package, "tflite-runtime")) or "unknown"
        self.version = f"{self._package} {version}"
        self._workers: dict[str, Worker] = {}

    def deploy(self, model: bytes, options: RuntimeOptions) -> Deployment:
        """Compile `model` if it is not compiled, and load it under the delegate. Raises as `Runtime` says."""
        if options.shapes:
            raise UsageError("--shape: models for the Edge TPU have fixed shapes; convert it with them")
        library = delegate_library(options.delegate)
        ready, notes = prepared(model)
        if edge_tpu()["pycoral"] == "unrelated":
            notes.append(NOT_GOOGLES)
        return EdgeTpuDeployment(self._worker(library), ready, notes)

    def _worker(self, library: str) -> Worker:
        if library not in self._workers or self._workers[library].ended:
            worker = Worker(ANSWER_S)
            _ask(worker, {"do": "open", "package": self._package, "library": library})
            self._workers[library] = worker
        return self._workers[library]


def _ask(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    """The answer; what goes wrong in terms of an Edge TPU, and what to do about it."""
    try:
        return worker.ask(request)
    except WorkerLostError as e:
        hint = "a libedgetpu older than the interpreter does that: install one built for its TensorFlow version"
        raise InferenceError(f"libedgetpu crashed: {e}; {hint}") from e
    except WorkerHangsError as e:
        raise InferenceError(f"libedgetpu hangs: {e}; unplug the Edge TPU, plug it in again, and see `dmesg`") from e
    except RefusedError as e:
        raise InferenceError(_refused(e, request)) from e


def _refused(e: RefusedError, request: dict[str, Any]) -> str:
    library = os.path.basename(request.get("library", ""))  # noqa: PTH119 - a text, not a path to follow
    if e.kind == "OSError":
        return f"{library} cannot be loaded: {e}; install the package for this processor, and what it depends on"
    if e.kind == "ValueError" and request["do"] == "open":
        return (
            f"{library} found no Edge TPU it can use ({e}): see that it is plugged in (`lsusb` has 1a6e:089a or "
            "18d1:9302) and that you are in the group plugdev"
        )
    return f"the interpreter refused the model: {e}"
