from __future__ import annotations

from pathlib import Path

import pytest

from augur_edge import config
from augur_edge.errors import UsageError


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"HOME": "/home/me"}, "/home/me/.local/share/augur-edge/store.db"),
        ({"HOME": "/home/me", "XDG_DATA_HOME": "/data"}, "/data/augur-edge/store.db"),
        ({"HOME": "/home/me", "XDG_DATA_HOME": "data"}, "/home/me/.local/share/augur-edge/store.db"),
        ({"HOME": "/home/me", "XDG_DATA_HOME": ""}, "/home/me/.local/share/augur-edge/store.db"),
        ({"HOME": "/home/me", "AUGUR_EDGE_STORE": "mine.db"}, "mine.db"),
    ],
)
def test_where_the_store_lies(environ: dict[str, str], path: str) -> None:
    assert config.default_store_path(environ) == Path(path)


def test_without_a_home_the_store_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda text: text)
    with pytest.raises(UsageError, match="--store"):
        config.default_store_path({})


def test_a_flag_s_variable() -> None:
    assert config.env_name("--max-time") == "AUGUR_EDGE_MAX_TIME"
