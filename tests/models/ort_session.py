"""ONNX Runtime as the tests use it: run a model, and see the graph it makes of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augur_edge.models.onnx_proto import ModelProto, decode_model

ort: Any = pytest.importorskip("onnxruntime")


def session(data: bytes, *, optimise: bool = False, path: Path | None = None) -> Any:
    """One thread, as on the device. path: where the optimised model is written to."""
    options = ort.SessionOptions()
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if path is not None:
        options.optimized_model_filepath = str(path)
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def optimised(data: bytes) -> ModelProto:
    """The graph ONNX Runtime runs at its highest optimisation level."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        session(data, optimise=True, path=path)
        return decode_model(path.read_bytes())


_DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": bool, "tensor(int8)": np.int8}


def feeds(running: Any, seed: int = 0) -> dict[str, Any]:
    """Normal random inputs (0 and 1 for integers) of the shapes a session wants; unknown sizes are 1."""
    rng = np.random.default_rng(seed)
    out = {}
    for given in running.get_inputs():
        shape = [n if isinstance(n, int) else 1 for n in given.shape]
        dtype = _DTYPES[given.type]
        values = rng.standard_normal(shape) if dtype is np.float32 else rng.integers(0, 2, shape)
        out[given.name] = values.astype(dtype)
    return out


def run(data: bytes, inputs: dict[str, Any] | None = None, *, optimise: bool = False) -> dict[str, Any]:
    """Outputs by name."""
    running = session(data, optimise=optimise)
    names = [o.name for o in running.get_outputs()]
    return dict(zip(names, running.run(names, feeds(running) if inputs is None else inputs)))
