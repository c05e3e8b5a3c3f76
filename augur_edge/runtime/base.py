"""What a runtime must offer to be measured, and what a network becomes once it is deployed on one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from augur_edge.layers import Layer


@dataclass(frozen=True)
class RuntimeOptions:
    """How to run. threads: intra-op; delegate: None for the runtime's default; shapes: of dynamic inputs, by name."""

    threads: int = 1
    delegate: str | None = None
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


class Task(Protocol):
    """Something the timed loops can call; made by `_timing` or its Python twin."""

    def run(self) -> None:
        """Call it once, untimed; RuntimeError with the runtime's own words where it fails."""


@dataclass
class DeployedLayer:
    """One layer as the runtime executes it: cut from its own graph, fused and laid out as deployed.

    nodes: the user's own nodes behind it. spec: None where the op's work is not known. replay: bound to the network's
    shared buffers, or None with `error` saying why the layer cannot be run alone. own_name: the runtime's, as its
    profiler says it; empty where it has none.
    """

    name: str
    op: str
    nodes: tuple[str, ...]
    spec: Layer | None
    replay: Task | None = None
    error: str | None = None
    own_name: str = ""


@dataclass(frozen=True)
class LayerProfile:
    """What the runtime's own profiler says. names: its names; samples_ns: per name, one value per pass."""

    samples_ns: dict[str, list[int]]
    whole_ns: list[int]
    resolution_ns: int
    note: str


class Deployment(Protocol):
    """A network loaded into a runtime, whole and layer by layer."""

    layers: list[DeployedLayer]
    whole: Task
    floor: Task
    load_ns: int
    first_ns: int
    notes: list[str]

    def isolate(self, positions: Collection[int]) -> dict[int, Task]:
        """Layers bound to buffers of their own that hold real inputs, for a loop of their own; failed ones absent."""

    def output_error(self) -> float | None:
        """Largest difference of the replayed outputs from the whole network's, relative to their largest value.

        1.0 where one is not a number and the other is; None where it cannot be told.
        """

    def peak_rss(self) -> int:
        """Bytes a process of its own takes at most to load and run the network once; RuntimeError with the reason."""

    def profile(self, passes: int) -> LayerProfile:
        """The runtime's own per-layer times. Raises InferenceError where it has no profiler."""


class Runtime(Protocol):
    """An inference engine. name: as on the command line; version: of the package; model_format: `onnx` or `tflite`."""

    name: str
    version: str
    model_format: str

    def deploy(self, model: bytes, options: RuntimeOptions) -> Deployment:
        """Load `model` and cut its layers. Raises InferenceError, DataError, MissingExtraError or UsageError."""
