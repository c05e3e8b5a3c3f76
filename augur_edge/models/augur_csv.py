"""Augur's CSV of convolution layers: one row a layer, with what a profiler measured where it did.

Columns kx, ifmx, ifmy, zin, zout, stridex, pad_x, group, in any order: a square kernel, the input's width and height
before padding, channels in and out, one stride and one padding for both axes. Then, optionally, latency (cycles of
the profiled device) and energy (pJ), empty where unknown.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer
from augur_edge.window import Window, conv2d

GEOMETRY = ("kx", "ifmx", "ifmy", "zin", "zout", "stridex", "pad_x", "group")
MEASURED = ("latency", "energy")
_LARGEST = 1 << 20
_WHOLE = re.compile(r"0*([0-9]+?)(?:\.0*)?")  # some of the published files say 3.0


@dataclass(frozen=True)
class AugurRow:
    """latency_cycles and energy_pj: as profiled, None where the file has none."""

    layer: Layer
    latency_cycles: float | None = None
    energy_pj: float | None = None


def read_augur_csv(path: Path) -> list[Layer]:
    """The layers of `read_augur_rows`, repeated ones included."""
    return [row.layer for row in read_augur_rows(path)]


def read_augur_rows(path: Path) -> list[AugurRow]:
    """Rows in the file's order, layers with batch 1 in float32.

    Raises UsageError where there is no such file, and DataError, with the line, for anything else than the above.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a CSV file: byte {error.start} is no UTF-8 text") from error
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        rows = list(_rows(lines, path))
    except csv.Error as error:
        raise DataError(f"{path}:{lines.line_num}: not a CSV file: {error}") from error
    if not rows:
        raise DataError(f"{path}: no layers: the file ends after its header")
    return rows


def _rows(lines: Iterator[list[str]], path: Path) -> Iterator[AugurRow]:
    header = [name.strip() for name in next(lines, [])]
    _check_header(header, path)
    for number, cells in enumerate(lines, start=2):
        if not cells:
            continue
        where = f"{path}:{number}"
        if len(cells) != len(header):
            raise DataError(f"{where}: {len(cells)} values under {len(header)} columns")
        values = dict(zip(header, cells))
        measured = [_measured(where, name, values[name]) if name in values else None for name in MEASURED]
        yield AugurRow(_layer(where, [_whole(where, name, values[name]) for name in GEOMETRY]), *measured)


def _check_header(header: list[str], path: Path) -> None:
    if not any(header):
        raise DataError(f"{path}: empty; the first line names the columns {','.join(GEOMETRY)}")
    missing = [name for name in GEOMETRY if name not in header]
    if missing:
        raise DataError(f"{path}:1: no column {missing[0]!r}; an Augur file has {','.join((*GEOMETRY, *MEASURED))}")
    extra = [name for name in header if name not in GEOMETRY + MEASURED]
    if extra:
        raise DataError(f"{path}:1: unknown column {extra[0]!r}; an Augur file has {','.join((*GEOMETRY, *MEASURED))}")
    if len(set(header)) < len(header):
        raise DataError(f"{path}:1: a column appears twice")


def _whole(where: str, name: str, text: str) -> int:
    match = _WHOLE.fullmatch(text.strip())
    if not match:
        raise DataError(f"{where}: {name} is {text[:40]!r}, not a whole number")
    digits = match[1]
    if len(digits) > len(str(_LARGEST)) or int(digits) > _LARGEST:
        raise DataError(f"{where}: {name} is {digits[:12]}, more than the {_LARGEST} a layer may have")
    value = int(digits)
    if value < 1 and name != "pad_x":
        raise DataError(f"{where}: {name} is 0, must be at least 1")
    return value


def _measured(where: str, name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise DataError(f"{where}: {name} is {text[:40]!r}, not a positive number")
    return value


def _layer(where: str, geometry: list[int]) -> Layer:
    kernel, width, height, channels, out, stride, padding, groups = geometry
    try:
        return conv2d((1, channels, height, width), out, Window(kernel, stride, padding), groups=groups)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def write_augur_csv(rows: Iterable[AugurRow], stream: TextIO) -> None:
    """Writes all columns; a bias is not part of the format. Raises UsageError for a layer the format cannot hold."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow((*GEOMETRY, *MEASURED))
    for row in rows:
        writer.writerow((*_geometry(row.layer), row.latency_cycles, row.energy_pj))


def _geometry(layer: Layer) -> tuple[int, ...]:
    square = all(len(set(v)) == 1 for v in (layer.kernel, layer.stride, layer.padding))
    if layer.op != "conv2d" or not square or set(layer.dilation) != {1} or layer.inputs[0][0] != 1:
        raise UsageError(
            f"{layer.op} of {layer.inputs[0]}: an Augur file holds conv2d alone, batch 1, square, padded alike on "
            "every side, not dilated; leave this layer out"
        )
    _, channels, height, width = layer.inputs[0]
    out = layer.outputs[0][1]
    return (layer.kernel[0], width, height, channels, out, layer.stride[0], layer.padding[0], layer.groups)
