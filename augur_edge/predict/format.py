"""Models to .augpred bytes and back, with numpy alone; the format is specified in csrc/include/augur/format.h."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError
from augur_edge.predict.calls import Calls, calls_of
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
    Tree,
    check_model,
)  # fmt: skip

MAGIC = b"\x89AUGP\r\n\x1a"
MAJOR, MINOR = 1, 3
ORDER = 0x0A0B0C0D
HEADER = struct.Struct("<8sHHIIIBBBBHHHHHHIIdddd24s8sd8x")
ENTRY = struct.Struct("<IIII")
FEATURE = struct.Struct("<HHffI")
LEVEL = struct.Struct("<ddd")
COMPARISON = struct.Struct("<If")
TABLE = struct.Struct("<HHI")
META, FEATURES, BASE, COLUMNS, BORDERS, DEPTHS, SLOTS, CUTS, LEAF = range(1, 10)
INTERVAL, SPREAD, TABLES, VALUES, CALLS = range(10, 15)
PADDING_CUT = 127
LEAF_PADDING = 64  # bytes after every eighth tree of a depth

Columns = list[tuple[int, npt.NDArray[np.float32]]]


def dumps(model: Model) -> bytes:
    """The file of a model. Trees are stored in the order of their depth. Raises DataError for what cannot be stored."""
    check_model(model)
    trees = sorted(model.trees, key=lambda t: t.depth)
    columns = _columns_of(trees, len(model.features))
    slots, cuts = _slots_of(trees, columns)
    counts = np.bincount([t.depth for t in trees], minlength=16).astype("<u4") if trees else np.zeros(16, "<u4")
    names = [f.name for f in model.features]
    sections = {
        META: json.dumps({**model.meta, "features": names}, sort_keys=True, ensure_ascii=False).encode(),
        FEATURES: b"".join(FEATURE.pack(f.id, 0, f.low, f.high, 0) for f in model.features),
        BASE: b""
        if model.base is None
        else struct.pack("<d", model.base.constant) + model.base.weights.astype("<f8").tobytes(),
        COLUMNS: b"".join(struct.pack("<BBH", feature, len(borders), 0) for feature, borders in columns),
        BORDERS: b"".join(borders.astype("<f4").tobytes() for _, borders in columns),
        DEPTHS: counts.tobytes(),
        SLOTS: slots.tobytes(),
        CUTS: cuts.tobytes(),
        LEAF: b"".join(_placed(trees, "<f4" if model.leaves == "float32" else "<i2")),
        INTERVAL: b"".join(LEVEL.pack(v.level, v.low, v.high) for v in model.levels),
        SPREAD: _packed_spread(model.spread),
        TABLES: b"".join(TABLE.pack(t.slot, 0, len(t.values)) for t in model.tables),
        VALUES: b"".join(t.values.astype("<f4").tobytes() for t in model.tables),
        CALLS: _packed_calls(model.calls),
    }
    return _assemble(model, len(columns), {i: s for i, s in sections.items() if s or i in (META, FEATURES, DEPTHS)})


def _packed_spread(spread: Spread | None) -> bytes:
    if spread is None:
        return b""
    pairs = zip(spread.features.tolist(), spread.thresholds.tolist())
    comparisons = b"".join(COMPARISON.pack(*pair) for pair in pairs)
    return struct.pack("<II", len(spread.features), 0) + comparisons + spread.shares.astype("<f4").tobytes()


def _packed_calls(calls: Calls | None) -> bytes:
    return b"" if calls is None else np.array([calls.usual_ns, *np.ravel(calls.knots)], "<f8").tobytes()


def _read_calls(data: bytes | None) -> Calls | None:
    if data is None:
        return None
    numbers = np.frombuffer(data, "<f8")
    calls = calls_of({"usual_ns": numbers[0], "knots": numbers[1:].reshape(-1, 2).tolist()})
    if calls is None:
        raise ValueError("calls")
    return calls


def _read_spread(data: bytes | None) -> Spread | None:
    if data is None:
        return None
    depth = struct.unpack_from("<I", data)[0]
    if not 1 <= depth <= MAX_DEPTH or len(data) != 8 + 8 * depth + (4 << depth):
        raise ValueError("spread")
    pairs = list(COMPARISON.iter_unpack(data[8 : 8 + 8 * depth]))
    features, thresholds = np.array([f for f, _ in pairs], np.int64), np.array([t for _, t in pairs], np.float32)
    return Spread(features, thresholds, np.frombuffer(data[8 + 8 * depth :], "<f4"))


def _columns_of(trees: list[Tree], n_features: int) -> Columns:
    """Every border once, feature by feature, in columns of at most 255."""
    if not trees:
        return []
    features = np.concatenate([t.features for t in trees])
    thresholds = np.concatenate([t.thresholds for t in trees]).astype(np.float32) + np.float32(0)  # no -0.0
    columns: Columns = []
    for feature in range(n_features):
        borders = np.unique(thresholds[features == feature])
        columns += [(feature, borders[i : i + 255]) for i in range(0, len(borders), 255)]
    if len(columns) > MAX_COLUMNS:
        raise DataError(
            f"the trees compare with too many thresholds: {len(columns)} columns of 255, at most {MAX_COLUMNS}; "
            "train with fewer borders a feature"
        )
    return columns


def _slots_of(trees: list[Tree], columns: Columns) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Column and cut of each comparison, padded as the format wants."""
    places = {(f, float(b)): (c, k - 128) for c, (f, borders) in enumerate(columns) for k, b in enumerate(borders)}
    slots: list[npt.NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    cuts: list[npt.NDArray[np.int8]] = [np.empty(0, np.int8)]
    for depth in range(1, MAX_DEPTH + 1):
        group = [t for t in trees if t.depth == depth]
        size = (len(group) * depth + 127) // 64 * 64 if group else 0
        slot, cut = np.zeros(size, np.uint8), np.full(size, PADDING_CUT, np.int8)
        for i, tree in enumerate(group):
            found = [places[f, t] for f, t in zip(tree.features.tolist(), tree.thresholds.tolist())]
            slot[i * depth : (i + 1) * depth], cut[i * depth : (i + 1) * depth] = zip(*found)
        slots.append(slot)
        cuts.append(cut)
    return np.concatenate(slots), np.concatenate(cuts)


def _placed(trees: list[Tree], kind: str) -> Iterator[bytes]:
    """The leaves tree by tree, with the padding after every eighth of a depth."""
    for _, group in groupby(trees, key=lambda t: t.depth):
        for i, tree in enumerate(group, 1):
            yield tree.leaves.astype(kind).tobytes() + (b"" if i % 8 else bytes(LEAF_PADDING))


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
    newer = 3 if model.calls else 1 if model.layer_overhead or model.spread is not None else 0
    minor = 2 if encoder > 2 else newer  # the least that has all the file uses, for older readers' sake
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
    trees = tuple(_read_trees(head, parts))
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
        calls=_read_calls(parts.get(CALLS)),
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


def _read_trees(head: dict[str, Any], parts: dict[int, bytes]) -> list[Tree]:
    records = list(struct.iter_unpack("<BBH", parts.get(COLUMNS, b"")))
    borders = np.split(np.frombuffer(parts.get(BORDERS, b""), "<f4"), np.cumsum([r[1] for r in records])[:-1])
    slots, cuts = np.frombuffer(parts.get(SLOTS, b""), np.uint8), np.frombuffer(parts.get(CUTS, b""), np.int8)
    leaves = np.frombuffer(parts.get(LEAF, b""), "<f4" if head["leaves"] == 0 else "<i2")
    trees: list[Tree] = []
    gap, gaps = LEAF_PADDING // leaves.itemsize, b""
    slot_at = leaf_at = 0
    counts = np.frombuffer(parts[DEPTHS], "<u4").tolist()
    if any(len(b) == 0 or not (np.isfinite(b).all() and (np.diff(b) > 0).all()) for b in borders if records):
        raise ValueError("borders are NaN or infinite, or do not ascend")
    if sum(counts) != head["n_trees"] or head["n_columns"] != len(records) or any(counts[MAX_DEPTH + 1 :] + counts[:1]):
        raise ValueError("trees")
    for depth, count in enumerate(counts[: MAX_DEPTH + 1]):
        for i in range(count):
            at = slot_at + i * depth
            chosen = [(int(c), int(k) + 128) for c, k in zip(slots[at : at + depth], cuts[at : at + depth])]
            features = np.array([records[c][0] for c, _ in chosen], np.int64)
            thresholds = np.array([borders[c][k] for c, k in chosen], np.float32)
            trees.append(Tree(features, thresholds, leaves[leaf_at : leaf_at + (1 << depth)]))
            leaf_at += 1 << depth
            if i % 8 == 7:
                gaps += leaves[leaf_at : leaf_at + gap].tobytes()
                leaf_at += gap
        end = slot_at + ((count * depth + 127) // 64 * 64 if count else 0)
        padding = slice(slot_at + count * depth, end)
        if slots[padding].any() or (cuts[padding] != PADDING_CUT).any():
            raise ValueError("padding of the slots")
        slot_at = end
    if gaps.strip(b"\0"):
        raise ValueError("padding of the leaves")
    if leaf_at != len(leaves) or slot_at != len(slots) or slot_at != len(cuts):
        raise ValueError("slots or leaves")
    return trees
