"""What is said of an input whose shape a model file leaves open."""

from __future__ import annotations

from collections.abc import Sequence


def how_to_give(name: str, shape: Sequence[int]) -> str:
    """What to do about it, on the command line and in Python."""
    return f"pass --shape {name}={','.join(map(str, shape))}, in Python shapes={{{name!r}: {tuple(shape)}}}"
