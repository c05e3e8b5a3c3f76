"""Networks' names and the way they were run, which stands behind: `resnet18, int8, 2 threads`."""

from __future__ import annotations

import re
from typing import Any

from augur_edge.store.records import NetworkRecord

_SETTING = re.compile(r"(?:, (?:float\d+|u?int\d+|batch \d+|\d+ threads))+$")
_USUAL = {"threads": 1, "batch": 1, "dtype": "float32", "delegate": None}


def split_name(name: str) -> tuple[str, str]:
    """The network and its setting: `("resnet18", ", 2 threads")`, the latter empty where it is the usual one."""
    found = _SETTING.search(name)
    return (name[: found.start()], found.group()) if found else (name, "")


def settings_apart(a: NetworkRecord, b: NetworkRecord) -> dict[str, list[Any]]:
    """What differs in the way both were run, by option, of `a` and of `b`; nothing where one does not say its own."""
    ways = [network.info.get("options") for network in (a, b)]
    if not all(isinstance(way, dict) for way in ways):
        return {}
    of_a, of_b = ({**_USUAL, **way} for way in ways if isinstance(way, dict))
    return {name: [of_a[name], of_b[name]] for name in _USUAL if of_a[name] != of_b[name]}
