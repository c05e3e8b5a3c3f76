"""Costs of the blocks of once-for-all's tables, learnt from tables of other resolutions."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from augur_edge.host.arch.process import LINEAR, MATERN, Part, Process
from augur_edge.predict.designs import F64
from augur_edge.tables.blocks import Block

_NAMES = ("AvgPool2D", "Conv", "Conv_1", "Conv_2", "Logits")
_FIELDS = ("kernel", "stride", "idskip", "se", "hs")


class Blocks:
    """A Gaussian process on logs: fit(blocks), then predict(blocks): ns and relative deviation, float64[n] each."""

    def __init__(self, seed: int = 0) -> None:
        self._process = Process([Part(LINEAR, "sizes"), Part(MATERN, "sizes")], seed)

    def fit(self, blocks: Sequence[Block]) -> Blocks:
        """Blocks of several tables; equal ones may be there more than once."""
        self._process.fit({"sizes": _features(blocks)}, np.log([b.mean_ns for b in blocks]))
        return self

    def predict(self, blocks: Sequence[Block]) -> tuple[F64, F64]:
        mean, deviation = self._process.predict({"sizes": _features(blocks)})
        return np.exp(mean), deviation


def _features(blocks: Sequence[Block]) -> F64:
    """float64[n, 17]: logs of sizes, channels, expansion and MACs; the key's small numbers; which block it is."""
    rows = []
    for block in blocks:
        shapes = re.findall(r"(\d+)x(\d+)x(\d+)", block.key)
        high, _, c_in = (int(v) for v in shapes[0])
        out, c_out = (int(shapes[1][0]), int(shapes[1][2])) if len(shapes) > 1 else (1, 1000)
        found = dict(re.findall(r"-(\w+):(\d+)(?=-|$)", block.key))
        small = [float(found.get(name, 0)) for name in _FIELDS]
        inner = float(found.get("expand", 1))
        macs = sum(layer.macs for layer in block.layers)
        sizes = np.log([high, out, c_in, c_out, inner, max(macs, 1)])
        rows.append([*sizes, *small, *(float(block.key.startswith(f"{name}-")) for name in _NAMES)])
    return np.array(rows, np.float64)
