"""A predictor moved to another device or setting by a few measured layers; numpy alone, so it runs on the device.

The base term is fitted again, together with a factor for each group of ops (`groups`). The term's positive weights and
its constant move in log space from where they were: all together by one free factor, and each by itself under a
Gaussian prior, so that five layers are enough to say "twice as fast" and fifty can tell memory from arithmetic. How
wide the prior is, and whether anything moves at all, leave-one-out error chooses, but only where it is clear: as the
least of all widths it chose wrongly for few layers (onnxruntime to litert 39 % with 10 layers and 28 % with 20, where
one width gave 30 % and 27 %).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge._kernel import Predictor
from augur_edge.errors import UsageError
from augur_edge.predict.encode import encode
from augur_edge.predict.format import dumps
from augur_edge.predict.groups import N_GROUPS, group_of, with_factors
from augur_edge.predict.model import Base, Level, Model

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LEAST = 3
_WIDTH = 0.2  # of the prior, in natural logs
_OTHER_WIDTHS = (0.0, 0.6, 2.0)  # 0: all stays as it was
_CLEARLY = 0.85  # times the left-out error of _WIDTH: below it another width is taken
_GROUP_WIDTH = 0.5
_NOISE = 0.2  # of what the trees do not know of the new setting, in natural logs
_FAR = 0.4  # from here on a layer's weight falls
_STEPS = 20
_CANDIDATES = 4  # times the layers asked for, among which the design chooses


@dataclass(frozen=True, eq=False)
class _Roofline:
    """The base term over rows x, float64[n, features], and each row's group, as a function of theta.

    theta: logs of weights, of the constant, of a factor for all and of one for each group.
    """

    weights: F64
    x: F64
    groups: I64

    def base(self, theta: F64) -> Base:
        found = np.zeros_like(self.weights)
        own, (constant, factor) = theta[: -N_GROUPS - 2], theta[-N_GROUPS - 2 : -N_GROUPS]
        found[self.weights > 0] = np.exp(own + factor)
        return Base("roofline", float(np.exp(constant + factor)), found)

    def log(self, theta: F64) -> F64:
        """float64[n], natural log of the term times its group's factor."""
        base = self.base(theta)
        term = np.log(np.maximum(base.constant + (self.x @ base.weights.T).max(axis=1), 1e-30))
        return np.asarray(term + theta[-N_GROUPS:][self.groups])

    def slopes(self, theta: F64) -> F64:
        """float64[n, parameters], by differences."""
        here, step = self.log(theta), 1e-5
        return np.stack([(self.log(theta + step * unit) - here) / step for unit in np.eye(len(theta))], axis=1)

    def fit(self, wished: F64, start: F64, width: float) -> F64:
        """Theta of the least posterior error, by damped Gauss-Newton. wished: float64[n], logs.

        Layers far off weigh less, by Cauchy's weights: a kernel that only one setting has says nothing of the others.
        """
        if width == 0:
            return start
        ridge = np.full(len(start), (_NOISE / width) ** 2)
        ridge[-N_GROUPS:], ridge[-N_GROUPS - 1] = (_NOISE / _GROUP_WIDTH) ** 2, 1e-4
        theta: F64 = start.copy()
        for _ in range(_STEPS):
            slopes, miss = self.slopes(theta), wished - self.log(theta)
            leant = slopes / (1 + (miss / _FAR) ** 2)[:, None]
            step = np.linalg.solve(leant.T @ slopes + np.diag(ridge), leant.T @ miss - ridge * (theta - start))
            theta = theta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-9))
        return theta


def adapt(model: Model, layers: I64, y: F64, devices: Collection[str] = ()) -> Model:
    """The model moved to measured layers. layers: int64[n, 16]; y: float64[n], positive, n >= 3.

    y is in the model's unit. devices: where it was measured, `board-1, onnxruntime`, if that is known. Interval bounds
    are widened where the new residuals need it. Raises UsageError for too few layers, and for a model without what is
    fitted: a roofline under an exp link, on layers.
    """
    if len(y) < LEAST:
        raise UsageError(f"{len(y)} measured layers: at least {LEAST} are needed to adapt")
    roofline, start = _roofline(model, layers)
    answer = Predictor(dumps(model)).predict_many(layers).astype(np.float64)
    trees = np.log(answer) - roofline.log(start)
    wished = np.log(y) - trees
    width = _width(roofline, wished, start)
    theta = roofline.fit(wished, start, width)
    left_out = _left_out(roofline, wished, start, width)
    factors = theta[-N_GROUPS:]
    about = {
        "layers": len(y),
        "prior_width": width,
        "factors": [round(float(np.exp(f)), 4) for f in factors],
        "mape_before": round(100 * float(np.abs(answer / y - 1).mean()), 3),
        "mape_left_out": round(100 * float(np.abs(np.exp(left_out) - 1).mean()), 3),
    }
    share = 1.0 if model.spread is None else model.spread.of(roofline.x.astype(np.float32))
    levels = tuple(_widened(level, left_out / share) for level in model.levels)
    meta = {**trained_on(model.meta, devices), "adapted": about}
    # what networks cost above their layers was the old setting's, as their interval was
    moved = replace(model, base=roofline.base(theta), levels=levels, overhead=0.0, layer_overhead=0.0, meta=meta)
    return with_factors(moved, factors)


def trained_on(meta: Mapping[str, Any], devices: Collection[str]) -> dict[str, Any]:
    """A meta trained on these devices, unknown if none, not on the source's; without its intervals of networks."""
    training = meta.get("training")
    kept = dict(training) if isinstance(training, dict) else {}
    for key in ("network", "device", "devices"):
        kept.pop(key, None)
    if devices:
        kept["devices"] = sorted(devices)
    return {**meta, "training": kept} if kept else {k: v for k, v in meta.items() if k != "training"}


def suggest(model: Model, layers: I64, count: int) -> list[int]:
    """Places of the `count` of `layers` most worth measuring before `adapt`, in the order to measure them.

    Greedy Bayesian design: each shrinks the posterior variance, summed over all of `layers`, the most. Chaloner and
    Verdinelli, Bayesian experimental design: a review, Statistical Science 10 (1995). Raises UsageError as `adapt`.
    """
    roofline, start = _roofline(model, layers)
    usual = _usual(model, layers, _CANDIDATES * count)
    slopes = roofline.slopes(start)[usual]
    own = len(start) - N_GROUPS - 1
    covariance = np.diag([*[_WIDTH**2] * own, 4.0, *[_GROUP_WIDTH**2] * N_GROUPS])
    chosen: list[int] = []
    for _ in range(min(count, len(usual))):
        spread = slopes @ covariance
        variance = (spread * slopes).sum(axis=1) + _NOISE**2
        gain = ((spread @ slopes.T) ** 2).sum(axis=1) / variance
        gain[chosen] = -1.0
        best = int(gain.argmax())
        chosen.append(best)
        covariance -= np.outer(spread[best], spread[best]) / variance[best]
    return [int(usual[i]) for i in chosen]


def _usual(model: Model, layers: I64, count: int) -> I64:
    """Places of up to `count` layers: of each group its share, from the cheapest to the dearest of it in even steps.

    The design alone asks for the strangest layers, as if its model of them were right; on measured ones that errs more.
    """
    if count >= len(layers):
        return np.arange(len(layers))
    cost = Predictor(dumps(model)).predict_many(layers)
    order = np.lexsort((cost, group_of(layers)))
    return np.asarray(order[((np.arange(count) + 0.5) * len(order) / count).astype(np.int64)])


def _roofline(model: Model, layers: I64) -> tuple[_Roofline, F64]:
    """The term over these layers, and the theta that the model has."""
    base = model.base
    if base is None or base.kind != "roofline" or model.link != "exp" or model.encoder != "layer/1":
        raise UsageError(
            "only predictors of layers with a roofline under an exp link, as `train` makes, can be adapted"
        )
    if (base.weights < 0).any() or base.constant <= 0:
        raise UsageError("its roofline has negative parts; train it again")
    x = encode(layers)[:, [f.id for f in model.features]].astype(np.float64)
    own = np.log(np.append(base.weights[base.weights > 0], base.constant))
    return _Roofline(base.weights, x, group_of(layers)), np.concatenate([own, np.zeros(1 + N_GROUPS)])


def _left_out(roofline: _Roofline, wished: F64, start: F64, width: float) -> F64:
    """float64[n]: log(truth / prediction) of each layer by a fit without it; of tenths, where there are many."""
    part = np.arange(len(wished)) % min(len(wished), 10)
    errors = np.empty(len(wished))
    for k in np.unique(part):
        others = _Roofline(roofline.weights, roofline.x[part != k], roofline.groups[part != k])
        theta = others.fit(wished[part != k], start, width)
        errors[part == k] = (wished - roofline.log(theta))[part == k]
    return errors


def _left_out_error(roofline: _Roofline, wished: F64, start: F64, width: float) -> float:
    return float(np.minimum(np.abs(_left_out(roofline, wished, start, width)), _FAR).mean())


def _width(roofline: _Roofline, wished: F64, start: F64) -> float:
    """_WIDTH, unless another one errs clearly less on layers left out."""
    errors = {width: _left_out_error(roofline, wished, start, width) for width in (_WIDTH, *_OTHER_WIDTHS)}
    best = min(errors, key=lambda width: errors[width])
    return best if errors[best] < _CLEARLY * errors[_WIDTH] else _WIDTH


def _widened(level: Level, errors: F64) -> Level:
    """Bounds that also hold the level's share of the new errors, as far as so few can say."""
    tail = (1 - level.level) / 2
    low, high = np.quantile(errors, [tail, 1 - tail])
    return Level(level.level, min(level.low, float(low)), max(level.high, float(high)))
