"""One layer as a network: what was fused stands after it, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from augur_edge.layers import Layer
from augur_edge.prior import KINDS, layer_network, sample_layers
from augur_edge.window import Window, conv2d


def test_a_bare_layer_is_one_node() -> None:
    layer = conv2d((1, 3, 32, 32), 8, Window(3))
    network = layer_network(layer, "stem")
    assert [node.layer for node in network.nodes] == [layer]
    assert [t.name for t in network.inputs] == ["input"]
    assert network.outputs == ("stem",)


def test_what_is_fused_follows_the_layer() -> None:
    layer = conv2d((1, 3, 32, 32), 8, Window(3), dtype="float16")
    fused = replace(
        layer,
        inputs=(*layer.inputs, *layer.outputs),
        fused_add=True,
        activation="clip",
        attrs=(("min", 0), ("max", 4), ("note", 1)),
    )
    network = layer_network(fused, "c")
    bare, add, clip = network.nodes
    assert bare.layer == replace(layer, attrs=(("note", 1),))
    assert (add.name, add.layer.op, add.inputs) == ("c.add", "add", ("c", "input_1"))
    assert (clip.name, clip.inputs, clip.layer.attrs) == ("c.clip", ("c.add",), (("max", 4), ("min", 0)))
    assert network.outputs == ("c.clip",)
    assert {t.dtype for t in network.inputs} == {"float16"} == {node.layer.dtype for node in network.nodes}


def test_a_layer_with_many_outputs_keeps_them() -> None:
    layer = Layer("split", ((1, 6),), ((1, 2),) * 3, attrs=(("axis", 1),))
    assert layer_network(layer, "cut").outputs == ("cut", "cut:1", "cut:2")


@pytest.mark.parametrize("kind", KINDS)
def test_every_sampled_layer_is_a_network_of_the_same_work(kind: str) -> None:
    for i, layer in enumerate(sample_layers(f"{kind}:40", seed=5)):
        network = layer_network(layer, f"n{i}")
        assert (network.macs, network.params) == (layer.macs, layer.params)
        assert tuple(t.shape for t in network.inputs) == layer.inputs
        assert [network.shapes[t] for t in network.outputs] == list(layer.outputs)
        assert not any(node.layer.activation or node.layer.fused_add for node in network.nodes)
