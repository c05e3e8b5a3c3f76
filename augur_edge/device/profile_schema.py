"""Checks plain JSON data against a description, and finds the line of what is wrong.

A kind is a function of (value, place) that returns the value as the program holds it, or raises MalformedError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from json.decoder import scanstring  # type: ignore[attr-defined]  # documented by its use in the standard library only
from typing import Any

Place = tuple[Any, ...]
Kind = Callable[[Any, Place], Any]


class MalformedError(Exception):
    """place: keys and indices that lead to what is wrong; words: what that is."""

    def __init__(self, place: Place, words: str) -> None:
        super().__init__(words)
        self.place, self.words = place, words

    def told(self, text: str) -> str:
        """`line 7, power.rails[1].name: missing`, the line as it stands in `text`."""
        named = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.place).lstrip(".")
        return f"line {line_of(text, self.place)}, {named or 'the file'}: {self.words}"


def _is(value: Any, place: Place, kind: type | tuple[type, ...], name: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise MalformedError(place, f"{value!r} is not {name}")
    return value


def text(value: Any, place: Place) -> str:
    """Text with something in it."""
    if not _is(value, place, str, "a text"):
        raise MalformedError(place, "empty")
    return str(value)


def flag(value: Any, place: Place) -> bool:
    """true or false."""
    return bool(_is(value, place, bool, "true or false"))


def count(value: Any, place: Place) -> int:
    """A whole number above 0."""
    return int(number(_is(value, place, int, "a whole number"), place))


def number(value: Any, place: Place) -> float:
    """A finite number above 0."""
    if not 0 < _is(value, place, (int, float), "a number") < math.inf:
        raise MalformedError(place, f"{value!r} is not above 0")
    return float(value) if isinstance(value, float) else value


def one_of(names: Collection[str]) -> Kind:
    """One of these texts."""

    def kind(value: Any, place: Place) -> str:
        if value not in names:
            raise MalformedError(place, f"{value!r} is none of {', '.join(names)}")
        return str(value)

    return kind


def or_null(inner: Kind) -> Kind:
    """`inner`, or null for what is not known."""
    return lambda value, place: None if value is None else inner(value, place)


def list_of(inner: Kind, least: int = 0) -> Kind:
    """A list of at least so many, as a tuple."""

    def kind(value: Any, place: Place) -> tuple[Any, ...]:
        if len(_is(value, place, list, "a list")) < least:
            raise MalformedError(place, f"not a list with at least {least} in it")
        return tuple(inner(v, (*place, i)) for i, v in enumerate(value))

    return kind


def map_of(inner: Kind, names: Collection[str] | None = None, least: int = 0) -> Kind:
    """An object with any keys, or some of `names`."""

    def kind(value: Any, place: Place) -> dict[str, Any]:
        _is(value, place, dict, "an object")
        for key in value:
            if names is not None and key not in names:
                raise MalformedError((*place, key), f"no such key; there are {', '.join(names)}")
        if len(value) < least:
            raise MalformedError(place, "empty")
        return {key: inner(v, (*place, key)) for key, v in value.items()}

    return kind


def record(make: Callable[..., Any], optional: Collection[str] = (), **kinds: Kind) -> Kind:
    """An object with exactly these keys, those in `optional` left to the defaults of `make` where absent."""

    def kind(value: Any, place: Place) -> Any:
        _is(value, place, dict, "an object")
        for key in value:
            if key not in kinds:
                raise MalformedError((*place, key), "no such key")
        for key in kinds:
            if key not in value and key not in optional:
                raise MalformedError((*place, key), "missing")
        return make(**{key: kinds[key](v, (*place, key)) for key, v in value.items()})

    return kind


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An `object_pairs_hook` for `json.loads`; the second of two equal keys would win unseen."""
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise MalformedError((key,), "there twice")
        out[key] = value
    return out


def line_of(source: str, place: Place) -> int:
    """The line, from 1, of the key or element of a JSON text that `place` leads to, or of the nearest thing around."""
    at = _skip(source, 0)
    for step in place:
        found = _step(source, at, step)
        if found is None:
            break
        at = found
    return source.count("\n", 0, at) + 1


def _skip(source: str, at: int, marks: str = "") -> int:
    while at < len(source) and source[at] in " \t\r\n" + marks:
        at += 1
    return at


def _step(source: str, at: int, step: Any) -> int | None:
    """Where the value of a key, or of an element, of the object or list at `at` begins; None where it has none such."""
    is_object = source[at : at + 1] == "{"
    if not is_object and source[at : at + 1] != "[":
        return None
    at, index = _skip(source, at + 1), 0
    while at < len(source) and source[at] not in "}]":
        key: Any = index
        if is_object:
            key, at = scanstring(source, at + 1)
            at = _skip(source, at, ":")
        if key == step:
            return at
        at = _skip(source, json.JSONDecoder().raw_decode(source, at)[1], ",")
        index += 1
    return None
