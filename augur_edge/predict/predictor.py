"""Predictor: ask what a layer, a row of features or a network costs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from augur_edge import _kernel
from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer
from augur_edge.network import Network
from augur_edge.predict.model import ENCODERS

if TYPE_CHECKING:
    from augur_edge.predict.calls import Calls

Layers = Union[Network, Sequence[Layer], Any]
LEVEL = 0.9  # of cases that bounds hold, where nobody asks for another share
_FAR_OFF = 100.0  # in natural logs: no bound of a network's total


class Interval(NamedTuple):
    """An answer with conformal bounds, in the predictor's unit; in_domain: all features lie in their training range,
    and the op is one of the training's."""

    low: float
    value: float
    high: float
    in_domain: bool


class Predictor(_kernel.Predictor):
    """A predictor from the bytes of an .augpred file; `Predictor.load(path)` reads one.

    `predict(...)` takes features (raw/1), or a Layer, its 16 integers or Augur's eight (layer/1), or an architecture's
    numbers or text (search spaces).
    """

    @classmethod
    def load(cls, path: str | Path) -> Predictor:
        """Reads a file. Raises UsageError where it cannot be opened and DataError for its content, naming the file."""
        try:
            return cls(Path(path).read_bytes())
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        except DataError as error:
            raise DataError(f"{path}: {error}") from None

    def layer_integers(self, layer: object) -> tuple[int, ...]:
        """The 16 integers of a Layer; TypeError for anything else."""
        if not isinstance(layer, Layer):
            raise TypeError(f"predict() takes numbers or a Layer, not {type(layer).__name__}")
        from augur_edge.predict.encode import layer_integers

        return layer_integers(layer)

    def vector_of(self, architecture: object) -> tuple[int, ...]:
        """The vector of an architecture's text, with or without `SPACE:` before it; UsageError for what is none."""
        if not isinstance(architecture, str):
            raise TypeError(f"predict() takes {self.vector_length} numbers or text, not {type(architecture).__name__}")
        from augur_edge.predict.encode_spaces import vector_of_text

        return vector_of_text(self.encoder, architecture)

    def predict_vectors(self, vectors: Any) -> Any:
        """Answers of many architectures: float32[n]. vectors: whole numbers [n, vector_length], of any type.

        Raises UsageError with the position and the legal ops for what is no architecture of the space.
        """
        from augur_edge.predict.encode_spaces import check_vectors

        return self.predict_many(check_vectors(self.encoder, vectors))

    @property
    def encoder(self) -> str:
        """`raw/1`, `layer/1`, or that of a search space, `nasbench201/1`."""
        code = int.from_bytes(self.to_bytes()[28:30], "little")
        return next(name for name, (known, _) in ENCODERS.items() if known == code)

    def interval(self, *layer: Any, level: float = LEVEL) -> Interval:
        """Answer and bounds that hold `level` of the cases (the least stored level that is not below it).

        Takes what `predict` takes. Raises ValueError if the predictor stores no such level.
        """
        found = Interval(*self.interval_of(level, *layer))
        return found if self._knows(layer) else found._replace(in_domain=False)

    def _knows(self, layer: Sequence[Any]) -> bool:
        """False for an op that no layer of the training had: between the codes of two ops lies another, unlike both."""
        if not self._ops:
            return True
        if len(layer) == 1 and isinstance(layer[0], Layer):
            return layer[0].op in self._ops
        from augur_edge.predict.encode import FIELDS, OPS

        return len(layer) != len(FIELDS) or int(layer[0]) in {OPS[op][0] for op in self._ops if op in OPS}

    @cached_property
    def _ops(self) -> frozenset[str]:
        """Of the layers it was trained on; none where the file does not say."""
        found = self.training.get("ops")
        return frozenset(op for op in found if isinstance(op, str)) if isinstance(found, list) else frozenset()

    def predict_layers_of(self, network: Layers) -> Any:
        """float64[n]: each layer as it is in this network, where a call costs more or less than in the usual one.

        network: a Network, Layers, or int64[n, 16], all of it. As `predict_many` where the predictor was not trained on
        networks replayed layer by layer.
        """
        costs = self.costs_in_network(_matrix(network))
        return self._calls.moved(costs) if self._calls is not None else costs

    def predict_network(self, network: Layers) -> float:
        """Sum of the layers, as they are in it, plus the network's overhead; network: as in `predict_layers_of`."""
        layers = _matrix(network)
        if self._calls is None:
            return self.predict_network_layers(layers)
        overhead = self.overhead + self.layer_overhead * len(layers)
        return float(self.predict_layers_of(layers).sum() + overhead)

    @cached_property
    def _calls(self) -> Calls | None:
        """Of a file before 1.3, which the kernel does not know of; C programs answer for the usual call there."""
        from augur_edge.predict.calls import calls_of

        if self.has_calls:
            return None
        return calls_of(self._of_networks.get("calls"))

    @property
    def training(self) -> dict[str, Any]:
        """What its meta says of its training; nothing where it says that otherwise: a file may be anybody's."""
        try:
            return _object_in(json.loads(self.meta_json or "{}"), "training")
        except (ValueError, RecursionError):
            return {}

    @property
    def _of_networks(self) -> dict[str, Any]:
        return _object_in(self.training, "network")

    def network_interval(self, network: Layers, level: float = LEVEL) -> Interval:
        """Total of a network and conformal bounds, from networks that were measured whole when it was trained.

        in_domain: of all layers. Raises ValueError where the predictor has no such level for networks.
        """
        layers = _matrix(network)
        known = _levels(self._of_networks.get("levels"))
        found = next(((low, high) for stored, low, high in known if stored >= level), None)
        if found is None:
            raise ValueError(self._why_unbounded(level, [stored for stored, _, _ in known]))
        value = self.predict_network(layers)
        inside = all(self.interval(*row, level=0.0).in_domain for row in layers.tolist())
        return Interval(value * math.exp(found[0]), value, value * math.exp(found[1]), inside)

    def _why_unbounded(self, level: float, stored: list[float]) -> str:
        measured = self._of_networks.get("measured")
        known = isinstance(measured, int) and 0 < measured < 10**6  # a file may be anybody's
        seen = f"{measured} whole network{'s' if measured != 1 else ''}" if known else "no whole network"
        other = f"ask for a level up to {max(stored):g}, or " if stored else ""
        return (
            f"the total has no bounds of {100 * level:g} %: the predictor's file tells of {seen} in its training, "
            f"too few to say how far totals are off; {other}measure more networks whole and train again"
        )

    def network_total(self, network: Layers) -> _kernel.NetworkTotal:
        """A total that follows changes of single layers: `.change(position, layer)` gives the new one."""
        return _kernel.NetworkTotal(self, _matrix(network))


def _object_in(found: object, key: str) -> dict[str, Any]:
    inner = found.get(key) if isinstance(found, dict) else None
    return inner if isinstance(inner, dict) else {}


def _levels(found: object) -> list[tuple[float, float, float]]:
    """(level, low, high) of each level in a meta, bounds in logs; none where one of them is no such thing."""
    try:
        levels = [(level, low, high) for level, low, high in found]  # type: ignore[attr-defined]
        good = all(0 < level < 1 and -_FAR_OFF < low <= high < _FAR_OFF for level, low, high in levels)
    except (TypeError, ValueError):
        return []
    return levels if good else []


def _matrix(network: Layers) -> Any:
    """int64[n, 16] of whatever names a network's layers."""
    if hasattr(network, "dtype"):
        return network
    from augur_edge.predict.encode import layer_matrix

    return layer_matrix([n.layer for n in network.nodes] if isinstance(network, Network) else network)
