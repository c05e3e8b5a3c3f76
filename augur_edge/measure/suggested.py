"""The layers that `adapt --suggest` wrote, to be measured."""

from __future__ import annotations

import json
from pathlib import Path

from augur_edge import schema
from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer
from augur_edge.measure.targets import LayerSet, Request
from augur_edge.runtime import default_name

MOST_LAYERS = 10_000
_MOST_BYTES = 16 << 20


def suggested_layers(path: Path, request: Request) -> LayerSet:
    """The layers of a document of `schema.SUGGEST`, in its order: the most worth measuring first.

    Raises UsageError for a file that cannot be opened, DataError for one that holds no such document.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: over {_MOST_BYTES >> 20} MB, which no list of suggested layers is")
        document = json.loads(path.read_text("utf-8"))
    except OSError as err:
        raise UsageError(f"{path}: {err.strerror or err}") from err
    except ValueError as err:
        raise DataError(f"{path}: not JSON; `augur-edge adapt PRED --suggest 20 -o FILE` writes it: {err}") from err
    if not isinstance(document, dict):
        raise DataError(f"{path}: not a document of {schema.SUGGEST}")
    schema.require(document, schema.SUGGEST, str(path))
    found = document.get("layers")
    if not isinstance(found, list) or not 1 <= len(found) <= MOST_LAYERS:
        raise DataError(f"{path}: `layers` must be a list of 1 to {MOST_LAYERS} layers")
    layers = tuple(_layer(item, f"{path}: layer {i}") for i, item in enumerate(found, 1))
    return LayerSet(path.name, request.runtime or default_name(), request, layers)


def _layer(item: object, where: str) -> Layer:
    if not isinstance(item, dict):
        raise DataError(f"{where}: not an object")
    try:
        return Layer.from_dict(item)
    except (ValueError, TypeError, AttributeError) as err:
        raise DataError(f"{where}: {err}") from err
