"""A runtime whose layers take durations that are written in the model: the known truth for tests of everything above.

A model is JSON: {"layers": [{"name", "op", "durations_ns": [..], "spec": {..}, "error": "…"}], "overhead_ns": 0}.
Call k of a layer takes durations_ns[k % len]; the whole takes the sum of their medians and `overhead_ns`.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Collection

from augur_edge import timing
from augur_edge.errors import DataError
from augur_edge.layers import Layer
from augur_edge.runtime.base import DeployedLayer, Deployment, LayerProfile, RuntimeOptions, Task


class FakeDeployment:
    """Implements `Deployment` over tasks that spin."""

    def __init__(self, model: bytes) -> None:
        try:
            self._model = json.loads(model)
            self.layers = [self._layer(entry) for entry in self._model["layers"]]
        except (ValueError, KeyError, TypeError) as e:
            raise DataError(f"not a model of the fake runtime: {e}") from e
        good = [e for e in self._model["layers"] if not e.get("error")]
        total = sum(int(statistics.median(e["durations_ns"])) for e in good) + int(self._model.get("overhead_ns", 0))
        self.whole: Task = timing.SpinTask([max(total, 1)])
        self.floor: Task = timing.SpinTask([1])
        self.load_ns = self.first_ns = 1
        self.notes = ["fake: nothing was computed"]

    @staticmethod
    def _layer(entry: dict[str, object]) -> DeployedLayer:
        spec = entry.get("spec")
        layer = Layer.from_dict(spec) if isinstance(spec, dict) else None
        task = None if entry.get("error") else timing.SpinTask(entry["durations_ns"])
        name, op = str(entry["name"]), str(entry["op"])
        error = str(entry["error"]) if entry.get("error") else None
        return DeployedLayer(name, op, (name,), layer, task, error, own_name=name)

    def isolate(self, positions: Collection[int]) -> dict[int, Task]:
        """Tasks with durations of their own."""
        entries = self._model["layers"]
        good = [i for i in positions if self.layers[i].replay is not None]
        return {i: timing.SpinTask(entries[i]["durations_ns"]) for i in good}

    def output_error(self) -> float | None:
        """None: nothing is computed."""
        return None

    def peak_rss(self) -> int:
        """None to tell."""
        raise RuntimeError("fake: nothing is loaded")

    def profile(self, passes: int) -> LayerProfile:
        """The written durations themselves."""
        samples = {
            e["name"]: [e["durations_ns"][k % len(e["durations_ns"])] for k in range(passes)]
            for e in self._model["layers"]
        }
        return LayerProfile(samples, [1] * passes, 1, "fake")


class Fake:
    """Implements `Runtime`."""

    name = "fake"
    version = "1"
    model_format = "json"

    def deploy(self, model: bytes, options: RuntimeOptions) -> Deployment:
        """The model's own durations."""
        return FakeDeployment(model)
