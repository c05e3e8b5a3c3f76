"""Operators cut out of a model, run one after the other, are the model."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")

from tflite_samples import (
    Array,
    half_weights,
    inputs_for,
    outputs,
    run,
    small_network,
    two_graphs,
    unnamed_with_a_custom_op,
    with_state,
)

from augur_edge import zoo
from augur_edge.models.tflite_cut import cut_ops, graph_ends, identity_tflite
from augur_edge.models.tflite_graph import GraphView
from augur_edge.models.tflite_read import read_tflite
from augur_edge.models.tflite_schema import decode_tflite
from augur_edge.models.tflite_write import to_tflite


def chained(data: bytes, *, delegate: bool) -> tuple[list[Array], list[Array]]:
    """Outputs of the whole, and of the cut operators run one after the other on its inputs."""
    inputs = inputs_for(data)
    ends = graph_ends(data)
    values = {info.name: x for info, x in zip(ends[0], inputs)}
    for op in cut_ops(data):
        assert op.error is None
        made = outputs(run(op.data, [values[i.name] for i in op.inputs], delegate=delegate))
        for info, value in zip(op.outputs, made):
            assert (value.shape, value.dtype.name) == (info.shape, info.dtype)
            values[info.name] = value
    return outputs(run(data, inputs, delegate=delegate)), [values[info.name] for info in ends[1]]


@pytest.mark.parametrize("delegate", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_chain_of_cut_operators_is_the_network(dtype: str, delegate: bool) -> None:
    whole, chain = chained(to_tflite(small_network(), dtype=dtype), delegate=delegate)
    assert np.array_equal(whole[0], chain[0])


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("squeezenet1_0", "float32"), ("resnet18", "float32"), ("resnet18", "int8"), ("mobilenet_v2", "int8")],
)
def test_a_chain_of_a_zoo_networks_operators_is_the_network(name: str, dtype: str) -> None:
    whole, chain = chained(to_tflite(zoo.build(name), dtype=dtype), delegate=True)
    assert np.array_equal(whole[0], chain[0])


def test_padding_is_cut_with_the_convolution_that_takes_it_in() -> None:
    """XNNPACK runs both as one; a PAD of its own would cost what the network does not pay."""
    first = cut_ops(to_tflite(small_network()))[0]
    assert GraphView(decode_tflite(first.data)).codes == ["PAD", "CONV_2D"]
    assert first.inputs[0].shape == (1, 12, 12, 3)
    assert first.layer.inputs == ((1, 3, 12, 12),)
    assert first.layer.padding == (1, 1, 1, 1)
    assert first.layer.activation == "relu"


def test_layers_are_those_of_the_network_read() -> None:
    data = to_tflite(small_network())
    assert [op.layer for op in cut_ops(data)] == [n.layer for n in read_tflite(data, name="s").nodes]


def test_nodes_lead_back_to_every_node_of_the_network() -> None:
    network = zoo.build("vit_tiny_patch16_224")
    found = {node for op in cut_ops(to_tflite(network)) for node in op.nodes}
    assert found == {n.name for n in network.nodes}


def test_unpacked_weights_go_with_each_layer_that_reads_them() -> None:
    ops = cut_ops(half_weights())
    assert [op.layer.op for op in ops] == ["dense", "dense"]
    for op in ops:
        assert GraphView(decode_tflite(op.data)).codes == ["DEQUANTIZE", "FULLY_CONNECTED"]
    whole, chain = chained(half_weights(), delegate=True)
    assert np.array_equal(whole[0], chain[0])


def test_an_operator_with_graphs_of_its_own_says_why_it_cannot_run_alone() -> None:
    first, branch, last = cut_ops(two_graphs())
    assert first.error is last.error is None
    assert branch.error is not None and "IF runs graphs of its own" in branch.error
    assert branch.data == b""
    assert [i.name for i in branch.inputs] == ["flag", "y"]


def test_custom_operators_and_missing_names_are_cut_like_any_other() -> None:
    ops = cut_ops(unnamed_with_a_custom_op())
    assert [op.layer.op for op in ops] == ["relu6", "my_fancy_op_v2", "add"]
    assert len({info.name for op in ops for info in op.outputs}) == 3
    assert len(ops[2].inputs) == 1, "the same tensor twice is one input"
    code = decode_tflite(ops[1].data).operatorCodes[0]
    assert code.customCode == b"MyFancyOp_v2"
    x = np.ones((1, 3), np.float32)
    assert np.array_equal(outputs(run(ops[2].data, [x]))[0], 2 * x)


def test_state_stays_inside_the_operator_that_keeps_it() -> None:
    svdf, dense = cut_ops(with_state())
    assert [i.name for i in svdf.inputs] == ["x"]
    assert dense.layer.attr("weight_dtype") == "int8"
    x = np.ones((1, 3), np.float32)
    alone, whole = run(svdf.data, [x]), run(with_state(), [x])
    first = outputs(alone)[0]
    alone.invoke()
    assert np.all(outputs(alone)[0] > first), "the second call sees the first"
    assert np.allclose(outputs(run(dense.data, [first]))[0], outputs(whole)[0])


def test_a_cut_holds_its_own_constants_only() -> None:
    data = to_tflite(zoo.build("resnet18"))
    sizes = [len(op.data) for op in cut_ops(data)]
    assert sum(sizes) < 1.01 * len(data)
    assert max(sizes) < 0.3 * len(data)


def test_the_identity_runs_under_the_delegate() -> None:
    x = np.array([[2.5]], np.float32)
    interpreter = run(identity_tflite(), [x])
    assert np.array_equal(outputs(interpreter)[0], x)
    assert [op["op_name"] for op in interpreter._get_ops_details()] == ["RELU", "DELEGATE"]
    ends = graph_ends(identity_tflite())
    assert [(t.name, t.shape) for t in (*ends[0], *ends[1])] == [("x", (1, 1)), ("y", (1, 1))]
