"""The predictor that comes with the package, so that `predict` answers before anything has been measured."""

from __future__ import annotations

from importlib import resources

from augur_edge.errors import UsageError

NAME = "x86-64-onnxruntime-latency.augpred"


def example() -> bytes:
    """The bytes of the example: latency on one x86-64 server processor, learnt from layers that we measured there.

    There is none of energy: that machine has no power sensor. Raises UsageError where the file is not installed.
    """
    file = resources.files("augur_edge.predict") / NAME
    if not file.is_file():
        raise UsageError(f"the example {NAME} is not installed; name a predictor that `augur-edge train` made")
    return file.read_bytes()
