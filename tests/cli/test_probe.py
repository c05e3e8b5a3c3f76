from __future__ import annotations

import json
from pathlib import Path

import pytest

from augur_edge import device
from augur_edge.cli import main


def test_json_is_one_document_with_schema_and_context_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document)[:2] == ["schema", "context"]
    assert document["schema"] == "augur-edge/probe/1"
    assert document["context"]["device"]["id"] == device.identify().id
    assert document["timer"]["resolution_ns"] > 0
    assert {"profile", "runtimes", "edge_tpu", "missing", "advice"} <= set(document)
    assert "power" in document["missing"]


def test_the_text_has_every_fact_and_every_gap(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert main(["probe"]) == 0
    out = capsys.readouterr().out
    assert document["context"]["device"]["id"] in out and document["profile"]["name"] in out
    assert all(f"  {name}: " in out for name in document["missing"])
    assert all(f"  {step}" in out for step in document["advice"] if "waited" not in step)


def test_the_device_s_name_comes_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUGUR_EDGE_DEVICE", "kitchen")
    assert main(["probe"]) == 0
    assert capsys.readouterr().out.startswith("device       kitchen\n")


def test_a_draft_can_be_used_at_once_and_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my.json"
    assert main(["probe", "-o", str(path)]) == 0
    draft = path.read_bytes()
    assert main(["probe", "--profile", str(path), "--json"]) == 0
    assert main(["probe", "-o", str(path)]) == 2
    assert path.read_bytes() == draft
    assert "exists already" in capsys.readouterr().err


def test_a_malformed_profile_is_exit_code_5_and_an_absent_one_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text("{}")
    assert main(["probe", "--profile", str(tmp_path / "bad.json")]) == 5
    assert main(["probe", "--profile", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 2
