"""Optional packages that several modules ask for."""

from __future__ import annotations

import importlib
from typing import Any

from augur_edge.errors import MissingExtraError


def pandas() -> Any:
    """The module. Raises MissingExtraError."""
    try:
        return importlib.import_module("pandas")
    except ImportError:
        raise MissingExtraError("data frames are pandas': pip install 'augur-edge[frames]'") from None
