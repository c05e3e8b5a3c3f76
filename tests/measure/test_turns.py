"""What a guard repeats is kept once, whatever it is: passes of a network, turns of layers alone, layers of a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from fakes import deployment

from augur_edge.measure import layerset
from augur_edge.measure.guard import Unguarded
from augur_edge.measure.network import FLOOR_CALLS, NetworkRun
from augur_edge.measure.settings import Settings
from augur_edge.measure.targets import Request, sample_targets
from augur_edge.runtime import get
from augur_edge.store.records import Measurement

pytestmark = pytest.mark.quiet

T = TypeVar("T")
US = 1000


class Twice(Unguarded):
    """Every pass is disturbed once."""

    def __init__(self) -> None:
        self.acts = 0

    def undisturbed(self, act: Callable[[], T]) -> T:
        self.acts += 1
        act()
        return act()


def test_a_repeated_pass_is_in_the_samples_once() -> None:
    guard = Twice()
    run = NetworkRun(deployment({"durations_ns": [300 * US]}, {"durations_ns": [100 * US]}), Settings(), guard=guard)
    rounds = run.rounds()
    (whole, floor, *layers), turns = next(rounds), next(rounds)
    assert {m.kind for m in layers} == {"layer"} and len(layers) == 2
    assert len({len(m.samples_ns) for m in (whole, *layers)}) == 1
    assert len(floor.samples_ns) == FLOOR_CALLS
    assert [m.mode for m in turns] == ["isolated"] * 2
    assert all(3 <= len(m.samples_ns) <= 20 for m in turns)
    assert guard.acts == 3, "the replay, whole and floor, and the turns"


@pytest.mark.parametrize("guard", [Unguarded(), Twice()], ids=["once", "twice"])
def test_layers_of_a_set_are_measured_as_often_as_asked(guard: Unguarded) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    (target,) = sample_targets("conv2d:3", 0, "isolated", Request("onnxruntime"))
    assert isinstance(target, layerset.LayerSet)
    sizes: dict[int, int] = {}
    last: dict[int, Measurement] = {}
    for measurements in layerset.rounds(target, get("onnxruntime"), Settings("isolated", 0.5, 0.05), (), guard):
        for m in measurements:
            assert 3 <= len(m.samples_ns) - sizes.get(m.position, 0) <= 20, "one turn"
            sizes[m.position], last[m.position] = len(m.samples_ns), m
    assert sorted(last) == [0, 1, 2]
    assert all(m.status == "ok" and len(m.samples_ns) >= 9 for m in last.values())
