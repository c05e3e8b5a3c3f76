"""onnxruntime: prepared through its Python API, timed through its C API from the C++ loop.

Layers are cut from the graph onnxruntime itself made at full optimisation, so a layer that is timed is the layer that
is deployed, fused and laid out the same. Without the native module the Python binding is timed instead, and says so.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from augur_edge import timing
from augur_edge.errors import InferenceError, MissingExtraError
from augur_edge.models.onnx_graph import GraphProto, ModelProto, NodeProto, ValueInfo
from augur_edge.models.onnx_proto import encode_model
from augur_edge.models.onnx_tensor import ELEM_TYPES
from augur_edge.runtime.base import Deployment, LayerProfile, RuntimeOptions, Task
from augur_edge.runtime.child import Load, peak_rss
from augur_edge.runtime.cut import Bound, CutDeployment, Original, Tensor

SLOW_PATH = "timed through Python, so each call costs some microseconds more: {why}"


def _package() -> Path:
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise MissingExtraError("onnxruntime is not installed: pip install 'augur-edge[ort]'")
    return Path(spec.origin).parent


def library_path() -> Path | None:
    """The C library: in the wheel, or in `$PREFIX/lib` (Termux); None where only the Python binding is."""
    places = [_package() / "capi", Path(os.environ.get("PREFIX", "/usr")) / "lib"]
    found = [p for place in places for p in sorted(place.glob("libonnxruntime.so*"))]
    return found[0] if found else None


def session_options(threads: int, optimise: bool) -> Any:
    """Options of the Python API that equal those of the C++ client."""
    import onnxruntime as ort

    levels = ort.GraphOptimizationLevel
    ort.disable_telemetry_events()  # nothing of a measurement leaves the device, or writes in the background
    options = ort.SessionOptions()
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def floor_model() -> bytes:
    """One Identity of one float: what is left of a call when there is nothing to do."""
    node = NodeProto("Identity", ["x"], ["y"], name="floor")
    graph = GraphProto("floor", [node], inputs=[ValueInfo("x", 1, (1,))], outputs=[ValueInfo("y", 1, (1,))])
    return encode_model(ModelProto(graph, {"": 17}))


_libraries: dict[int, weakref.ReferenceType[Any]] = {}


def _library(path: str, threads: int) -> Any:
    """One environment at a time, for its thread pool is shared by all sessions of a deployment.

    onnxruntime keeps one environment per process: a second one with other threads would silently get the first's.
    """
    assert timing.native is not None
    gc.collect()
    for other, reference in list(_libraries.items()):
        alive = reference()
        if alive is not None and other == threads:
            return alive
        if alive is not None:
            raise InferenceError(f"a network with {other} threads is still loaded; release it first")
    library = timing.native.OrtLibrary(path, threads)
    _libraries.clear()
    _libraries[threads] = weakref.ref(library)
    return library


class NativeEngine:
    """The C API, called from the C++ loop."""

    shares_memory = True

    def __init__(self, path: Path, threads: int) -> None:
        self._path = str(path)
        self._ort = _library(self._path, threads)
        self._threads = threads

    def load(self, model: bytes, optimise: bool) -> Any:
        """An OrtSession."""
        return self._ort.session(model, optimise)

    def bind(self, session: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Task:
        """An OrtTask."""
        task: Task = session.bind(*([_native(b) for b in bound] for bound in (inputs, outputs)))
        return task

    def profile(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound], passes: int) -> LayerProfile:
        """Through the Python API: onnxruntime writes its profile to a file either way."""
        return _profile(model, self._threads, inputs, outputs, passes)

    def peak_rss(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> int:
        """Of a child that uses this same library."""
        tensors = [[_io(b) for b in bound] for bound in (inputs, outputs)]
        return peak_rss(model, Load("ort", self._path, self._threads, *tensors))


def _io(bound: Bound) -> tuple[str, int, tuple[int, ...], int]:
    tensor, _ = bound
    return tensor.name, tensor.n_bytes, tensor.shape, ELEM_TYPES[tensor.dtype]


def _native(bound: Bound) -> tuple[str, Any, tuple[int, ...], int]:
    tensor, memory = bound
    return tensor.name, memory, tensor.shape, ELEM_TYPES[tensor.dtype]


class PythonEngine:
    """The Python binding with bound memory, where the native module is not built."""

    shares_memory = True

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def load(self, model: bytes, optimise: bool) -> Any:
        """An InferenceSession."""
        import onnxruntime as ort

        try:
            return ort.InferenceSession(model, session_options(self._threads, optimise), ["CPUExecutionProvider"])
        except Exception as e:  # its exceptions share no base but Exception
            raise RuntimeError(str(e)) from e

    def bind(self, session: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Task:
        """A CallTask of `run_with_iobinding`."""
        task: Task = timing.CallTask(python_call(session, inputs, outputs))
        return task

    def profile(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound], passes: int) -> LayerProfile:
        """onnxruntime's own profile."""
        return _profile(model, self._threads, inputs, outputs, passes)

    def peak_rss(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> int:
        """Not offered."""
        raise RuntimeError("needs the native module")


def python_call(session: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Any:
    """A function that runs the session on this memory."""
    binding = session.io_binding()
    for bind, bound in ((binding.bind_input, inputs), (binding.bind_output, outputs)):
        for tensor, memory in bound:
            bind(tensor.name, "cpu", 0, ELEM_TYPES[tensor.dtype], tensor.shape, memory.ctypes.data)

    def call() -> None:
        session.run_with_iobinding(binding)

    call.memory = (inputs, outputs)  # type: ignore[attr-defined]  # the binding holds bare addresses
    return call


def _profile(
    model: bytes, threads: int, inputs: Sequence[Bound], outputs: Sequence[Bound], passes: int
) -> LayerProfile:
    import onnxruntime as ort

    def session(options: Any) -> Any:
        return ort.InferenceSession(model, options, ["CPUExecutionProvider"])

    return profiled(session, session_options(threads, True), inputs, outputs, passes)


def profiled(
    session_of: Callable[[Any], Any], options: Any, inputs: Sequence[Bound], outputs: Sequence[Bound], passes: int
) -> LayerProfile:
    """`passes` calls under onnxruntime's profiler of the session that `session_of` makes of the options."""
    import json

    with tempfile.TemporaryDirectory(prefix="augur-edge-") as folder:
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = session_of(options)
        call = python_call(session, inputs, outputs)
        call()  # the first pass is cold, and left out below
        whole_ns = []
        for _ in range(passes):
            start = timing.now_ns()
            call()
            whole_ns.append(timing.now_ns() - start)
        events = json.loads(Path(session.end_profiling()).read_text())
    samples: dict[str, list[int]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            samples.setdefault(event["name"][: -len("_kernel_time")], []).append(event["dur"] * 1000)
    warm = {name: values[1:] for name, values in samples.items()}
    return LayerProfile(warm, whole_ns, 1000, "onnxruntime's profiler: microseconds, and it slows the run")


class OnnxRuntime:
    """Implements `Runtime`."""

    name = "onnxruntime"
    model_format = "onnx"

    def __init__(self) -> None:
        from importlib import metadata

        _package()
        self.version = next(
            (metadata.version(p) for p in ("onnxruntime", "onnxruntime-gpu") if _installed(p)), "unknown version"
        )

    def deploy(self, model: bytes, options: RuntimeOptions) -> Deployment:
        """Optimise `model` as onnxruntime does, cut every node of the result, and load all of it."""
        from augur_edge.runtime import ort_delegates
        from augur_edge.runtime.ort_cut import cut

        if options.delegate not in (None, "cpu"):
            return ort_delegates.deploy(model, options, self.version)
        graph, prepared = cut(model, options)
        path = library_path() if timing.native is not None else None
        engine = NativeEngine(path, options.threads) if path else PythonEngine(options.threads)
        if not path:
            why = "the native module is not built" if timing.native is None else "no libonnxruntime.so was found"
            graph.notes.append(SLOW_PATH.format(why=why))
        floor = (Tensor("x", (1,), "float32"), Tensor("y", (1,), "float32"))
        try:
            return CutDeployment(engine, Original(prepared, floor_model(), floor), graph)
        except RuntimeError as e:
            raise InferenceError(f"onnxruntime {self.version}: {e}") from e


def _installed(package: str) -> bool:
    from importlib import metadata

    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
