"""What a network costs, in one call: `augur_edge.predict_file("net.onnx")`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge.errors import MissingExtraError, UsageError
from augur_edge.layers import Layer
from augur_edge.predict import Predictor
from augur_edge.predict.predictor import LEVEL

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LayerCost", "NetworkCost", "predict_file"]
ABOUT_EXAMPLE = (
    "no predictor is named: the example answers. It is about ANOTHER MACHINE (an x86-64 server processor, "
    "onnxruntime, one thread), not this one; `augur-edge measure --sample` and `train` make one of this device"
)


@dataclass(frozen=True)
class LayerCost:
    """value: what the layer costs in its network; low, high: its bounds; in_domain: trained on such. In `unit`.

    The last three are None where the predictor has no bounds of the level.
    """

    name: str
    op: str
    value: float
    low: float | None = None
    high: float | None = None
    in_domain: bool | None = None


@dataclass(frozen=True)
class NetworkCost:
    """value: the total, `unit` of `target` ("ns" of "latency_ns"). low, high, in_domain: None without bounds.

    layers: as they run, one after the other; what a network costs besides them is in the total alone. remarks: what to
    know before the figures are believed, in whole sentences.
    """

    what: str
    target: str
    unit: str
    value: float
    low: float | None
    high: float | None
    in_domain: bool | None
    layers: tuple[LayerCost, ...]
    remarks: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with a row for each layer, columns as `LayerCost`. Raises MissingExtraError."""
        from augur_edge.extras import pandas

        return pandas().DataFrame([vars(layer) for layer in self.layers], columns=list(LayerCost.__annotations__))


def predict_file(
    net: str | Path, predictor: Predictor | str | Path | None = None, *, level: float | None = None
) -> NetworkCost:
    """What a network costs by a predictor of layers: total, bounds and layers.

    net: a .onnx, .tflite or .csv file, a name of the zoo, or an architecture (`fbnet:0,3,…`); its layers are those that
    the predictor's runtime makes of it, where that is installed; if not, `remarks` says so. predictor: one, or its
    file; else the example that comes along, which is about another machine. level: share of cases that the bounds
    hold, 0.9 where the predictor has it unless it is given.
    Raises UsageError and DataError for what is no network or no predictor of layers.
    """
    remarks: list[str] = []
    if predictor is None:
        from augur_edge.predict.example import example

        remarks.append(ABOUT_EXAMPLE)
        predictor = Predictor(example())
    elif not isinstance(predictor, Predictor):
        predictor = Predictor.load(predictor)
    what = str(net)
    if not predictor.takes_layers:
        raise UsageError(f"{what}: this predictor takes {predictor.encoder}, not a network's layers")
    named = layers_as_deployed(predictor, what, remarks)
    layers = tuple(_layer_costs(predictor, what, named, level))
    everything = [layer for _, layer in named]
    low = high = inside = None
    try:
        low, _, high, inside = predictor.network_interval(everything, LEVEL if level is None else level)
    except ValueError as error:
        if level is not None:
            remarks.append(f"{what}: {error}: its total is without bounds")
    value = predictor.predict_network(everything)
    return NetworkCost(what, predictor.target, predictor.unit, value, low, high, inside, layers, tuple(remarks))


def _layer_costs(
    predictor: Predictor, what: str, named: list[tuple[str, Layer]], level: float | None
) -> list[LayerCost]:
    """Each layer in its network; its bounds move in proportion."""
    found = []
    try:
        there = predictor.predict_layers_of([layer for _, layer in named]).tolist()
    except ValueError as error:
        raise UsageError(f"{what}: {error}") from None
    for (name, layer), value in zip(named, there):
        try:
            low, alone, high, inside = predictor.interval(layer, level=LEVEL if level is None else level)
        except ValueError as error:  # the file stores no such level, which matters to who asked for it
            if level is not None:
                raise UsageError(f"{what}, {name}: {error}") from None
            found.append(LayerCost(name, layer.op, value))
            continue
        low, high = (_moved(bound, alone, value) for bound in (low, high))
        found.append(LayerCost(name, layer.op, value, low, high, inside))
    return found


def _moved(bound: float, alone: float, value: float) -> float:
    """In proportion, but for what is not positive, which has none."""
    return bound * (value / alone) if alone > 0 else bound + (value - alone)


def layers_as_deployed(predictor: Predictor, what: str, remarks: list[str]) -> list[tuple[str, Layer]]:
    """A network's layers as the predictor's runtime deploys them, or as written, which is remarked."""
    about = predictor.training
    runtime = about.get("runtime")
    if runtime is None or what.endswith(".csv"):
        return _as_written(what)
    from augur_edge.measure.deployed import deployed_layers
    from augur_edge.measure.targets import Request

    as_written = _as_written(what)  # its errors name what `predict` takes
    try:
        return deployed_layers(what, Request(runtime, threads=about.get("threads", 1)))
    except (MissingExtraError, UsageError) as error:
        remarks.append(f"{what}: taken as written, not fused as {runtime} does it, so its total is too high ({error})")
        return as_written


def _as_written(what: str) -> list[tuple[str, Layer]]:
    from augur_edge import spaces
    from augur_edge.predict.files import layers_of

    if not spaces.is_architecture(what):
        return layers_of(what)
    space, vector = spaces.resolve(what)
    return [(node.name, node.layer) for node in space.network(vector).nodes]
