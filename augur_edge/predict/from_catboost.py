"""Forests that CatBoost trained, as predictors: exact but for rounding to float32."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.errors import DataError, MissingExtraError, UsageError
from augur_edge.predict.model import Feature, Model, Tree


def from_catboost(path: str | Path, encoder: str = "raw/1", **about: Any) -> Model:
    """A regression model saved by CatBoost as JSON (numpy is enough) or .cbm (needs catboost).

    about: fields of Model to set, such as target, unit and link. Features keep their order and names.
    Raises DataError for categorical, text or several-output models and for trees that are not symmetric.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if data[:4] == b"CBM1":
        data = _cbm_to_json(path)
    try:
        document = json.loads(data)
        return _to_model(document, path.name, encoder, about)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path}: not a CatBoost model in JSON or cbm form ({error!r})") from None


def _cbm_to_json(path: Path) -> bytes:
    try:
        import catboost
    except ImportError:
        raise MissingExtraError(
            f"{path}: a .cbm file needs catboost; `pip install catboost`, or save it with save_model(…, format='json')"
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model.json"
        model = catboost.CatBoost()
        try:
            model.load_model(str(path))
            model.save_model(str(out), format="json")
        except catboost.CatBoostError as error:
            raise DataError(f"{path}: catboost refuses it: {str(error).splitlines()[0]}") from None
        return out.read_bytes()


def _to_model(document: dict[str, Any], name: str, encoder: str, about: dict[str, Any]) -> Model:
    info = document["features_info"]
    others = [k for k in ("categorical_features", "text_features", "embedding_features") if info.get(k)]
    if others:
        raise DataError(f"{name}: has {others[0].replace('_', ' ')}; only numeric ones can be imported")
    if "oblivious_trees" not in document:
        raise DataError(f"{name}: its trees are not symmetric; train with grow_policy='SymmetricTree'")
    scale, bias = document.get("scale_and_bias", [1, [0]])
    biases = bias if isinstance(bias, list) else [bias]
    if len(biases) != 1:
        raise DataError(f"{name}: gives {len(biases)} values a row; a predictor gives one")
    floats = sorted(info["float_features"], key=lambda f: f["flat_feature_index"])
    names = [f.get("feature_id") or f"x{i}" for i, f in enumerate(floats)]
    places = {f["feature_index"]: i for i, f in enumerate(floats)}
    forest = [_to_tree(tree, places, float(scale)) for tree in document["oblivious_trees"]]
    constant = sum(float(t.leaves[0]) for t in forest if t.depth == 0)
    return Model(
        features=tuple(Feature(n, i) for i, n in enumerate(names)),
        trees=tuple(t for t in forest if t.depth > 0),
        encoder=encoder,
        bias=float(biases[0]) + constant,
        **{"meta": {"source": name, "trained_by": "catboost"}, **about},
    )


def _to_tree(tree: dict[str, Any], places: dict[int, int], scale: float) -> Tree:
    splits = tree["splits"] or []
    for split in splits:
        if split["split_type"] != "FloatFeature":
            raise DataError(f"a split of type {split['split_type']}; only numeric features can be imported")
    leaves = np.array(tree["leaf_values"], np.float64) * scale
    if leaves.shape != (1 << len(splits),):
        raise DataError(
            f"a tree of {len(splits)} splits with {leaves.size} leaf values; a predictor gives one value a row"
        )
    features = np.array([places[s["float_feature_index"]] for s in splits], np.int64)
    return Tree(features, np.array([s["border"] for s in splits], np.float32), leaves.astype(np.float32))
