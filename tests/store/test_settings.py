"""Names of networks and the setting that stands behind them."""

from __future__ import annotations

import pytest

from augur_edge.store.settings import split_name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("resnet18", ("resnet18", "")),
        ("resnet18, int8, batch 4, 2 threads", ("resnet18", ", int8, batch 4, 2 threads")),
        ("a, b.onnx, 16 threads", ("a, b.onnx", ", 16 threads")),
        ("my 2 threads", ("my 2 threads", "")),
        ("mobilenet, v2", ("mobilenet, v2", "")),
    ],
)
def test_a_name_and_its_setting(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts
