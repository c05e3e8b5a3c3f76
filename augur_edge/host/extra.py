"""Packages of the extras [train] and [host], imported where they are first needed."""

from __future__ import annotations

import importlib.util
from typing import Any

from augur_edge.errors import MissingExtraError

_PACKAGES = {"sklearn": "scikit-learn"}


def missing(*packages: str) -> MissingExtraError:
    """The error where packages of the extras are not there: torch is in the larger one alone."""
    extra = "host" if "torch" in packages else "train"
    return MissingExtraError(f"training needs {', '.join(packages)}; pip install 'augur-edge[{extra}]'")


def demand(*modules: str) -> None:
    """Raises MissingExtraError for those that are not there, before minutes of work that will need them."""
    gone = [_PACKAGES.get(name, name) for name in modules if importlib.util.find_spec(name) is None]
    if gone:
        raise missing(*gone)


def torch_of() -> Any:
    """The package torch. Raises MissingExtraError."""
    try:
        import torch
    except ImportError:
        raise missing("torch") from None
    return torch


def boosted(seed: int, **settings: Any) -> Any:
    """A regressor of CatBoost on one thread, which writes no files. Raises MissingExtraError."""
    try:
        from catboost import CatBoostRegressor
    except ImportError:
        raise missing("catboost") from None
    return CatBoostRegressor(random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False, **settings)


def subsampled(seed: int, iterations: int, depth: int, learning_rate: float) -> Any:
    """`boosted` as the teachers use it: each tree sees four fifths of the rows."""
    return boosted(
        seed, iterations=iterations, depth=depth, learning_rate=learning_rate, l2_leaf_reg=2,
        bootstrap_type="Bernoulli", subsample=0.8,
    )  # fmt: skip
