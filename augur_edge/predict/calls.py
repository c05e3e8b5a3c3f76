"""What a call costs in one network and not in another, beside the work of its layer.

A call whose network moves little between two runs of the same code finds that code in the caches: 1 to 2 us with
onnxruntime on an x86-64 server where layers move 0.2 MB on average, 7 to 8 us where they move 2 MB. No layer's own
sizes tell that, the network's mean does. Predictors answer for the usual call; this moves the answer to a network's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.predict.encode import FEATURES, encode

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LEAST_NETWORKS = 8
_MOST_KNOTS = 8
_LEAST_SHARE = 0.5  # of its network's call, that a layer costs at least


@dataclass(frozen=True)
class Calls:
    """A call's cost by the mean bytes that a network's layers move, between knots in logs, constant beyond them.

    knots: (bytes, ns), ascending in both; usual_ns: of the call that layers are predicted with.
    """

    usual_ns: float
    knots: tuple[tuple[float, float], ...]

    def of(self, layers: I64) -> float:
        """ns of a call in the network of these layers, int64[n, 16]."""
        x, y = np.log(np.array(self.knots, np.float64)).T
        return float(np.exp(np.interp(np.log(max(bytes_per_layer(layers), 1.0)), x, y)))

    def moved(self, latency_ns: F64, layers: I64) -> F64:
        """float64[n]: latencies with the usual call, as they are in the network of these layers, int64[n, 16]."""
        call = self.of(layers)
        return np.asarray(np.maximum(latency_ns + call - self.usual_ns, _LEAST_SHARE * call))

    def to_dict(self) -> dict[str, Any]:
        """For a predictor's meta."""
        return {"usual_ns": round(self.usual_ns, 1), "knots": [[round(b), round(ns, 1)] for b, ns in self.knots]}


def calls_of(found: Any) -> Calls | None:
    """Back from a predictor's meta; None for a predictor without, or with what is not calls."""
    try:
        calls = Calls(float(found["usual_ns"]), tuple((float(b), float(ns)) for b, ns in found["knots"]))
        values = np.array([(calls.usual_ns, calls.usual_ns), *calls.knots])
    except (TypeError, ValueError, KeyError):
        return None
    ascending = (np.diff(values[1:], axis=0) >= 0).all() and len(calls.knots) > 0
    return calls if ascending and np.isfinite(values).all() and (values > 0).all() else None


def bytes_per_layer(layers: I64) -> float:
    """Mean of the bytes that each of int64[n, 16] moves; 0 for none."""
    return float(encode(layers)[:, FEATURES.index("bytes_moved")].astype(np.float64).mean()) if len(layers) else 0.0


def fit_calls(found: Sequence[tuple[float, float]]) -> Calls | None:
    """From (mean bytes a layer, ns of a call) of networks; None for fewer than LEAST_NETWORKS.

    A knot is the median of neighbours in bytes, made to ascend.
    """
    if len(found) < LEAST_NETWORKS:
        return None
    rows = np.array(sorted(found), np.float64)
    parts = np.array_split(rows, min(_MOST_KNOTS, len(rows) // 4))
    knots = np.array([np.median(part, axis=0) for part in parts])
    knots[:, 1] = np.maximum.accumulate(knots[:, 1])
    return Calls(float(np.median(rows[:, 1])), tuple((float(b), float(ns)) for b, ns in knots))
