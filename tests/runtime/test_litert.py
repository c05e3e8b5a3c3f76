"""LiteRT deployed, cut and timed through its C API: the cut is the network."""

from __future__ import annotations

import importlib.util

import pytest

from augur_edge import timing, zoo
from augur_edge.errors import DataError, MissingExtraError, UsageError
from augur_edge.models.tflite_write import to_tflite
from augur_edge.runtime import RuntimeOptions, get
from augur_edge.runtime.base import Deployment
from augur_edge.zoo import Builder

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
from augur_edge.runtime import litert

pytestmark = pytest.mark.quiet

c_api = pytest.mark.skipif(
    timing.native is None or litert.library_path() is None, reason="no native module, or no ai-edge-litert 2.3"
)


def small() -> bytes:
    b = Builder("small", (1, 3, 32, 32))
    x = b.relu(b.batch_norm(b.conv(b.input, 16, 3, stride=2, padding=1)))
    y = b.relu(b.batch_norm(b.depthwise(x, 3, padding=1)))
    x = b.relu(b.add(b.batch_norm(b.conv(y, 16, 1)), x))
    return to_tflite(b.network(b.dense(b.flatten(b.global_avg_pool(x)), 10)))


def deploy(model: bytes, **options: object) -> Deployment:
    return get("litert").deploy(model, RuntimeOptions(**options))  # type: ignore[arg-type]


@c_api
@pytest.mark.parametrize("name", ["squeezenet1_0", "mobilenet_v3_small", "vit_tiny_patch16_224"])
def test_zoo_networks_are_reproduced_by_their_cut_layers(name: str) -> None:
    made = deploy(to_tflite(zoo.build(name)))
    assert [layer.error for layer in made.layers if layer.error] == []
    assert made.output_error() == 0.0


@c_api
def test_an_int8_network_is_cut_into_integer_layers() -> None:
    made = deploy(to_tflite(zoo.build("squeezenet1_0"), dtype="int8"))
    assert made.output_error() == 0.0
    convs = [layer for layer in made.layers if layer.op == "conv2d"]
    assert len(convs) == 26
    assert all(layer.spec is not None and layer.spec.dtype == "int8" for layer in convs)


@c_api
def test_two_threads_compute_the_same() -> None:
    assert deploy(small(), threads=2).output_error() == 0.0


@c_api
def test_isolated_layers_leave_the_replay_alone() -> None:
    made = deploy(small())
    for task in made.isolate(range(len(made.layers))).values():
        task.run()
    assert made.output_error() == 0.0


@c_api
def test_the_profiler_gives_times_of_operators() -> None:
    made = deploy(to_tflite(zoo.build("squeezenet1_0")))
    profile = made.profile(4)
    assert any("Convolution" in name or "conv" in name.lower() for name in profile.samples_ns)
    total_ns = sum(max(samples) for samples in profile.samples_ns.values())
    assert 0.2 * max(profile.whole_ns) < total_ns < 3 * max(profile.whole_ns)


@c_api
def test_peak_memory_is_that_of_a_process_of_its_own() -> None:
    assert 5_000_000 < deploy(small()).peak_rss() < 300_000_000


def test_without_the_c_api_the_interpreter_is_timed_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert, "library_path", lambda: None)
    made = deploy(small())
    assert all(layer.replay is not None for layer in made.layers)
    assert any("arena" in note for note in made.notes)
    assert made.output_error() is None, "layers with arenas of their own do not pass their tensors on"


def test_bad_models_are_named_errors() -> None:
    with pytest.raises(DataError):
        deploy(b"not a model at all, but long enough")
    with pytest.raises(DataError):
        deploy(small()[:-500])
    with pytest.raises(UsageError, match="--delegate"):
        deploy(small(), delegate="gpu")


def test_the_older_runtime_is_there_or_said_to_be_missing() -> None:
    if importlib.util.find_spec("tflite_runtime") is None:
        with pytest.raises(MissingExtraError, match="tflite-runtime is not installed"):
            get("tflite_runtime")
    else:
        made = get("tflite_runtime").deploy(small(), RuntimeOptions())
        assert all(layer.replay is not None for layer in made.layers)
