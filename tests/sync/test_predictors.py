"""Predictors put in place: looked at first, in one step, and back again."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import GOLDEN, trained_for

from augur_edge.cli import main
from augur_edge.errors import DataError, UsageError
from augur_edge.predict.format import dumps, loads
from augur_edge.sync.predictors import UnsaidError, install, rollback


def test_what_stdin_brings_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "cut").open("wb") as file:
        file.write(GOLDEN[:100])
    with (tmp_path / "cut").open("rb") as file:
        monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": file}))
        words = ["deploy", "-", "--name", "p.augpred", "--sha256", "0" * 64, "--folder", str(tmp_path / "here")]
        assert main(words) == 5
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("name", ["../p.augpred", "p.txt", ".p.augpred", "a b.augpred", "$(id).augpred", "a\n.augpred"])
def test_names_of_predictors(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.augpred").write_bytes(GOLDEN)
    for where in ([], ["no-such-host"]):
        assert main(["deploy", str(tmp_path / "p.augpred"), *where, "--name", name, "--folder", str(tmp_path)]) == 5
        assert "a predictor's name" in capsys.readouterr().err


@pytest.mark.parametrize("data", [GOLDEN[:-10], b"", bytes(100), GOLDEN[:50] + b"\xff\xff" + GOLDEN[52:]])
def test_a_damaged_predictor_is_refused(tmp_path: Path, data: bytes) -> None:
    install(GOLDEN, tmp_path / "p.augpred", any_device=True)
    with pytest.raises(DataError, match="not a predictor for this device's kernel"):
        install(data, tmp_path / "p.augpred")
    assert (tmp_path / "p.augpred").read_bytes() == GOLDEN


def test_at_no_time_there_is_no_predictor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the last step was, the file is one of the two."""
    path, other = tmp_path / "p.augpred", trained_for("")
    install(GOLDEN, path, any_device=True)
    seen: list[bytes] = []
    replace = Path.replace

    def watched(self: Path, to: Path) -> Path:
        seen.append(path.read_bytes())
        done = replace(self, to)
        seen.append(path.read_bytes())
        return done

    monkeypatch.setattr(Path, "replace", watched)
    install(other, path, any_device=True)
    rollback(path)
    assert path.read_bytes() == GOLDEN
    assert len(seen) >= 6
    assert set(seen) == {GOLDEN, other}


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"training": 3},
        {"training": {"devices": 3}},
        {"training": {"devices": []}},
        {"training": {"device": "latency_ms"}},
    ],
)
def test_a_predictor_that_does_not_say_for_which_device(tmp_path: Path, meta: dict[str, object]) -> None:
    data = dumps(replace(loads(GOLDEN), meta=meta))
    with pytest.raises(UnsaidError, match=r"does not say what it was trained on.*--any-device"):
        install(data, tmp_path / "p.augpred")
    assert list(tmp_path.iterdir()) == []
    assert install(data, tmp_path / "p.augpred", any_device=True)


@pytest.mark.parametrize(
    ("here", "column", "fits"),
    [
        ("jetson-2", "jetson-1_onnxruntime", True),
        ("pixel_3-b", "pixel_3-a_litert_2", True),
        ("pixel_4-b", "pixel_3-a", False),
    ],
)
def test_a_column_of_a_device_of_this_kind_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, column: str, fits: bool
) -> None:
    monkeypatch.setenv("AUGUR_EDGE_DEVICE", here)
    with nullcontext() if fits else pytest.raises(DataError, match=f"trained for {column}, this is {here}"):
        assert install(trained_for(column), tmp_path / "p.augpred")


def test_rollback_where_the_current_one_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "p.augpred"
    for device in ("one", "two"):
        install(trained_for(device), path, any_device=True)
    path.unlink()
    rollback(path)
    assert path.read_bytes() == trained_for("one")
    with pytest.raises(UsageError, match="no predictor before it"):
        rollback(path)


@pytest.mark.parametrize(
    ("training", "fits"),
    [
        ({"device": "board-7_onnxruntime_2threads"}, True),
        ({"device": "my_board-7_litert"}, False),
        ({"device": "jetson-7_onnxruntime"}, False),
        ({"device": "jetson-7", "devices": ["board-7_litert"]}, True),
    ],
)
def test_predictors_of_architectures_are_of_a_kind_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training: dict[str, object], fits: bool
) -> None:
    monkeypatch.setenv("AUGUR_EDGE_DEVICE", "board-1")
    data = dumps(replace(loads(GOLDEN), meta={"training": training}))
    if fits:
        assert install(data, tmp_path / "p.augpred")
        return
    with pytest.raises(DataError, match="this is board-1"):
        install(data, tmp_path / "p.augpred")
