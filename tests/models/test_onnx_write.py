"""Written models: valid, run by ONNX Runtime as the network says, with values near 1 everywhere."""

from __future__ import annotations

from collections import Counter
from math import erf, prod
from typing import Any, Callable

import numpy as np
import pytest

from augur_edge import zoo
from augur_edge.errors import UsageError
from augur_edge.layers import Layer
from augur_edge.models.fold import fold_batch_norm
from augur_edge.models.onnx_cut import activation_names, with_outputs
from augur_edge.models.onnx_proto import decode_model
from augur_edge.models.onnx_read import read_onnx
from augur_edge.models.onnx_write import to_onnx
from augur_edge.network import Network, Node, TensorInfo
from augur_edge.zoo import Builder

onnx = pytest.importorskip("onnx")
from ort_session import feeds, optimised, run, session  # noqa: E402

LIGHT = [n for n in zoo.names() if zoo.build(n).params < 30e6]


def single(layer: Layer) -> Network:
    """A network of one layer."""
    inputs = tuple(TensorInfo(f"x{i}", shape) for i, shape in enumerate(layer.inputs))
    outputs = tuple(f"y{i}" for i in range(len(layer.outputs)))
    return Network("single", inputs, (Node("the_layer", layer, tuple(i.name for i in inputs), outputs),), outputs)


@pytest.mark.parametrize("name", LIGHT)
def test_values_stay_near_one_from_the_first_layer_to_the_last(name: str) -> None:
    data = to_onnx(zoo.build(name))
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    model = decode_model(data)
    values = run(with_outputs(model, activation_names(model)))
    for tensor, value in values.items():
        assert np.isfinite(value).all(), tensor
        assert not np.any((value != 0) & (np.abs(value) < np.finfo(np.float32).tiny)), f"denormals in {tensor}"
        rms = float(np.sqrt(np.mean(np.square(value, dtype=np.float64))))
        small = 1 / value.shape[-1] if "softmax" in tensor else 0.1
        assert small < rms < 20, tensor


@pytest.mark.parametrize("name", [n for n in zoo.names() if n != "vgg16"])
def test_a_network_comes_back_as_it_was_written(name: str) -> None:
    network = zoo.build(name)
    folded = fold_batch_norm(network)
    read = read_onnx(to_onnx(network), name=name)
    assert read.macs == network.macs
    assert read.params == folded.params
    same = {n.name: n for n in read.nodes}
    for node in folded.nodes:
        if node.name in same:
            assert same[node.name] == node
        else:
            assert node.layer.op == "dense"  # on three axes: a product and a sum
            assert same[f"{node.name}/matmul"].layer.weights == node.layer.weights[:1]


def test_batch_norm_is_folded_into_the_bias_of_what_it_follows() -> None:
    network = zoo.build("resnet18")
    norms = [n.layer for n in network.nodes if n.layer.op == "batch_norm"]
    folded = fold_batch_norm(network)
    assert len(folded.nodes) == len(network.nodes) - len(norms)
    assert network.params - folded.params == sum(n.weights[0][0] for n in norms)  # scale and shift become a bias
    assert folded.shapes == {k: v for k, v in network.shapes.items() if k in folded.shapes}


def test_a_batch_norm_that_cannot_be_folded_is_written_as_it_is() -> None:
    b = Builder("preactivation", (1, 8, 6, 6))
    x = b.conv(b.relu(b.batch_norm(b.input, name="bn")), 8, 3, padding=1, name="conv")
    read = read_onnx(to_onnx(b.network(b.add(x, b.batch_norm(x, name="shared"), name="sum"))), name="n")
    assert [n.layer.op for n in read.nodes] == ["batch_norm", "relu", "conv2d", "batch_norm", "add"]
    assert next(n for n in read.nodes if n.name == "bn").layer.weights == ((8,), (8,))


def test_weights_are_seeded() -> None:
    network = zoo.build("squeezenet1_0")
    assert to_onnx(network) == to_onnx(network)
    assert to_onnx(network) != to_onnx(network, seed=1)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "vit_tiny_patch16_224"])
def test_int8_runs_in_integer_kernels_and_close_to_float(name: str) -> None:
    network = zoo.build(name)
    data = to_onnx(network, dtype="int8")
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    kinds = Counter(n.op_type for n in optimised(data).graph.nodes)
    wanted = Counter(n.layer.op for n in network.nodes)
    assert kinds["QLinearConv"] == wanted["conv2d"]
    assert kinds["QGemm"] + kinds["QLinearMatMul"] == wanted["dense"] + wanted["matmul"]
    assert not kinds["Conv"] + kinds["Gemm"] + kinds["MatMul"]
    given = feeds(session(data))
    (exact,), (rounded,) = run(to_onnx(network), given).values(), run(data, given, optimise=True).values()
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.85


def test_int8_weights_have_a_scale_per_channel() -> None:
    constants = decode_model(to_onnx(zoo.build("resnet18"), dtype="int8")).graph.initializers
    assert constants["conv1.weight/quantized"].dtype == "int8"
    assert constants["conv1.weight/scale"].dims == (64,)
    assert constants["conv1.bias/quantized"].dtype == "int32"
    assert constants["fc.weight/scale"].dims == (1000,)
    assert constants["input/scale"].dims == ()


X = np.linspace(-4, 4, 24, dtype=np.float32).reshape(1, 2, 3, 4)
ERF = np.vectorize(erf)
PER_OP: list[tuple[str, dict[str, Any], Callable[[Any], Any]]] = [
    ("relu", {}, lambda x: np.maximum(x, 0)),
    ("relu6", {}, lambda x: np.clip(x, 0, 6)),
    ("clip", {"min": -1.0, "max": 2.0}, lambda x: np.clip(x, -1, 2)),
    ("clip", {"max": 2.0}, lambda x: np.minimum(x, 2)),
    ("sigmoid", {}, lambda x: 1 / (1 + np.exp(-x))),
    ("tanh", {}, np.tanh),
    ("erf", {}, ERF),
    ("swish", {}, lambda x: x / (1 + np.exp(-x))),
    ("gelu", {}, lambda x: x * (1 + ERF(x / 2**0.5)) / 2),
    ("gelu", {"approximate": "tanh"}, lambda x: x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2),
    ("hard_sigmoid", {}, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_swish", {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("leaky_relu", {"alpha": 0.2}, lambda x: np.where(x < 0, 0.2 * x, x)),
    ("elu", {"alpha": 0.5}, lambda x: np.where(x < 0, 0.5 * np.expm1(x), x)),
    ("add", {"value": 0.5}, lambda x: x + 0.5),
    ("sub", {"value": 1.0, "constants_first": True}, lambda x: 1 - x),
    ("div", {"value": 4.0}, lambda x: x / 4),
    ("mul", {"value": 0.125}, lambda x: x / 8),
    ("min", {"value": 1.0}, lambda x: np.minimum(x, 1)),
    ("max", {"value": 1.0}, lambda x: np.maximum(x, 1)),
    ("pow", {"value": 2.0}, np.square),
    ("softmax", {"axis": 3}, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ("reduce_mean", {"axes": (2, 3)}, lambda x: x.mean((2, 3))),
    ("reduce_mean", {"axes": (1,), "keepdims": True}, lambda x: x.mean(1, keepdims=True)),
    ("global_avg_pool", {}, lambda x: x.mean((2, 3), keepdims=True)),
    ("global_max_pool", {}, lambda x: x.max((2, 3), keepdims=True)),
    ("flatten", {}, lambda x: x.reshape(1, 24)),
    ("reshape", {}, lambda x: x.reshape(4, 6)),
    ("transpose", {"perm": (0, 2, 3, 1)}, lambda x: x.transpose(0, 2, 3, 1)),
    ("slice", {"starts": (0, 1, 0, 1)}, lambda x: x[:, 1:2, :, 1:3]),
    ("slice", {"starts": (0, 1, 2, 3), "steps": (1, -1, -2, -1)}, lambda x: x[:, ::-1, ::-2, ::-1]),
    ("pad", {"pads": (0, 0, 1, 0, 0, 0, 0, 2)}, lambda x: np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2)))),
    ("pad", {"pads": (0, 0, 1, 1, 0, 0, 1, 1), "mode": "reflect"},
     lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "reflect")),
    ("resize", {"mode": "nearest"}, lambda x: x.repeat(2, 2).repeat(2, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attrs", "oracle"), PER_OP, ids=[f"{op}-{i}" for i, (op, _, _) in enumerate(PER_OP)])
def test_an_op_computes_what_the_table_of_ops_says(
    op: str, attrs: dict[str, Any], oracle: Callable[[Any], Any]
) -> None:
    want = np.asarray(oracle(X.astype(np.float64)))
    layer = Layer(op, (X.shape,), (want.shape,), attrs=tuple(attrs.items()))
    data = to_onnx(single(layer))
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    for optimise in (False, True):
        got = run(data, {"x0": X}, optimise=optimise)["y0"]
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    rounded = run(to_onnx(single(layer), dtype="int8"), {"x0": X}, optimise=True)["y0"]
    assert np.abs(rounded - want).max() < 0.35  # of inputs from -4 to 4, and squares up to 16
    if op != "swish":  # of two nodes
        assert read_onnx(data, name="n").nodes[0].layer == layer


IMAGE = (2, 8, 9, 7)
STRUCTURAL = [
    Layer("conv1d", ((2, 8, 9),), ((2, 6, 9),), ((6, 4, 3), (6,)), (3,), (1,), (1, 1), (1,), groups=2),
    Layer("conv2d", (IMAGE,), ((2, 4, 4, 6),), ((4, 8, 3, 2),), (3, 2), (2, 1), (1, 0, 0, 0), (1, 1)),
    Layer("conv3d", ((1, 2, 5, 5, 5),), ((1, 3, 3, 3, 3),), ((3, 2, 3, 3, 3), (3,)), (3,) * 3, (1,) * 3, (0,) * 6,
          (1,) * 3),
    Layer("conv_transpose1d", ((2, 8, 9),), ((2, 4, 17),), ((8, 4, 3), (4,)), (3,), (2,), (1, 1), (1,)),
    Layer("conv_transpose2d", (IMAGE,), ((2, 6, 18, 14),), ((8, 3, 3, 3), (6,)), (3, 3), (2, 2), (1,) * 4, (1, 1),
          groups=2, attrs=(("output_padding", (1, 1)),)),
    Layer("dense", ((2, 8),), ((2, 5),), ((5, 8), (5,))),
    Layer("dense", ((2, 3, 8),), ((2, 3, 5),), ((5, 8),)),
    Layer("matmul", ((2, 3, 4, 5), (2, 3, 5, 6)), ((2, 3, 4, 6),)),
    Layer("matmul", ((2, 3, 5, 4), (2, 3, 6, 5)), ((2, 3, 4, 6),),
          attrs=(("transpose_a", True), ("transpose_b", True))),
    Layer("matmul", ((2, 3, 4, 5),), ((2, 3, 4, 6),), ((3, 5, 6),)),
    Layer("matmul", ((5, 6),), ((4, 6),), ((4, 5),), attrs=(("constants_first", True),)),
    Layer("layer_norm", ((2, 3, 8),), ((2, 3, 8),), ((8,), (8,)), attrs=(("epsilon", 1e-6),)),
    Layer("rms_norm", ((2, 3, 8),), ((2, 3, 8),), ((8,),), attrs=(("epsilon", 1e-6),)),
    Layer("instance_norm", (IMAGE,), (IMAGE,), ((8,), (8,)), attrs=(("epsilon", 1e-5),)),
    Layer("group_norm", (IMAGE,), (IMAGE,), ((8,), (8,)), groups=4, attrs=(("epsilon", 1e-5),)),
    Layer("max_pool2d", (IMAGE,), ((2, 8, 5, 3),), (), (2, 3), (2, 2), (0,) * 4, (1, 1), attrs=(("ceil_mode", True),)),
    Layer("avg_pool2d", (IMAGE,), ((2, 8, 9, 7),), (), (3, 3), (1, 1), (1,) * 4, (1, 1),
          attrs=(("count_include_pad", True),)),
    Layer("add", (IMAGE, IMAGE), (IMAGE,)),
    Layer("mul", (IMAGE, (2, 8, 1, 1)), (IMAGE,)),
    Layer("add", (IMAGE,), (IMAGE,), ((8, 1, 1),)),
    Layer("concat", (IMAGE, (2, 3, 9, 7)), ((2, 11, 9, 7),), attrs=(("axis", 1),)),
    Layer("split", (IMAGE,), ((2, 3, 9, 7), (2, 5, 9, 7)), attrs=(("axis", 1),)),
    Layer("resize", (IMAGE,), ((2, 8, 18, 21),), attrs=(("mode", "linear"),)),
]  # fmt: skip


@pytest.mark.parametrize("layer", STRUCTURAL, ids=lambda layer: f"{layer.op}-{layer.digest[:4]}")
def test_a_layer_of_any_shape_is_valid_and_comes_back(layer: Layer) -> None:
    network = single(layer)
    data = to_onnx(network)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    assert [v.shape for v in run(data).values()] == list(layer.outputs)
    rounded = run(to_onnx(network, dtype="int8"), optimise=True)
    assert [v.shape for v in rounded.values()] == list(layer.outputs)
    read = read_onnx(data, name="single")
    assert read.macs == network.macs
    assert read.params == network.params + (2 * layer.groups if layer.op == "group_norm" else 0)  # a norm of its own
    if len(read.nodes) == 1:
        assert read.nodes[0] == network.nodes[0]


def test_a_class_token_is_repeated_for_every_image_of_a_batch() -> None:
    b = Builder("tokens", (3, 5, 8))
    data = to_onnx(b.network(b.prepend_constant(b.input, name="cls")))
    got = run(data, {"input": np.zeros((3, 5, 8), np.float32)})["cls"]
    assert got.shape == (3, 6, 8)
    assert np.array_equal(got[0, 0], got[2, 0])
    assert got[0, 0].any()


def test_what_cannot_be_written_is_told_by_name() -> None:
    with pytest.raises(UsageError, match=r"'the_layer'.*'warp_field'"):
        to_onnx(single(Layer("warp_field", ((1, 2),), ((1, 2),))))
    with pytest.raises(UsageError, match=r"'the_layer'.*fused"):
        to_onnx(single(Layer("add", ((1, 2), (1, 2)), ((1, 2),), activation="relu")))
    with pytest.raises(UsageError, match="cubic"):
        to_onnx(single(Layer("resize", ((1, 2, 3, 3),), ((1, 2, 6, 6),), attrs=(("mode", "cubic"),))))
    with pytest.raises(UsageError, match="float16"):
        to_onnx(zoo.build("resnet18"), dtype="float16")


def test_names_of_constants_never_meet_names_of_tensors() -> None:
    b = Builder("clash", (1, 4))
    x = b.dense(b.relu(b.input, name="fc.weight"), 3, name="fc")
    data = to_onnx(b.network(x))
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    assert read_onnx(data, name="clash").params == prod((3, 4)) + 3
