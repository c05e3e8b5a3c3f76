from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from augur_edge.errors import AugurError, DataError, UsageError
from augur_edge.predict import Predictor
from augur_edge.predict.format import dumps
from augur_edge.predict.from_catboost import from_catboost

DOCUMENT = {
    "features_info": {"float_features": [
        {"feature_index": 0, "flat_feature_index": 0, "feature_id": "macs", "borders": [1.5, 4]},
        {"feature_index": 1, "flat_feature_index": 1, "feature_id": "", "borders": [0.5]},
    ]},
    "oblivious_trees": [
        {"leaf_values": [1, 2, 3, 4], "splits": [
            {"border": 1.5, "float_feature_index": 0, "split_type": "FloatFeature"},
            {"border": 0.5, "float_feature_index": 1, "split_type": "FloatFeature"},
        ]},
        {"leaf_values": [10, 20], "splits": [{"border": 4, "float_feature_index": 0, "split_type": "FloatFeature"}]},
        {"leaf_values": [0.25], "splits": None},
    ],
    "scale_and_bias": [2, [0.5]],
}  # fmt: skip

SPLITS = DOCUMENT["oblivious_trees"][1]["splits"]


def saved(folder: Path, document: object) -> Path:
    path = folder / "model.json"
    path.write_text(json.dumps(document))
    return path


def test_a_model_in_json_needs_no_catboost(tmp_path):
    model = from_catboost(saved(tmp_path, DOCUMENT), unit="us")
    assert [f.name for f in model.features] == ["macs", "x1"] and model.unit == "us"
    predictor = Predictor(dumps(model))
    assert predictor.predict(1.5, 0.5) == 2 * (1 + 10 + 0.25) + 0.5
    assert predictor.predict(4.5, 0.6) == 2 * (4 + 20 + 0.25) + 0.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"oblivious_trees": None, "trees": []}, "not symmetric"),
        ({"scale_and_bias": [1, [0, 0]]}, "2 values a row"),
        ({"features_info": {"float_features": [], "categorical_features": [{}]}}, "categorical features"),
        ({"oblivious_trees": [{"leaf_values": [1, 2, 3], "splits": SPLITS}]}, "3 leaf values"),
        ({"oblivious_trees": [{"leaf_values": [1, 2], "splits": [{"split_type": "OneHotFeature"}]}]}, "OneHotFeature"),
        ({"features_info": None}, "not a CatBoost model"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_imported(tmp_path, change, words):
    document = {k: v for k, v in {**DOCUMENT, **change}.items() if v is not None}
    with pytest.raises(DataError, match=words):
        from_catboost(saved(tmp_path, document))


def test_what_is_no_model(tmp_path):
    for content in (b"", b"[]", b"{", b"CBM1garbage"):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(AugurError, match="bad"):
            from_catboost(tmp_path / "bad")
    with pytest.raises(UsageError, match="No such file"):
        from_catboost(tmp_path / "absent")


@pytest.mark.parametrize("kind", ["json", "cbm"])
@pytest.mark.parametrize(("trees", "depth"), [(60, 8), (150, 6), (20, 10)])
def test_as_exact_as_float32(tmp_path, kind, trees, depth):
    catboost = pytest.importorskip("catboost", reason="no catboost here to compare with")
    rng = np.random.default_rng(trees)
    x = rng.normal(size=(3000, 9)).astype(np.float32)
    y = 7 + np.exp(x[:, 0]) * x[:, 1] + x[:, 2:].sum(axis=1)
    model = catboost.CatBoostRegressor(
        iterations=trees, depth=depth, verbose=False, thread_count=1, random_seed=0, allow_writing_files=False
    )
    model.fit(x, y)
    model.save_model(str(tmp_path / "m"), format=kind)
    got = Predictor(dumps(from_catboost(tmp_path / "m"))).predict_many(x)
    np.testing.assert_allclose(got, model.predict(x), rtol=1e-5, atol=1e-5)
