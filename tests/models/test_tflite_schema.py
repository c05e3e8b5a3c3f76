"""Bytes to schema objects and back, and what damaged files do."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError, MissingExtraError
from augur_edge.models import tflite_schema
from augur_edge.models.tflite_schema import decode_tflite, encode_tflite
from augur_edge.models.tflite_verify import verify_tflite
from augur_edge.models.tflite_write import to_tflite
from augur_edge.network import Network
from augur_edge.zoo import Builder

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")


def _network() -> Network:
    b = Builder("small", (1, 3, 8, 8))
    x = b.relu(b.batch_norm(b.conv(b.input, 8, 3, stride=2, padding=1)))
    x = b.concat([x, b.depthwise(x, 3, padding=1)])
    return b.network(b.softmax(b.dense(b.flatten(b.global_avg_pool(x)), 5)))


MODEL = to_tflite(_network(), dtype="int8")


def test_a_decoded_file_encodes_to_an_equal_one() -> None:
    again = encode_tflite(decode_tflite(MODEL))
    assert encode_tflite(decode_tflite(again)) == again
    first, second = decode_tflite(MODEL), decode_tflite(again)
    assert [t.name for t in first.subgraphs[0].tensors] == [t.name for t in second.subgraphs[0].tensors]
    for a, b in zip(first.buffers, second.buffers):
        assert (a.data is None) == (b.data is None)
        assert a.data is None or np.array_equal(a.data, b.data)


def test_constants_are_aligned_to_16_bytes_and_not_copied() -> None:
    start = np.frombuffer(MODEL, np.uint8).ctypes.data
    constants = [b.data for b in decode_tflite(MODEL).buffers if b.data is not None]
    assert constants
    for data in constants:
        assert (data.ctypes.data - start) % 16 == 0
        assert start <= data.ctypes.data < start + len(MODEL)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x08\x00\x00\x00ONNX", b"PK\x03\x04" * 20, b"\x1c\0\0\0TFL3"])
def test_foreign_bytes_are_named_for_what_they_are(data: bytes) -> None:
    with pytest.raises(DataError, match=r"not a \.tflite|damaged"):
        decode_tflite(data)


@given(st.integers(0, len(MODEL) - 1))
@settings(max_examples=60, deadline=None)
def test_a_file_cut_short_is_refused_or_reads_the_same(length: int) -> None:
    """Only padding at the end may be missing."""
    try:
        decode_tflite(MODEL[:length])
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert length > len(MODEL) - 16


@given(st.lists(st.tuples(st.integers(0, len(MODEL) - 1), st.integers(0, 255)), min_size=1, max_size=20))
@settings(max_examples=300, deadline=2000)
def test_changed_bytes_decode_or_are_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(MODEL)
    for place, value in changes:
        data[place] = value
    try:
        model = decode_tflite(bytes(data))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        encode_tflite(model)


def test_changed_offsets_decode_or_are_refused() -> None:
    """Whole words, where the offsets are: a harder case than single bytes."""
    rng = random.Random(0)
    refused = 0
    for _ in range(300):
        data = bytearray(MODEL)
        place = rng.randrange(len(data) // 4) * 4
        data[place : place + 4] = rng.choice([0, 4, rng.randrange(len(data)), 2**31 - 1, 2**32 - 4]).to_bytes(
            4, "little"
        )
        try:
            decode_tflite(bytes(data))
        except DataError:
            refused += 1
    assert refused > 30


def test_tables_that_share_a_vector_do_not_multiply() -> None:
    """3000 graphs, all of them the same one, fit in 12 kB but would be a hundred thousand tables."""
    n, marker = 3000, b"\xab" * 8
    model = decode_tflite(MODEL)
    model.buffers[0].data = np.frombuffer(marker + bytes(4 * n), np.uint8)
    data = bytearray(encode_tflite(model))
    vector = data.index(marker) + 4

    def word(at: int, form: str = "<I") -> int:
        return int(struct.unpack_from(form, data, at)[0])

    root = word(0)
    field = root + word(root - word(root, "<i") + 8, "<H")
    graphs = field + word(field)
    graph = graphs + 4 + word(graphs + 4)
    assert graph > vector, "offsets point forward only"
    struct.pack_into("<I", data, vector, n)
    for at in range(vector + 4, vector + 4 + 4 * n, 4):
        struct.pack_into("<I", data, at, graph - at)
    struct.pack_into("<I", data, field, vector - field)
    with pytest.raises(DataError, match="damaged"):
        verify_tflite(bytes(data))


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert", None)
    with pytest.raises(MissingExtraError, match="pip install 'augur-edge\\[litert\\]'"):
        tflite_schema.schema()


def test_weights_appended_after_the_tables_are_fetched() -> None:
    """Files above 2 GB keep them there."""
    model = decode_tflite(MODEL)
    index = next(i for i, b in enumerate(model.buffers) if b.data is not None and len(b.data) > 100)
    values = model.buffers[index].data
    for _ in range(2):  # the first time to learn the length of the tables
        table = encode_tflite(_with_appended(index, len(values)))
        table = encode_tflite(_with_appended(index, len(values), len(table)))
    got = decode_tflite(table + values.tobytes())
    assert np.array_equal(got.buffers[index].data, values)
    with pytest.raises(DataError, match=f"buffer {index} needs bytes"):
        decode_tflite(table + values.tobytes()[:-1])


def _with_appended(index: int, size: int, offset: int = 2) -> object:
    model = decode_tflite(MODEL)
    model.buffers[index].data = None
    model.buffers[index].offset, model.buffers[index].size = offset, size
    return model
