"""What a runtime must offer to be measured, and what a network becomes once it is deployed on one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from augur_edge.layers import Layer


@dataclass(frozen=True)
class RuntimeOptions:
    """How to run. threads: intra-op; delegate: None for the runtime's default; shapes: for dynamic inputs."""

    threads: int = 1
    delegate: str | None = None
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


class Task(Protocol):
    """Something the timed loop can call; made by `_timing` or its Python twin."""

    def run(self) -> None:
        """Call it once, outside any timing; raises RuntimeFailure with the runtime's own words."""


@dataclass
class DeployedLayer:
    """One layer as the runtime executes it: cut from its own graph, fused and laid out as deployed.

    nodes: the user's own nodes behind it. spec: None where the op's work is not known.
    replay: bound to the network's shared buffers. error: why it cannot be run alone; then `replay` is None.
    """

    name: str
    op: str
    nodes: tuple[str, ...]
    spec: Layer | None
    replay: Task | None
    error: str | None = None


class Deployment(Protocol):
    """A network loaded into a runtime, whole and layer by layer."""

    layers: list[DeployedLayer]
    whole: Task
    floor: Task
    load_ns: int
    first_ns: int
    notes: list[str]
    """What a reader of the figures must know: how layers were cut, what is not as deployed."""

    def isolated(self, position: int) -> Task:
        """The layer bound to buffers of its own that hold real inputs, for a loop of its own."""

    def output_error(self) -> float | None:
        """Largest difference between the replayed and the whole network's outputs, relative to their scale."""

    def profile(self, passes: int) -> dict[str, Any]:
        """Per-layer ns by the runtime's own profiler, its resolution and what it costs; see `measure.profiler`."""


class Runtime(Protocol):
    """An inference engine. model_format: `onnx` or `tflite`."""

    name: str
    version: str
    model_format: str

    def deploy(self, model: bytes, options: RuntimeOptions) -> Deployment:
        """Load `model` and cut its layers. Raises RuntimeFailure, DataError, MissingExtraError or UsageError."""
