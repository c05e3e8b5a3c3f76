"""Networks written as .tflite run in the real interpreter, with values and operators as a converter's."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")

from tflite_samples import inputs_for, outputs, run, small_network

from augur_edge import zoo
from augur_edge.models.tflite_cut import cut_ops, graph_ends
from augur_edge.models.tflite_graph import GraphView
from augur_edge.models.tflite_schema import decode_tflite
from augur_edge.models.tflite_write import node_names, to_tflite
from augur_edge.zoo import Builder

OLD = version("ai-edge-litert") < "2.3"
SMALL = ("squeezenet1_0", "mobilenet_v2", "mobilenet_v3_small", "resnet18")


def codes(data: bytes) -> list[str]:
    return GraphView(decode_tflite(data)).codes


def activations(interpreter: Any) -> dict[str, tuple[Any, Any]]:
    """(values, detail) of what operators wrote."""
    kept = {}
    for detail in interpreter.get_tensor_details():
        if detail["name"] and detail["name"].split("#")[-1] not in ("weight", "bias"):
            try:
                kept[detail["name"]] = interpreter.get_tensor(detail["index"]), detail
            except ValueError:
                continue
    return kept


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", SMALL)
def test_zoo_networks_run_in_one_delegated_piece_and_give_sane_outputs(name: str, dtype: str) -> None:
    data = to_tflite(zoo.build(name), dtype=dtype)
    interpreter = run(data, inputs_for(data))
    values = outputs(interpreter)[0]
    detail = interpreter.get_output_details()[0]
    if dtype == "int8":
        assert len(np.unique(values)) > 30
        assert np.mean(values == 127) < 0.02
        values = (values.astype(np.float32) - detail["quantization"][1]) * detail["quantization"][0]
    assert values.shape == (1, 1000)
    assert 0.1 < np.sqrt(np.mean(values**2)) < 10
    delegates = sum(op["op_name"] == "DELEGATE" for op in interpreter._get_ops_details())
    if dtype == "float32" or name != "mobilenet_v3_small":  # XNNPACK has no int8 HARD_SWISH
        assert delegates == 1


@pytest.mark.parametrize("name", [*SMALL, "vit_tiny_patch16_224"])
def test_values_stay_near_one_from_the_first_layer_to_the_last(name: str) -> None:
    """Neither denormals nor infinities: both change what a layer costs."""
    data = to_tflite(zoo.build(name))
    kept = activations(run(data, inputs_for(data), delegate=False, keep=True))
    network = zoo.build(name)
    checked = 0
    for tensor, (values, _) in kept.items():
        if tensor.split(";")[0] in network.shapes and np.issubdtype(values.dtype, np.floating):
            checked += 1
            assert np.all(np.isfinite(values)), tensor
            tiny = (values != 0) & (np.abs(values) < 1e-30)
            assert not tiny.any(), tensor
            softmax = "softmax" in tensor  # sums to 1 over 197 tokens
            assert (1e-3 if softmax else 0.05) < np.sqrt(np.mean(values.astype(float) ** 2)) < 20, tensor
    assert checked > 20


def test_int8_activations_use_their_scale() -> None:
    data = to_tflite(zoo.build("mobilenet_v2"), dtype="int8")
    for tensor, (values, detail) in activations(run(data, inputs_for(data), delegate=False, keep=True)).items():
        if detail["dtype"] == np.int8 and values.size > 500:
            assert len(np.unique(values)) > 20, tensor
            assert np.mean(values == 127) < 0.05, tensor


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_each_operator_gives_the_same_with_and_without_the_delegate(dtype: str) -> None:
    """On the same inputs; int8 kernels round differently by one step, which a whole network would amplify."""
    data = to_tflite(small_network(), dtype=dtype)
    values = {info.name: x for info, x in zip(graph_ends(data)[0], inputs_for(data))}
    for op in cut_ops(data):
        inputs = [values[i.name] for i in op.inputs]
        made = outputs(run(op.data, inputs))
        values.update((info.name, value) for info, value in zip(op.outputs, made))
        for info, fast, plain in zip(op.outputs, made, outputs(run(op.data, inputs, delegate=False))):
            if OLD and op.layer.op == "matmul":  # XNNPACK in 2.1 forgets the first operand's zero point
                continue
            assert np.abs(fast.astype(float) - plain).max() <= (1e-5 if dtype == "float32" else 1), info.name
    assert values[graph_ends(data)[1][0].name].shape == (1, 5)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 2, 8])
def test_an_int8_convolution_is_bit_exact(groups: int, stride: int) -> None:
    """Against integers in numpy: XNNPACK rounds acc * (input scale * weight scale / output scale) to even."""
    b = Builder("conv", (1, 8, 9, 9))
    data = to_tflite(b.network(b.conv(b.input, 16, 3, stride=stride, padding=1, groups=groups)), dtype="int8")
    view = GraphView(decode_tflite(data))
    conv = view.ops[-1]
    x = np.random.default_rng(1).integers(-128, 128, (1, 9, 9, 8), np.int8)
    got = outputs(run(data, [x]))[0]
    source, weight, bias, out = (
        view.graph.tensors[t] for t in (view.graph.inputs[0], *conv.inputs[1:], conv.outputs[0])
    )
    w = view.model.buffers[weight.buffer].data.view(np.int8).reshape(tuple(weight.shape)).astype(np.int64)
    if view.codes[-1] == "DEPTHWISE_CONV_2D":
        w = w[0].transpose(2, 0, 1)[..., None]
    shifted = np.pad(x[0].astype(np.int64) - source.quantization.zeroPoint[0], ((1, 1), (1, 1), (0, 0)))
    size = got.shape[1]
    acc = np.zeros((size, size, 16), np.int64)
    for o in range(16):
        first = o // (16 // groups) * (8 // groups)
        for i, j in np.ndindex(3, 3):
            pixels = shifted[
                i : i + stride * size : stride, j : j + stride * size : stride, first : first + 8 // groups
            ]
            acc[:size, :size, o] += pixels @ w[o, i, j]
    acc += view.model.buffers[bias.buffer].data.view(np.int32)
    scale = source.quantization.scale[0] * weight.quantization.scale / out.quantization.scale[0]
    wanted = np.rint(acc.astype(np.float32) * scale.astype(np.float32)) + out.quantization.zeroPoint[0]
    assert np.array_equal(got[0], np.clip(wanted, -128, 127).astype(np.int8))


def test_padding_is_same_or_valid_where_that_is_what_it_means() -> None:
    def conv(size: int, kernel: int, stride: int, padding: int | str) -> list[str]:
        b = Builder("pad", (1, 4, size, size))
        return codes(to_tflite(b.network(b.conv(b.input, 4, kernel, stride=stride, padding=padding))))

    assert conv(8, 3, 1, 1) == ["CONV_2D"]
    assert conv(8, 3, 1, 0) == ["CONV_2D"]
    assert conv(8, 3, 2, "same") == ["CONV_2D"]
    assert conv(8, 3, 2, 1) == ["PAD", "CONV_2D"]  # SAME would begin one pixel later
    assert conv(9, 3, 2, 1) == ["CONV_2D"]
    assert conv(8, 3, 1, 2) == ["PAD", "CONV_2D"]


def test_a_maximum_of_negative_values_is_not_padded_with_zeros() -> None:
    b = Builder("pool", (1, 1, 4, 4))
    data = to_tflite(b.network(b.max_pool(b.input, 3, 2, 1)))
    assert codes(data) == ["PADV2", "MAX_POOL_2D"]
    assert np.all(outputs(run(data, [np.full((1, 4, 4, 1), -7, np.float32)]))[0] == -7)
    b = Builder("pool", (1, 1, 4, 4))
    assert codes(to_tflite(b.network(b.max_pool(b.relu(b.input), 3, 2, 1)))) == ["RELU", "PAD", "MAX_POOL_2D"]


def test_norms_fold_activations_fuse_and_names_lead_back() -> None:
    b = Builder("names", (1, 3, 8, 8))
    x = b.relu(b.batch_norm(b.conv(b.input, 4, 3, stride=2, padding=1, name="conv"), name="norm"), name="act")
    y = b.layer_norm(b.reshape(x, (1, 4, 16), name="flat"), name="ln")
    data = to_tflite(b.network(b.transpose(y, (0, 2, 1), name="back"), x))
    view = GraphView(decode_tflite(data))
    written = [view.names[op.outputs[0]] for op in view.ops]
    assert written[:2] == ["conv#pad", "act;norm;conv"]
    assert [node_names(n) for n in written[:2]] == [("conv",), ("act", "norm", "conv")]
    known = {"conv", "norm", "act", "flat", "ln", "back"}
    assert {n for w in written for n in node_names(w)} == known
    assert view.codes[:2] == ["PAD", "CONV_2D"]


def test_a_tensor_that_others_read_is_not_fused_away() -> None:
    b = Builder("shared", (1, 3, 8, 8))
    x = b.conv(b.input, 4, 3, padding=1, name="conv")
    data = to_tflite(b.network(b.add(b.relu(x, name="act"), x, name="sum")))
    assert codes(data) == ["CONV_2D", "RELU", "ADD"]


def test_tokens_of_an_image_need_no_transpose() -> None:
    """As from a model that was written channels last: (N, C, H, W) -> (N, C, HW) -> (N, HW, C) is one RESHAPE."""
    b = Builder("tokens", (1, 3, 8, 8))
    x = b.conv(b.input, 6, 4, stride=4, name="conv")
    x = b.transpose(b.reshape(x, (1, 6, 4), name="flat"), (0, 2, 1), name="tokens")
    view = GraphView(decode_tflite(to_tflite(b.network(b.dense(x, 5, name="dense")))))
    assert view.codes == ["CONV_2D", "RESHAPE", "FULLY_CONNECTED"]
    assert node_names(view.names[view.ops[1].outputs[0]]) == ("tokens", "flat")


def test_a_channel_shuffle_moves_groups_not_pixels() -> None:
    b = Builder("shuffle", (1, 4, 2, 2))
    x = b.transpose(b.reshape(b.activation(b.input, "tanh"), (1, 2, 2, 2, 2)), (0, 2, 1, 3, 4))
    data = to_tflite(b.network(b.max_pool(b.reshape(x, (1, 4, 2, 2)), 1, 1)))
    assert codes(data) == ["TANH", "RESHAPE", "TRANSPOSE", "RESHAPE", "MAX_POOL_2D"]
    x_in = np.arange(16, dtype=np.float32).reshape(1, 2, 2, 4) / 16
    assert np.allclose(outputs(run(data, [x_in]))[0], np.tanh(x_in[..., [0, 2, 1, 3]]), atol=1e-6)


def test_equal_arguments_give_equal_bytes_and_a_seed_others() -> None:
    first, again, other = (to_tflite(small_network(), seed=s) for s in (0, 0, 1))
    assert first == again != other
