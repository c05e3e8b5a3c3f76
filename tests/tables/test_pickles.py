from __future__ import annotations

import contextlib
import io
import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError, UsageError
from augur_edge.tables.pickles import loads_plain, read_plain

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.tuples(st.integers(), st.integers()) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


class Exploit:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


@settings(max_examples=60, deadline=None)
@given(PLAIN, st.sampled_from(range(pickle.HIGHEST_PROTOCOL + 1)))
def test_plain_data_come_back_as_python_would_read_them(data, protocol):
    assert loads_plain(pickle.dumps(data, protocol)) == data


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_scalars_become_python_numbers(protocol):
    data = {(1, 2): np.float64(0.5), (2, 1): np.float32(1.5), (0, 0): [np.int64(-7), np.uint8(9), np.bool_(True)]}
    found = loads_plain(pickle.dumps(data, protocol))
    assert found == {(1, 2): 0.5, (2, 1): 1.5, (0, 0): [-7, 9, 1]}
    assert type(found[1, 2]) is float


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.system, subprocess.check_call, eval, exec])
def test_an_exploit_runs_nothing(function, protocol, tmp_path):
    mark = tmp_path / "ran"
    words = {os.system: f"touch {mark}", subprocess.check_call: ["touch", str(mark)]}
    code = words.get(function, f"__import__('pathlib').Path({str(mark)!r}).touch()")
    attack = {(0,) * 6: Exploit(function, code)}
    pickle.loads(pickle.dumps(attack, protocol))
    assert mark.exists()
    mark.unlink()
    path = tmp_path / "cells.pickle"
    path.write_bytes(pickle.dumps(attack, protocol))
    with pytest.raises(DataError, match=r"cells\.pickle: byte \d+: holds a call of .*nothing was run"):
        read_plain(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        np.arange(3),
        Path("x"),
        {1, 2},
        io.BytesIO,
        np.datetime64("2020-01-01"),
        complex(1, 2),
    ],
    ids=["array", "path", "set", "class", "datetime", "complex"],
)
def test_what_is_not_plain_is_refused(data):
    with pytest.raises(DataError):
        loads_plain(pickle.dumps(data, 4))


def test_a_tower_of_tuples_is_no_crash():
    with pytest.raises(DataError, match="tuples 32 deep"):
        loads_plain(b"\x80\x02}K\x01" + b"\x85" * 3_000_000 + b"K\x01s.")


def test_the_same_key_twice_is_refused():
    with pytest.raises(DataError, match=r"the key \(1, 2\) twice"):
        loads_plain(b"\x80\x02}(K\x01K\x02\x86K\x01K\x01K\x02\x86K\x02u.")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(DataError):
        loads_plain(data)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_pickle_is_read_or_refused(data):
    whole = bytearray(pickle.dumps({(1, 2, 3): np.float64(0.25), (4, 5, 6): [[0.5], [1.0]], "a": "invalid"}, 2))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(at, len(whole)))
    with contextlib.suppress(DataError):
        loads_plain(bytes(whole[:cut]))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_plain(tmp_path / "none.pickle")


def test_tuples_doubled_by_the_memo_are_not_hashed():
    doubled = b"".join(b"q%ch%c\x86" % (i, i) for i in range(24))
    with pytest.raises(DataError, match="a tuple of more than 1000000 values"):
        loads_plain(b"\x80\x02}K\x01K\x02\x86" + doubled + b"K\x01s.")


def test_what_is_refused_is_told_in_short():
    long = pickle.dumps(tuple(range(3000)), 2)[2:-1]
    with pytest.raises(DataError) as told:
        loads_plain(b"\x80\x02}(" + (long + b"K\x01") * 2 + b"u.")
    assert "the key (0, 1, 2" in str(told.value) and len(str(told.value)) < 200
    lists = b"]q\x00" + b"".join(b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(40))
    with pytest.raises(DataError, match="a numpy dtype list"):
        loads_plain(b"\x80\x02" + lists + b"cnumpy\ndtype\nh(\x85R.")
