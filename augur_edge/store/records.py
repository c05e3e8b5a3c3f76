"""What the store keeps: runs, the networks in a run, and one measurement per layer with its raw samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.layers import Layer

Samples = npt.NDArray[np.int64]


@dataclass
class Measurement:
    """One thing that was timed, many times over.

    kind: `layer`, `whole` (the network in one call) or `floor` (an identity graph: the price of a call).
    mode: `replay`, `isolated` or `profiler`. position: of the layer in execution order; whole and floor have -1.
    count: how many layers of the network this one stands for (isolated mode times equal layers once).
    nodes: names of the user's own nodes behind it. spec: None where the op's work is not known.
    status: `partial` (more samples wanted), `ok`, or `failed` with `reason`.
    samples_ns: int64[n], whole ns of one timed block of `loops` calls, in the order taken; divide by `loops` for
    one call. energy: per call, as measured, or None with its `energy_reason` in the network's `info`.
    """

    kind: str
    mode: str
    position: int
    name: str
    op: str
    count: int = 1
    nodes: tuple[str, ...] = ()
    spec: Layer | None = None
    status: str = "ok"
    reason: str | None = None
    loops: int = 1
    samples_ns: Samples = field(default_factory=lambda: np.empty(0, np.int64))
    energy: dict[str, Any] | None = None


@dataclass
class NetworkRecord:
    """A network in a run. info: base-unit facts about the whole (`load_ns`, `first_ns`, `peak_rss_bytes`, …)."""

    index: int
    name: str
    runtime: str
    mode: str
    info: dict[str, Any] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)


@dataclass
class RunRecord:
    """One `measure`. status: `running`, `done`, `interrupted` or `failed`; plan: what `--resume` needs to go on."""

    id: str
    created_unix_ns: int
    device: str
    status: str
    context: dict[str, Any]
    plan: dict[str, Any]
    verdict: dict[str, Any] | None = None
    finished_unix_ns: int | None = None
    networks: list[NetworkRecord] = field(default_factory=list)
