"""Outputs are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from augur_edge.errors import AugurError
from augur_edge.store.files import text_output, write_bytes, write_whole


def test_an_output_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    with pytest.raises(AugurError, match="stop"), text_output(path) as stream:
        stream.write("half")
        raise AugurError("stop")
    assert [p.read_text() for p in (path, link)] == ["before", "before"]
    with text_output(link) as stream:
        stream.write("naïve\n")
        stream.flush()
        assert path.read_text() == "before"
    assert path.read_text(encoding="utf-8") == "naïve\n"
    assert link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.csv", "out.csv"]


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AugurError, match="cannot be written: No such file"), text_output(tmp_path / "no" / "x"):
        pass
    with text_output(Path("/dev/null")) as stream:
        stream.write("gone")
    assert Path("/dev/null").is_char_device()

    def full(_: Path) -> None:
        with Path("/dev/full").open("w") as file:
            file.write("x")

    with pytest.raises(AugurError, match="cannot be written: No space left"):
        write_whole(tmp_path / "x", full)
    assert list(tmp_path.iterdir()) == []


def test_bytes_replace_a_file_once_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"before")
    write_bytes(path, b"after")
    assert path.read_bytes() == b"after"

    def half(written: Path, data: bytes) -> int:
        with written.open("wb") as file:
            file.write(data[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(AugurError, match="cannot be written: No space left"):
        write_bytes(path, b"too much")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]
