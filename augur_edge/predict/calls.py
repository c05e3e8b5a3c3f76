"""What a call costs in one network and not in another, beside the work of its layer.

A call whose layers are done soon finds its code where it left it, in the caches: 1 to 5 us with onnxruntime on an
x86-64 server where a layer takes 10 us, 8 to 10 us where it takes 100. No layer's own sizes tell that, the others of
its network do. Predictors answer for the usual call; this moves the answer to a network's. Which measure of a network
tells most was chosen on sampled networks left out: the geometric mean of its layers' times misses a call by 0.14 in the
log with onnxruntime and 0.18 with litert; mean bytes by 0.18 and 0.18, footprint by 0.24 and 0.21, a constant by 0.26
and 0.24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

LEAST_NETWORKS = 8
_MOST_KNOTS = 8
_LEAST_SHARE = 0.5  # of its network's call, that a layer costs at least


@dataclass(frozen=True)
class Calls:
    """A call's cost by the typical time of a network's layers, between knots in logs, constant beyond them.

    knots: (ns of `typical`, ns of a call), ascending in both; usual_ns: of the call that layers are predicted with.
    """

    usual_ns: float
    knots: tuple[tuple[float, float], ...]

    def of(self, latency_ns: F64) -> float:
        """ns of a call in a network whose layers take float64[n] ns with the usual call."""
        x, y = np.log(np.array(self.knots, np.float64)).T
        return float(np.exp(np.interp(np.log(typical(latency_ns)), x, y)))

    def moved(self, latency_ns: F64) -> F64:
        """float64[n]: what all of a network's layers take in it, from what they take with the usual call."""
        if not len(latency_ns):
            return latency_ns
        call = self.of(latency_ns)
        return np.asarray(np.maximum(latency_ns + call - self.usual_ns, _LEAST_SHARE * call))


def calls_of(found: Any) -> Calls | None:
    """Of an object with these two, as a predictor's file has them; None for what is not calls."""
    try:
        calls = Calls(float(found["usual_ns"]), tuple((float(t), float(ns)) for t, ns in found["knots"]))
        values = np.array([(calls.usual_ns, calls.usual_ns), *calls.knots])
    except (TypeError, ValueError, KeyError, OverflowError):
        return None
    ascending = (np.diff(values[1:], axis=0) >= 0).all() and len(calls.knots) > 0
    return calls if ascending and np.isfinite(values).all() and (values > 0).all() else None


def typical(latency_ns: F64) -> float:
    """The geometric mean of float64[n], at least one, what is not positive as 1e-30 (as in the kernel)."""
    return float(np.exp(np.log(np.maximum(latency_ns, 1e-30)).mean()))


def fit_calls(found: Sequence[tuple[float, float]]) -> Calls | None:
    """From (typical ns of a layer, ns of a call) of networks; None for fewer than LEAST_NETWORKS.

    A knot is the median of neighbours in the first, made to ascend.
    """
    if len(found) < LEAST_NETWORKS:
        return None
    rows = np.array(sorted(found), np.float64)
    parts = np.array_split(rows, min(_MOST_KNOTS, len(rows) // 4))
    knots = np.array([np.median(part, axis=0) for part in parts])
    knots[:, 1] = np.maximum.accumulate(knots[:, 1])
    return Calls(float(np.median(rows[:, 1])), tuple((float(t), float(ns)) for t, ns in knots))
