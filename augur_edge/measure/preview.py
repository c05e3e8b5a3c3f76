"""What a run would measure and about how long it would take: every network is loaded and run a few times for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from augur_edge import runtime as runtimes
from augur_edge import timing
from augur_edge.console import duration_text
from augur_edge.measure.settings import WARMUP_MAX_NS, Settings
from augur_edge.measure.targets import LayerSet, Target
from augur_edge.units import time_text

LIKELY_PASSES = 60  # a quiet machine needs 20 to 100 for ±1 %
PER_LAYER_S = 0.03  # to make, load and cut a single layer


def preview(targets: list[Target | LayerSet], settings_for: Callable[[Target | LayerSet], Settings]) -> str:
    """Lines for people: each target, and the likely and the longest time of all."""
    lines, likely_s, longest_s = [], 0.0, 0.0
    for target in targets:
        settings = settings_for(target)
        text, likely, longest = _set(target, settings) if isinstance(target, LayerSet) else _network(target, settings)
        lines.append(text)
        likely_s += likely
        longest_s += longest
    total = f"about {duration_text(likely_s)}, at most {duration_text(longest_s)}; nothing was stored"
    return "\n".join([*lines, total])


def _set(target: LayerSet, settings: Settings) -> tuple[str, float, float]:
    n = len(target.layers)
    likely = n * (PER_LAYER_S + min(0.03, settings.max_time_s))
    return f"{target.name}: {n} layers, {target.runtime}, isolated", likely, n * (PER_LAYER_S + settings.max_time_s)


def _network(target: Target, settings: Settings) -> tuple[str, float, float]:
    start = timing.now_ns()
    deployment = runtimes.get(target.runtime).deploy(target.model(), target.request.options)
    load_s = (timing.now_ns() - start) / 1e9
    out = np.zeros(3, np.int64)
    timing.time_blocks(deployment.whole, 1, out)
    whole_s = float(np.median(out)) / 1e9
    ways = 1 + (settings.mode == "replay") + (settings.isolated or settings.mode == "isolated")
    warm_s = min(WARMUP_MAX_NS / 1e9, 9 * whole_s)
    likely = load_s + 2 * warm_s + min(settings.max_time_s, LIKELY_PASSES * whole_s * ways)
    longest = load_s + 2 * WARMUP_MAX_NS / 1e9 + max(settings.max_time_s, 11 * whole_s * ways)
    whole = time_text(whole_s * 1e9)
    line = f"{target.name}: {len(deployment.layers)} layers, {target.runtime}, {settings.mode}, {whole} a pass"
    return line, likely, longest
