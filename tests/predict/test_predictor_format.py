from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from forests import SPREAD, answers, full_model, random_model, random_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError
from augur_edge.predict import Predictor
from augur_edge.predict.format import dumps, loads
from augur_edge.predict.model import Feature, Model, Tree

GOLDEN = Path(__file__).parent / "golden"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(1, 12), max_size=20),
    st.integers(1, 64),
    st.sampled_from([1, 30, 255]),
    st.sampled_from(["float32", "int16"]),
)
def test_save_load_save_is_the_identity(seed, depths, n_features, borders, leaves):
    data = dumps(random_model(seed, depths, n_features, borders, leaves))
    assert dumps(loads(data)) == data
    assert Predictor(data).to_bytes() == data


@pytest.mark.parametrize("leaves", ["float32", "int16"])
def test_every_part_survives(leaves):
    model = full_model(leaves)
    again = loads(dumps(model))
    for field in (
        "features",
        "encoder",
        "target",
        "unit",
        "link",
        "leaves",
        "bias",
        "scale",
        "levels",
        "overhead",
        "meta",
    ):
        assert getattr(again, field) == getattr(model, field), field
    assert again.rounding_error == model.rounding_error
    np.testing.assert_array_equal(again.base.weights, model.base.weights)
    for name in ("features", "thresholds", "shares"):
        np.testing.assert_array_equal(getattr(again.spread, name), getattr(model.spread, name))


def test_a_file_states_the_least_version_that_reads_it():
    model = full_model()
    for spread, minor in ((model.spread, 1), (None, 0)):
        data = dumps(replace(model, spread=spread))
        assert struct.unpack_from("<HH", data, 8) == (1, minor)
    assert loads(data).spread is None


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.augpred")), ids=lambda p: p.stem)
def test_golden_files_of_version_1(path):
    data = path.read_bytes()
    want = np.load(path.with_suffix(".npz"))
    assert dumps(loads(data)) == data
    np.testing.assert_array_equal(Predictor(data).predict_many(want["x"]), want["y"])
    for row, interval in zip(want["x"].tolist(), want.get("intervals", ())):
        assert Predictor(data).interval(*row)[:3] == tuple(interval)


def test_rounding_to_int16_stays_within_the_stated_error():
    model = random_model(1, [6] * 50 + [8] * 10)
    small = model.quantised()
    x = random_rows(1, model, 500)
    difference = np.abs(answers(small, x).astype(float) - answers(model, x))
    assert 0 < difference.max() <= small.rounding_error + 1e-4


def test_sizes_of_128_trees_of_depth_8():
    model = random_model(0, [8] * 128, 8, 254)
    assert len(dumps(model)) <= 140_000
    assert len(dumps(model.quantised())) <= 75_000


def repaired(data: bytes) -> bytes:
    data = data[:20] + struct.pack("<I", len(data)) + data[24:]
    return data[:12] + struct.pack("<I", zlib.crc32(data[16:])) + data[16:]


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    return repaired(data[:offset] + value + data[offset + len(value) :])


DATA = dumps(full_model())


def section(number: int, data: bytes = DATA) -> int:
    for i in range(struct.unpack_from("<H", data, 38)[0]):
        found, offset, _, _ = struct.unpack_from("<IIII", data, 128 + 16 * i)
        if found == number:
            return int(offset)
    raise KeyError(number)


def entry(number: int) -> int:
    return next(128 + 16 * i for i in range(11) if struct.unpack_from("<I", DATA, 128 + 16 * i)[0] == number)


F32, F64, U32, U16 = (
    (lambda v: struct.pack("<f", v)),
    (lambda v: struct.pack("<d", v)),
    (lambda v: struct.pack("<I", v)),
    (lambda v: struct.pack("<H", v)),
)

BAD = {
    "empty": (b"", 0, "shorter"),
    "magic": (b"PK" + DATA[2:], 0, "not an .augpred"),
    "only the magic": (DATA[:8], 8, "shorter"),
    "cut off": (DATA[:-1], 20, "shorter than it says"),
    "longer": (DATA + b"\0", 20, "longer"),
    "flipped bit": (DATA[:-1] + bytes([DATA[-1] ^ 1]), 12, "checksum"),
    "byte order": (DATA[:16] + DATA[16:20][::-1] + DATA[20:], 16, "big-endian"),
    "newer major": (patched(DATA, 8, U16(2)), 8, "version"),
    "link": (patched(DATA, 24, b"\x07"), 24, "link"),
    "leaves": (patched(DATA, 25, b"\x07"), 25, "leaves"),
    "base": (patched(DATA, 26, b"\x07"), 26, "base"),
    "encoder": (patched(DATA, 28, U16(77)), 28, "encoder"),
    "encoder's version": (patched(DATA, 30, U16(9)), 30, "encoder"),
    "no features": (patched(DATA, 32, U16(0)), 32, "features"),
    "too many features": (patched(DATA, 32, U16(65)), 32, "features"),
    "too many columns": (patched(DATA, 34, U16(65)), 34, "columns"),
    "too many levels": (patched(DATA, 36, U16(17)), 36, "levels"),
    "too many sections": (patched(DATA, 38, U16(33)), 38, "sections"),
    "too many trees": (patched(DATA, 40, U32(65536)), 40, "trees"),
    "NaN bias": (patched(DATA, 48, F64(np.nan)), 48, "finite"),
    "infinite scale": (patched(DATA, 56, F64(np.inf)), 56, "finite"),
    "target without end": (patched(DATA, 80, b"x" * 24), 80, "NUL"),
    "section into itself": (patched(DATA, entry(9) + 4, U32(64)), entry(9) + 4, "overlaps"),
    "section cycle": (patched(DATA, entry(9) + 4, U32(section(2))), entry(9) + 4, "overlaps"),
    "unaligned section": (patched(DATA, entry(9) + 4, U32(section(9) + 4)), entry(9) + 4, "multiple of 64"),
    "section beyond the end": (patched(DATA, entry(10) + 8, U32(0xFFFFFFF0)), entry(10) + 8, "beyond"),
    "section twice": (patched(DATA, entry(2), U32(1)), entry(2), "twice"),
    "section missing": (patched(DATA, entry(6), U32(99)), 128, "missing"),
    "feature id": (patched(DATA, section(2), U16(6)), section(2), "feature"),
    "NaN range": (patched(DATA, section(2) + 4, F32(np.nan)), section(2) + 4, "range"),
    "NaN weight": (patched(DATA, section(3), F64(np.nan)), section(3), "weight"),
    "column's feature": (patched(DATA, section(4), b"\x06"), section(4), "column"),
    "column without borders": (patched(DATA, section(4) + 1, b"\0"), section(4) + 1, "borders"),
    "borders' number": (patched(DATA, section(4) + 1, b"\xff"), section(5), "section 5"),
    "NaN threshold": (patched(DATA, section(5), F32(np.nan)), section(5), "NaN"),
    "infinite threshold": (patched(DATA, section(5), F32(np.inf)), section(5), "NaN or infinite"),
    "unsorted thresholds": (patched(DATA, section(5) + 4, F32(-1e30)), section(5) + 4, "ascend"),
    "depth 0": (patched(DATA, section(6), U32(1)), section(6), "depth 1 to 12"),
    "depth 13": (patched(DATA, section(6) + 52, U32(1)), section(6) + 52, "depth 1 to 12"),
    "other trees": (patched(DATA, section(6) + 48, U32(65535)), section(6) + 48, "hold the trees"),
    "fewer trees": (patched(DATA, 40, U32(8)), section(6), "add up"),
    "slot": (patched(DATA, section(7), b"\x3f"), section(7), "slot"),
    "cut": (patched(DATA, section(8), b"\x7f"), section(8), "cut"),
    "padding": (patched(DATA, section(8) + 63, b"\x00"), section(8) + 63, "padding"),
    "NaN leaf": (patched(DATA, section(9) + 4, F32(np.nan)), section(9) + 4, "leaf"),
    "level": (patched(DATA, section(10), F64(1.5)), section(10), "levels"),
    "interval beside its point": (patched(DATA, section(10) + 8, F64(0.5)), section(10) + 8, "contain"),
    "spread of depth 0": (patched(DATA, section(11), U32(0)), section(11), "depth 1 to 12"),
    "spread of depth 13": (patched(DATA, section(11), U32(13)), section(11), "depth 1 to 12"),
    "spread of depth 3": (patched(DATA, section(11), U32(3)), section(11), "section 11"),
    "spread cut off": (patched(DATA, entry(11) + 8, U32(4)), section(11), "depth 1 to 12"),
    "spread's feature": (patched(DATA, section(11) + 16, U32(6)), section(11) + 16, "not there"),
    "spread's threshold": (patched(DATA, section(11) + 12, F32(np.nan)), section(11) + 8, "no number"),
    "no share": (patched(DATA, section(11) + 24, F32(0)), section(11) + 24, "share"),
    "share above 1": (patched(DATA, section(11) + 28, F32(1.5)), section(11) + 28, "share"),
    "NaN share": (patched(DATA, section(11) + 36, F32(np.nan)), section(11) + 36, "share"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_their_offset(name):
    data, offset, words = BAD[name]
    with pytest.raises(DataError, match=f"byte {offset}: .*{words}"):
        Predictor(data)
    with pytest.raises(DataError):
        loads(data)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(DATA) - 1), st.binary(min_size=1, max_size=9))
def test_mutated_files_are_refused_or_answer(offset, value):
    data = patched(DATA, offset, value[: len(DATA) - offset])
    try:
        predictor = Predictor(data)
    except DataError:
        return
    assert np.isfinite(predictor.predict_many(np.zeros((3, 6), np.float32))).all()


TREE = Tree(np.array([0]), np.array([0.5], np.float32), np.array([1, 2], np.float32))
X = (Feature("x", 0),)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Model((), ()), "1 to 64 features"),
        (Model(tuple(Feature(f"x{i}", i) for i in range(65)), ()), "1 to 64 features"),
        (Model(X, (Tree(np.zeros(13, int), np.zeros(13, np.float32), np.zeros(8192, np.float32)),)), "depth 13"),
        (Model(X, (Tree(TREE.features, np.array([np.nan], np.float32), TREE.leaves),)), "NaN"),
        (Model(X, (Tree(np.array([1]), TREE.thresholds, TREE.leaves),)), "not among"),
        (Model(X, (TREE,), leaves="int16"), "int16"),
        (Model(X, (TREE,), link="log"), "link 'log'"),
        (Model(X, (TREE,), encoder="nasbench301/1"), "encoder"),
        (Model(X, (TREE,), unit="nanoseconds"), "unit"),
        (Model(X, (TREE,), bias=float("inf")), "finite"),
        (Model(X, (TREE,), spread=SPREAD), "not among"),
        (Model(X, (TREE,), spread=replace(SPREAD, shares=SPREAD.shares[:3])), "2\\^depth shares"),
        (Model(X, (TREE,), spread=replace(SPREAD, features=np.zeros(2, int), shares=2 * SPREAD.shares)), "share"),
    ],
)
def test_models_that_cannot_be_stored(model, words):
    with pytest.raises(DataError, match=words):
        dumps(model)


def test_too_many_thresholds():
    with pytest.raises(DataError, match="columns"):
        dumps(random_model(0, [12] * 1500, 1, 100_000))
