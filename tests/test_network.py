"""What makes a list of nodes a network, and what `Builder` refuses to build."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from augur_edge.layers import Layer
from augur_edge.network import Network, Node, TensorInfo
from augur_edge.zoo import Builder

X = TensorInfo("x", (1, 4))
RELU = Layer("relu", ((1, 4),), ((1, 4),))
ADD = Layer("add", ((1, 4), (1, 4)), ((1, 4),))
DENSE = Layer("dense", ((1, 4),), ((1, 3),), ((3, 4), (3,)))
A = Node("a", RELU, ("x",), ("a",))


def test_a_diamond_is_a_network() -> None:
    nodes = (A, Node("b", RELU, ("x",), ("b",)), Node("c", ADD, ("a", "b"), ("c",)), Node("d", DENSE, ("c",), ("d",)))
    network = Network("diamond", (X,), nodes, ("d", "a"))
    assert network.shapes == {"x": (1, 4), "a": (1, 4), "b": (1, 4), "c": (1, 4), "d": (1, 3)}
    assert (network.macs, network.params) == (12, 15)


@pytest.mark.parametrize(
    ("inputs", "nodes", "outputs", "message"),
    [
        ((X,), (Node("b", RELU, ("a",), ("b",)), A), ("b",), "b reads 'a' before anything writes it"),
        ((X,), (A, Node("b", DENSE, ("a",), ("a",))), ("a",), "'a' is written twice, again by b"),
        ((X,), (Node("b", RELU, ("x",), ("x",)),), ("x",), "'x' is written twice"),
        ((TensorInfo("x", (1, 5)),), (A,), ("a",), r"a takes \(1, 4\), 'x' is \(1, 5\)"),
        ((X,), (A,), ("z",), "nothing writes the output 'z'"),
        ((X,), (Node("b", ADD, ("x",), ("b",)),), ("b",), "b names 1 inputs, its layer has 2"),
        ((X,), (Node("b", RELU, ("x",), ("b", "c")),), ("b",), "b names 2 outputs, its layer has 1"),
        ((X, X), (A,), ("a",), "two inputs have one name"),
    ],
)
def test_what_no_network_can_be_is_refused(
    inputs: tuple[TensorInfo, ...], nodes: tuple[Node, ...], outputs: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=f"net: {message}"):
        Network("net", inputs, nodes, outputs)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda b: b.conv(b.input, 8, 9), r"window of 9 does not fit an input of \(1, 6, 8, 8\)"),
        (lambda b: b.conv(b.input, 8, 3, groups=4), "4 groups do not divide 6 -> 8"),
        (lambda b: b.add(b.input, b.max_pool(b.input, 2, 2)), "add cannot join"),
        (lambda b: b.reshape(b.input, (1, 7)), r"does not reshape to \(1, 7\)"),
        (lambda b: b.concat((b.input, b.max_pool(b.input, 2, 2))), "differ beside axis 1"),
        (lambda b: b.split(b.input, 4, axis=1), "does not split into 4"),
        (lambda b: b.slice(b.input, (0, 4, 0, 0), (1, 3, 8, 8)), "is not inside"),
        (lambda b: b.matmul(b.input, b.max_pool(b.input, 2, 2)), "cannot multiply"),
        (lambda b: b.layer(RELU, (b.input,)), r"takes \(\(1, 4\),\), input give \(\(1, 6, 8, 8\),\)"),
    ],
)
def test_what_does_not_fit_is_not_built(wrong: Callable[[Builder], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong(Builder("net", (1, 6, 8, 8)))


def test_a_builder_names_scopes_and_pieces() -> None:
    b = Builder("net", (2, 6, 8, 8), dtype="float16")
    with b.scope("block"), b.scope("left"):
        x = b.relu(b.input)
        pieces = b.split(x, 3, axis=1, name="cut")
    network = b.network(*pieces)
    assert [n.name for n in network.nodes] == ["block.left.relu_0", "block.left.cut"]
    assert network.outputs == ("block.left.cut:0", "block.left.cut:1", "block.left.cut:2")
    assert {network.shapes[p] for p in pieces} == {(2, 2, 8, 8)}
    assert {n.layer.dtype for n in network.nodes} == {"float16"} == {network.inputs[0].dtype}
