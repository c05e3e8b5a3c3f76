"""Other execution providers: what is said where a build lacks them, and the way under one, taken with the CPU's."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
from augur_edge.errors import InferenceError, MissingExtraError, UsageError
from augur_edge.models.onnx_write import to_onnx
from augur_edge.runtime import RuntimeOptions, get, ort_delegates
from augur_edge.runtime.ort_delegates import CPU, PROVIDERS, placement_notes
from augur_edge.zoo import Builder


def model() -> bytes:
    b = Builder("small", (1, 3, 16, 16))
    x = b.relu(b.batch_norm(b.conv(b.input, 8, 3, padding=1)))
    return to_onnx(b.network(b.dense(b.flatten(b.global_avg_pool(x)), 10)))


@pytest.mark.parametrize("delegate", PROVIDERS)
def test_a_build_without_the_provider_is_named_with_what_it_has(delegate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CPU])
    with pytest.raises(MissingExtraError, match=f"no {PROVIDERS[delegate]}, only {CPU}"):
        get("onnxruntime").deploy(model(), RuntimeOptions(delegate=delegate))


def test_an_unknown_delegate_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="onnxruntime has cpu, xnnpack, nnapi, cuda, tensorrt"):
        get("onnxruntime").deploy(model(), RuntimeOptions(delegate="npu"))


def test_a_network_under_a_provider_is_whole_and_in_plain_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU's provider stands in for one that is not in this build."""
    monkeypatch.setitem(PROVIDERS, "nnapi", CPU)
    made = get("onnxruntime").deploy(model(), RuntimeOptions(delegate="nnapi"))
    assert [layer.error for layer in made.layers if layer.error] == []
    assert [layer.op for layer in made.layers][:2] == ["conv2d", "relu"]
    assert made.output_error() == pytest.approx(0.0, abs=1e-6)
    assert any("pieces of the network" in note for note in made.notes)
    assert any("single nodes under" in note for note in made.notes)
    assert made.profile(3).whole_ns
    with pytest.raises(RuntimeError, match="not known"):
        made.peak_rss()


def test_a_provider_that_does_not_start_is_no_silent_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort_delegates, "provider", lambda delegate, threads: ("CUDAExecutionProvider", {}))
    with pytest.raises(InferenceError, match="CUDAExecutionProvider"):
        get("onnxruntime").deploy(model(), RuntimeOptions(delegate="cuda"))


def test_what_is_left_to_the_cpu_is_told() -> None:
    notes = placement_notes("Npu", {"Npu": Counter({"Conv": 3}), CPU: Counter({"Softmax": 2, "Resize": 1})})
    assert notes == ["Npu runs 3 pieces of the network", "left to the CPU: Softmax x2, Resize x1"]
    with pytest.raises(InferenceError, match="takes nothing"):
        placement_notes("Npu", {CPU: Counter({"Conv": 1})})
