"""A roofline fitted to layers: what they would cost if only work, bytes, tiles and a call counted.

cost = sum of a_i t_i + (sum of (b_i t_i)^p)^(1/p): some of the time of each term is always paid, and of the rest the
dearest one hides the others; p says how well. The terms t are `features.terms`. Williams, Waterman and Patterson,
Roofline, CACM 52 (2009), has a = 0 and p infinite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augur_edge.errors import DataError
from augur_edge.host.features import F64, I64, TERMS, Tiles, infer_tiles, layer_class, terms

_OVERLAPPED = 4  # work, weights, inputs, outputs
_LEAST_ROWS = 12
_REST = -1000


@dataclass
class Roofline:
    """The baseline of all teachers. tiles: found by `fit` unless given."""

    tiles: Tiles | None = None
    fits: dict[int, tuple[F64, F64, float]] = field(default_factory=dict)

    name = "roofline"

    def fit(self, layers: I64, y: F64) -> Roofline:
        """layers: int64[n, 16]; y: float64[n], positive. One fit a class of layers, one of all for rare classes."""
        if self.tiles is None:
            self.tiles = infer_tiles(layers, [y])
        t, classes = terms(layers, self.tiles), layer_class(layers)
        self.fits = {_REST: _fit(t, y)}
        for value in np.unique(classes).tolist():
            rows = classes == value
            if rows.sum() >= _LEAST_ROWS:
                self.fits[value] = _fit(t[rows], y[rows])
        return self

    def to_dict(self) -> dict[str, Any]:
        """For a file's provenance, rounded to six digits: tiles, and by class weights paid, hidden, and the power."""
        assert self.tiles is not None, "fit first"
        fits = {
            str(value): [[float(f"{w:.6g}") for w in [*always, *hidden]], round(power, 6)]
            for value, (always, hidden, power) in self.fits.items()
        }
        return {"tiles": [self.tiles.inner, self.tiles.outer, self.tiles.least], "fits": fits}

    @classmethod
    def from_dict(cls, found: Any) -> Roofline:
        """Back from `to_dict`. Raises DataError for anything else."""
        try:
            inner, outer, least = (int(v) for v in found["tiles"])
            n = len(TERMS)
            fits = {
                int(value): (np.array(weights[:n], np.float64), np.array(weights[n:], np.float64), float(power))
                for value, (weights, power) in found["fits"].items()
            }
            if _REST not in fits or any(len(b) != _OVERLAPPED or not 1 <= c < 100 for _, b, c in fits.values()):
                raise ValueError("weights")
            if not 1 <= least <= min(inner, outer):
                raise ValueError("tiles")
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise DataError(f"the predictor's fitted roofline cannot be read ({error})") from None
        return cls(Tiles(inner, outer, least), fits)

    def predict(self, layers: I64) -> F64:
        """float64[n], in the unit of the `y` that it was fitted to."""
        return self.predict_with_shares(layers)[0]

    def predict_with_shares(self, layers: I64) -> tuple[F64, F64]:
        """Also float64[n, 6]: the part that each term alone would have in its layer's cost."""
        assert self.tiles is not None, "fit first"
        t, classes = terms(layers, self.tiles), layer_class(layers)
        cost, shares = np.empty(len(t)), np.empty(t.shape)
        for value in np.unique(classes).tolist():
            rows = classes == value
            always, hidden, power = self.fits.get(value, self.fits[_REST])
            cost[rows] = _cost(t[rows], always, hidden, power)
            alone = t[rows] * always
            alone[:, :_OVERLAPPED] += t[rows, :_OVERLAPPED] * hidden
            shares[rows] = alone / cost[rows, None]
        return cost, shares


def _cost(t: F64, always: F64, hidden: F64, power: float) -> F64:
    parts = t[:, :_OVERLAPPED] * hidden
    dearest = parts.max(axis=1)
    return np.asarray(t @ always + dearest * ((parts / dearest[:, None]) ** power).sum(axis=1) ** (1 / power))


def _fit(t: F64, y: F64) -> tuple[F64, F64, float]:
    """Robust least squares of the log error, started at, and held near, a non-negative additive fit."""
    from scipy.optimize import least_squares, nnls

    additive, _ = nnls(t / y[:, None], np.ones(len(y)))
    typical = np.median(y[:, None] / t, axis=0)
    start = np.maximum(additive / typical, 1e-3)
    origin = np.concatenate([np.log(start * 0.5), np.log(np.maximum(start[:_OVERLAPPED], 0.02) * 0.7), [1.0]])

    def unpacked(theta: F64) -> tuple[F64, F64, float]:
        n = t.shape[1]
        theta = np.clip(theta, -30, 30)
        power = 1 + float(np.exp(min(theta[-1], 3.0)))
        return typical * np.exp(theta[:n]), typical[:_OVERLAPPED] * np.exp(theta[n:-1]), power

    def residuals(theta: F64) -> F64:
        return np.concatenate([np.log(_cost(t, *unpacked(theta)) / y), 0.03 * (theta - origin)])

    found = least_squares(residuals, origin, loss="soft_l1", f_scale=0.1, max_nfev=60)
    return unpacked(found.x)
