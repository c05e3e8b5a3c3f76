"""Whether a second run says the same: resnet18 twice, back to back, layer by layer.

Only runs that both call themselves steady promise it; where one does not, its figures are printed and nothing is held
to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measured import measured, reasons

from augur_edge import timing

NETWORK = "resnet18"
LONG_NS = 50_000
WITHIN = 0.05
SHARE = 0.9

pytestmark = pytest.mark.skipif(timing.native is None, reason="the native timing module is not built")


def medians_ns(document: Any) -> dict[str, float]:
    """Of each layer, by name."""
    (network,) = document["networks"]
    return {layer["name"]: layer["latency_ns"]["median"] for layer in network["layers"]}


@pytest.mark.parametrize("runtime", ["onnxruntime", "litert"])
def test_a_second_run_has_the_same_medians(runtime: str, tmp_path: Path) -> None:
    runs = [measured(tmp_path / "store.db", NETWORK, "--runtime", runtime) for _ in range(2)]
    first, second = map(medians_ns, runs)
    assert list(first) == list(second)
    ratios = {name: second[name] / ns for name, ns in first.items() if ns > LONG_NS}
    changes = np.abs(np.array(list(ratios.values())) - 1)
    share = float((changes <= WITHIN).mean())
    worst = max(ratios, key=lambda name: abs(ratios[name] - 1))
    print(f"\n{runtime}, {NETWORK}: {len(ratios)} layers above {LONG_NS // 1000} us, {share:.0%} within {WITHIN:.0%}")
    print(f"second run over first: median {np.median(list(ratios.values())):.3f}, worst {ratios[worst]:.3f} ({worst})")
    print(f"changes: median {np.median(changes):.1%}, p90 {np.quantile(changes, 0.9):.1%}")
    doubts = [f"run {i} is not steady: {why}" for i, why in enumerate(map(reasons, runs), 1) if why]
    if doubts:
        print("\n".join(doubts))
        pytest.skip("not steady")
    assert share >= SHARE
