"""A table's columns and lines as layers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from augur_edge.dataset.rows import integers
from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer
from augur_edge.models.augur_csv import GEOMETRY
from augur_edge.predict.encode import FIELDS, encode, from_short


def shape_of(where: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Which of a table's columns are the layer. Raises DataError where none are."""
    shape = next((s for s in (GEOMETRY, tuple(FIELDS), ("spec",)) if set(s) <= set(columns)), None)
    if shape is None:
        raise DataError(f"{where}: no layer columns; needs {','.join(GEOMETRY)}, or spec, or {','.join(FIELDS)}")
    return shape


def layer_of(where: str, shape: tuple[str, ...], line: dict[str, Any]) -> tuple[int, ...]:
    """The 16 integers of one line. Raises DataError."""
    try:
        if shape == ("spec",):
            return integers(Layer.from_dict(json.loads(line["spec"])))
        numbers = [float(line[name]) for name in shape]
        if any(n != int(n) for n in numbers):
            raise ValueError("a size is not a whole number")
        row = np.array([[int(n) for n in numbers]], np.int64)
        row = from_short(row) if shape == GEOMETRY else row
        encode(row)
        return tuple(row[0].tolist())
    except (ValueError, OverflowError, TypeError, KeyError, UsageError) as error:
        raise DataError(f"{where}: not a layer: {error}") from error
