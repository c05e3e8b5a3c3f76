"""Layers of ONNX Runtime's optimised graphs do the work of the user's network, in its own terms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from augur_edge import zoo
from augur_edge.layers import Layer
from augur_edge.models.onnx_cut import TensorSpec, activation_names, source_nodes, with_outputs
from augur_edge.models.onnx_deployed import deployed_layers
from augur_edge.models.onnx_proto import GraphProto, ModelProto, NodeProto, ValueInfo, decode_model, encode_model
from augur_edge.models.onnx_read import read_onnx
from augur_edge.models.onnx_write import to_onnx
from augur_edge.network import Network
from augur_edge.zoo import Builder

onnx = pytest.importorskip("onnx")
from onnx import TensorProto as T  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402
from ort_session import feeds, optimised, run, session  # noqa: E402
from test_onnx_cut import branching_model, torch_like  # noqa: E402


def deployed(data: bytes) -> list[tuple[NodeProto, Layer]]:
    original, model = decode_model(data), optimised(data)
    opened = with_outputs(model, activation_names(model))
    given = feeds(session(opened))
    values = {**given, **run(opened, given)}
    specs = {name: TensorSpec(v.shape, v.dtype.name) for name, v in values.items()}
    return list(zip(model.graph.nodes, deployed_layers(original, model, specs)))


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "squeezenet1_0", "vit_tiny_patch16_224"])
def test_the_work_of_all_layers_is_the_networks(name: str, dtype: str) -> None:
    network = zoo.build(name)
    layers = [layer for _, layer in deployed(to_onnx(network, dtype=dtype))]
    assert sum(layer.macs for layer in layers) == network.macs
    wanted = sorted(n.layer.outputs for n in network.nodes if n.layer.op == "conv2d")
    assert sorted(layer.outputs for layer in layers if layer.op == "conv2d") == wanted  # not padded, channels first


def test_fused_parts_are_said() -> None:
    layers = [layer for _, layer in deployed(to_onnx(zoo.build("resnet18")))]
    residual = [layer for layer in layers if layer.fused_add]
    assert len(residual) == 8
    assert all(layer.activation == "relu" and len(layer.inputs) == 2 for layer in residual)
    mobile = [layer for _, layer in deployed(to_onnx(zoo.build("mobilenet_v3_small")))]
    assert {"relu", "hard_swish", "hard_sigmoid", None} == {n.activation for n in mobile if n.op == "conv2d"}
    assert {n.activation for _, n in deployed(to_onnx(zoo.build("mobilenet_v2"))) if n.op == "conv2d"} == {
        "relu6",
        None,
    }


def test_channels_that_fill_a_block_are_no_work_of_the_users() -> None:
    pairs = deployed(to_onnx(zoo.build("mobilenet_v3_small")))
    node, depthwise = next((n, s) for n, s in pairs if n.op_type == "Conv" and s.inputs[0][1] == 72 and s.groups > 1)
    assert node.attributes["group"] >= 72  # 80 where blocks have 16 channels
    assert depthwise.weights == ((72, 1, 3, 3), (72,))
    assert depthwise.groups == 72


def test_reorders_are_layers_too() -> None:
    layers = [layer for _, layer in deployed(to_onnx(zoo.build("resnet18")))]
    if any(layer.op == "reorder" for layer in layers):  # on processors with blocked kernels
        (reorder,) = [layer for layer in layers if layer.op == "reorder"]
        assert reorder.inputs == reorder.outputs == ((1, 512, 1, 1),)
        assert reorder.attr("to") == "plain"


def test_a_norm_that_runs_as_a_convolution_is_a_norm() -> None:
    """ONNX Runtime has no blocked batch normalisation and uses a 1x1 convolution of each channel."""
    b = Builder("preactivation", (1, 16, 20, 20))
    x = b.conv(b.input, 32, 3, padding=1, name="conv1")
    x = b.relu(b.batch_norm(b.relu(x, name="relu1"), name="norm1"), name="relu2")
    x = b.conv(x, 24, 1, name="conv2")
    x = b.batch_norm(b.activation(x, "tanh", name="tanh"), name="norm2")
    network = b.network(b.conv(x, 16, 3, name="conv3"))
    pairs = deployed(to_onnx(network))
    assert sum(layer.macs for _, layer in pairs) == network.macs
    norms = [layer for _, layer in pairs if layer.op == "batch_norm"]
    assert [n.weights for n in norms] == [((32,), (32,)), ((24,), (24,))]
    original, model = decode_model(to_onnx(network)), optimised(to_onnx(network))
    assert {("conv1", "relu1"), ("norm1", "relu2"), ("norm2",)} <= set(source_nodes(original, model))


def channels_last_network() -> Network:
    b = Builder("last", (1, 3, 20, 24))
    x = b.relu(b.conv(b.input, 8, 3, stride=2, padding=1, name="c1"), name="r1")
    y = b.conv(b.activation(b.depthwise(x, 3, padding=1, name="c2"), "relu6", name="r2"), 8, 1, name="c3")
    return b.network(b.relu(b.add(y, x, name="sum"), name="r3"))


def channels_last_model() -> tuple[ModelProto, dict[str, TensorSpec]]:
    """The graph that ONNX Runtime 1.31 makes of it on Arm processors with SME, and what its tensors look like."""
    original = decode_model(to_onnx(channels_last_network())).graph
    convs = [n for n in original.nodes if n.op_type == "Conv"]

    def conv(i: int, inputs: list[str], made: str, **more: Any) -> NodeProto:
        names = [inputs[0], convs[i].inputs[1], *(["", inputs[1]] if inputs[1:] else [])]  # none has a bias
        return NodeProto("NhwcFusedConv", names, [made], f"{convs[i].name}_token_{i}", "com.microsoft",
                         {**convs[i].attributes, **more})  # fmt: skip

    clip = {"activation": "Clip", "activation_params": (0.0, 6.0)}
    nodes = [
        NodeProto("Transpose", ["input"], ["t0"], "Transpose", attributes={"perm": (0, 2, 3, 1)}),
        conv(0, ["t0"], "r1", activation="Relu"),
        conv(1, ["r1"], "r2", **clip),
        conv(2, ["r2", "r1"], "sum_token_4"),
        NodeProto("Transpose", ["sum_token_4"], ["sum"], "Transpose_token_5", attributes={"perm": (0, 3, 1, 2)}),
        NodeProto("Relu", ["sum"], ["r3"], "r3"),
    ]
    shapes = {"input": (1, 3, 20, 24), "t0": (1, 20, 24, 3), "sum": (1, 8, 10, 12), "r3": (1, 8, 10, 12)}
    shapes |= dict.fromkeys(("r1", "r2", "sum_token_4"), (1, 10, 12, 8))
    graph = GraphProto("last", nodes, original.initializers, original.inputs, original.outputs)
    return ModelProto(graph, {"": 17, "com.microsoft": 1}), {k: TensorSpec(v) for k, v in shapes.items()}


def test_convolutions_with_channels_last_are_the_users_convolutions() -> None:
    network, (model, specs) = channels_last_network(), channels_last_model()
    original = decode_model(to_onnx(network))
    layers = [layer for layer in deployed_layers(original, model, specs) if layer is not None]
    assert [layer.op for layer in layers] == ["reorder", "conv2d", "conv2d", "conv2d", "reorder", "relu"]
    wanted = [n.layer for n in network.nodes if n.layer.op == "conv2d"]
    for layer, mine in zip(layers[1:4], wanted):
        same = ("macs", "weights", "kernel", "stride", "padding", "groups", "outputs")
        assert [getattr(layer, name) for name in same] == [getattr(mine, name) for name in same]
        assert layer.inputs[0] == mine.inputs[0]
    assert [layer.activation for layer in layers[1:4]] == ["relu", "relu6", None]
    assert [layer.fused_add for layer in layers[1:4]] == [False, False, True]
    claimed = source_nodes(original, model)
    assert claimed[1:4] == [("c1", "r1"), ("c2", "r2"), ("c3", "sum")]
    assert claimed[5] == ("r3",)


def test_a_file_with_channels_last_has_the_same_work() -> None:
    read = read_onnx(encode_model(channels_last_model()[0]), name="last")  # declares no shape but the input's
    assert read.macs == channels_last_network().macs
    assert [n.layer.outputs for n in read.nodes if n.layer.op == "conv2d"] == [((1, 8, 10, 12),)] * 3


def transformer_model() -> bytes:
    """Parts that ONNX Runtime fuses: bias and gelu, a skip connection into a norm, a scaled product."""
    rng = np.random.default_rng(0)
    n = helper.make_node
    nodes = [
        n("MatMul", ["x", "w1"], ["m"]), n("Add", ["m", "b1"], ["h"]),
        n("Div", ["h", "root"], ["d"]), n("Erf", ["d"], ["e"]), n("Add", ["e", "one"], ["a"]),
        n("Mul", ["h", "a"], ["g"]), n("Mul", ["g", "half"], ["gelu"]),
        n("MatMul", ["gelu", "w2"], ["o"]), n("Add", ["x", "o"], ["skip"]),
        n("LayerNormalization", ["skip", "s", "t"], ["norm"], axis=-1),
        n("Transpose", ["norm"], ["nt"], perm=[0, 2, 1]), n("MatMul", ["norm", "nt"], ["p"]),
        n("Mul", ["p", "scale"], ["y"]),
    ]  # fmt: skip
    shapes = {"w1": (16, 32), "b1": (32,), "w2": (32, 16), "s": (16,), "t": (16,)}
    values: dict[str, Any] = {k: rng.standard_normal(v).astype(np.float32) for k, v in shapes.items()}
    values |= {k: np.float32(v) for k, v in {"root": 2**0.5, "one": 1, "half": 0.5, "scale": 0.125}.items()}
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in values.items()]
    x, y = (helper.make_tensor_value_info(k, T.FLOAT, s) for k, s in (("x", [2, 5, 16]), ("y", None)))
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def test_a_transformers_fusions_keep_their_work() -> None:
    layers = [layer for _, layer in deployed(transformer_model())]
    assert sum(layer.macs for layer in layers) == 2 * 5 * 16 * 32 * 2 + 2 * 5 * 5 * 16
    assert {"dense", "matmul", "layer_norm"} <= {layer.op for layer in layers}
    assert "gelu" in {layer.op for layer in layers} | {layer.activation for layer in layers}
    (product,) = [layer for layer in layers if layer.op == "matmul"]
    assert product.outputs == ((2, 5, 5),)


@pytest.mark.parametrize("data", [torch_like(), branching_model()], ids=["exported", "branching"])
def test_any_graph_has_a_layer_per_node(data: bytes) -> None:
    for node, layer in deployed(data):
        assert len(layer.outputs) == len([t for t in node.outputs if t])
        assert layer.bytes_moved > 0


def test_a_node_that_does_not_fit_its_rule_is_a_layer_of_bytes() -> None:
    graph = GraphProto("g", [NodeProto("MaxPool", ["x"], ["y"])])  # without a kernel
    graph.inputs = [ValueInfo("x", 1, (1, 4))]
    odd = ModelProto(graph, {"": 17})
    (layer,) = deployed_layers(odd, odd, {"x": TensorSpec((1, 4)), "y": TensorSpec((1, 2))})
    assert layer == Layer("max_pool", ((1, 4),), ((1, 2),))
