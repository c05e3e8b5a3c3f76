"""NVIDIA TensorRT through its Python bindings, which JetPack installs: an engine built from ONNX, its layers profiled.

Written to the documented API of TensorRT 8.5 to 10 (docs.nvidia.com/deeplearning/tensorrt); it has not run on a board
yet. TensorRT fuses and re-lays-out a network into an engine, out of which no layer can be taken, so layers come from
its own profiler (`IProfiler.report_layer_time`); beside it the engine is timed without. Inputs and outputs stay in the
device's memory, as they do in a pipeline.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import Any

import numpy as np

from augur_edge import timing
from augur_edge.errors import InferenceError, MissingExtraError, UsageError
from augur_edge.runtime.base import DeployedLayer, Deployment, LayerProfile, RuntimeOptions, Task
from augur_edge.runtime.cuda import Cuda

NOTE = "inputs and outputs stay in the device's memory: what copying them costs is not in the figures"
PROFILER_NOTE = "TensorRT's profiler, which waits for each layer"


def _module() -> Any:
    try:
        return importlib.import_module("tensorrt")
    except ImportError as e:
        raise MissingExtraError(
            "the Python bindings of TensorRT are not here: JetPack has them (apt-get install python3-libnvinfer), "
            "for the system's Python; make the environment with --system-site-packages"
        ) from e


class TensorRt:
    """Implements `Runtime`."""

    name = "tensorrt"
    model_format = "onnx"

    def __init__(self) -> None:
        self._trt = _module()
        self.version = str(getattr(self._trt, "__version__", "unknown"))

    def deploy(self, model: bytes, options: RuntimeOptions) -> Deployment:
        """Build an engine of `model`. Raises InferenceError with TensorRT's words."""
        if options.delegate not in (None, "gpu", "fp16"):
            raise UsageError(f"--delegate {options.delegate}: tensorrt has gpu (float32) and fp16")
        if options.threads != 1:
            raise UsageError("--threads: an engine of TensorRT runs on the GPU; leave --threads away")
        fixed = _with_shapes(model, options)
        start = timing.now_ns()
        try:
            plan = self._plan(fixed, options.delegate == "fp16")
            return TensorRtDeployment(self._trt, plan, timing.now_ns() - start)
        except RuntimeError as e:
            raise InferenceError(f"TensorRT {self.version}: {e}") from e

    def _plan(self, model: bytes, half: bool) -> Any:
        trt = self._trt
        builder = trt.Builder(_logger(trt))
        flag = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)  # the only way since TensorRT 10
        network = builder.create_network(0 if flag is None else 1 << int(flag))
        parser = trt.OnnxParser(network, _logger(trt))
        if not parser.parse(model):
            words = [parser.get_error(i).desc() for i in range(parser.num_errors)]
            raise RuntimeError(f"the network is not taken: {'; '.join(words)[:400] or 'no reason was given'}")
        config = builder.create_builder_config()
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # the user's names in the profiler's
        if half:
            config.set_flag(trt.BuilderFlag.FP16)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise RuntimeError("no engine could be built; `trtexec --onnx=MODEL --verbose` says why")
        return plan


def _with_shapes(model: bytes, options: RuntimeOptions) -> bytes:
    """Dynamic inputs fixed. Raises UsageError where `options.shapes` leaves one open."""
    from augur_edge.models.onnx_proto import decode_model, encode_model
    from augur_edge.models.onnx_read import input_specs

    decoded = decode_model(model)
    specs, _ = input_specs(decoded, options.shapes)
    for info in decoded.graph.inputs:
        if info.name in specs:
            info.shape = specs[info.name].shape
    return encode_model(decoded)


def _logger(trt: Any) -> Any:
    return trt.Logger(trt.Logger.ERROR)


def _profiler(trt: Any, samples: dict[str, list[int]]) -> Any:
    """An IProfiler that keeps each layer's ns; TensorRT calls it after every run."""

    class Profiler(trt.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProfiler.__init__(self)  # as the bindings want it, not through super()

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            samples.setdefault(layer_name, []).append(round(ms * 1e6))

    return Profiler()


class TensorRtDeployment:
    """Implements `Deployment`: an engine in one piece."""

    def __init__(self, trt: Any, plan: Any, build_ns: int) -> None:
        self._trt, self._cuda = trt, Cuda()
        start = timing.now_ns()
        self._runtime = trt.Runtime(_logger(trt))
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise RuntimeError("the engine it built does not load; is the device out of memory?")
        self._context = self._bound_context()
        self.load_ns = timing.now_ns() - start
        self.layers: list[DeployedLayer] = []
        self.whole: Task = timing.CallTask(lambda: self._run(self._context))
        self.floor: Task = timing.CallTask(self._cuda.wait)
        start = timing.now_ns()
        self._run(self._context)
        self.first_ns = timing.now_ns() - start
        self.notes = [NOTE, f"the engine took {build_ns / 1e9:.1f} s to build"]

    def _bound_context(self) -> Any:
        """An execution context whose tensors lie in memory of the device, the inputs random."""
        context = self._engine.create_execution_context()
        rng = np.random.default_rng(0)
        for i in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(i)
            dtype = np.dtype(self._trt.nptype(self._engine.get_tensor_dtype(name)))
            shape = tuple(self._engine.get_tensor_shape(name))
            values = rng.standard_normal(shape).astype(dtype) if dtype.kind == "f" else np.ones(shape, dtype)
            context.set_tensor_address(name, self._cuda.allocate(values.tobytes()))
        return context

    def _run(self, context: Any) -> None:
        if not context.execute_async_v3(self._cuda.stream):
            raise RuntimeError("the engine failed to run; TensorRT's log above says why")
        self._cuda.wait()

    def isolate(self, positions: Collection[int]) -> dict[int, Task]:
        """None: no layer can be taken out of an engine."""
        return {}

    def output_error(self) -> float | None:
        """None: nothing was cut."""
        return None

    def peak_rss(self) -> int:
        """Not told: the engine lies in the device's memory."""
        raise RuntimeError("the engine lies in the GPU's memory")

    def profile(self, passes: int) -> LayerProfile:
        """TensorRT's own times, in a context of its own; the first pass is cold, and left out."""
        samples: dict[str, list[int]] = {}
        context = self._bound_context()
        profiler = _profiler(self._trt, samples)
        context.profiler = profiler
        whole_ns = []
        for _ in range(passes + 1):
            start = timing.now_ns()
            self._run(context)
            whole_ns.append(timing.now_ns() - start)
        if not samples:
            raise InferenceError("TensorRT's profiler reported no layer")
        warm = {name: values[len(values) // (passes + 1) :] for name, values in samples.items()}
        return LayerProfile(warm, whole_ns[1:], 1000, PROFILER_NOTE)
