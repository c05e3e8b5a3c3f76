"""Measurements' lines just as `write_lines` makes them, straight to the store's columns: a third of the time.

Whatever is of any other shape is left to the general parser, which also has the words for what is wrong with it.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from json import JSONDecoder
from math import isfinite
from typing import NoReturn

from augur_edge.errors import DataError
from augur_edge.layers import Layer
from augur_edge.store import checked
from augur_edge.store.rows import Columns, pack


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    """1e999 is JSON too, and would be written back as Infinity, which is not."""
    value = float(text)
    return value if isfinite(value) else _refuse(text)


DECODER = JSONDecoder(parse_float=_finite, parse_constant=_refuse)

_LONGEST_LINE = 64 << 10  # beyond, the samples take the time, whoever reads them
_LONGEST_KNOWN = 4096
_TEXT = r'"[ !#-\[\]-~]*"'  # ASCII with nothing escaped, which in JSON is spelt as it is
_COUNT = r"[1-9][0-9]{0,17}"  # always below 2**63
_NODES = rf"\[(?:{_TEXT}(?:,{_TEXT})*)?\]"
# One `.*` in all, and no two repetitions side by side that could share a character: time grows with the length alone.
_LINE = re.compile(
    rf'\{{"count":({_COUNT}),"energy":(null|\{{[^{{}}]*\}}),"kind":"({"|".join(checked.KINDS)})","loops":({_COUNT}),'
    rf'"mode":({_TEXT}),"name":({_TEXT}),"nodes":({_NODES}),"op":({_TEXT}),"position":(-1|0|{_COUNT}),'
    rf'"reason":(null|{_TEXT}),"record":"measurement","samples_ns":(\[[0-9,]*\]),"spec":(null|\{{.*\}}),'
    rf'"status":"({"|".join(checked.STATUSES)})"\}}\n'
)


def columns_in(line: bytes) -> Columns | None:
    """The measurement in a line; None where it is of another shape, or anything may be wrong with it."""
    if len(line) > _LONGEST_LINE or not line.isascii():
        return None
    found = _LINE.fullmatch(line.decode("ascii"))
    if found is None:
        return None
    count, energy, kind, loops, mode, name, nodes, op, position, reason, samples, spec, status = found.groups()
    try:
        layer = None if spec == "null" else known_layer(spec)
        times = DECODER.decode(samples)
        return Columns(
            (kind, mode[1:-1], int(position), name[1:-1], op[1:-1], int(count), nodes),
            layer,
            (status, None if reason == "null" else reason[1:-1], int(loops), _energy(energy)),
            struct.pack(f"<{len(times)}q", *times),
        )
    except (ValueError, RecursionError, DataError, struct.error):
        return None


def _energy(text: str) -> str | None:
    return None if text == "null" else pack(checked.energy_of({"energy": DECODER.decode(text)}, ""))


def known_layer(text: str) -> Layer | None:
    """The layer whose plain data `text` is, one object for lines that say the same. Raises as `layer_of` does."""
    return _short_layer(text) if len(text) <= _LONGEST_KNOWN else _layer(text)


def _layer(text: str) -> Layer | None:
    return checked.layer_of(DECODER.decode(text), "")


_short_layer = lru_cache(maxsize=4096)(_layer)
