"""What `adapt --suggest` wrote, to be measured: layers, or architectures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from augur_edge import schema, spaces
from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer
from augur_edge.measure.targets import LayerSet, Request, Target, architecture
from augur_edge.runtime import default_name

MOST_LAYERS = 10_000
_MOST_BYTES = 16 << 20


def suggested(path: Path, request: Request) -> list[Target | LayerSet]:
    """The layers, or the architectures, of a document of `schema.SUGGEST`, in its order.

    Raises UsageError for a file that cannot be opened and an unknown architecture, DataError for no such document.
    """
    document = _document(path)
    if "architectures" not in document:
        return [_layers(document, path, request)]
    names = document["architectures"]
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_LAYERS or not all(isinstance(n, str) for n in names):
        raise DataError(f"{path}: `architectures` must be a list of 1 to {MOST_LAYERS} texts")
    for name in names:
        if not spaces.is_architecture(name):
            raise DataError(f"{path}: {name!r} is no architecture of {', '.join(spaces.names())}")
    return [replace(architecture(*spaces.resolve(name), request), mode="whole") for name in names]


def suggested_layers(path: Path, request: Request) -> LayerSet:
    """The layers of a document of `schema.SUGGEST`, in its order: the most worth measuring first.

    Raises UsageError for a file that cannot be opened, DataError for one that holds no such document.
    """
    return _layers(_document(path), path, request)


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: over {_MOST_BYTES >> 20} MB, which no list of suggestions is")
        document = json.loads(path.read_text("utf-8"))
    except OSError as err:
        raise UsageError(f"{path}: {err.strerror or err}") from err
    except ValueError as err:
        raise DataError(f"{path}: not JSON; `augur-edge adapt PRED --suggest 20 -o FILE` writes it: {err}") from err
    if not isinstance(document, dict):
        raise DataError(f"{path}: not a document of {schema.SUGGEST}")
    schema.require(document, schema.SUGGEST, str(path))
    return document


def _layers(document: dict[str, Any], path: Path, request: Request) -> LayerSet:
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
