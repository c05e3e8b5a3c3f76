"""Named networks as published, built from layers alone: no weights, no training framework."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from augur_edge.builder import Builder
from augur_edge.errors import UsageError
from augur_edge.network import Network
from augur_edge.zoo import mobile, plain, resnet, vit

__all__ = ["Builder", "build", "names"]

_NETWORKS: dict[str, Callable[[int], Network]] = {
    **mobile.NETWORKS,
    **plain.NETWORKS,
    **resnet.NETWORKS,
    **vit.NETWORKS,
}


def names() -> tuple[str, ...]:
    """Every name `build` takes, sorted."""
    return tuple(sorted(_NETWORKS))


def build(name: str, batch: int = 1) -> Network:
    """The network called `name` for 224x224 images (batch, 3, 224, 224), with its classifier of 1000 classes.

    Raises UsageError for an unknown name, with the nearest ones, and for a batch below 1.
    """
    if name not in _NETWORKS:
        near = difflib.get_close_matches(name.lower(), _NETWORKS, n=3, cutoff=0.5)
        hint = f"nearest: {', '.join(near)}" if near else f"there are {', '.join(names())}"
        raise UsageError(f"no network is called {name!r}; {hint}")
    if batch < 1:
        raise UsageError(f"batch {batch}: a network takes at least 1 image at a time")
    return _NETWORKS[name](batch)
