"""How to measure: what a user may choose, and the protocol's own constants with their reasons."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MIN_TICKS = 100  # a timed block is at least this many steps of the clock, so that a step is within the precision
MIN_BLOCK_NS = 20_000  # and this long, so that reading the clock (some 25 ns) is 0.1 % of it
MIN_SAMPLES = 9  # the fewest whose interval is inside the range of the samples (6) with a third to spare
MIN_ROUNDS = 3  # isolated samples come from at least this many rounds, so that drift shows in their interval
CHUNK_NS = 200_000_000  # a round replays for about this long, so a kill loses no more
ISOLATED_SLICE_NS = 3_000_000  # a layer's turn within a round of isolated timing
WARMUP_MAX_NS = 2_000_000_000
LAYER_WARMUP_MAX_NS = 100_000_000  # of one layer alone
WARMUP_TREND = 0.02  # warm is when a batch's median is within this of the one before


@dataclass(frozen=True)
class Settings:
    """What a user may choose.

    mode: replay, isolated or profiler. precision: half the 95 % interval of the median, relative to it, at which a
    layer stops. max_time_s: at which it stops anyway, per network, or per layer of a set. isolated: time layers alone
    beside the replay, too. seed: of the order of isolated layers. sustain_s: how long to run the whole network back to
    back afterwards; None for not at all.
    """

    mode: str = "replay"
    precision: float = 0.01
    max_time_s: float = 15.0
    isolated: bool = True
    seed: int = 0
    sustain_s: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the run's plan."""
        return asdict(self)
