"""Measuring a network whose layers' durations are known."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import SPEC, deployment

from augur_edge.measure.network import NetworkRun, equal_layers
from augur_edge.measure.settings import MIN_BLOCK_NS, MIN_ROUNDS, Settings
from augur_edge.store.records import Measurement

pytestmark = pytest.mark.quiet

US = 1000
QUICK = Settings(max_time_s=3.0, precision=0.02)


def measured(run: NetworkRun) -> dict[tuple[str, str, int], Measurement]:
    last = {}
    for measurements in run.rounds():
        last.update({(m.kind, m.mode, m.position): m for m in measurements})
    return last


def per_call(m: Measurement) -> float:
    return float(np.median(m.samples_ns)) / m.loops


def test_replayed_and_isolated_layers_have_their_own_durations() -> None:
    layers = [{"durations_ns": [300 * US]}, {"durations_ns": [100 * US]}]
    found = measured(NetworkRun(deployment(*layers, overhead_ns=50 * US), QUICK))
    for mode in ("replay", "isolated"):
        assert per_call(found["layer", mode, 0]) == pytest.approx(300 * US, rel=0.05)
        assert per_call(found["layer", mode, 1]) == pytest.approx(100 * US, rel=0.05)
    assert per_call(found["whole", "replay", -1]) == pytest.approx(450 * US, rel=0.05)
    assert all(m.status == "ok" for m in found.values())
    assert len(found) == 6


def test_a_layer_stops_when_its_interval_is_narrow_enough() -> None:
    run = NetworkRun(deployment({"durations_ns": [400 * US]}), Settings("isolated", 0.02, 30.0))
    found = measured(run)
    assert run.spent_ns < 3e9
    assert len(found["layer", "isolated", 0].samples_ns) < 200


def test_a_layer_that_never_settles_stops_when_the_time_is_up() -> None:
    restless = [int(v) for v in np.random.default_rng(0).integers(50 * US, 5000 * US, 97)]
    run = NetworkRun(deployment({"durations_ns": restless}), Settings("replay", 0.001, 1.0, isolated=False))
    found = measured(run)
    assert 1e9 <= run.spent_ns < 4e9
    assert found["layer", "replay", 0].status == "ok"


def test_isolated_blocks_are_long_enough_for_the_clock() -> None:
    found = measured(NetworkRun(deployment({"durations_ns": [1 * US]}), Settings("isolated", 0.02, 1.0)))
    layer = found["layer", "isolated", 0]
    assert layer.loops >= 10
    assert float(np.median(layer.samples_ns)) >= 0.8 * MIN_BLOCK_NS
    assert per_call(layer) == pytest.approx(1 * US, rel=0.3)


def test_equal_layers_are_timed_once_alone_and_counted() -> None:
    spec = SPEC.to_dict()
    layers = [{"durations_ns": [50 * US], "spec": spec}] * 3 + [{"durations_ns": [70 * US]}]
    made = deployment(*layers)
    assert equal_layers(made.layers) == {0: 3, 3: 1}
    found = measured(NetworkRun(made, Settings("isolated", 0.02, 1.0)))
    assert found["layer", "isolated", 0].count == 3
    assert ("layer", "isolated", 1) not in found


def test_a_failed_layer_is_kept_with_its_reason_and_the_rest_go_on() -> None:
    found = measured(
        NetworkRun(deployment({"durations_ns": [1], "error": "no kernel"}, {"durations_ns": [90 * US]}), QUICK)
    )
    assert found["layer", "replay", 0].status == "failed"
    assert found["layer", "replay", 0].reason == "no kernel"
    assert per_call(found["layer", "replay", 1]) == pytest.approx(90 * US, rel=0.05)


def test_what_is_yielded_on_the_way_is_all_that_was_measured_so_far() -> None:
    run = NetworkRun(deployment({"durations_ns": [200 * US]}), QUICK)
    sizes = [m.samples_ns.size for ms in run.rounds() for m in ms if (m.kind, m.mode) == ("layer", "replay")]
    assert sizes == sorted(sizes)
    assert len(sizes) >= MIN_ROUNDS


def test_a_resumed_network_goes_on_from_the_samples_it_has() -> None:
    made = deployment({"durations_ns": [200 * US]}, {"durations_ns": [300 * US]})
    first = list(measured(NetworkRun(made, QUICK)).values())
    again = NetworkRun(made, QUICK, first)
    found = measured(again)
    assert again.spent_ns == 0, "everything was precise enough already"
    for m in first:
        assert (found[m.kind, m.mode, m.position].samples_ns == m.samples_ns).all()
