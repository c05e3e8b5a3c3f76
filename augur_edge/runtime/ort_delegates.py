"""onnxruntime's other execution providers, where its build has them: XNNPACK and NNAPI on phones, CUDA and TensorRT.

A provider compiles what it can of the network into pieces of its own, and leaves the rest to the CPU: both are told.
The pieces cannot be cut out again, so a layer is a node of the network as it was before, alone under the provider, and
the layers need not add up to the network.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from augur_edge import timing
from augur_edge.errors import InferenceError, MissingExtraError, UsageError
from augur_edge.runtime.base import Deployment, LayerProfile, RuntimeOptions, Task
from augur_edge.runtime.cut import Bound, CutDeployment, Original, Tensor
from augur_edge.runtime.ort import floor_model, profiled, python_call, session_options

PROVIDERS = {
    "xnnpack": "XnnpackExecutionProvider",
    "nnapi": "NnapiExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
CPU = "CPUExecutionProvider"
_KERNEL = "_kernel_time"

Provider = tuple[str, dict[str, str]]


def provider(delegate: str, threads: int) -> Provider:
    """Name and options. Raises UsageError for an unknown delegate, MissingExtraError where the build lacks it."""
    import onnxruntime as ort

    if delegate not in PROVIDERS:
        raise UsageError(f"--delegate {delegate}: onnxruntime has cpu, {', '.join(PROVIDERS)}")
    name, there = PROVIDERS[delegate], ort.get_available_providers()
    if name not in there:
        raise MissingExtraError(
            f"--delegate {delegate}: this build of onnxruntime has no {name}, only {', '.join(there)}; "
            "see docs/boards.md for builds that have it"
        )
    return name, {"intra_op_num_threads": str(threads)} if delegate == "xnnpack" else {}


class ProviderEngine:
    """A session under one provider, timed through the Python binding with bound memory of the CPU."""

    shares_memory = True

    def __init__(self, chosen: Provider, threads: int) -> None:
        self._chosen, self._threads = chosen, threads

    def options(self) -> Any:
        """XNNPACK has threads of its own; onnxruntime's beside them would spin against them."""
        own_threads = "intra_op_num_threads" in self._chosen[1]
        options = session_options(1 if own_threads else self._threads, True)
        if own_threads:
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return options

    def load(self, model: bytes, optimise: bool) -> Any:
        """An InferenceSession, which has the provider: onnxruntime would silently go on without it."""
        session = self.session(model, self.options())
        if self._chosen[0] not in session.get_providers():
            raise RuntimeError(f"{self._chosen[0]} could not be started; onnxruntime fell back to the CPU")
        return session

    def session(self, model: bytes, options: Any) -> Any:
        """With the provider first, the CPU for what it leaves."""
        import onnxruntime as ort

        try:
            return ort.InferenceSession(model, options, [self._chosen, (CPU, {})])
        except Exception as e:  # its exceptions share no base but Exception
            raise RuntimeError(str(e)) from e

    def bind(self, session: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Task:
        """A CallTask of `run_with_iobinding`; what a GPU needs is copied there and back within the call."""
        task: Task = timing.CallTask(python_call(session, inputs, outputs))
        return task

    def profile(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound], passes: int) -> LayerProfile:
        """onnxruntime's own profile, in which a piece the provider compiled is one entry."""
        return profiled(lambda options: self.session(model, options), self.options(), inputs, outputs, passes)

    def peak_rss(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> int:
        """Not offered."""
        raise RuntimeError("not known under a provider other than the CPU's")

    def placement(self, model: bytes, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> dict[str, Counter[str]]:
        """Provider -> how often each op ran there in one pass."""
        placed: dict[str, Counter[str]] = {}
        with tempfile.TemporaryDirectory(prefix="augur-edge-") as folder:
            options = self.options()
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "profile")
            session = self.session(model, options)
            python_call(session, inputs, outputs)()
            events = json.loads(Path(session.end_profiling()).read_text())
        for event in events:
            if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
                where, op = event["args"].get("provider", "?"), event["args"].get("op_name", "?")
                placed.setdefault(where, Counter())[op] += 1
        return placed


def placement_notes(name: str, placed: dict[str, Counter[str]]) -> list[str]:
    """What runs where, for readers; a network of which the provider took nothing is an InferenceError."""
    taken, left = placed.get(name, Counter()), placed.get(CPU, Counter())
    if not taken:
        raise InferenceError(f"{name} takes nothing of this network, which would run on the CPU; leave --delegate away")
    ops = ", ".join(f"{op} x{n}" for op, n in left.most_common(8))
    notes = [f"{name} runs {sum(taken.values())} pieces of the network"]
    return notes + ([f"left to the CPU: {ops}"] if left else [])


def deploy(model: bytes, options: RuntimeOptions, version: str) -> Deployment:
    """The network under `options.delegate`, each of its nodes alone under it too."""
    from augur_edge.runtime.ort_cut import cut

    chosen = provider(options.delegate or "", options.threads)
    graph, prepared = cut(model, options, fused=False)
    engine = ProviderEngine(chosen, options.threads)
    graph.notes.append(f"layers are single nodes under {chosen[0]}, which in the network fuses them; timed in Python")
    floor = (Tensor("x", (1,), "float32"), Tensor("y", (1,), "float32"))
    try:
        made = ProviderDeployment(engine, Original(prepared, floor_model(), floor), graph)
        made.notes += placement_notes(chosen[0], made.placement())
    except RuntimeError as e:
        raise InferenceError(f"onnxruntime {version}: {e}") from e
    return made


class ProviderDeployment(CutDeployment):
    """A `CutDeployment` that can tell what ran where."""

    _engine: ProviderEngine

    def placement(self) -> dict[str, Counter[str]]:
        """See `ProviderEngine.placement`."""
        return self._engine.placement(self._original.model, self._whole_inputs, self._whole_outputs)
