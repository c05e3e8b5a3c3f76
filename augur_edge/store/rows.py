"""Records to rows of the store's tables and back, with a digest of each row's content.

A digest covers everything but local keys, so the same record has the same digest in every store.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple

import numpy as np

from augur_edge.errors import DataError
from augur_edge.layers import Layer
from augur_edge.store.database import Row
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord

_LONGEST_KNOWN = 4096
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def pack(value: Any) -> str:
    """Compact JSON with sorted keys: equal values, equal text. Raises ValueError on NaN and infinities."""
    return _ENCODER.encode(value)


def _packed_or_none(value: Any) -> str | None:
    return None if value is None else pack(value)


def _unpacked_or_none(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _digest(*columns: Any) -> bytes:
    return hashlib.blake2b(pack(columns).encode(), digest_size=16).digest()


def _measurement_digest(run_id: str, columns: Row, samples: bytes) -> bytes:
    """Over what `pack((run_id, *columns))` gives, put together here: half the time of a general encoder."""
    network, kind, mode, position, name, op, count, nodes, layer, layer_digest, status, reason, loops, energy = columns
    text = (
        f"[{_quoted(run_id)},{network},{_quoted(kind)},{_quoted(mode)},{position},{_quoted(name)},{_quoted(op)},{count},"
        f"{_quoted(nodes)},{_quoted_or_null(layer)},{_quoted_or_null(layer_digest)},{_quoted(status)},"
        f"{_quoted_or_null(reason)},{loops},{_quoted_or_null(energy)}]"
    )
    return hashlib.blake2b(text.encode() + samples, digest_size=16).digest()


def _quoted_or_null(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def run_row(run: RunRecord) -> Row:
    """A row in the order of sql.RUN_COLUMNS."""
    columns = (
        run.id,
        run.created_unix_ns,
        run.finished_unix_ns,
        run.device,
        run.status,
        pack(run.context),
        pack(run.plan),
        _packed_or_none(run.verdict),
    )
    return (*columns, _digest(*columns))


def run_from(row: Row) -> RunRecord:
    """The run of a row in the order of sql.RUN_COLUMNS, without its networks."""
    check_run(row)
    run_id, created, finished, device, status, context, plan, verdict = row[:8]
    return RunRecord(
        id=run_id,
        created_unix_ns=created,
        device=device,
        status=status,
        context=json.loads(context),
        plan=json.loads(plan),
        verdict=_unpacked_or_none(verdict),
        finished_unix_ns=finished,
    )


def network_row(run_id: str, network: NetworkRecord) -> Row:
    """A row in the order of sql.NETWORK_COLUMNS."""
    columns = (network.index, network.name, network.runtime, network.mode, pack(network.info))
    return (*columns, _digest(run_id, *columns))


def network_from(run_id: str, row: Row) -> NetworkRecord:
    """The network of a row in the order of sql.NETWORK_COLUMNS, without its measurements."""
    check_network(run_id, row)
    index, name, runtime, mode, info = row[:5]
    return NetworkRecord(index=index, name=name, runtime=runtime, mode=mode, info=json.loads(info))


class Columns(NamedTuple):
    """A measurement as a row of the store has it, but for run, network and digest, and with its layer as an object.

    place: kind, mode, position, name, op, count, nodes as JSON. outcome: status, reason, loops, energy as JSON.
    """

    place: tuple[str, str, int, str, str, int, str]
    spec: Layer | None
    outcome: tuple[str, str | None, int, str | None]
    samples: bytes


def columns_of(m: Measurement) -> Columns:
    """The columns of a measurement."""
    return Columns(
        (m.kind, m.mode, m.position, m.name, m.op, m.count, f"[{','.join(map(_quoted, m.nodes))}]"),
        m.spec,
        (m.status, m.reason, m.loops, _packed_or_none(m.energy)),
        np.ascontiguousarray(m.samples_ns, "<i8").tobytes(),
    )


def measurement_row(run: int, run_id: str, network: int, m: Columns, layer: int | None) -> Row:
    """What sql.ADD_MEASUREMENT takes. run, layer: their keys in the store, whose spelling of the layer is `m.spec`."""
    spec = (None, None) if m.spec is None else (m.spec.packed, m.spec.digest)
    digest = _measurement_digest(run_id, (network, *m.place, *spec, *m.outcome), m.samples)
    return (run, network, *m.place, layer, *m.outcome, m.samples, digest)


def measurement_from(run_id: str, row: Row) -> Measurement:
    """The measurement of a row in the order of sql.MEASUREMENT_COLUMNS."""
    check_measurement(run_id, row)
    layer = None if row[8] is None else _layer_from(row[8])
    return measurement_of(Columns(row[1:8], layer, row[10:14], row[14]))


def measurement_of(columns: Columns) -> Measurement:
    """The inverse of `columns_of`."""
    kind, mode, position, name, op, count, nodes = columns.place
    status, reason, loops, energy = columns.outcome
    return Measurement(
        kind=kind,
        mode=mode,
        position=position,
        name=name,
        op=op,
        count=count,
        nodes=tuple(json.loads(nodes)),
        spec=columns.spec,
        status=status,
        reason=reason,
        loops=loops,
        samples_ns=np.frombuffer(columns.samples, "<i8").astype(np.int64),
        energy=_unpacked_or_none(energy),
    )


def _layer_from(text: str) -> Layer:
    """One object for the many rows of a layer, unless its text is so long that keeping it would cost memory."""
    return _known_layer(text) if len(text) <= _LONGEST_KNOWN else Layer.from_dict(json.loads(text))


@lru_cache(maxsize=1024)
def _known_layer(text: str) -> Layer:
    return Layer.from_dict(json.loads(text))


def check_run(row: Row) -> None:
    """Raises DataError unless a row of sql.RUN_COLUMNS has the content that was written."""
    _demand(_digest(*row[:-1]) == row[-1], f"run {row[0]}")


def check_network(run_id: str, row: Row) -> None:
    """Raises DataError unless a row of sql.NETWORK_COLUMNS has the content that was written."""
    _demand(_digest(run_id, *row[:-1]) == row[-1], f"network {row[1]!r} of run {run_id}")


def check_measurement(run_id: str, row: Row) -> None:
    """Raises DataError unless a row of sql.MEASUREMENT_COLUMNS, its layer included, has the content written."""
    _demand(_measurement_digest(run_id, row[:-2], row[-2]) == row[-1], f"{row[4]!r} of run {run_id}")


def _demand(intact: bool, what: str) -> None:
    if not intact:
        raise DataError(f"the store is damaged: {what} is not as it was written; restore a copy of the store")
