"""How many invocations a ±1 % interval takes, beside the fixed protocol of 100 runs of 10 that others use."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge import timing, zoo
from augur_edge.measure.network import NetworkRun
from augur_edge.measure.settings import Settings
from augur_edge.measure.targets import write
from augur_edge.runtime import RuntimeOptions, get

FIXED = 100 * 10
SHARE = 1 / 3

pytestmark = pytest.mark.skipif(timing.native is None, reason="the native timing module is not built")


@pytest.mark.parametrize("runtime", ["onnxruntime", "litert"])
def test_one_percent_takes_at_most_a_third_of_100_runs_of_10(runtime: str) -> None:
    deployed = get(runtime).deploy(write(zoo.build("resnet18"), runtime, "float32"), RuntimeOptions())
    run = NetworkRun(deployed, Settings("isolated", 0.01, 60.0))
    last = {(m.kind, m.position): m for measurements in run.rounds() for m in measurements}
    layers = [m for (kind, _), m in last.items() if kind == "layer"]
    calls = np.array([len(m.samples_ns) * m.loops for m in layers])
    within = [s.precision() <= 0.01 for s, _ in run._alone]
    print(
        f"\n{runtime}, resnet18: {len(layers)} distinct layers, {sum(within)} within ±1 % in {run.spent_ns / 1e9:.1f} s"
    )
    print(f"invocations per layer: mean {calls.mean():.0f}, median {np.median(calls):.0f}, most {calls.max()}")
    print(f"fixed 100 x 10: {FIXED}; share {calls.mean() / FIXED:.2f}")
    assert all(within)
    assert calls.mean() <= SHARE * FIXED
