"""Augur's CSV of layers: real files, round trips, and the line of every fault."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer
from augur_edge.models.augur_csv import AugurRow, read_augur_csv, read_augur_rows, write_augur_csv
from augur_edge.window import Window, conv2d

HEADER = "kx,ifmx,ifmy,zin,zout,stridex,pad_x,group"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_is_a_layer(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", f"{HEADER},latency,energy\n3,320,240,32,64,2,1,4,178316,39515761.6\n\n")
    (row,) = read_augur_rows(path)
    assert row == AugurRow(conv2d((1, 32, 240, 320), 64, Window(3, 2, 1), groups=4), 178316.0, 39515761.6)
    assert row.layer.outputs == ((1, 64, 120, 160),)
    assert row.layer.macs == 120 * 160 * 64 * 9 * 8


def test_columns_come_in_any_order_and_measurements_may_be_missing(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv", "\ufeffgroup,kx,ifmx,ifmy, zin ,zout,stridex,energy,pad_x\r\n1,01,8.0,9,4,5,1,,0\r\n"
    )
    assert read_augur_rows(path) == [AugurRow(conv2d((1, 4, 9, 8), 5, Window(1)))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.csv: empty"),
        ("\n", "a.csv: empty"),
        (HEADER, "a.csv: no layers"),
        (HEADER.replace("zin,", "") + "\n", "a.csv:1: no column 'zin'"),
        (HEADER + ",colour\n", "a.csv:1: unknown column 'colour'"),
        (HEADER + ",kx\n", "a.csv:1: a column appears twice"),
        ("a,b\n1,2\n", "a.csv:1: no column 'kx'"),
        (f"{HEADER}\n3,8,8,4,4,1,1,1\n3,8,8,4,4,1,1\n", "a.csv:3: 7 values under 8 columns"),
        (f"{HEADER}\n\n3,8,8,4,4,1,1,1,5\n", "a.csv:3: 9 values under 8 columns"),
        (f"{HEADER}\n3.5,8,8,4,4,1,1,1\n", "a.csv:2: kx is '3.5', not a whole number"),
        (f"{HEADER}\n3,8,8,4,4,1,-1,1\n", "a.csv:2: pad_x is '-1', not a whole number"),
        (f"{HEADER}\n3,8,8,4,²,1,1,1\n", "a.csv:2: zout is '²', not a whole number"),
        (f"{HEADER}\n3,8,8,0,4,1,1,1\n", "a.csv:2: zin is 0, must be at least 1"),
        (f"{HEADER}\n3,8,8,4,4,1,1,0\n", "a.csv:2: group is 0, must be at least 1"),
        (f"{HEADER}\n3,8,8,{'9' * 5000},4,1,1,1\n", "a.csv:2: zin is 999999999999, more than the 1048576"),
        (f"{HEADER}\n3,8,8,4,4,1,1,3\n", "a.csv:2: 3 groups do not divide 4 -> 4 channels"),
        (f"{HEADER}\n11,8,8,4,4,1,1,1\n", "a.csv:2: a window of 11 does not fit"),
        (f"{HEADER},latency\n3,8,8,4,4,1,1,1,fast\n", "a.csv:2: latency is 'fast', not a positive number"),
        (f"{HEADER},energy\n3,8,8,4,4,1,1,1,inf\n", "a.csv:2: energy is 'inf', not a positive number"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        read_augur_csv(written(tmp_path / "a.csv", text))
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"kx,\xff\xfe")
    with pytest.raises(DataError, match="byte 3 is no UTF-8 text"):
        read_augur_csv(path)


def test_a_missing_file_is_a_matter_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_augur_csv(tmp_path / "none.csv")


@given(st.binary(max_size=60), st.integers(0, 120))
def test_any_bytes_give_layers_or_one_line(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    good = f"{HEADER},latency,energy\n3,32,24,32,64,2,1,4,178316,39515761.6\n".encode()
    path = tmp_path_factory.getbasetemp() / "junk.csv"
    path.write_bytes(good[:at] + junk + good[at:])
    try:
        assert read_augur_csv(path)
    except DataError as error:
        assert len(str(error).splitlines()) == 1


def convolutions() -> st.SearchStrategy[Layer]:
    return st.builds(
        lambda groups, per_in, per_out, width, height, kernel, stride, padding: conv2d(
            (1, groups * per_in, height, width), groups * per_out, Window(kernel, stride, padding), groups=groups
        ),
        *[st.integers(1, 64)] * 3,
        *[st.integers(7, 320)] * 2,
        st.integers(1, 7),
        st.integers(1, 3),
        st.integers(0, 3),
    )


measured = st.none() | st.floats(1e-3, 1e12)


@given(st.lists(st.builds(AugurRow, convolutions(), measured, measured), min_size=1, max_size=9))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[AugurRow]) -> None:
    stream = io.StringIO()
    write_augur_csv(rows, stream)
    path = written(tmp_path_factory.getbasetemp() / "rows.csv", stream.getvalue())
    assert read_augur_rows(path) == rows


@pytest.mark.parametrize(
    "layer",
    [
        conv2d((1, 4, 8, 8), 4, Window((3, 1))),
        conv2d((1, 4, 8, 8), 4, Window(3, 2, "same")),
        conv2d((1, 4, 8, 8), 4, Window(3, dilation=2)),
        conv2d((2, 4, 8, 8), 4, Window(3)),
        Layer("relu", ((1, 4),), ((1, 4),)),
    ],
)
def test_a_layer_the_format_cannot_hold_is_refused(layer: Layer) -> None:
    with pytest.raises(UsageError, match="leave this layer out"):
        write_augur_csv([AugurRow(layer)], io.StringIO())


def test_every_published_file_is_read(data_folder: Path) -> None:
    paths = sorted((data_folder / "augur").glob("*/*.csv"))
    rows = [row for path in paths for row in read_augur_rows(path)]
    assert len(paths) > 200
    assert all(row.latency_cycles and row.energy_pj for row in rows)
    assert len({row.layer.digest for row in rows}) == 391
    with pytest.raises(DataError, match="no column 'kx'"):
        read_augur_csv(next((data_folder / "augur").glob("*/accuracy/*.csv")))
