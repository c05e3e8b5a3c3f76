"""What a search needs, as plain data: figures are made of it wherever they are asked, here or on another machine."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from augur_edge import __version__, console, spaces
from augur_edge.errors import AugurError, UsageError
from augur_edge.search.goals import Figure, ObjectiveError, Problem, check_together, find, limit_of
from augur_edge.search.sources import from_callable, from_predictor_bytes, from_table
from augur_edge.search.work import Job, Result, Task
from augur_edge.tables.archtable import ArchTable


@dataclass(frozen=True)
class Recipe:
    """predictors: name and bytes; tables: with their column; calls: `NAME=MODULE:FUNCTION`; else as `search` has it."""

    space: str
    objectives: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    confidence: float | None = None
    predictors: tuple[tuple[str, bytes], ...] = ()
    tables: tuple[tuple[ArchTable, str | None], ...] = ()
    calls: tuple[str, ...] = ()

    def job(self, quiet: bool = False) -> Job:
        """Raises UsageError and DataError for figures, objectives and limits that are none. quiet: no remarks."""
        space = spaces.parse(self.space)
        figures: dict[str, Figure] = {}
        made = [from_predictor_bytes(data, name, space, self.confidence) for name, data in self.predictors]
        warn = (lambda text: None) if quiet else console.warn
        made += [from_table(table, column, space, warn) for table, column in self.tables]
        made += [from_callable(text) for text in self.calls]
        for figure in made:
            if figure.name in figures:
                raise UsageError(f"two figures are called {figure.name}; leave one of the files away")
            figures[figure.name] = figure
        limits = [limit_of(text, figures) for text in self.constraints]
        check_together(limits)
        return Job(space, Problem([find(name, figures, f"--objective {name}") for name in self.objectives], limits))

    def packed(self) -> bytes:
        """For `done`, on a machine with the same version of this program."""
        return pickle.dumps((__version__, self))

    def key(self, options: Mapping[str, Any]) -> str:
        """SHA-256 of all of it and of a search's options: equal keys find the same, with the same `code`."""
        digest = hashlib.sha256(json.dumps([self.space, self.objectives, self.constraints, self.confidence]).encode())
        for name, data in self.predictors:
            digest.update(f"{name} {len(data)}".encode() + data)
        for table, column in self.tables:
            values = table.column(column).values
            digest.update(f"{column} {values.shape}".encode() + table.vectors.tobytes() + values.tobytes())
        digest.update(json.dumps([self.calls, __version__, dict(options)], sort_keys=True).encode())
        return digest.hexdigest()

    def code(self) -> str:
        """SHA-256 of the files with the calls' functions: one may be mended before a search goes on."""
        digest = hashlib.sha256()
        for text in self.calls:
            path = Path(text.partition("=")[2].rpartition(":")[0])
            digest.update(path.read_bytes() if path.suffix == ".py" and path.is_file() else b"")
        return digest.hexdigest()


def done(packed: bytes, task: Task) -> Result | tuple[str, Any]:
    """The task's result, on a machine that has only this; or the text of what went wrong, and the part found before."""
    try:
        return task.do(_job(packed))
    except ObjectiveError as error:
        return str(error), error.part
    except AugurError as error:
        return str(error), None


@lru_cache(maxsize=4)
def _job(packed: bytes) -> Job:
    version, recipe = pickle.loads(packed)  # noqa: S301 - of the scheduler's own clients, as all that Dask runs
    if version != __version__:
        raise UsageError(f"a worker has augur-edge {__version__}, this is {version}; install the same on both")
    job: Job = recipe.job(quiet=True)
    return job
