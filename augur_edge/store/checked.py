"""Records from plain data of unknown origin: everything that readers of the store rely on is looked at here.

`where` begins every message and names the line; all functions raise DataError.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from augur_edge.errors import DataError
from augur_edge.layers import Layer
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord, Samples

_DEEPEST = 50
_INT64 = range(-(1 << 63), 1 << 63)
_HEX = frozenset("0123456789abcdef")

KINDS = ("layer", "whole", "floor")
STATUSES = ("ok", "partial", "failed")
RUN_STATUSES = ("running", "done", "interrupted", "failed")


def run_of(data: Mapping[str, Any], where: str) -> RunRecord:
    """A run without its networks."""
    run_id = text(data, "id", where)
    if len(run_id) != 16 or not _HEX.issuperset(run_id):
        raise DataError(f"{where}: id is {run_id[:40]!r}, not 16 hex digits")
    finished = data.get("finished_unix_ns")
    return RunRecord(
        id=run_id,
        created_unix_ns=whole_number(data, "created_unix_ns", where),
        device=text(data, "device", where),
        status=_one_of(RUN_STATUSES, data, "status", where),
        context=_object(data, "context", where),
        plan=_object(data, "plan", where),
        verdict=_verdict(data.get("verdict"), where),
        finished_unix_ns=None if finished is None else whole_number(data, "finished_unix_ns", where),
    )


def network_of(data: Mapping[str, Any], where: str) -> NetworkRecord:
    """A network without its measurements."""
    info = _object(data, "info", where)
    for name in ("load_ns", "first_ns", "peak_rss_bytes", "output_error"):
        if info.get(name) is not None:
            _number(info, name, where)
    notes = info.get("notes")
    if notes is not None and not _is_texts(notes):
        raise DataError(f"{where}: notes is not a list of texts")
    if info.get("energy_reasons") is not None:
        for position in _object(info, "energy_reasons", where):
            text(info["energy_reasons"], position, where)
    for name in ("energy_reason", "failed", "peak_rss_reason"):
        if info.get(name) is not None:
            text(info, name, where)
    return NetworkRecord(
        index=whole_number(data, "index", where),
        name=text(data, "name", where),
        runtime=text(data, "runtime", where),
        mode=text(data, "mode", where),
        info=info,
    )


def measurement_of(data: Mapping[str, Any], where: str) -> Measurement:
    """A measurement with its samples."""
    nodes = data.get("nodes")
    if not _is_texts(nodes):
        raise DataError(f"{where}: nodes is not a list of texts")
    return Measurement(
        kind=_one_of(KINDS, data, "kind", where),
        mode=text(data, "mode", where),
        position=whole_number(data, "position", where, -1),
        name=text(data, "name", where),
        op=text(data, "op", where),
        count=whole_number(data, "count", where, 1),
        nodes=tuple(nodes or ()),
        spec=layer_of(data.get("spec"), where),
        status=_one_of(STATUSES, data, "status", where),
        reason=None if data.get("reason") is None else text(data, "reason", where),
        loops=whole_number(data, "loops", where, 1),
        samples_ns=_samples(data.get("samples_ns"), where),
        energy=energy_of(data, where),
    )


def energy_of(data: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    """The field `energy` of a measurement."""
    if data.get("energy") is None:
        return None
    energy = _object(data, "energy", where)
    _number(energy, "median", where)
    for name in ("uncertainty", "above_idle", "above_idle_uncertainty"):
        if energy.get(name) is not None:
            _number(energy, name, where)
    return energy


def text(data: Mapping[str, Any], name: str, where: str) -> str:
    """A field that must be text."""
    value = data.get(name)
    if not isinstance(value, str):
        raise _wrong(where, name, value, "text")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError as err:  # half a surrogate pair, which JSON can spell and SQLite cannot hold
        raise _wrong(where, name, value, "valid Unicode") from err
    return value


def whole_number(data: Mapping[str, Any], name: str, where: str, least: int = 0) -> int:
    """A field that must be a whole number of 64 bits, and not below `least`."""
    value = data.get(name)
    if type(value) is not int or value not in _INT64 or value < least:
        raise _wrong(where, name, value, f"a whole number from {least}")
    return value


def _number(data: Mapping[str, Any], name: str, where: str) -> None:
    value = data.get(name)
    # JSON's whole numbers have no end
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
        raise _wrong(where, name, value, "a number")


def _object(data: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    value = data.get(name)
    if not isinstance(value, dict):
        raise _wrong(where, name, value, "an object")
    _demand_shallow(value, name, where)
    return value


def _demand_shallow(value: Any, name: str, where: str) -> None:
    """What can just be read here could not be read from deeper in a program's stack."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner for v in level if isinstance(v, (dict, list)) for inner in (v.values() if isinstance(v, dict) else v)
        ]
        if not level:
            return
    raise DataError(f"{where}: {name} is nested more than {_DEEPEST} deep")


def _one_of(allowed: tuple[str, ...], data: Mapping[str, Any], name: str, where: str) -> str:
    value = data.get(name)
    if value not in allowed:
        raise _wrong(where, name, value, f"one of {', '.join(allowed)}")
    return str(value)


def _wrong(where: str, name: str, value: Any, wanted: str) -> DataError:
    return DataError(f"{where}: {name} is {repr(value)[:60]}, not {wanted}")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _verdict(value: Any, where: str) -> dict[str, Any] | None:
    if value is None:
        return None
    _demand_shallow(value, "verdict", where)
    reasons = value.get("reasons") if isinstance(value, dict) and isinstance(value.get("steady"), bool) else None
    if isinstance(reasons, list) and all(isinstance(r, dict) and isinstance(r.get("text"), str) for r in reasons):
        return dict(value)
    raise DataError(f"{where}: the verdict is not an object with `steady` and `reasons`, each with a `text`")


def layer_of(value: Any, where: str) -> Layer | None:
    """A spec as plain data, or one that was looked at before."""
    if value is None or isinstance(value, Layer):
        return value
    _demand_shallow(value, "spec", where)
    try:
        layer = Layer.from_dict(value)
        whole = all(type(d) is int for shape in (*layer.inputs, *layer.outputs, *layer.weights) for d in shape)
        if not isinstance(layer.op, str) or not whole:
            raise ValueError("op is no text, or a size no whole number")
        _ = layer.digest, layer.macs, layer.bytes_moved  # what is asked of a layer later must not fail then
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as err:
        raise DataError(f"{where}: the spec is not that of a layer: {err}") from err
    return layer


def _samples(value: Any, where: str) -> Samples:
    # by types at once, and the range by numpy: a third of the time that a look at each sample takes
    if isinstance(value, list) and set(map(type, value)) <= {int}:
        try:
            return np.array(value, np.int64)
        except OverflowError:
            pass
    raise DataError(f"{where}: samples_ns is not a list of whole numbers")
