"""The prior: reproducible, bounded, and wide enough for real networks."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augur_edge import zoo
from augur_edge.errors import UsageError
from augur_edge.layers import Layer
from augur_edge.prior import KINDS, MAX_BYTES, MAX_MACS, affordable, kind_of, parse_spec, sample_layers

EVERYTHING = ",".join(f"{kind}:60" for kind in KINDS)


@pytest.fixture(scope="module")
def convolutions() -> list[Layer]:
    return sample_layers("conv2d:2000", seed=0)


def is_stem(layer: Layer) -> bool:
    return min(layer.inputs[0][2:]) >= 96 and layer.inputs[0][1] in (1, 3, 4)


def test_layers_never_change() -> None:
    digests = "".join(layer.digest for layer in sample_layers(EVERYTHING, seed=3))
    assert hashlib.sha256(digests.encode()).hexdigest()[:16] == "91a5cf0922f0474e"


@given(st.permutations(KINDS), st.integers(1, 3), st.integers(0, 3), st.integers(0, 2**32))
def test_a_kind_depends_on_no_other_and_more_only_adds(kinds: list[str], count: int, more: int, seed: int) -> None:
    kinds = kinds[:2]
    few = sample_layers(",".join(f"{k}:{count}" for k in kinds), seed)
    for i, kind in enumerate(kinds):
        assert few[i * count : (i + 1) * count] == sample_layers(f"{kind}:{count + more}", seed)[:count]


def test_layers_are_of_their_kind_and_within_bounds() -> None:
    layers = sample_layers(EVERYTHING, seed=1)
    assert Counter(kind_of(layer.op) for layer in layers) == dict.fromkeys(KINDS, 60)
    for layer in layers:
        assert layer.macs <= MAX_MACS
        assert layer.bytes_moved <= MAX_BYTES
        assert affordable(layer)
        assert all(min(shape) >= 1 for shape in (*layer.inputs, *layer.outputs, *layer.weights))
        assert layer.inputs[0][0] == 1


def test_convolutions_are_hardly_ever_drawn_twice(convolutions: list[Layer]) -> None:
    assert len({layer.digest for layer in convolutions}) > 0.99 * len(convolutions)


def test_convolutions_cover_what_networks_have(convolutions: list[Layer]) -> None:
    kernels = Counter(layer.kernel for layer in convolutions)
    depthwise = [c for c in convolutions if c.groups == c.inputs[0][1] > 1]
    grouped = [c for c in convolutions if 1 < c.groups < c.inputs[0][1]]
    inside = [c.inputs[0] for c in convolutions if not is_stem(c) and c.inputs[0][2] > 1]
    stems = [c for c in convolutions if is_stem(c) and c.inputs[0][1] == 3]
    assert all(kernels[(k, k)] >= 30 for k in range(1, 8))
    assert sum(n for (h, w), n in kernels.items() if h != w) >= 60
    assert len(depthwise) >= 300
    assert len(grouped) >= 80
    assert {c.groups for c in grouped} >= {2, 4, 8, 16, 32, 64}
    assert {c.stride[0] for c in convolutions} >= {1, 2, 3, 4, 16}
    assert len(stems) >= 60
    assert {(c.kernel[0], c.stride[0]) for c in stems} >= {(3, 2), (7, 2), (11, 4), (16, 16)}
    assert all(96 <= n <= 320 for c in stems for n in c.inputs[0][2:])
    assert min(n for s in inside for n in s[2:]) == 7
    assert max(n for s in inside for n in s[2:]) == 224
    assert sum(s[2] != s[3] for s in inside) >= 150
    assert sum(c.inputs[0][2:] == (1, 1) for c in convolutions) >= 40
    assert sum(max(c.dilation) > 1 for c in convolutions) >= 20


def test_channels_lie_on_blocks_and_off_them(convolutions: list[Layer]) -> None:
    sizes = [c for layer in convolutions for c in (layer.inputs[0][1], layer.outputs[0][1])]
    assert min(sizes) == 1
    assert 1900 < max(sizes) <= 2048
    for block in (8, 16, 32):
        share = sum(c % block == 0 for c in sizes) / len(sizes)
        assert 0.15 < share < 0.7
    assert all(sum(1 << k <= c < 2 << k for c in sizes) > 80 for k in range(11))


def test_convolutions_carry_what_runtimes_fuse(convolutions: list[Layer]) -> None:
    activations = Counter(layer.activation for layer in convolutions)
    assert all(activations[a] > 300 for a in (None, "relu", "relu6"))
    residuals = [c for c in convolutions if c.fused_add]
    assert 120 < len(residuals) < 350
    assert all(c.inputs[1:] == c.outputs for c in residuals)
    assert all(len(c.inputs) == 1 for c in convolutions if not c.fused_add)
    assert 0.7 < sum(len(c.weights) == 2 for c in convolutions) / len(convolutions) < 0.9


def test_cost_is_spread_over_every_octave(convolutions: list[Layer]) -> None:
    octaves = Counter(c.macs.bit_length() - 1 for c in convolutions)
    assert all(50 < octaves[k] < 200 for k in range(14, 30))
    assert sum(octaves[k] for k in range(14)) < 0.1 * len(convolutions)


def test_every_layer_of_the_zoo_lies_in_the_prior(convolutions: list[Layer]) -> None:
    dense = sample_layers("dense:500", 0)
    kernels = {(c.kernel, c.stride) for c in convolutions}
    for name in zoo.names():
        for node in zoo.build(name).nodes:
            shape = node.layer.inputs[0]
            if node.layer.op == "conv2d":
                assert (node.layer.kernel, node.layer.stride) in kernels
                assert max(shape[1], node.layer.outputs[0][1]) <= 2048
                assert shape[2] == 1 or 7 <= shape[2] <= 224
                assert is_stem(node.layer) or shape[2] == 1 or shape[1] >= 8
            elif node.layer.op == "dense":
                assert 4 <= shape[-1] <= 25088
                assert node.layer.outputs[0][-1] <= 4096
                assert len(shape) == 2 or shape[1] <= 1024
    assert max(layer.inputs[0][-1] for layer in dense) > 15_000
    assert max(layer.outputs[0][-1] for layer in dense) > 3_500
    assert {len(layer.inputs[0]) for layer in dense} == {2, 3}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("conv2d:10,poool:5", "item 2 of the sample, 'poool:5': no such kind; nearest: pool"),
        ("qqqq:1", "item 1 of the sample, 'qqqq:1': no such kind; one of conv2d, dense, "),
        ("", "item 1 of the sample, '': no such kind"),
        ("conv2d:1,", "item 2 of the sample, '': no such kind"),
        ("conv2d:1,dense:2,conv2d:3", "item 3 of the sample, 'conv2d:3': conv2d is named twice"),
        ("conv2d", "item 1 of the sample, 'conv2d': the count must be a whole number"),
        ("dense:5,conv2d:0", "item 2 of the sample, 'conv2d:0': the count must be"),
        ("conv2d:-4", "the count must be"),
        ("conv2d:1e3", "the count must be"),
        ("conv2d:²", "the count must be"),
        ("conv2d:99999999", "whole number from 1 to 9999999, as in conv2d:50"),
    ],
)
def test_a_bad_spec_is_named_by_its_item(spec: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        sample_layers(spec, seed=0)
    assert message in str(error.value)


def test_a_spec_allows_spaces_and_keeps_its_order() -> None:
    assert list(parse_spec(" pool : 030 , conv2d:4 ").items()) == [("pool", 30), ("conv2d", 4)]


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UsageError, match="seed -1"):
        sample_layers("conv2d:1", seed=-1)
