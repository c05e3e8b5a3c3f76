"""Random networks: reproducible, runnable shapes, and the layers that were asked for."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augur_edge.errors import UsageError
from augur_edge.network import Network
from augur_edge.prior import KINDS, affordable, kind_of, sample_chains

USUAL = "conv2d:400,dense:50,pool:30,elementwise:50"


def counts(networks: list[Network]) -> Counter[str | None]:
    return Counter(kind_of(node.layer.op) for network in networks for node in network.nodes)


@pytest.fixture(scope="module")
def usual() -> list[Network]:
    return sample_chains(USUAL, seed=0)


def test_chains_never_change(usual: list[Network]) -> None:
    digests = "".join(node.layer.digest for network in usual for node in network.nodes)
    assert hashlib.sha256(digests.encode()).hexdigest()[:16] == "95aa05167bf277ec"


def test_few_layers_come_in_short_chains() -> None:
    few = "conv2d:70,dense:10,pool:10,elementwise:10"
    networks = sample_chains(few, seed=0)
    digests = "".join(node.layer.digest for network in networks for node in network.nodes)
    assert hashlib.sha256(digests.encode()).hexdigest()[:16] == "5600be5b582ff03c"
    for seed in range(5):
        networks = sample_chains(few, seed)
        assert 8 <= len(networks) <= 12
        assert 100 <= sum(counts(networks)[kind] for kind in ("conv2d", "dense", "pool", "elementwise")) <= 130
        assert counts(networks)["conv2d"] <= 72


def test_the_length_of_many_layers_is_as_it_was(usual: list[Network]) -> None:
    explicit = sample_chains(USUAL, seed=0, length=48)
    assert [n.layer.digest for x in explicit for n in x.nodes] == [n.layer.digest for x in usual for n in x.nodes]


def test_chains_hold_about_what_was_asked(usual: list[Network]) -> None:
    got = counts(usual)
    assert 400 <= got["conv2d"] <= 420
    assert 50 <= got["dense"] <= 65
    assert 30 <= got["pool"] <= 50
    assert 50 <= got["elementwise"] <= 60


def test_chains_end_in_a_pool_and_dense_layers(usual: list[Network]) -> None:
    for network in usual:
        if any(node.layer.op == "conv2d" for node in network.nodes):
            ops = [node.layer.op for node in network.nodes]
            end = len(ops) - 1 - ops[::-1].index("flatten")
            assert ops[end - 1] == "global_avg_pool"
            assert set(ops[end + 1 :]) == {"dense"} | {"relu"} & set(ops[end + 1 :])
            assert ops[-1] == "dense"


def test_chains_use_all_that_they_compute(usual: list[Network]) -> None:
    for network in usual:
        read = {t for node in network.nodes for t in node.inputs} | set(network.outputs)
        assert {t for node in network.nodes for t in node.outputs} <= read


def test_chains_are_of_bounded_cost_and_without_fused_layers(usual: list[Network]) -> None:
    for network in usual:
        assert network.macs < 3e9
        for node in network.nodes:
            assert affordable(node.layer)
            assert node.layer.activation is None
            assert not node.layer.fused_add


def test_convolutions_in_chains_are_those_of_networks(usual: list[Network]) -> None:
    layers = [node.layer for network in usual for node in network.nodes if node.layer.op == "conv2d"]
    octaves = Counter(layer.macs.bit_length() - 1 for layer in layers)
    assert sum(octaves[k] for k in range(14)) < 0.05 * len(layers)
    assert all(octaves[k] for k in range(14, 28))
    assert sum(layer.groups > 1 for layer in layers) > 40
    assert len({layer.kernel for layer in layers}) > 6
    assert len({layer.digest for layer in layers}) > 0.95 * len(layers)


@given(
    st.dictionaries(st.sampled_from(KINDS), st.integers(1, 12), min_size=1, max_size=4),
    st.integers(0, 2**32),
    st.integers(1, 30),
)
def test_any_spec_gives_valid_networks_with_enough_of_each(spec: dict[str, int], seed: int, length: int) -> None:
    networks = sample_chains(",".join(f"{k}:{n}" for k, n in spec.items()), seed, length=length)
    got = counts(networks)
    assert all(got[kind] >= n for kind, n in spec.items())
    assert len({network.name for network in networks}) == len(networks)
    for network in networks:  # a Network checks its own shapes and order
        assert network.nodes
        assert len({node.name for node in network.nodes}) == len(network.nodes)
        assert all(affordable(node.layer) for node in network.nodes)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="length 0"):
        sample_chains(USUAL, 0, length=0)
    with pytest.raises(UsageError, match="item 1"):
        sample_chains("convv:3", 0)
    with pytest.raises(UsageError, match="seed -2"):
        sample_chains(USUAL, -2)
