"""A deployed network that was cut into layers: whole, replayed through shared buffers, and each layer isolated.

The same for every engine that can load a model's bytes and bind memory of ours to its tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Protocol

import numpy as np

from augur_edge import timing
from augur_edge.errors import DataError, InferenceError
from augur_edge.layers import BYTES_PER_ELEMENT, Layer, Shape
from augur_edge.runtime.arena import Bytes, Step, allocate, fill, plan
from augur_edge.runtime.base import DeployedLayer, LayerProfile, Task


@dataclass(frozen=True)
class Tensor:
    """An activation in the runtime's own layout."""

    name: str
    shape: Shape
    dtype: str

    @property
    def n_bytes(self) -> int:
        """Bytes it takes."""
        return prod(self.shape) * BYTES_PER_ELEMENT[self.dtype]


Bound = tuple[Tensor, Bytes]
"""A tensor and the memory it lies in."""


class Engine(Protocol):
    """What an inference engine does for a deployment. Failures are RuntimeError with its own words.

    shares_memory: layers read and write the memory they are bound to, so one's output is the next one's input.
    """

    shares_memory: bool

    def load(self, model: bytes, optimise: bool) -> Any:
        """A session: optimised as deployed, or exactly the graph given."""

    def bind(self, session: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Task:
        """One call of the session on this memory."""

    def profile(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound], passes: int) -> LayerProfile:
        """The whole network under the engine's own profiler."""

    def peak_rss(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> int:
        """Bytes a process of its own takes at most to load and run the network once."""


@dataclass
class CutLayer:
    """One layer of the deployed graph. model: makes the bytes of a model of this layer alone; None once loaded."""

    name: str
    op: str
    nodes: tuple[str, ...]
    spec: Layer | None
    step: Step
    model: Callable[[], bytes] | None
    error: str | None = None
    own_name: str = ""


@dataclass
class CutGraph:
    """A deployed graph: its layers in execution order, and every activation they pass on.

    outputs: as the model declares them; one may be a constant or an input, which no layer writes. integer: the value
    integer inputs are given.
    """

    tensors: dict[str, Tensor]
    inputs: list[str]
    outputs: list[str]
    layers: list[CutLayer]
    notes: list[str] = field(default_factory=list)
    integer: int = 1

    @property
    def written(self) -> list[str]:
        """Outputs that a layer writes."""
        made = {name for layer in self.layers for name in layer.step.outputs}
        return [name for name in dict.fromkeys(self.outputs) if name in made]


def distinguish(layers: list[CutLayer]) -> None:
    """Of layers that share a node (a reorder and a convolution) the one with most work keeps the node's name.

    The others get their op added to it.
    """
    seen: set[str] = set()
    work = [(0, 0) if layer.spec is None else (layer.spec.macs, layer.op != "reorder") for layer in layers]
    for i in sorted(range(len(layers)), key=lambda i: work[i], reverse=True):
        layer = layers[i]
        if layer.name in seen:
            layer.name = f"{layer.name}/{layer.op}"
        if layer.name in seen:
            layer.name = f"{layer.name}#{i}"
        seen.add(layer.name)


@dataclass
class Original:
    """The model as deployed in one piece, its inputs and outputs, and a model of next to no work for the floor."""

    model: bytes
    floor: bytes
    floor_tensors: tuple[Tensor, Tensor]


class CutDeployment:
    """Implements `Deployment` over an engine. Fixed seed, so that equal networks see equal inputs."""

    def __init__(self, engine: Engine, original: Original, graph: CutGraph) -> None:
        self._engine, self._original, self._graph = engine, original, graph
        self.notes = list(graph.notes)
        self._values = self._input_values()
        self._load_whole()
        self.floor = self._load_floor()
        self._sessions = [self._load_layer(layer) for layer in graph.layers]
        self._deploy_layers()

    def _input_values(self) -> dict[str, Bytes]:
        rng = np.random.default_rng(0)
        values = {}
        for name in self._graph.inputs:
            values[name] = allocate(self._graph.tensors[name].n_bytes)
            fill(values[name], self._graph.tensors[name].dtype, rng, self._graph.integer)
        return values

    def _fresh(self, names: Sequence[str]) -> list[Bound]:
        return [(self._graph.tensors[n], allocate(self._graph.tensors[n].n_bytes)) for n in names]

    def _load_whole(self) -> None:
        self._whole_inputs: list[Bound] = [(self._graph.tensors[n], self._values[n]) for n in self._graph.inputs]
        self._whole_outputs = self._fresh(self._graph.outputs)
        start = timing.now_ns()
        try:
            session = self._engine.load(self._original.model, True)
            self.load_ns = timing.now_ns() - start
            self.whole: Task = self._engine.bind(session, self._whole_inputs, self._whole_outputs)
            start = timing.now_ns()
            self.whole.run()
        except RuntimeError as e:
            raise InferenceError(f"the network does not run: {_one_line(e)}") from e
        self.first_ns = timing.now_ns() - start

    def _load_floor(self) -> Task:
        session = self._engine.load(self._original.floor, False)
        source, target = self._original.floor_tensors
        task = self._engine.bind(session, [(source, allocate(source.n_bytes))], [(target, allocate(target.n_bytes))])
        task.run()
        return task

    def _load_layer(self, layer: CutLayer) -> Any:
        """Its session, or None with `layer.error`; the bytes are let go of: a network may have half a gigabyte."""
        make, layer.model = layer.model, None
        if layer.error is None and make is not None:
            try:
                return self._engine.load(make(), False)
            except (RuntimeError, ValueError, DataError) as e:
                layer.error = _one_line(e)
        return None

    def _deploy_layers(self) -> None:
        """Place, bind and run every layer; once more if some fail only then, since their outputs need other memory."""
        n_failed = -1
        while n_failed != sum(layer.error is not None for layer in self._graph.layers):
            n_failed = sum(layer.error is not None for layer in self._graph.layers)
            self._place()
            self.layers = [self._deploy(i) for i in range(len(self._graph.layers))]

    def _place(self) -> None:
        """Lay all activations into one block; what a failed layer should have written is filled in and kept."""
        graph = self._graph
        orphans = [t for layer in graph.layers if layer.error for t in layer.step.outputs if t in graph.tensors]
        steps = [Step([], []) if layer.error else layer.step for layer in graph.layers]
        sizes = {name: t.n_bytes for name, t in graph.tensors.items()}
        layout = plan(steps, sizes, [*graph.inputs, *orphans], graph.written)
        block = allocate(layout.n_bytes)
        self._memory = {n: block[at : at + sizes[n]] for n, at in layout.offsets.items()}
        rng = np.random.default_rng(1)
        for name in orphans:
            fill(self._memory[name], graph.tensors[name].dtype, rng, graph.integer)
        for name in graph.inputs:
            self._memory[name][:] = self._values[name]

    def _bound(self, names: Sequence[str]) -> list[Bound]:
        return [(self._graph.tensors[n], self._memory[n]) for n in names]

    def _deploy(self, position: int) -> DeployedLayer:
        """The layer bound to the shared block, and run once: one that fails is marked and left out from then on."""
        layer, session = self._graph.layers[position], self._sessions[position]
        task = None
        if layer.error is None:
            try:
                task = self._engine.bind(session, self._bound(layer.step.inputs), self._bound(layer.step.outputs))
                task.run()
            except RuntimeError as e:
                task, layer.error = None, _one_line(e)
        return DeployedLayer(layer.name, layer.op, layer.nodes, layer.spec, task, layer.error, layer.own_name)

    def isolate(self, positions: Collection[int]) -> dict[int, Task]:
        """Layers bound to buffers of their own that hold real inputs, for a loop of their own; failed ones absent."""
        tasks: dict[int, Task] = {}
        for i, layer in enumerate(self.layers):
            if layer.replay is None:
                continue
            if i in positions:
                step = self._graph.layers[i].step
                inputs = self._fresh(step.inputs)
                for tensor, memory in inputs:
                    memory[:] = self._memory[tensor.name]
                outputs = self._fresh(step.outputs)
                if step.alias:  # it only renames memory: with another output it would copy, which it does not do
                    outputs = [(outputs[0][0], inputs[0][1])]
                tasks[i] = self._engine.bind(self._sessions[i], inputs, outputs)
            layer.replay.run()
        return tasks

    def output_error(self) -> float | None:
        """Largest difference of the replayed outputs from the whole network's, relative to their largest value.

        1.0 where one is not a number and the other is. None where layers failed, or keep their tensors to themselves.
        """
        if not self._engine.shares_memory or any(layer.replay is None for layer in self.layers):
            return None
        self.whole.run()
        for layer in self.layers:
            if layer.replay is not None:
                layer.replay.run()
        written = set(self._graph.written) - set(self._graph.inputs)
        compared = [(tensor, memory) for tensor, memory in self._whole_outputs if tensor.name in written]
        return max((_difference(t.dtype, self._memory[t.name], memory) for t, memory in compared), default=None)

    def peak_rss(self) -> int:
        """Bytes a process of its own takes at most to load and run the network once; RuntimeError with the reason."""
        return self._engine.peak_rss(self._original.model, self._whole_inputs, self._whole_outputs)

    def profile(self, passes: int) -> LayerProfile:
        """The runtime's own per-layer times."""
        try:
            return self._engine.profile(self._original.model, self._whole_inputs, self._whole_outputs, passes)
        except RuntimeError as e:
            raise InferenceError(f"the profiler does not run: {_one_line(e)}") from e


def _difference(dtype: str, got: Bytes, want: Bytes) -> float:
    """Relative to the largest wanted value; at most 1.0 where something is not a number or not finite."""
    if np.array_equal(got, want):
        return 0.0
    if dtype == "bfloat16":
        return 1.0
    a, b = (m.view(dtype).astype(np.float64) for m in (got, want))
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0 if np.array_equal(a, b, equal_nan=True) else 1.0
    return float(np.abs(a - b).max() / (np.abs(b).max() or 1.0))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__
