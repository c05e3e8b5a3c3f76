"""Records to rows of the store's tables and back, with a digest of each row's content.

A digest covers everything but local keys, so the same record has the same digest in every store.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

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


def measurement_row(run_id: str, network: int, m: Measurement) -> Row:
    """A row in the order of sql.MEASUREMENT_COLUMNS; the spec as compact JSON and the layer's own digest."""
    columns = (
        network,
        m.kind,
        m.mode,
        m.position,
        m.name,
        m.op,
        m.count,
        f"[{','.join(map(_quoted, m.nodes))}]",
        None if m.spec is None else m.spec.packed,
        None if m.spec is None else m.spec.digest,
        m.status,
        m.reason,
        m.loops,
        _packed_or_none(m.energy),
    )
    samples = np.ascontiguousarray(m.samples_ns, "<i8").tobytes()
    return (*columns, samples, _measurement_digest(run_id, columns, samples))


def measurement_from(run_id: str, row: Row) -> Measurement:
    """The measurement of a row in the order of sql.MEASUREMENT_COLUMNS."""
    check_measurement(run_id, row)
    _, kind, mode, position, name, op, count, nodes, layer, _, status, reason, loops, energy, samples, _ = row
    return Measurement(
        kind=kind,
        mode=mode,
        position=position,
        name=name,
        op=op,
        count=count,
        nodes=tuple(json.loads(nodes)),
        spec=None if layer is None else _layer_from(layer),
        status=status,
        reason=reason,
        loops=loops,
        samples_ns=np.frombuffer(samples, "<i8").astype(np.int64),
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
