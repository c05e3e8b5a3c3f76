"""Layers from chains: on a runtime whose network takes a known time a layer and a known time a call."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augur_edge import timing
from augur_edge.errors import InferenceError
from augur_edge.layers import Layer
from augur_edge.measure.chained import LENGTHS, Chains, chain, fit, is_serial, notes_on
from augur_edge.measure.settings import Settings
from augur_edge.measure.targets import Request
from augur_edge.runtime import DeployedLayer, LayerProfile, RuntimeOptions, Task
from augur_edge.window import Window, conv2d

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
from augur_edge.models.tflite_cut import cut_ops

pytestmark = pytest.mark.quiet

CALL_NS, CONV_NS, ADD_NS = 300_000, 60_000, 20_000


@dataclass
class Counted:
    """Implements `Deployment`: a call takes CALL_NS, and each operator its own time."""

    n_convs: int
    n_adds: int
    layers: list[DeployedLayer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first_ns = CALL_NS + self.n_convs * CONV_NS + self.n_adds * ADD_NS
        self.whole: Task = timing.SpinTask([self.first_ns])
        self.floor: Task = timing.SpinTask([1])
        self.load_ns = 1

    def isolate(self, positions: Collection[int]) -> dict[int, Task]:
        return {}

    def output_error(self) -> float | None:
        return None

    def peak_rss(self) -> int:
        raise RuntimeError

    def profile(self, passes: int) -> LayerProfile:
        raise InferenceError("none")


class Counting:
    """Implements `Runtime`; it reads the chains that are written for it."""

    name, version, model_format = "edgetpu", "0", "tflite"

    def deploy(self, model: bytes, options: RuntimeOptions) -> Counted:
        ops = [op.layer.op for op in cut_ops(model)]
        return Counted(ops.count("conv2d"), ops.count("add"))


def conv(channels: int) -> Layer:
    return conv2d((1, 8, 12, 12), channels, Window(3, 1, 1))


def measured(*layers: Layer) -> tuple[list, dict]:
    chains = Chains(Counting(), Request(), Settings("isolated", precision=0.02, max_time_s=0.3))
    found = list(chains.rounds([DeployedLayer(f"l{i}", x.op, (), x) for i, x in enumerate(layers)]))
    return [m for m, _ in found], {str(m.position): facts for m, facts in found if facts}


def test_a_layer_s_time_is_told_from_the_call_s() -> None:
    (serial, parallel), facts = measured(conv(8), conv(16))
    assert [m.status for m in (serial, parallel)] == ["ok", "ok"]
    assert np.median(serial.samples_ns) == pytest.approx(CONV_NS, rel=0.05)
    assert np.median(parallel.samples_ns) == pytest.approx(CONV_NS, rel=0.05)  # its additions taken off
    assert facts["0"]["serial"] and not facts["1"]["serial"]
    assert facts["0"]["transfer_ns"] == pytest.approx(CALL_NS, rel=0.1)
    assert len(facts["0"]["median_ns"]) == len(LENGTHS)
    assert "a call and its transfer cost some" in notes_on(facts)[0]


def test_equal_layers_are_measured_once_and_counted() -> None:
    found, _ = measured(conv(8), conv(8), conv(8))
    assert [(m.position, m.count) for m in found] == [(0, 3)]


def test_a_layer_that_costs_nothing_is_not_given_a_time() -> None:
    (found,), facts = measured(Layer("relu", ((1, 8, 4, 4),), ((1, 8, 4, 4),)))
    assert found.status == "failed" and "too short" in (found.reason or "")
    assert len(found.samples_ns) == 0 and facts["0"]["transfer_ns"] > 0


def test_a_layer_of_which_no_chain_can_be_written_fails_with_the_reason() -> None:
    (found,), facts = measured(Layer("no_such_op", ((1, 8),), ((1, 8),)))
    assert found.status == "failed" and "no chain of it can be written" in (found.reason or "")
    assert facts == {}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("channels", [8, 16])
def test_a_chain_has_the_layer_that_often_and_one_input_and_output(channels: int, length: int) -> None:
    network = chain(conv(channels), length, "x")
    ops = [node.layer.op for node in network.nodes]
    assert ops.count("conv2d") == length
    assert ops.count("add") == (0 if is_serial(conv(channels)) else length - 1)
    assert len(network.inputs) == len(network.outputs) == 1


@given(st.integers(1, 10**7), st.integers(0, 10**8), st.lists(st.integers(0, 10**5), min_size=9, max_size=30))
def test_a_line_is_found_whatever_drifts_between_rounds(slope: int, call: int, drifts: list[int]) -> None:
    times = np.array([[call + drift + slope * n for n in LENGTHS] for drift in drifts], np.int64)
    line = fit(times)
    assert np.abs(line.slopes_ns - slope).max() <= 1
    assert line.bend < 0.01


def test_a_bent_line_is_told() -> None:
    line = fit(np.array([[10, 20, 40, 400]] * 9, np.int64) * 1000)
    assert line.bend > 0.1
    assert "1 layers" in notes_on({"0": {"transfer_ns": 1, "bend": line.bend}})[1]
