"""Deployments of the fake runtime: layers with durations that are known."""

from __future__ import annotations

import json
from typing import Any

from augur_edge.layers import Layer
from augur_edge.runtime.base import Deployment, RuntimeOptions
from augur_edge.runtime.fake import Fake

SPEC = Layer("conv2d", ((1, 8, 8, 8),), ((1, 8, 8, 8),), ((8, 8, 3, 3),), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1))


def model(*layers: dict[str, Any], overhead_ns: int = 0) -> bytes:
    """A model of the fake runtime."""
    entries = [{"name": f"l{i}", "op": "conv2d", **layer} for i, layer in enumerate(layers)]
    return json.dumps({"layers": entries, "overhead_ns": overhead_ns}).encode()


def deployment(*layers: dict[str, Any], overhead_ns: int = 0) -> Deployment:
    """It, deployed."""
    return Fake().deploy(model(*layers, overhead_ns=overhead_ns), RuntimeOptions())
