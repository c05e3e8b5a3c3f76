"""LiteRT (ai-edge-litert) on the CPU under XNNPACK: through its C API from the C++ loop where its ABI is known.

Each operator of the model is cut into a model of its own, compiled by the same delegate, and bound to memory that all
layers share; XNNPACK reads and writes it in place. Other versions, and the older tflite_runtime, are timed through the
Python interpreter, where every layer keeps an arena of its own: replay then pays for caches the network does not miss.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augur_edge import timing
from augur_edge.errors import InferenceError, MissingExtraError, UsageError
from augur_edge.runtime.arena import Step
from augur_edge.runtime.base import Deployment, LayerProfile, RuntimeOptions, Task
from augur_edge.runtime.child import Load, peak_rss
from augur_edge.runtime.cut import Bound, CutDeployment, CutGraph, CutLayer, Engine, Original, Tensor, distinguish

if TYPE_CHECKING:
    from augur_edge.models.tflite_cut import CutOp

ABI = "2.3"
ELEM_TYPES = {
    "float32": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9, "float16": 10, "float64": 11,
}  # fmt: skip
OWN_ARENAS = (
    "each layer has an interpreter and an arena of its own: replayed layers miss caches that the network hits, so take "
    "the isolated times; what shares memory is the C API of ai-edge-litert 2.3 with the native module built"
)
_OPERATOR_EVENTS = 2 | 4 | 8  # operator, delegate's operator, delegate's profiled operator


def _version(module: str, package: str) -> str:
    """Of an installed package. Raises MissingExtraError where its module is not there."""
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(f"{package} is not installed: pip install 'augur-edge[litert]', or {package} itself")
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def library_path() -> Path | None:
    """The C library of ai-edge-litert, if this version's ABI is known."""
    spec = importlib.util.find_spec("ai_edge_litert")
    if spec is None or spec.origin is None or not _version("ai_edge_litert", "ai-edge-litert").startswith(f"{ABI}."):
        return None
    path = Path(spec.origin).parent / "libLiteRt.so"
    return path if path.is_file() else None


def _native(bound: Bound) -> tuple[str, Any, tuple[int, ...], int]:
    tensor, memory = bound
    return tensor.name, memory, tensor.shape, ELEM_TYPES[tensor.dtype]


@contextmanager
def _overheard() -> Iterator[Callable[[], str]]:
    """Keeps what native code writes to stderr meanwhile; the function yielded gives its last line of an error."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as heard:
        os.dup2(heard.fileno(), 2)

        def words() -> str:
            heard.seek(0)
            lines = [line for line in heard.read().decode(errors="replace").splitlines() if "ERROR" in line]
            return lines[-1].strip() if lines else "no reason was given"

        try:
            yield words
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class NativeEngine:
    """The C API. optimise makes no difference: the delegate compiles a layer as it compiles the network."""

    shares_memory = True

    def __init__(self, path: Path, threads: int) -> None:
        assert timing.native is not None
        self._path = str(path)
        self._litert = timing.native.LiteRtLibrary(str(path))
        self._threads = threads

    def load(self, model: bytes, optimise: bool) -> Any:
        """A LiteRtModel; what LiteRT has to say is in the error, if there is one."""
        with _overheard() as words:
            try:
                return self._litert.compile(model, self._threads)
            except RuntimeError as e:
                raise RuntimeError(f"{e}: {words()}") from e

    def bind(self, session: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Task:
        """A LiteRtTask."""
        task: Task = session.bind([_native(b) for b in inputs], [_native(b) for b in outputs])
        return task

    def profile(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound], passes: int) -> LayerProfile:
        """Events of LiteRT's profiler; XNNPACK's operators appear where it reports them."""
        session = self._litert.compile(model, self._threads, True)
        task = session.bind([_native(b) for b in inputs], [_native(b) for b in outputs])
        task.run()
        samples: dict[str, list[int]] = {}
        whole_ns = []
        for _ in range(passes):
            start = timing.now_ns()
            events = session.profile(task)
            whole_ns.append(timing.now_ns() - start)
            for tag, kind, _, elapsed_us, node in events:
                if kind & _OPERATOR_EVENTS:
                    name = f"{tag.decode(errors='replace')}:{node}"
                    samples.setdefault(name, []).append(elapsed_us * 1000)
        return LayerProfile(samples, whole_ns, 1000, "LiteRT's profiler: microseconds, and it slows the run")

    def peak_rss(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> int:
        """Of a child that uses this same library."""
        tensors = [[(t.name, t.n_bytes, t.shape, ELEM_TYPES[t.dtype]) for t, _ in bound] for bound in (inputs, outputs)]
        return peak_rss(model, Load("litert", self._path, self._threads, *tensors))


class InterpreterEngine:
    """The Python interpreter of ai-edge-litert or tflite_runtime."""

    shares_memory = False

    def __init__(self, module: str, threads: int) -> None:
        self._interpreter = importlib.import_module(f"{module}.interpreter").Interpreter
        self._threads = threads

    def load(self, model: bytes, optimise: bool) -> Any:
        """An interpreter with its tensors allocated."""
        try:
            interpreter = self._interpreter(model_content=model, num_threads=self._threads)
            interpreter.allocate_tensors()
        except ValueError as e:
            raise RuntimeError(str(e)) from e
        return interpreter

    def bind(self, session: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Task:
        """A CallTask of `invoke`, the inputs' values copied in now."""
        for detail, (tensor, memory) in zip(session.get_input_details(), inputs):
            session.set_tensor(detail["index"], memory.view(np.dtype(tensor.dtype)).reshape(tensor.shape))
        task: Task = timing.CallTask(session.invoke)
        return task

    def profile(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound], passes: int) -> LayerProfile:
        """Not offered."""
        raise RuntimeError(f"only ai-edge-litert {ABI} has a profiler that is known here")

    def peak_rss(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> int:
        """Not offered."""
        raise RuntimeError(f"needs the C API of ai-edge-litert {ABI} and the native module")


def cut(model: bytes) -> CutGraph:
    """The operators of the main subgraph, one model each. Raises DataError or UsageError (a shape left open)."""
    from augur_edge.models.tflite_cut import cut_ops, graph_ends

    inputs, outputs = graph_ends(model)
    graph = CutGraph({}, [t.name for t in inputs], [t.name for t in outputs], [])
    for info in (*inputs, *outputs):
        graph.tensors[info.name] = Tensor(info.name, info.shape, info.dtype)
    for op in cut_ops(model):
        for info in (*op.inputs, *op.outputs):
            graph.tensors[info.name] = Tensor(info.name, info.shape, info.dtype)
        step = Step([t.name for t in op.inputs], [t.name for t in op.outputs])
        nodes = op.nodes[::-1]  # from the layer itself to what was fused after it
        name = nodes[0] if nodes else step.outputs[0]
        graph.layers.append(CutLayer(name, op.layer.op, nodes, op.layer, step, partial(_data, op), op.error))
    distinguish(graph.layers)
    return graph


def _data(op: CutOp) -> bytes:
    return op.data


class LiteRt:
    """Implements `Runtime` over ai-edge-litert."""

    name = "litert"
    model_format = "tflite"

    def __init__(self) -> None:
        self.version = _version("ai_edge_litert", "ai-edge-litert")

    def deploy(self, model: bytes, options: RuntimeOptions) -> Deployment:
        """Cut every operator of `model` and compile all of them, and the whole."""
        path = library_path() if timing.native is not None else None
        engine = NativeEngine(path, options.threads) if path else InterpreterEngine("ai_edge_litert", options.threads)
        return _deployment(f"LiteRT {self.version}", engine, model, options)


class TfliteRuntime:
    """Implements `Runtime` over the older tflite_runtime; cutting needs ai-edge-litert's schema beside it."""

    name = "tflite_runtime"
    model_format = "tflite"

    def __init__(self) -> None:
        self.version = _version("tflite_runtime", "tflite-runtime")

    def deploy(self, model: bytes, options: RuntimeOptions) -> Deployment:
        """Cut every operator of `model` and give each an interpreter of its own."""
        engine = InterpreterEngine("tflite_runtime", options.threads)
        return _deployment(f"tflite_runtime {self.version}", engine, model, options)


def _deployment(who: str, engine: Engine, model: bytes, options: RuntimeOptions) -> Deployment:
    from augur_edge.models.tflite_cut import identity_tflite
    from augur_edge.models.tflite_shapes import with_shapes

    if options.delegate not in (None, "xnnpack"):
        raise UsageError(f"--delegate {options.delegate}: measured under xnnpack only so far")
    if options.shapes:
        model = with_shapes(model, options.shapes)
    graph = cut(model)
    graph.notes += [] if engine.shares_memory else [OWN_ARENAS]
    floor = (Tensor("x", (1, 1), "float32"), Tensor("y", (1, 1), "float32"))
    try:
        return CutDeployment(engine, Original(model, identity_tflite(), floor), graph)
    except RuntimeError as e:
        raise InferenceError(f"{who}: {e}") from e
