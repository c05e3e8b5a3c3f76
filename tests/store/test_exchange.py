"""What all readers of files have in common: any bytes give runs or one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from handmade import csv_of, lines_of, run
from hypothesis import example, given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError, UsageError
from augur_edge.store import measure_document
from augur_edge.store.flat_read import read_csv
from augur_edge.store.lines import read_lines


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=20), st.floats(0, 1), st.integers(0, 30))
@example(b"NaN", 0.5, 3)
@example(b"[" * 20, 0.0, 0)
@example(b"\xff", 0.5, 0)
def test_any_bytes_give_runs_or_one_line(folder: Path, junk: bytes, at: float, cut: int) -> None:
    for write, read in ((lines_of, read_lines), (csv_of, read_csv)):
        good = write(run()).encode()
        place = int(at * len(good))
        path = folder / "junk"
        path.write_bytes(good[:place] + junk + good[place + cut :])
        try:
            for record in read(path):
                json.dumps(measure_document(record), allow_nan=False)
        except DataError as error:
            assert len(str(error).splitlines()) == 1
            assert str(error).startswith(f"{path}:")


def test_a_missing_file_is_a_matter_of_usage(tmp_path: Path) -> None:
    for read in (read_csv, read_lines):
        with pytest.raises(UsageError, match="none: No such file"):
            list(read(tmp_path / "none"))
