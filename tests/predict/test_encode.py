from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge import _kernel, layers
from augur_edge.errors import UsageError
from augur_edge.layers import Layer
from augur_edge.predict import encode
from augur_edge.zoo import build, names

HEADER = (Path(__file__).parents[2] / "csrc/include/augur/format.h").read_text()


def entries(macro: str) -> list[str]:
    """The X(number, name, …) entries of one list of the header."""
    body = HEADER.split(f"#define {macro}(X)")[1].split("\n#")[0].split("\n\n")[0]
    return re.findall(r"X\((\d+), (\w+)", body)


def test_the_lists_are_those_of_the_header():
    assert [(str(code), name) for name, (code, _) in encode.OPS.items()] == entries("AUGUR_OPS")
    assert [(str(i), name) for i, name in enumerate(encode.FEATURES)] == entries("AUGUR_LAYER_FEATURES")
    kinds = re.findall(r"AUGUR_KIND_(\w+) = (\d)", HEADER)
    assert all(getattr(encode, name) == int(number) for name, number in kinds)


def test_codes_are_never_renumbered():
    codes = {name: code for name, (code, _) in encode.OPS.items()}
    assert list(codes.values()) == list(range(58))
    known = {"other": 0, "conv2d": 2, "dense": 7, "matmul": 8, "global_avg_pool": 11, "add": 14, "elu": 32}
    known |= {"batch_norm": 33, "softmax": 38, "reorder": 39, "concat": 45, "expand": 57}
    assert {name: codes[name] for name in known} == known


def test_every_op_of_the_domain_has_a_code():
    named = layers.CONVOLUTIONS | layers.TRANSPOSED_CONVOLUTIONS | layers.POOLS | layers.ELEMENTWISE
    named |= layers.ACTIVATIONS | layers.NORMALISATIONS | {"dense", "matmul", "softmax", "reshape", "reorder", "other"}
    assert named <= set(encode.OPS)


def integers(draw) -> list[int]:
    size = st.sampled_from([1, 2, 3, 7, 16, 40, 224]) | st.integers(1, 300) | st.integers(2**20, 2**33)
    small = st.integers(0, 7)
    groups = draw(st.sampled_from([1, 1, 2, 16]))
    row = [draw(st.integers(-1, 58)), draw(small), draw(small), draw(size), draw(size), groups * draw(size)]
    row += [draw(size) * groups, draw(small), draw(small), draw(small), draw(small), draw(st.integers(0, 3)), groups]
    return [*row, draw(st.sampled_from([1, 2, 4, 8, 9])), draw(st.integers(0, 2)), draw(st.integers(0, 5))]


@settings(max_examples=400, deadline=None)
@given(st.composite(integers)())
def test_the_kernel_and_its_twin_agree_bit_for_bit(row):
    matrix = np.array([row], np.int64)
    try:
        want = encode.encode(matrix)
    except ValueError:
        with pytest.raises(ValueError):
            _kernel.encode_layers(matrix)
        return
    np.testing.assert_array_equal(_kernel.encode_layers(matrix).view(np.uint32), want.view(np.uint32))


@pytest.mark.parametrize("seed", range(3))
def test_they_agree_on_many_layers(seed):
    rng = np.random.default_rng(seed)
    n = 3000
    groups = rng.choice([1, 1, 4, 32], n)
    rows = np.stack([
        rng.integers(0, 58, n), rng.integers(1, 8, n), rng.integers(1, 8, n), rng.integers(8, 225, n),
        rng.integers(8, 225, n), groups * rng.integers(1, 700, n), groups * rng.integers(1, 700, n),
        rng.integers(1, 4, n), rng.integers(1, 4, n), rng.integers(0, 8, n), rng.integers(0, 8, n),
        np.ones(n, int), groups, rng.choice([1, 2, 4], n), rng.integers(0, 2, n), rng.integers(1, 5, n),
    ], axis=1).astype(np.int64)  # fmt: skip
    np.testing.assert_array_equal(_kernel.encode_layers(rows), encode.encode(rows))


def test_products_beyond_64_bits_are_refused():
    row = np.array([[2, 7, 7, 2**31 - 1, 2**31 - 1, 2**20, 2**20, 1, 1, 6, 6, 1, 1, 4, 0, 1]], np.int64)
    for encoder in (encode.encode, _kernel.encode_layers):
        with pytest.raises(ValueError, match="layer 0"):
            encoder(row)


def named(layer: Layer) -> dict[str, float]:
    features = encode.encode(encode.layer_matrix([layer]))[0]
    return dict(zip(encode.FEATURES, features.tolist()))


@pytest.mark.parametrize("name", names())
def test_layers_of_the_zoo_keep_their_work(name):
    network = build(name)
    matrix = encode.layer_matrix(n.layer for n in network.nodes)
    features = dict(zip(encode.FEATURES, encode.encode(matrix).T))
    macs = np.array([n.layer.macs for n in network.nodes], float)
    np.testing.assert_allclose(features["macs"], macs, rtol=1e-6)
    reads = np.array([n.layer.input_bytes for n in network.nodes], float)
    writes = np.array([n.layer.output_bytes for n in network.nodes], float)
    np.testing.assert_allclose(features["output_bytes"], writes, rtol=0.03)
    np.testing.assert_allclose(features["input_bytes"], reads, rtol=0.03)
    np.testing.assert_array_equal(_kernel.encode_layers(matrix), encode.encode(matrix))


def test_a_depthwise_layer():
    shape = (1, 40, 28, 28)
    layer = Layer("conv2d", (shape,), (shape,), ((40, 1, 3, 3),), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), groups=40)
    f = named(layer)
    assert (f["depthwise"], f["pointwise"], f["in_c_per_group"], f["macs"]) == (1, 0, 1, layer.macs)
    assert (f["out_h"], f["out_w"], f["tiles_in_8"], f["padded_8"]) == (28, 28, 1, 64)


@pytest.mark.parametrize(
    "layer",
    [
        Layer("conv1d", ((2, 8, 50),), ((2, 4, 24),), ((4, 8, 3),), (3,), (2,), (0, 0), (1,)),
        Layer("conv3d", ((1, 8, 6, 9, 9),), ((1, 4, 6, 9, 9),), ((4, 8, 3, 3, 3),), (3,) * 3, (1,) * 3, (1,) * 6),
        Layer("conv_transpose2d", ((1, 8, 7, 7),), ((1, 4, 14, 14),), ((8, 4, 2, 2),), (2, 2), (2, 2), (0,) * 4),
        Layer("matmul", ((3, 10, 20), (3, 20, 30)), ((3, 10, 30),)),
        Layer("dense", ((7, 20),), ((7, 30),), ((30, 20), (30,))),
        Layer("max_pool2d", ((1, 8, 13, 13),), ((1, 8, 7, 7),), (), (3, 3), (2, 2), (0,) * 4, (1, 1)),
    ],
    ids=lambda layer: layer.op,
)  # fmt: skip
def test_work_of_other_kinds(layer):
    f = named(layer)
    assert f["macs"] == layer.macs
    assert f["output_bytes"] == layer.output_bytes


def test_an_unknown_op_counts_as_other():
    f = named(Layer("GridSample", ((1, 3, 8, 8), (1, 8, 8, 2)), ((1, 3, 8, 8),)))
    assert (f["op"], f["macs"], f["output_bytes"]) == (0, 0, 3 * 64 * 4)
    with pytest.raises(UsageError, match="without an input"):
        encode.layer_integers(Layer("Constant", (), ((1,),)))


def test_the_short_form_is_a_convolution_with_the_width_first():
    short = np.array([[3, 60, 56, 64, 128, 2, 1, 1]], np.int64)
    window = ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1))
    layer = Layer("conv2d", ((1, 64, 56, 60),), ((1, 128, 28, 30),), (), *window)
    np.testing.assert_array_equal(encode.from_short(short), encode.layer_matrix([layer]))
