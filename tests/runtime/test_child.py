"""The child that loads a network once, to tell its memory."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any, ClassVar

import pytest

from augur_edge.runtime.child import Load, _run_once


class Session:
    """Of a library that reads the model's bytes until it is deleted, as LiteRT does."""

    model_was_there: ClassVar[list[bool]] = []

    def __init__(self, model: mmap.mmap) -> None:
        self._model = model

    def bind(self, inputs: Any, outputs: Any) -> Session:
        return self

    def run(self) -> None:
        assert self._model[:5] == b"bytes"

    def __del__(self) -> None:
        self.model_was_there.append(not self._model.closed)


class Library:
    def __init__(self, path: str, threads: int = 1) -> None:
        pass

    def session(self, model: mmap.mmap, optimise: bool) -> Session:
        return Session(model)

    def compile(self, model: mmap.mmap, threads: int) -> Session:
        return Session(model)


@pytest.mark.parametrize("kind", ["ort", "litert"])
def test_a_session_is_gone_before_its_model_is(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _timing = pytest.importorskip("augur_edge._timing", reason="the native timing module is not built")
    monkeypatch.setattr(_timing, "OrtLibrary", Library)
    monkeypatch.setattr(_timing, "LiteRtLibrary", Library)
    monkeypatch.setattr(Session, "model_was_there", [])
    path = tmp_path / "model"
    path.write_bytes(b"bytes of a model")
    _run_once(str(path), Load(kind, "anywhere", 1, [], []))
    assert Session.model_was_there == [True]
    assert int(capsys.readouterr().out) > 1 << 20
