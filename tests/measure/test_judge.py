"""The verdict names what was wrong, and says nothing where nothing was."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge.device import Conditions, conditions
from augur_edge.measure.judge import judge
from augur_edge.store.records import Measurement, NetworkRecord

QUIET = Conditions(at_ns=0)


def network(whole_ns: np.ndarray, layer_ns: np.ndarray | None = None) -> NetworkRecord:
    whole = Measurement("whole", "replay", -1, "whole", "network", samples_ns=whole_ns.astype(np.int64))
    layer = Measurement("layer", "replay", 0, "l0", "conv2d")
    layer.samples_ns = (whole_ns if layer_ns is None else layer_ns).astype(np.int64)
    return NetworkRecord(0, "net", "fake", "replay", measurements=[whole, layer])


def codes(record: NetworkRecord) -> list[str]:
    return [r["code"] for r in judge([record], QUIET, QUIET, [], precision=0.01)["reasons"]]


def noise(n: int, sigma: float) -> np.ndarray:
    return 1e6 * (1 + sigma * np.random.default_rng(0).standard_normal(n))


def test_a_quiet_run_is_steady() -> None:
    verdict = judge([network(noise(200, 0.005))], QUIET, QUIET, [], precision=0.01)
    assert verdict == {"steady": True, "reasons": []}


@pytest.mark.parametrize(
    ("whole_ns", "code"),
    [
        (noise(200, 0.005) * np.linspace(1.0, 1.2, 200), "drift"),
        (noise(200, 0.15), "spread"),
        (np.where(np.arange(200) % 20 == 0, 3e6, noise(200, 0.005)), "tail"),
    ],
)
def test_each_disturbance_is_named(whole_ns: np.ndarray, code: str) -> None:
    assert code in codes(network(whole_ns, noise(200, 0.005)))


@pytest.mark.parametrize(("slow_ns", "said"), [(3e6, "% longer than the median"), (117e6, "117 times as long as")])
def test_a_long_tail_is_told_in_per_cent_or_in_times(slow_ns: float, said: str) -> None:
    found = judge(
        [network(np.where(np.arange(200) % 20 == 0, slow_ns, 1e6), noise(200, 0.005))], QUIET, QUIET, [], precision=0.01
    )
    assert any(said in reason["text"] for reason in found["reasons"])


def layer_set(*samples_ns: np.ndarray) -> NetworkRecord:
    layers = [Measurement("layer", "isolated", i, f"l{i}", "conv2d") for i in range(len(samples_ns))]
    for layer, values in zip(layers, samples_ns):
        layer.samples_ns = values.astype(np.int64)
    return NetworkRecord(0, "sample", "fake", "isolated", measurements=layers)


QUIET_LAYER = noise(200, 0.005)
# 5000: so many that the interval is narrow all the same
DRIFTING = noise(5000, 0.005) * np.linspace(1.0, 1.1, 5000)
SPREAD_OUT = noise(5000, 0.15)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([QUIET_LAYER] * 4, []),
        ([QUIET_LAYER, DRIFTING], ["drift"]),
        ([QUIET_LAYER, DRIFTING[::-1]], ["drift"]),
        ([QUIET_LAYER, SPREAD_OUT], ["spread"]),
        ([QUIET_LAYER * 10, DRIFTING, SPREAD_OUT], []),  # with little of the time
    ],
)
def test_single_layers_are_judged_by_their_share_of_the_time(layers: list[np.ndarray], expected: list[str]) -> None:
    assert codes(layer_set(*layers)) == expected


def test_a_layer_that_occurs_often_has_as_much_of_the_time() -> None:
    record = layer_set(QUIET_LAYER, DRIFTING)
    assert codes(record) == ["drift"]
    record.measurements[0].count = 10
    assert codes(record) == []
    rare = layer_set(QUIET_LAYER * 10, DRIFTING)
    assert codes(rare) == []
    rare.measurements[1].count = 10
    assert codes(rare) == ["drift"]


def test_layers_without_a_narrow_interval_are_named() -> None:
    assert codes(network(noise(200, 0.005), noise(12, 0.2))) == ["imprecise"]


def test_every_reason_says_what_to_do() -> None:
    verdict = judge([network(noise(200, 0.15))], QUIET, conditions(), [], precision=0.01)
    assert not verdict["steady"]
    assert all(r["text"] and r["advice"] for r in verdict["reasons"])


def test_tasks_that_waited_for_a_real_time_loop_are_no_disturbance() -> None:
    after = Conditions(at_ns=10**10, psi_total_us=5 * 10**6)
    before = Conditions(at_ns=0, psi_total_us=0)
    quiet = [network(noise(200, 0.005))]
    assert [r["code"] for r in judge(quiet, before, after, [], precision=0.01)["reasons"]] == ["pressure"]
    assert judge(quiet, before, after, [], precision=0.01, real_time=True)["steady"]


def test_layers_of_another_mode_do_not_count() -> None:
    """Beside a replay each layer is timed alone, with less time, which says nothing of the replay."""
    record = network(noise(200, 0.005))
    for i in range(9):
        rough = Measurement("layer", "isolated", i, f"l{i}", "conv2d", samples_ns=noise(3, 0.3).astype(np.int64))
        record.measurements.append(rough)
    assert codes(record) == []
    record.mode = "isolated"
    assert "imprecise" in codes(record)
