"""Sampled networks stay in numbers a processor computes at full speed: no NaN, no infinity."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge.models.onnx_write import to_onnx
from augur_edge.prior import sample_chains

ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@pytest.mark.parametrize("seed", [5, 6])
def test_attention_without_a_softmax_asked_for_stays_finite(seed: int) -> None:
    for network in sample_chains("matmul:12,dense:6", seed):
        session = ort.InferenceSession(to_onnx(network), providers=["CPUExecutionProvider"])
        feed = {i.name: np.random.default_rng(0).standard_normal(i.shape).astype("f") for i in session.get_inputs()}
        for value in session.run(None, feed):
            assert np.isfinite(value).all()
