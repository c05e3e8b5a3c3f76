from __future__ import annotations

import json
from pathlib import Path

import pytest
from handmade import FAKE_LAYERS


@pytest.fixture
def net(tmp_path: Path) -> str:
    """A network of the fake runtime, whose durations are known."""
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"layers": FAKE_LAYERS}))
    return str(path)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where every command finds its store; nothing is there yet."""
    path = tmp_path / "store.db"
    monkeypatch.setenv("AUGUR_EDGE_STORE", str(path))
    return path
