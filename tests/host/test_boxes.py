"""Box plots as PNG; as SVG they are tested where `evaluate` writes them."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge.host.boxes import box_plots_png

pytest.importorskip("matplotlib", reason="the extra [host]")


def test_png_grows_with_its_groups():
    def size(n):
        drawn = box_plots_png("error", [(f"net{i}", np.arange(1.0, 9.0)) for i in range(n)])
        assert drawn[:8] == b"\x89PNG\r\n\x1a\n"
        return int.from_bytes(drawn[16:20], "big"), int.from_bytes(drawn[20:24], "big")

    assert size(1) == (800, 130) and size(10) == (800, 400)
