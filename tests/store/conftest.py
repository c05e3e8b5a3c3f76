from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For all examples of a property: making one each takes longer than the example."""
    return tmp_path_factory.mktemp("exchange")
