"""Predictors and networks by what a user calls them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from augur_edge.errors import UsageError
from augur_edge.layers import Layer, Shape
from augur_edge.network import Network

MODELS = frozenset({".onnx", ".tflite"})


def read_predictor(path: Path) -> bytes:
    """The bytes of an .augpred file; a CatBoost model (.json, .cbm) is imported on the way.

    Raises UsageError where there is no such file, DataError for one that cannot be read as either.
    """
    if path.suffix in {".json", ".cbm"}:
        from augur_edge.predict.format import dumps
        from augur_edge.predict.from_catboost import from_catboost

        return dumps(from_catboost(path))
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def layers_of(net: str, shapes: Mapping[str, Shape] | None = None) -> list[tuple[str, Layer]]:
    """Names and layers of a network: a .onnx or .tflite file, a CSV in Augur's columns, or a name of the zoo.

    shapes: of inputs that a .onnx or .tflite file leaves open. Raises UsageError for an unknown name, with the nearest
    ones, and for shapes that are missing or do not fit; DataError for a file that cannot be read.
    """
    path = Path(net)
    if shapes and path.suffix not in MODELS:
        raise UsageError(f"{net}: --shape (shapes=) is for .onnx and .tflite files; the shapes of others are fixed")
    if path.suffix == ".csv":
        from augur_edge.models.augur_csv import read_augur_csv

        return [(f"row {i}", layer) for i, layer in enumerate(read_augur_csv(path), 1)]
    if path.suffix in MODELS:
        return [(n.name, n.layer) for n in _read_model(path, shapes or {}).nodes]
    from augur_edge import zoo

    if net not in zoo.names():
        near = difflib.get_close_matches(net, zoo.names(), 3, 0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"networks: {', '.join(zoo.names())}"
        raise UsageError(f"{net}: neither numbers, a network's name, nor a .onnx, .tflite or .csv file; {hint}")
    return [(n.name, n.layer) for n in zoo.build(net).nodes]


def _read_model(path: Path, shapes: Mapping[str, Shape]) -> Network:
    from augur_edge.models.onnx_read import read_onnx
    from augur_edge.models.tflite_read import read_tflite

    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if path.suffix == ".onnx":
        return read_onnx(data, name=path.name, shapes=shapes, base=path.parent)
    if shapes:
        from augur_edge.models.tflite_shapes import with_shapes

        data = with_shapes(data, shapes)
    return read_tflite(data, name=path.name)
