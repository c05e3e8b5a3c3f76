"""Runs a method to its end by whoever does its tasks, and keeps what it has reached in a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np

from augur_edge import console
from augur_edge.errors import DataError
from augur_edge.search.found import Found, Part
from augur_edge.search.goals import ObjectiveError
from augur_edge.search.methods import Method
from augur_edge.search.work import Here, Job, Workers
from augur_edge.store.partial import read_partial, write_partial

Progress = Callable[[Found], None]
_EVERY_S = 1.0
_SHARE = 20  # saving takes at most about one part in so many


class Checkpoint:
    """What a search has reached, in `path`, saved every second or so. key: equal keys are equal searches.

    code: of functions of the user's; where it is another when the search goes on, that is warned about.
    resume: go on with what is there. Raises UsageError and DataError as `store.partial.read_partial`.
    """

    def __init__(self, path: Path, key: str, resume: bool = False, code: str = "") -> None:
        self.path, self.key, self.code = path, key, code
        self.arrays: dict[str, Any] = read_partial(path, key, "search") if resume else {}
        self._due_s = 0.0

    def load(self) -> tuple[Part, dict[str, Any]] | None:
        """What was found and the method's state, None at the beginning. Raises DataError."""
        if not self.arrays:
            return None
        try:
            plain = json.loads(str(self.arrays["plain"]))
            if plain["code"] != self.code:
                console.warn("a --call file has changed since: what was found before stays as the old one answered")
            arrays = {name[2:]: array for name, array in self.arrays.items() if name.startswith("s_")}
            nearest = (self.arrays["nearest"], plain["nearest"]) if "nearest" in self.arrays else None
            counts = (plain["asked"], plain["evaluations"], plain["left_out"])
            return Part(self.arrays["vectors"], self.arrays["scores"], *counts, nearest), {**plain["state"], **arrays}
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{self.path}: not a checkpoint of `search` ({error}); search without --resume") from None

    def save(self, found: Found, state_of: Callable[[], dict[str, Any]], now: bool = False) -> None:
        """Keeps it if it is time to, or `now`."""
        start_s = time.monotonic()
        if not now and start_s < self._due_s:
            return
        part, state = found.part(), state_of()
        arrays = {f"s_{name}": value for name, value in state.items() if isinstance(value, np.ndarray)}
        plain: dict[str, Any] = {
            "code": self.code, "asked": part.asked, "evaluations": part.evaluations, "left_out": part.left_out,
            "state": {name: value for name, value in state.items() if not isinstance(value, np.ndarray)},
        }  # fmt: skip
        if part.nearest is not None:
            arrays["nearest"], plain["nearest"] = part.nearest
        arrays.update(vectors=part.vectors, scores=part.scores, plain=np.array(json.dumps(plain)))
        write_partial(self.path, self.key, arrays)
        end_s = time.monotonic()
        self._due_s = end_s + max(_EVERY_S, _SHARE * (end_s - start_s))

    def drop(self) -> None:
        """The search is done: the file goes."""
        self.path.unlink(missing_ok=True)


def drive(
    job: Job, method: Method, progress: Progress, workers: Workers | None = None, checkpoint: Checkpoint | None = None
) -> Found:
    """All rounds of the method. progress: told after every task; what it raises ends the search.

    Raises ObjectiveError; what was found before is then in the Found that progress was told last.
    """
    workers, found = workers or Here(), Found(job.problem)
    saved = checkpoint.load() if checkpoint else None
    if saved is not None:
        found.absorb(saved[0])
        method.restore(saved[1])
    if checkpoint:
        checkpoint.save(found, method.state, now=True)

    def after() -> None:
        if checkpoint:
            checkpoint.save(found, method.state)
        progress(found)

    try:
        while _round(job, method, found, workers, after):
            pass
    except ObjectiveError as e:
        if e.part is not None:
            found.absorb(e.part, method.distinct)
            progress(found)
        raise
    found.complete = True
    return found


def _round(job: Job, method: Method, found: Found, workers: Workers, after: Callable[[], None]) -> bool:
    """Whether there was anything to do."""
    some = False
    for result in workers.run(job, method.tasks(workers.live)):
        some = True
        found.absorb(result.part, method.distinct)
        method.take(result.state)
        after()
    return some
