"""What a network costs, in one call: `augur_edge.predict_file("net.onnx")`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge.errors import MissingExtraError, UsageError
from augur_edge.layers import Layer, Shape
from augur_edge.predict import Predictor
from augur_edge.predict.predictor import LEVEL

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LayerCost", "NetworkCost", "predict_file"]
_OPS_NAMED = 3  # of those that a remark is about
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
    """value: the total, `unit` of `target` ("ns" of "latency_ns"). low, high: its bounds, None where it has none.

    in_domain: trained on such, all layers of it; None where the predictor does not know. layers: as they run, one after
    the other, none of an architecture that was asked as a whole; what a network costs besides them is in the total
    alone. remarks: what to know before the figures are believed.
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
    net: str | Path,
    predictor: Predictor | str | Path | None = None,
    *,
    level: float | None = None,
    shapes: Mapping[str, Shape] | None = None,
) -> NetworkCost:
    """What a network costs by a predictor of layers: total, bounds and layers; or an architecture by one of its space.

    net: a .onnx, .tflite or .csv file, a name of the zoo, or an architecture (`fbnet:0,3,…`, `nasbench201:#3`); its
    layers are those that the predictor's runtime makes of it, where that is installed; if not, `remarks` says so.
    predictor: one, or its file; else the example that comes along, which is about another machine. level: share of
    cases that the bounds hold, 0.9 where the predictor has it unless it is given. shapes: of inputs that a .onnx or
    .tflite file leaves open, `{"x": (1, 3, 224, 224)}`.
    Raises UsageError and DataError for what is no network, no predictor of it, or has a shape left open.
    """
    remarks: list[str] = []
    if predictor is None:
        from augur_edge.predict.example import example

        remarks.append(ABOUT_EXAMPLE)
        predictor = Predictor(example())
    elif not isinstance(predictor, Predictor):
        predictor = Predictor.load(predictor)
    what = str(net)
    if predictor.vector_length:
        return _architecture_cost(predictor, what, level, shapes, remarks)
    if not predictor.takes_layers:
        raise UsageError(f"{what}: this predictor takes {predictor.encoder}, not a network's layers")
    named = layers_as_deployed(predictor, what, remarks, shapes)
    layers = tuple(_layer_costs(predictor, what, named, level))
    everything = [layer for _, layer in named]
    low = high = None
    try:
        low, _, high, _ = predictor.network_interval(everything, LEVEL if level is None else level)
    except ValueError as error:
        remarks.append(str(error))
    remarks.extend(_unlike(layers))
    known = [layer.in_domain for layer in layers]
    inside = None if None in known else all(known)
    value = predictor.predict_network(everything)
    return NetworkCost(what, predictor.target, predictor.unit, value, low, high, inside, layers, tuple(remarks))


def _unlike(layers: tuple[LayerCost, ...]) -> list[str]:
    """How much of the total is in layers outside what the predictor learnt from."""
    strange = [layer for layer in layers if layer.in_domain is False]
    if not strange:
        return []
    share = sum(layer.value for layer in strange) / max(sum(layer.value for layer in layers), 1e-9)
    ops = ", ".join(sorted({layer.op for layer in strange})[:_OPS_NAMED])
    about = f"{ops}; {100 * share:.0f} % of the sum"
    return [f"{len(strange)} of {len(layers)} layers ({about}) are UNLIKE what it was trained on"]


def _architecture_cost(
    predictor: Predictor, what: str, level: float | None, shapes: Mapping[str, Shape] | None, remarks: list[str]
) -> NetworkCost:
    """By a predictor of a search space, which takes the whole of an architecture."""
    from augur_edge import zoo

    space = predictor.encoder.partition("/")[0]
    if shapes or what in zoo.names() or Path(what).suffix in {".onnx", ".tflite", ".csv"}:
        raise UsageError(
            f"{what}: this is a predictor of {space}'s architectures, not of networks' layers; ask it for "
            f"{space}:#0, or ask a predictor of layers"
        )
    low = high = inside = None
    try:
        vector = predictor.vector_of(what)
        value = predictor.predict(*vector)
        try:
            low, value, high, inside = predictor.interval(*vector, level=LEVEL if level is None else level)
        except ValueError:  # the file stores no such level, which matters to who asked for it
            if level is not None:
                raise
    except ValueError as error:
        raise UsageError(f"{what}: {error}") from None
    if inside is False:
        remarks.append("it is UNLIKE what the predictor was trained on: do not rely on it")
    return NetworkCost(what, predictor.target, predictor.unit, value, low, high, inside, (), tuple(remarks))


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


def layers_as_deployed(
    predictor: Predictor, what: str, remarks: list[str], shapes: Mapping[str, Shape] | None = None
) -> list[tuple[str, Layer]]:
    """A network's layers as the predictor's runtime deploys them, or as written, which is remarked."""
    about = predictor.training
    runtime = about.get("runtime")
    if runtime is None or what.endswith(".csv"):
        return _as_written(what, shapes)
    from augur_edge.measure.deployed import deployed_layers
    from augur_edge.measure.targets import Request

    as_written = _as_written(what, shapes)  # its errors name what `predict` takes
    try:
        return deployed_layers(what, Request(runtime, threads=about.get("threads", 1), shapes=dict(shapes or {})))
    except (MissingExtraError, UsageError) as error:
        remarks.append(f"taken as written, not fused as {runtime} does it, so its total is too high ({error})")
        return as_written


def _as_written(what: str, shapes: Mapping[str, Shape] | None) -> list[tuple[str, Layer]]:
    from augur_edge import spaces
    from augur_edge.predict.files import layers_of

    if not spaces.is_architecture(what):
        return layers_of(what, shapes)
    if shapes:
        raise UsageError(
            f"{what}: --shape (shapes=) is for .onnx and .tflite files; an architecture's shapes are fixed"
        )
    space, vector = spaces.resolve(what)
    return [(node.name, node.layer) for node in space.network(vector).nodes]
