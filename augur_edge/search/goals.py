"""What a search is asked for: figures of architectures, limits on them, and which one is to be as good as possible.

A figure is a name and a function from vectors to numbers in a base unit (ns, uj, percent); the command line scales.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

from augur_edge.errors import AugurError, UsageError
from augur_edge.metrics import is_better_high

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]
Score = Callable[[U8], "npt.ArrayLike"]

SCALES = {
    "ns": ("ns", 1.0),
    "us": ("ns", 1e3),
    "ms": ("ns", 1e6),
    "s": ("ns", 1e9),
    "uj": ("uj", 1.0),
    "mj": ("uj", 1e3),
}
_LIMIT = re.compile(r"\s*([A-Za-z]\w*?)\s*(<=|>=|<|>|==|=)\s*(\S+)\s*$")


class ObjectiveError(AugurError):
    """A function that scores architectures raised, or answered with what is no number.

    known: float64[rows, objectives] of the architectures before the first that has none, where they are known.
    part: a `Part`, what the piece of a search that it ended had found, evaluated before it.
    """

    known: F64 | None = None
    part: Any = None


@dataclass(frozen=True, eq=False)
class Figure:
    """score: uint8[n, length] -> float[n] in `unit`. upper: the same, for what the figure is likely to stay below.

    partial: NaN stands for architectures it does not know, which a search then passes over; else NaN is an error.
    slow: asked for few architectures at a time, since it may take minutes. interval: uint8[n, length] and a level to
    float64[n, 2], the bounds that hold so many truths. about: of a predictor, what its file says of its training.
    """

    name: str
    unit: str
    score: Score
    upper: Score | None = None
    partial: bool = False
    slow: bool = False
    interval: Callable[[U8, float], F64] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, vectors: U8) -> F64:
        """float64[n], NaN for an architecture that the figure does not know. Raises ObjectiveError."""
        return _called(self.name, self.score, vectors)

    def bound(self, vectors: U8) -> F64:
        """float64[n]: what limits are held against."""
        return _called(self.name, self.upper or self.score, vectors)


def _called(name: str, score: Score, vectors: U8) -> F64:
    try:
        found = np.asarray(score(vectors), np.float64)
    except AugurError:
        raise
    except Exception as e:
        raise ObjectiveError(f"{name}: {type(e).__name__}: {' '.join(str(e).split())}") from e
    if found.shape != (len(vectors),):
        raise ObjectiveError(f"{name}: {found.shape} figures for {len(vectors)} architectures")
    return found


@dataclass(frozen=True, eq=False)
class Limit:
    """figure <= bound (at_most) or >= bound, bound in the figure's unit. text: as it was asked for."""

    figure: Figure
    bound: float
    at_most: bool = True
    text: str = ""

    def excess(self, values: F64) -> F64:
        """float64[n]: how far beyond the limit, as a share of it; 0 within, infinite where the figure is unknown."""
        beyond = values - self.bound if self.at_most else self.bound - values
        share = np.maximum(beyond, 0.0) / max(abs(self.bound), 1e-30)
        return np.where(np.isnan(values), np.inf, share)


@dataclass(frozen=True, eq=False)
class Problem:
    """limits: all of them hold, or the architecture does not count. objectives: one, or several for a front."""

    objectives: Sequence[Figure]
    limits: Sequence[Limit] = ()

    @property
    def signs(self) -> F64:
        """float64[objectives]: 1 where less is better, -1 where more is."""
        return np.array([-1.0 if is_better_high(o.name) else 1.0 for o in self.objectives])

    def excess(self, vectors: U8) -> F64:
        """float64[n]: sum of what each limit is exceeded by; infinite where a table lacks an objective."""
        total = np.zeros(len(vectors))
        for objective in self.objectives:
            if objective.partial:
                total[np.isnan(objective(vectors))] = np.inf
        for limit in self.limits:
            total += limit.excess(limit.figure.bound(vectors))
        return total

    def scores(self, vectors: U8) -> F64:
        """float64[n, objectives], in the figures' units. Raises ObjectiveError for NaN."""
        found = np.stack([objective(vectors) for objective in self.objectives], axis=1)
        if np.isnan(found).any():
            row, column = np.argwhere(np.isnan(found))[0]
            error = ObjectiveError(f"{self.objectives[column].name}: answers NaN, no number")
            error.known = found[:row]
            raise error
        return found

    @property
    def slow(self) -> bool:
        """Whether an objective is."""
        return any(objective.slow for objective in self.objectives)


def find(name: str, figures: Mapping[str, Figure], what: str) -> Figure:
    """The figure called `name`, or the only one that ends so. Raises UsageError with the nearest names."""
    ending = [f for key, f in figures.items() if key == name or key.endswith(f"_{name}")]
    if name in figures or len(ending) == 1:
        return figures[name] if name in figures else ending[0]
    near = difflib.get_close_matches(name, figures, 3, 0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(figures) or 'none'}"
    raise UsageError(f"{what}: no figure is called {name!r}; {hint}")


def limit_of(text: str, figures: Mapping[str, Figure]) -> Limit:
    """The limit of `latency_ms<=5` or `accuracy>=70`. Raises UsageError with the position of what is wrong."""
    found = _LIMIT.match(text)
    if found is None:
        raise UsageError(f"limit {text!r}: not understood; write NAME_UNIT<=NUMBER, as in 'latency_ms<=5'")
    word, sign, number = found.groups()
    if sign not in {"<=", ">="}:
        raise UsageError(f"limit {text!r}, position {found.start(2) + 1}: {sign!r}; limits are <= or >=")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise UsageError(f"limit {text!r}, position {found.start(3) + 1}: {number!r} is no number")
    name, _, suffix = word.rpartition("_")
    unit, factor = SCALES.get(suffix, ("", 1.0))
    figure = find(name if unit else word, figures, f"limit {text!r}, position {found.start(1) + 1}")
    if unit != (figure.unit if figure.unit in {"ns", "uj"} else ""):
        wanted = f"{figure.name} is in {figure.unit}" if figure.unit in {"ns", "uj"} else f"{figure.name} has no unit"
        raise UsageError(
            f"limit {text!r}, position {found.start(1) + 1}: {wanted}; {_units(figure.unit, name or word)}"
        )
    return Limit(figure, value * factor, sign == "<=", text.strip())


def _units(unit: str, name: str) -> str:
    known = [suffix for suffix, (base, _) in SCALES.items() if base == unit]
    return f"write {', '.join(f'{name}_{suffix}' for suffix in known)}" if known else f"write {name} alone"


def check_together(limits: Sequence[Limit]) -> None:
    """Raises UsageError where two limits of one figure leave nothing between them."""
    for a in limits:
        for b in limits:
            if a.figure is b.figure and a.at_most and not b.at_most and a.bound < b.bound:
                raise UsageError(f"limits {a.text!r} and {b.text!r} contradict each other: nothing is within both")
