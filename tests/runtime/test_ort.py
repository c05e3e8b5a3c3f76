"""onnxruntime deployed, cut and timed: the cut is the network, and the C client is the Python binding's equal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from augur_edge import timing, zoo
from augur_edge.errors import DataError, InferenceError, UsageError
from augur_edge.models.onnx_write import to_onnx
from augur_edge.runtime import RuntimeOptions, get
from augur_edge.runtime.arena import allocate
from augur_edge.runtime.base import Deployment
from augur_edge.runtime.cut import Tensor
from augur_edge.zoo import Builder

pytestmark = pytest.mark.quiet

ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
native = pytest.mark.skipif(timing.native is None, reason="the native timing module is not built")


def small(name: str = "small") -> bytes:
    """Residual, depthwise, pooled, dense: what onnxruntime fuses, reorders, aliases and overwrites."""
    b = Builder(name, (1, 3, 32, 40))  # no cube of channels and pixels, in which layouts look alike
    x = b.relu(b.batch_norm(b.conv(b.input, 16, 3, stride=2, padding=1)))
    y = b.relu(b.batch_norm(b.conv(x, 16, 3, padding=1)))
    x = b.relu(b.add(b.batch_norm(b.conv(y, 16, 3, padding=1)), x))
    x = b.flatten(b.global_avg_pool(x))
    return to_onnx(b.network(b.dense(x, 10)))


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployment]:
    yield get("onnxruntime").deploy(small(), RuntimeOptions())


def test_the_replayed_layers_compute_exactly_what_the_network_computes(deployed: Deployment) -> None:
    assert deployed.output_error() == 0.0
    assert deployed.output_error() == 0.0, "a second pass starts from the same input"


def test_layers_are_those_the_runtime_made_and_lead_back_to_the_users_nodes(deployed: Deployment) -> None:
    fused = [layer for layer in deployed.layers if layer.op == "conv2d"]
    specs = [layer.spec for layer in fused if layer.spec is not None]
    assert len(specs) == len(fused) == 3
    assert [spec.fused_add for spec in specs] == [False, False, True]
    kept = [layer.nodes for layer in deployed.layers if layer.op == "relu"]  # the sum's, where channels come last
    assert [spec.activation for spec in specs] == ["relu", "relu", None if kept else "relu"]
    assert kept in ([], [("relu_9",)])
    nodes = [node for layer in deployed.layers if layer.op != "reorder" for node in layer.nodes]
    assert sum("relu" in node for node in nodes) == 3
    assert sum("add" in node for node in nodes) == 1
    assert len({layer.name for layer in deployed.layers}) == len(deployed.layers)


def test_isolated_layers_run_on_buffers_of_their_own(deployed: Deployment) -> None:
    tasks = deployed.isolate(range(len(deployed.layers)))
    assert sorted(tasks) == list(range(len(deployed.layers)))
    for task in tasks.values():
        task.run()
    assert deployed.output_error() == 0.0, "running layers alone must not touch the replay's memory"


@pytest.mark.parametrize("name", ["squeezenet1_0", "mobilenet_v3_small", "vit_tiny_patch16_224"])
def test_zoo_networks_are_reproduced_by_their_cut_layers(name: str) -> None:
    made = get("onnxruntime").deploy(to_onnx(zoo.build(name)), RuntimeOptions())
    assert [layer.error for layer in made.layers if layer.error] == []
    assert made.output_error() == 0.0


@native
def test_an_int8_network_is_cut_into_integer_layers() -> None:
    made = get("onnxruntime").deploy(to_onnx(zoo.build("squeezenet1_0"), dtype="int8"), RuntimeOptions())
    assert [layer.error for layer in made.layers if layer.error] == []
    assert made.output_error() == 0.0
    convs = [layer for layer in made.layers if layer.op == "conv2d"]
    assert len(convs) == 26
    assert all(layer.spec is not None and layer.spec.dtype == "uint8" for layer in convs)


@native
def test_other_threads_wait_until_the_first_deployment_is_gone() -> None:
    code = """
from test_ort import small
from augur_edge.errors import InferenceError
from augur_edge.runtime import RuntimeOptions, get
runtime = get("onnxruntime")
for threads in (1, 2, 1):
    made = runtime.deploy(small(), RuntimeOptions(threads=threads))
    assert made.output_error() == 0.0
    try:
        runtime.deploy(small(), RuntimeOptions(threads=3))
    except InferenceError as e:
        assert f"with {threads} threads" in str(e)
    else:
        raise AssertionError("a second environment")
    del made
print("ok")
"""
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": f"{here}:{here.parents[1]}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "ok\n", done.stderr


@native
def test_each_function_of_the_c_api_does_what_the_python_binding_does() -> None:
    from augur_edge.runtime.ort import NativeEngine, PythonEngine, library_path

    path = library_path()
    assert path is not None
    model = small()
    source, target = Tensor("input", (1, 3, 32, 40), "float32"), None
    session = PythonEngine(1).load(model, True)
    target = Tensor(session.get_outputs()[0].name, (1, 10), "float32")
    results = []
    for engine in (PythonEngine(1), NativeEngine(path, 1)):
        x, y = allocate(source.n_bytes), allocate(target.n_bytes)
        x.view(np.float32)[:] = np.linspace(-1, 1, 3 * 32 * 40)
        engine.bind(engine.load(model, True), [(source, x)], [(target, y)]).run()
        results.append(y.view(np.float32).copy())
    assert np.abs(results[0]).max() > 0
    assert (results[0] == results[1]).all()
    with pytest.raises(RuntimeError, match="protobuf"):
        NativeEngine(path, 1).load(b"\x00\x01garbage", True)
    with pytest.raises(RuntimeError, match="nowhere"):
        x = allocate(source.n_bytes)
        engine = NativeEngine(path, 1)
        engine.bind(engine.load(model, True), [(Tensor("nowhere", (1,), "float32"), x)], [(target, y)])


def test_without_the_native_module_python_is_timed_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from augur_edge import _timing_py

    monkeypatch.setattr(timing, "native", None)
    for name in ("time_blocks", "replay", "SpinTask", "CallTask"):
        monkeypatch.setattr(timing, name, getattr(_timing_py, name))
    made = get("onnxruntime").deploy(small(), RuntimeOptions())
    assert made.output_error() == 0.0
    assert any("Python" in note for note in made.notes)


def test_bad_models_are_named_errors() -> None:
    runtime = get("onnxruntime")
    with pytest.raises(DataError):
        runtime.deploy(b"not a model at all", RuntimeOptions())
    with pytest.raises(DataError):
        runtime.deploy(small()[:-2000], RuntimeOptions())
    with pytest.raises(UsageError, match="--delegate"):
        runtime.deploy(small(), RuntimeOptions(delegate="npu"))


def test_an_op_the_runtime_does_not_have_is_said_in_its_words() -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    h = onnx.helper
    x, y = (h.make_tensor_value_info(n, 1, [1, 4]) for n in "xy")
    graph = h.make_graph([h.make_node("Levitate", ["x"], ["y"], domain="wizardry")], "g", [x], [y])
    opsets = [h.make_opsetid("", 17), h.make_opsetid("wizardry", 1)]
    model = h.make_model(graph, opset_imports=opsets, ir_version=8)
    with pytest.raises(InferenceError, match="Levitate"):
        get("onnxruntime").deploy(model.SerializeToString(), RuntimeOptions())


def test_a_dynamic_input_needs_a_shape(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    h = onnx.helper
    x, y = h.make_tensor_value_info("x", 1, ["batch", 8]), h.make_tensor_value_info("y", 1, ["batch", 8])
    model = h.make_model(h.make_graph([h.make_node("Relu", ["x"], ["y"])], "g", [x], [y]), ir_version=8)
    model.opset_import[0].version = 17
    data = model.SerializeToString()
    with pytest.raises(UsageError, match="--shape x="):
        get("onnxruntime").deploy(data, RuntimeOptions())
    made = get("onnxruntime").deploy(data, RuntimeOptions(shapes={"x": (5, 8)}))
    assert made.layers[0].spec is not None
    assert made.layers[0].spec.outputs == ((5, 8),)


@native
def test_the_profiler_names_every_layer_and_says_what_it_costs() -> None:
    made = get("onnxruntime").deploy(small(), RuntimeOptions())
    profile = made.profile(5)
    assert all(len(samples) == 5 for samples in profile.samples_ns.values())
    assert len(profile.whole_ns) == 5
    assert profile.resolution_ns == 1000
    assert set(profile.samples_ns) == {layer.own_name for layer in made.layers}


@native
def test_peak_memory_is_that_of_a_process_of_its_own() -> None:
    made = get("onnxruntime").deploy(small(), RuntimeOptions())
    assert 5_000_000 < made.peak_rss() < 300_000_000
