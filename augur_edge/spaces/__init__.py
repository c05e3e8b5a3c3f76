"""Search spaces: every architecture as text, vector and index, and as a Network that can be measured."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import random
from collections.abc import Iterator
from typing import Any

from augur_edge.errors import UsageError
from augur_edge.spaces.base import Choice, Choices, Space, Vector
from augur_edge.spaces.darts import Darts
from augur_edge.spaces.fbnet import FBNet
from augur_edge.spaces.nasbench101 import NasBench101
from augur_edge.spaces.nasbench201 import NasBench201
from augur_edge.spaces.nasbench_asr import NasBenchASR
from augur_edge.spaces.ofa import OfaMobileNetV3

__all__ = ["Choice", "Choices", "Space", "Vector", "get", "is_architecture", "names", "parse", "pick", "resolve"]

MOST = 100_000
"""Architectures that are listed without being asked for a number of them."""
_KINDS = (Darts, FBNet, NasBench101, NasBench201, NasBenchASR, OfaMobileNetV3)
_SPACES: dict[str, Any] = {space.name: space for space in _KINDS}


def names() -> tuple[str, ...]:
    """Every name `get` takes, sorted."""
    return tuple(sorted(_SPACES))


def get(name: str, **options: int | str) -> Space:
    """The space called `name`, its skeleton changed by `options` (see the space's class).

    Raises UsageError for an unknown name or option, with the nearest ones, and for a value an option cannot have.
    """
    if name not in _SPACES:
        near = difflib.get_close_matches(name, names(), 2, 0.4)
        raise UsageError(f"no search space is called {name!r}; {_hint(near, names())}")
    kind = _SPACES[name]
    known = {f.name: f.default for f in dataclasses.fields(kind)}
    for key, value in options.items():
        if key not in known:
            raise UsageError(f"{name} has no option {key!r}; {_hint(difflib.get_close_matches(key, known), known)}")
        if type(value) is not type(known[key]) or (isinstance(value, int) and value < 1):
            wanted = "a whole number from 1 on" if isinstance(known[key], int) else "a word"
            raise UsageError(f"{name}: {key}={value}: {key} takes {wanted}")
    views = getattr(kind, "VIEWS", None)
    if views is not None and options.get("view", views[0]) not in views:
        raise UsageError(f"{name}: view={options['view']}: there are {', '.join(views)}")
    space: Space = kind(**options)
    return space


def is_architecture(text: str) -> bool:
    """Whether `text` begins as an architecture does: `nasbench201:…`, `nasbench201@classes=100:…`."""
    head, colon, _ = text.partition(":")
    return bool(colon) and head.partition("@")[0] in _SPACES


def resolve(text: str) -> tuple[Space, Vector]:
    """The space and the vector of `SPACE:ARCHITECTURE` or `SPACE@OPTION=VALUE,…:ARCHITECTURE`. Raises UsageError."""
    head, _, architecture = text.partition(":")
    space = parse(head)
    return space, space.encode(architecture)


def parse(head: str) -> Space:
    """The space of `SPACE` or `SPACE@OPTION=VALUE,…`. Raises UsageError."""
    name, at, rest = head.partition("@")
    options: dict[str, int | str] = {}
    for part in rest.split(",") if at else []:
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"{head}: {part!r} is no OPTION=VALUE")
        options[key.strip()] = int(value) if value.strip().isdecimal() else value.strip()
    return get(name, **options)


def pick(space: Space, count: int | None, order: str, seed: int) -> list[Vector]:
    """`count` architectures that can be run (all for None), in the order of their `index` or at `random`.

    Left out are those whose input does not reach their output. Raises UsageError where there are fewer.
    """
    if count is None and space.size > MOST:
        raise UsageError(f"{space.name} has {space.size} architectures; say how many with --count")
    if count is not None and count < 1:
        raise UsageError(f"--count {count}: at least 1")
    if order == "index":
        found = (v for v in map(space.vector_or_none, range(space.combinations)) if v is not None and space.runs(v))
        return _first(space, found, count)
    rng = random.Random(seed)
    if count is None:
        vectors = pick(space, None, "index", seed)
        rng.shuffle(vectors)
        return vectors
    drawn: dict[Vector, None] = {}
    for _ in range(1000 + 100 * count):
        drawn.update(dict.fromkeys(v for v in space.sample(1, rng) if space.runs(v)))
        if len(drawn) == count:
            return list(drawn)
    raise UsageError(f"{space.name}: fewer than {count} different architectures were found; ask for fewer")


def _first(space: Space, found: Iterator[Vector], count: int | None) -> list[Vector]:
    vectors = list(itertools.islice(found, count))
    if count is not None and len(vectors) < count:
        raise UsageError(f"{space.name}: only {len(vectors)} architectures can be run, --count asks for {count}")
    return vectors


def _hint(near: list[str], known: Any) -> str:
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
