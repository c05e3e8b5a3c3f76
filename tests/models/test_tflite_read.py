"""Files become Networks: those the project writes, those users have, and damaged ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")

import numpy as np
from tflite_samples import (
    Sample,
    dynamic_batch,
    half_weights,
    outputs,
    run,
    small_network,
    two_graphs,
    unnamed_with_a_custom_op,
)

from augur_edge import zoo
from augur_edge.errors import AugurError, DataError, UsageError
from augur_edge.models.tflite_cut import cut_ops
from augur_edge.models.tflite_read import read_tflite
from augur_edge.models.tflite_shapes import with_shapes
from augur_edge.models.tflite_write import to_tflite

LIGHT = sorted(set(zoo.names()) - {"vgg16", "wide_resnet50_2", "alexnet"})


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", LIGHT)
def test_a_written_zoo_network_reads_back_with_its_macs_and_shapes(name: str, dtype: str) -> None:
    network = zoo.build(name)
    read = read_tflite(to_tflite(network, dtype=dtype), name=name)
    assert read.macs == network.macs
    assert read.inputs[0].shape == network.inputs[0].shape
    assert {n.layer.dtype for n in read.nodes} == {dtype}
    own = {n.split(";")[0]: s for n, s in read.shapes.items()}
    both = [n for n in network.shapes if n in own]
    assert len(both) > len(network.nodes) / 3
    assert [own[n] for n in both] == [network.shapes[n] for n in both]


def test_convolutions_keep_their_geometry() -> None:
    network = zoo.build("mobilenet_v2")

    def geometry(net: object) -> list[tuple[object, ...]]:
        convs = [n.layer for n in net.nodes if n.layer.op == "conv2d"]  # type: ignore[attr-defined]
        return [(c.inputs, c.outputs, c.weights[0], c.kernel, c.stride, c.groups, c.padding) for c in convs]

    assert geometry(read_tflite(to_tflite(network), name="m")) == geometry(network)


def test_fused_activations_are_named() -> None:
    layers = [n.layer for n in read_tflite(to_tflite(small_network()), name="s").nodes]
    assert next(la for la in layers if la.op == "conv2d").activation == "relu"
    assert any(la.op == "add" and la.attr("value") == 3.0 and la.activation == "relu6" for la in layers)
    assert {"layer_norm", "batch_norm"}.isdisjoint(la.op for la in layers)


def test_a_dynamic_batch_asks_for_a_shape_and_takes_it() -> None:
    data = dynamic_batch()
    for reader in (lambda d: read_tflite(d, name="d"), cut_ops):
        with pytest.raises(UsageError, match=r"--shape image=1,4,4,2"):
            reader(data)
    sized = with_shapes(data, {"image": (3, 4, 4, 2)})
    assert read_tflite(sized, name="d").shapes == {"image": (3, 4, 4, 2), "pooled": (3, 2)}
    x = np.random.default_rng(0).standard_normal((3, 4, 4, 2)).astype(np.float32)
    assert np.allclose(outputs(run(sized, [x]))[0], x.mean((1, 2)), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "shape", "text"),
    [
        ("x", (1, 4, 4, 2), "it has image"),
        ("image", (1, 4, 4), "takes ?,4,4,2"),
        ("image", (1, 5, 4, 2), "takes ?,4,4,2"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(name: str, shape: tuple[int, ...], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_shapes(dynamic_batch(), {name: shape})
    assert text in str(caught.value)


def test_float16_weights_are_weights_not_a_layer() -> None:
    layers = [n.layer for n in read_tflite(half_weights(), name="h").nodes]
    assert [la.op for la in layers] == ["dense", "dense"]
    assert layers[0].weights == ((8, 8), (8,))


def test_unknown_operators_become_layers_with_bytes() -> None:
    network = read_tflite(unnamed_with_a_custom_op(), name="u")
    assert [n.layer.op for n in network.nodes] == ["relu6", "my_fancy_op_v2", "add"]
    assert network.nodes[1].layer.bytes_moved == 2 * 3 * 4
    assert len(set(network.shapes)) == 4
    assert network.nodes[2].inputs == ("same", "same")


def test_only_the_main_graph_is_read() -> None:
    assert [n.layer.op for n in read_tflite(two_graphs(), name="t").nodes] == ["relu", "if", "tanh"]


def test_a_dense_layer_that_flattens_by_itself_has_its_macs() -> None:
    """(2, 3, 3, 4) into FULLY_CONNECTED of 36 inputs, without `keep_num_dims`."""
    s = Sample()
    x, p, y = s.tensor((2, 6, 6, 4), "x"), s.tensor((2, 3, 3, 4), "p"), s.tensor((2, 5), "y")
    pool = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
    s.op("MAX_POOL_2D", [x], [p], "Pool2DOptions", **pool)
    w, b = s.constant(np.zeros((5, 36), np.float32)), s.constant(np.zeros(5, np.float32))
    s.op("FULLY_CONNECTED", [p, w, b], [y], "FullyConnectedOptions")
    network = read_tflite(s.bytes([x], [y]), name="f")
    assert network.macs == 2 * 36 * 5
    assert [n.layer.op for n in network.nodes] == ["max_pool2d", "reshape", "dense"]


def test_operators_out_of_order_are_damage() -> None:
    s = Sample()
    x, y, z = (s.tensor((1, 2), n) for n in "xyz")
    s.op("RELU", [y], [z])
    s.op("TANH", [x], [y])
    with pytest.raises(DataError, match="before anything writes it"):
        read_tflite(s.bytes([x], [z]), name="o")


FILES = [
    to_tflite(small_network(), dtype="int8"),
    half_weights(),
    two_graphs(),
    unnamed_with_a_custom_op(),
    dynamic_batch(),
]
WORDS = st.sampled_from([0, 1, 4, 255, 2**31 - 1, 2**32 - 1])
CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), WORDS | st.integers(0, 255)), min_size=1, max_size=8)


@given(st.sampled_from(FILES), CHANGES, st.booleans())
@settings(max_examples=300, deadline=4000)
def test_damaged_files_give_one_line_or_a_network(
    file: bytes, changes: list[tuple[float, int]], in_words: bool
) -> None:
    """Bytes changed anywhere, or whole words, where the offsets and indices are."""
    data, width = bytearray(file), 4 if in_words else 1
    for where, value in changes:
        place = int(where * (len(data) // width)) * width
        data[place : place + width] = (value % 256**width).to_bytes(width, "little")
    for reader in (lambda d: read_tflite(d, name="damaged"), lambda d: [op.data for op in cut_ops(d)]):
        try:
            reader(bytes(data))
        except AugurError as error:
            assert "\n" not in str(error)


@given(st.sampled_from(FILES), st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None)
def test_files_cut_short_are_refused(file: bytes, share: float) -> None:
    with pytest.raises(DataError):
        read_tflite(file[: int(share * (len(file) - 16))], name="short")
