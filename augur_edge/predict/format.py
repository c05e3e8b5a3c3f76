"""Models to .augpred bytes and back, with numpy alone; the format is specified in csrc/include/augur/format.h."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from augur_edge.errors import DataError
from augur_edge.predict import forests
from augur_edge.predict.model import (
    BASES,
    ENCODERS,
    LEAVES,
    LINKS,
    MAX_COLUMNS,
    MAX_DEPTH,
    MAX_LEVELS,
    MAX_TREES,
    Base,
    Feature,
    Level,
    Model,
    Spread,
    Table,
    check_model,
)  # fmt: skip

MAGIC = b"\x89AUGP\r\n\x1a"
MAJOR, MINOR = 1, 2
ORDER = 0x0A0B0C0D
HEADER = struct.Struct("<8sHHIIIBBBBHHHHHHIIdddd24s8sd8x")
ENTRY = struct.Struct("<IIII")
FEATURE = struct.Struct("<HHffI")
LEVEL = struct.Struct("<ddd")
COMPARISON = struct.Struct("<If")
TABLE = struct.Struct("<HHI")
META, FEATURES, BASE, COLUMNS, BORDERS, DEPTHS, SLOTS, CUTS, LEAF, INTERVAL, SPREAD, TABLES, VALUES = range(1, 14)
FOREST = (COLUMNS, BORDERS, DEPTHS, SLOTS, CUTS, LEAF)  # in the order of forests.Forest


def dumps(model: Model) -> bytes:
    """The file of a model. Trees are stored in the order of their depth. Raises DataError for what cannot be stored."""
    check_model(model)
    forest = forests.packed(model.trees, len(model.features), model.leaves)
    names = [f.name for f in model.features]
    sections = {
        META: json.dumps({**model.meta, "features": names}, sort_keys=True, ensure_ascii=False).encode(),
        FEATURES: b"".join(FEATURE.pack(f.id, 0, f.low, f.high, 0) for f in model.features),
        BASE: b""
        if model.base is None
        else struct.pack("<d", model.base.constant) + model.base.weights.astype("<f8").tobytes(),
        **dict(zip(FOREST, forest)),
        INTERVAL: b"".join(LEVEL.pack(v.level, v.low, v.high) for v in model.levels),
        SPREAD: _packed_spread(model.spread),
        TABLES: b"".join(TABLE.pack(t.slot, 0, len(t.values)) for t in model.tables),
        VALUES: b"".join(t.values.astype("<f4").tobytes() for t in model.tables),
    }
    return _assemble(
        model, forests.n_columns(forest), {i: s for i, s in sections.items() if s or i in (META, FEATURES, DEPTHS)}
    )


def _packed_spread(spread: Spread | None) -> bytes:
    if spread is None:
        return b""
    pairs = zip(spread.features.tolist(), spread.thresholds.tolist())
    comparisons = b"".join(COMPARISON.pack(*pair) for pair in pairs)
    return struct.pack("<II", len(spread.features), 0) + comparisons + spread.shares.astype("<f4").tobytes()


def _read_spread(data: bytes | None) -> Spread | None:
    if data is None:
        return None
    depth = struct.unpack_from("<I", data)[0]
    if not 1 <= depth <= MAX_DEPTH or len(data) != 8 + 8 * depth + (4 << depth):
        raise ValueError("spread")
    pairs = list(COMPARISON.iter_unpack(data[8 : 8 + 8 * depth]))
    features, thresholds = np.array([f for f, _ in pairs], np.int64), np.array([t for _, t in pairs], np.float32)
    return Spread(features, thresholds, np.frombuffer(data[8 + 8 * depth :], "<f4"))


def _assemble(model: Model, n_columns: int, sections: dict[int, bytes]) -> bytes:
    offset = -(-(HEADER.size + ENTRY.size * len(sections)) // 64) * 64
    table, body = b"", b""
    for section, data in sections.items():
        body += bytes(-len(body) % 64)
        table += ENTRY.pack(section, offset + len(body), len(data), 0)
        body += data
    body = bytes(offset - HEADER.size - len(table)) + body
    encoder, version = ENCODERS[model.encoder]
    fields = (
        ORDER, HEADER.size + len(table) + len(body), LINKS.index(model.link), LEAVES.index(model.leaves),
        BASES.index(model.base.kind if model.base else "none"), 0, encoder, version, len(model.features), n_columns,
        len(model.levels), len(sections), len(model.trees), 0, model.bias, model.scale, model.overhead,
        model.rounding_error, model.target.encode(), model.unit.encode(), model.layer_overhead,
    )  # fmt: skip
    newer = 1 if model.layer_overhead or model.spread is not None else 0
    minor = MINOR if encoder > 2 else newer  # the least that has all the file uses, for older readers' sake
    whole = HEADER.pack(MAGIC, MAJOR, minor, 0, *fields) + table + body
    return whole[:12] + struct.pack("<I", zlib.crc32(whole[16:])) + whole[16:]


def loads(data: bytes) -> Model:
    """The model of a file. Raises DataError, with the byte offset, for anything but a whole and consistent one."""
    head = _read_header(data)
    parts = _read_sections(data, head["n_sections"])
    try:
        model = _read_model(head, parts)
    except (ValueError, IndexError, KeyError, struct.error) as error:
        raise DataError(f"predictor file: its sections do not fit together ({error})") from None
    check_model(model)
    return model


def _bad(offset: int, message: str) -> DataError:
    return DataError(f"predictor file, byte {offset}: {message}")


def _read_header(data: bytes) -> dict[str, Any]:
    if data[:8] != MAGIC[: max(len(data), 1)]:
        raise _bad(0, "not an .augpred file")
    if len(data) < HEADER.size:
        raise _bad(len(data), f"truncated, a header has {HEADER.size} bytes")
    names = (
        "magic", "major", "minor", "crc", "order", "size", "link", "leaves", "base", "zero", "encoder", "version",
        "n_features", "n_columns", "n_levels", "n_sections", "n_trees", "zero2", "bias", "scale", "overhead",
        "rounding_error", "target", "unit", "layer_overhead",
    )  # fmt: skip
    head = dict(zip(names, HEADER.unpack_from(data)))
    if head["order"] != ORDER:
        raise _bad(16, "wrong byte order")
    if head["major"] != MAJOR:
        raise _bad(8, f"version {head['major']}, this program reads version {MAJOR}; update augur_edge")
    if head["size"] != len(data):
        raise _bad(20, f"says {head['size']} bytes, has {len(data)}")
    if head["crc"] != zlib.crc32(data[16:]):
        raise _bad(12, "checksum does not match: the file is damaged")
    if (head["encoder"], head["version"]) not in ENCODERS.values():
        raise _bad(28, f"encoder {head['encoder']}/{head['version']} is unknown here")
    _check_header(head)
    return head


def _check_header(head: dict[str, Any]) -> None:
    for text, offset in ((head["target"], 80), (head["unit"], 104)):
        if text[-1]:
            raise _bad(offset, "target or unit without its closing NUL")
    for offset, name, limit in (
        (34, "n_columns", MAX_COLUMNS),
        (36, "n_levels", MAX_LEVELS),
        (40, "n_trees", MAX_TREES),
    ):
        if head[name] > limit:
            raise _bad(offset, f"{head[name]} {name[2:]}, at most {limit}")
    for offset, name, known in ((24, "link", LINKS), (25, "leaves", LEAVES), (26, "base", BASES)):
        if head[name] >= len(known):
            raise _bad(offset, f"{name} {head[name]} is unknown here")


def _read_sections(data: bytes, count: int) -> dict[int, bytes]:
    end = HEADER.size + ENTRY.size * count
    if end > len(data):
        raise _bad(38, "the section table is cut off")
    parts: dict[int, bytes] = {}
    for i in range(count):
        at = HEADER.size + ENTRY.size * i
        section, offset, size, _ = ENTRY.unpack_from(data, at)
        if offset % 64 or offset < end or offset + size > len(data) or section in parts or section == 0:
            raise _bad(at, f"section {section} overlaps, repeats or lies outside the file")
        parts[section] = data[offset : offset + size]
        end = offset + size
    missing = [s for s in (META, FEATURES, DEPTHS) if s not in parts]
    if missing:
        raise _bad(HEADER.size, f"section {missing[0]} is missing")
    return parts


def _read_model(head: dict[str, Any], parts: dict[int, bytes]) -> Model:
    meta = json.loads(parts[META].decode())
    records = list(FEATURE.iter_unpack(parts[FEATURES]))
    names = meta.pop("features")
    if len(records) != head["n_features"] or len(names) != len(records):
        raise ValueError("features")
    if len(parts.get(INTERVAL, b"")) != LEVEL.size * head["n_levels"]:
        raise ValueError("interval levels")
    forest = forests.Forest(*(parts.get(section, b"") for section in FOREST))
    trees = tuple(forests.unpacked(forest, head["n_trees"], head["n_columns"], LEAVES[head["leaves"]]))
    return Model(
        features=tuple(Feature(n, r[0], r[2], r[3]) for n, r in zip(names, records)),
        trees=trees,
        encoder=next(k for k, v in ENCODERS.items() if v == (head["encoder"], head["version"])),
        target=head["target"].rstrip(b"\0").decode(),
        unit=head["unit"].rstrip(b"\0").decode(),
        link=LINKS[head["link"]],
        leaves=LEAVES[head["leaves"]],
        base=_read_base(BASES[head["base"]], parts, len(records)),
        levels=tuple(Level(*r) for r in LEVEL.iter_unpack(parts.get(INTERVAL, b""))),
        spread=_read_spread(parts.get(SPREAD)),
        tables=tuple(_read_tables(parts)),
        meta=meta,
        **{k: head[k] for k in ("bias", "scale", "overhead", "layer_overhead", "rounding_error")},
    )


def _read_tables(parts: dict[int, bytes]) -> Iterator[Table]:
    values = np.frombuffer(parts.get(VALUES, b""), "<f4")
    at = 0
    for slot, _, count in TABLE.iter_unpack(parts.get(TABLES, b"")):
        yield Table(slot, values[at : at + count])
        at += count
    if at != len(values):
        raise ValueError("tables")


def _read_base(kind: str, parts: dict[int, bytes], n: int) -> Base | None:
    if kind == "none":
        return None
    values = np.frombuffer(parts[BASE], "<f8")
    return Base(kind, float(values[0]), values[1:].reshape(2 if kind == "roofline" else 1, n))
