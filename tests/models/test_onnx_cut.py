"""Cut nodes, run one after the other, must be the network; and lead back to the nodes the user wrote."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from augur_edge import zoo
from augur_edge.errors import DataError
from augur_edge.models.onnx_cut import TensorSpec, activation_names, cut_node, source_nodes, with_outputs
from augur_edge.models.onnx_proto import GraphProto, ModelProto, NodeProto, ValueInfo, decode_model, encode_model
from augur_edge.models.onnx_sources import node_names
from augur_edge.models.onnx_tensor import TensorProto
from augur_edge.models.onnx_write import to_onnx

onnx = pytest.importorskip("onnx")
from onnx import TensorProto as T  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402
from ort_session import feeds, optimised, run, session  # noqa: E402


def specs(values: dict[str, Any]) -> dict[str, TensorSpec]:
    return {name: TensorSpec(v.shape, v.dtype.name) for name, v in values.items()}


def assert_cut_nodes_are_the_network(data: bytes) -> ModelProto:
    """Every node of the optimised graph alone, unoptimised, on recorded inputs, gives the recorded outputs."""
    model = optimised(data)
    opened = with_outputs(model, activation_names(model))
    given = feeds(session(opened))
    values = {**given, **run(opened, given)}
    tensors = specs(values)
    fresh = dict(given)
    for i, node in enumerate(model.graph.nodes):
        cut = cut_node(model, i, tensors)
        got = run(cut.data, {name: fresh[name] for name in cut.inputs})
        assert list(got) == list(cut.outputs)
        for name in cut.outputs:
            assert np.array_equal(got[name], values[name]), f"{node.op_type} {node.name} -> {name}"
        fresh.update(got)
    for name, value in run(data, given, optimise=True).items():
        assert np.array_equal(fresh[name], value), name
    return model


def test_the_cut_nodes_of_resnet18_reproduce_it_exactly() -> None:
    model = assert_cut_nodes_are_the_network(to_onnx(zoo.build("resnet18")))
    assert len(model.graph.nodes) < 30  # fused: 49 nodes in the file


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "squeezenet1_0", "vit_tiny_patch16_224"])
def test_each_of_the_users_nodes_belongs_to_one_computing_node(name: str) -> None:
    data = to_onnx(zoo.build(name))
    original, deployed = decode_model(data), optimised(data)
    sources = source_nodes(original, deployed)
    assert {name for names in sources for name in names} == set(node_names(original))
    assert all(sources)
    claimed = Counter(
        source
        for node, names in zip(deployed.graph.nodes, sources)
        if not node.op_type.startswith("Reorder") and not node.name.startswith("gemm_") and node.name
        for source in names
    )
    assert set(claimed.values()) == {1}


def test_fused_nodes_name_all_that_they_do() -> None:
    data = to_onnx(zoo.build("resnet18"))
    deployed = optimised(data)
    sources = source_nodes(decode_model(data), deployed)
    assert ("layer1.0.conv2", "layer1.0.add", "layer1.0.relu2") in sources
    assert ("layer2.0.downsample.0",) in sources
    assert {s for n, s in zip(deployed.graph.nodes, sources) if "ReorderOutput" in n.name} <= {("avgpool",)}


def test_quantised_nodes_are_led_back_past_scales_and_layouts() -> None:
    data = to_onnx(zoo.build("resnet18"), dtype="int8")
    original, deployed = decode_model(data), optimised(data)
    sources = {
        n.op_type + n.name.partition("_token")[0]: s
        for n, s in zip(deployed.graph.nodes, source_nodes(original, deployed))
    }
    assert set(sources["QLinearConvlayer1.0.conv1"]) >= {"layer1.0.conv1", "layer1.0.relu1", "layer1.0.relu1/quantize"}
    assert set(sources["QLinearAddlayer1.0.add"]) >= {"layer1.0.add", "layer1.0.relu2"}
    assert not set(sources["QLinearConvlayer1.0.conv2"]) & {"layer1.0.add", "layer1.0.relu1"}
    assert not any("weight" in name for claim in sources.values() for name in claim)  # constants run ahead


def test_an_unnamed_node_is_called_by_its_op_and_place() -> None:
    nodes = [NodeProto("Relu", ["x"], ["a"]), NodeProto("Relu", ["a"], ["b"], "n"), NodeProto("Abs", ["b"], ["y"], "n")]
    assert node_names(ModelProto(GraphProto(nodes=nodes), {"": 17})) == ["Relu_0", "n", "Abs_2"]


def torch_like(opset: int = 17) -> bytes:
    """As exporters write it: unnamed nodes, Constant nodes, a decomposed LayerNorm, shapes computed from shapes."""
    rng = np.random.default_rng(0)

    def weight(name: str, *shape: int) -> Any:
        return numpy_helper.from_array((rng.standard_normal(shape) / 8).astype(np.float32), name)

    def const(name: str, value: Any) -> Any:
        return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value), name))

    n = helper.make_node
    nodes = [
        n("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]), n("Relu", ["c1"], ["r1"]),
        n("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1]), n("Add", ["r1", "c2"], ["s"]),
        n("Relu", ["s"], ["r2"]), n("Identity", ["r2"], ["id"]),
        n("Shape", ["id"], ["shape"]), const("zero", np.int64(0)), const("axes0", np.array([0], np.int64)),
        n("Gather", ["shape", "zero"], ["batch"]), n("Unsqueeze", ["batch", "axes0"], ["batch1"]),
        const("rest", np.array([16, -1], np.int64)), n("Concat", ["batch1", "rest"], ["to"], axis=0),
        n("Reshape", ["id", "to"], ["flat"]), n("Transpose", ["flat"], ["tokens"], perm=[0, 2, 1]),
        const("two", np.float32(2)), const("eps", np.float32(1e-5)),
        n("ReduceMean", ["tokens"], ["mean"], axes=[-1]), n("Sub", ["tokens", "mean"], ["centred"]),
        n("Pow", ["centred", "two"], ["square"]), n("ReduceMean", ["square"], ["var"], axes=[-1]),
        n("Add", ["var", "eps"], ["vareps"]), n("Sqrt", ["vareps"], ["std"]), n("Div", ["centred", "std"], ["unit"]),
        n("Mul", ["unit", "gamma"], ["scaled"]), n("Add", ["scaled", "beta"], ["norm"]),
        n("MatMul", ["norm", "w3"], ["mm"]), n("Add", ["mm", "b3"], ["y"]),
    ]  # fmt: skip
    weights = [weight("w1", 16, 3, 3, 3), weight("b1", 16), weight("w2", 16, 16, 3, 3), weight("b2", 16)]
    weights += [weight("gamma", 16), weight("beta", 16), weight("w3", 16, 8), weight("b3", 8)]
    inputs = [helper.make_tensor_value_info("x", T.FLOAT, [1, 3, 8, 8])]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", T.FLOAT, None)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


def test_an_older_graph_that_is_fused_less_is_led_back_too() -> None:
    data = torch_like(opset=14)  # the transpose moves through the LayerNorm, which stays in pieces
    deployed = assert_cut_nodes_are_the_network(data)
    sources = source_nodes(decode_model(data), deployed)
    ahead = {"Shape_6", "Constant_7", "Constant_8", "Gather_9", "Unsqueeze_10", "Constant_11", "Concat_12"}
    ahead |= {"Constant_15", "Constant_16"}
    assert {s for claim in sources for s in claim} == set(node_names(decode_model(data))) - ahead


def test_an_exported_graph_is_led_back_through_every_fusion() -> None:
    data = torch_like()
    deployed = assert_cut_nodes_are_the_network(data)
    sources = dict(zip([n.op_type for n in deployed.graph.nodes], source_nodes(decode_model(data), deployed)))
    assert sources["LayerNormalization"] == tuple(
        f"{op}_{i}"
        for i, op in enumerate(["ReduceMean", "Sub", "Pow", "ReduceMean", "Add", "Sqrt", "Div", "Mul", "Add"], start=17)
    )
    assert sources["Gemm"] == ("MatMul_26", "Add_27")
    convolutions = [
        s for n, s in zip(deployed.graph.nodes, source_nodes(decode_model(data), deployed)) if "Conv" in n.op_type
    ]
    assert [s[:2] for s in convolutions] == [("Conv_0", "Relu_1"), ("Conv_2", "Add_3")]
    assert not any("Shape_6" in s or "Gather_9" in s for s in sources.values())  # computed ahead


def branching_model() -> bytes:
    """An If whose branches read a tensor and a constant of the graph around them, beside a node of two outputs."""
    info = helper.make_tensor_value_info
    bigger = helper.make_graph([helper.make_node("Add", ["a", "w"], ["t"])], "then", [], [info("t", T.FLOAT, [4])])
    smaller = helper.make_graph([helper.make_node("Sub", ["a", "w"], ["e"])], "else", [], [info("e", T.FLOAT, [4])])
    nodes = [
        helper.make_node("Split", ["x"], ["a", "b"], "split", axis=0),
        helper.make_node("ReduceSum", ["b"], ["sum"], "sum", keepdims=0),
        helper.make_node("Constant", [], ["w"], "w", value=numpy_helper.from_array(np.ones(4, np.float32), "w")),
        helper.make_node("Greater", ["sum", "zero"], ["positive"], "greater"),
        helper.make_node("If", ["positive"], ["y"], "if", then_branch=bigger, else_branch=smaller),
        helper.make_node("Clip", ["y", "", "one"], ["z"], "clip"),
    ]
    constants = [numpy_helper.from_array(np.float32(v), k) for k, v in (("zero", 0), ("one", 1))]
    graph = helper.make_graph(nodes, "g", [info("x", T.FLOAT, [8])], [info("z", T.FLOAT, None)], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def test_what_a_branch_takes_from_around_it_becomes_an_input_or_a_constant() -> None:
    model = decode_model(branching_model())
    values = run(with_outputs(model, activation_names(model)))
    tensors = specs({**values, "x": np.zeros(8, np.float32)})
    cut = cut_node(model, 4, tensors)
    assert cut.inputs == ("positive", "a")
    assert list(decode_model(cut.data).graph.initializers) == ["w"]
    assert np.array_equal(run(cut.data, {n: values[n] for n in cut.inputs})["y"], values["y"])


def test_an_optional_input_left_out_stays_left_out_and_all_outputs_are_kept() -> None:
    model = decode_model(branching_model())
    values = run(with_outputs(model, activation_names(model)))
    tensors = specs({**values, "x": np.zeros(8, np.float32)})
    clip = cut_node(model, 5, tensors)
    assert decode_model(clip.data).graph.nodes[0].inputs == ["y", "", "one"]
    assert clip.inputs == ("y",)
    assert np.array_equal(run(clip.data, {"y": values["y"]})["z"], values["z"])
    assert cut_node(model, 0, tensors).outputs == ("a", "b")


def test_every_cut_model_satisfies_the_checker() -> None:
    model = decode_model(branching_model())
    values = run(with_outputs(model, activation_names(model)))
    tensors = specs({**values, "x": np.zeros(8, np.float32)})
    for i, node in enumerate(model.graph.nodes):
        if node.op_type != "Constant":
            onnx.checker.check_model(onnx.load_model_from_string(cut_node(model, i, tensors).data), full_check=True)


def test_a_tensor_nobody_has_seen_is_told() -> None:
    model = decode_model(branching_model())
    with pytest.raises(DataError, match=r"'greater'.*'sum'"):
        cut_node(model, 3, {})


def test_a_node_that_reads_one_tensor_twice_has_it_as_one_input() -> None:
    graph = GraphProto("g", [NodeProto("Mul", ["x", "x"], ["y"], "square")])
    graph.initializers["unused"] = TensorProto.of("unused", np.zeros(10, np.float32))
    graph.inputs, graph.outputs = [ValueInfo("x", 1, (2,))], [ValueInfo("y", 1, (2,))]
    cut = cut_node(ModelProto(graph, {"": 17}), 0, {"x": TensorSpec((2,))})
    assert cut.inputs == ("x",)
    assert not decode_model(cut.data).graph.initializers
    assert run(cut.data, {"x": np.float32([2, 3])})["y"].tolist() == [4, 9]


def test_opening_a_model_leaves_its_results_as_they_are() -> None:
    model = decode_model(torch_like())
    inside = run(with_outputs(model, ["r1", "y", "mm"]))
    assert list(inside) == ["y", "r1", "mm"]
    assert np.array_equal(inside["y"], run(encode_model(model))["y"])
