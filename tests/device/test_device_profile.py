from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from augur_edge.device import identify, pick
from augur_edge.device import profile as profiles
from augur_edge.errors import DataError, UsageError

GOOD = {
    "schema": profiles.SCHEMA,
    "name": "kitchen",
    "title": "The board in the kitchen",
    "match": {"model": ["pi 4"]},
    "runtimes": ["litert"],
    "timer": "CLOCK_MONOTONIC_RAW",
    "protocol": {"threads": 1, "precision": 0.02, "max_time_s": 30},
    "tested": True,
    "sources": ["measured"],
}


def write(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps({k: v for k, v in {**GOOD, **changes}.items() if v is not ...}))
    return path


@pytest.mark.parametrize("path", sorted(profiles.folder().glob("*.json")), ids=lambda p: p.stem)
def test_each_profile_that_ships_is_well_formed_and_named_as_its_file(path: Path) -> None:
    profile = profiles.read(path)
    assert profile.name == path.stem
    assert profile.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_generic_profiles_go_by_architecture(raspberry_pi: Path, laptop: Path) -> None:
    stranger = replace(identify(raspberry_pi, {}), compatible=(), model="Some Board")
    assert pick(stranger, environ={}).name == "generic-aarch64"
    assert pick(identify(laptop, {}), environ={}).name == "generic-x86-64"


def test_the_most_specific_profile_wins(raspberry_pi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    monkeypatch.setattr(profiles, "folder", lambda: folder)
    device = identify(raspberry_pi, {})
    write(folder / "a.json", name="arch", match={"arch": ["aarch64"]})
    assert pick(device, environ={}).name == "arch"
    write(folder / "b.json", name="model", match={"model": ["RASPBERRY PI 4", "pi 5"]})
    assert pick(device, environ={}).name == "model"
    write(folder / "c.json", name="both", match={"model": ["Raspberry"], "arch": ["aarch64", "arm64"]})
    assert pick(device, environ={}).name == "both"
    write(folder / "d.json", name="tree", match={"compatible": ["raspberrypi,4-model-b"]})
    assert pick(device, environ={}).name == "tree"
    write(folder / "e.json", name="other", match={"compatible": ["raspberrypi,4-model-b"], "arch": ["x86_64"]})
    assert pick(device, environ={}).name == "tree", "each key must fit"


def test_the_environment_names_a_profile(raspberry_pi: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "my.json", name="mine")
    assert pick(identify(raspberry_pi, {}), environ={"AUGUR_EDGE_PROFILE": str(path)}).name == "mine"


def test_no_profile_for_an_unheard_of_architecture(raspberry_pi: Path) -> None:
    with pytest.raises(UsageError, match=r"riscv64.*probe -o"):
        pick(replace(identify(raspberry_pi, {}), arch="riscv64", compatible=()), environ={})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "augur-edge/device-profile/2"}, "reads up to augur-edge/device-profile/1"),
        ({"timer": ...}, "timer: missing"),
        ({"colour": "red"}, "colour: no such key"),
        ({"tested": 1}, "tested: 1 is not true or false"),
        ({"match": {}}, "match: empty"),
        ({"match": {"colour": ["red"]}}, "match.colour: no such key"),
        ({"match": {"arch": []}}, "match.arch: not a list with at least 1"),
        ({"match": {"arch": "x86_64"}}, "match.arch: 'x86_64' is not a list"),
        ({"runtimes": ["torch"]}, "runtimes[0]: 'torch' is none of"),
        ({"sources": [1]}, "sources[0]: 1 is not a text"),
        ({"timer": "sundial"}, "timer: 'sundial' is none of"),
        (
            {"protocol": {"threads": True, "precision": 0.1, "max_time_s": 1}},
            "protocol.threads: True is not a whole number",
        ),
        ({"protocol": {"threads": 1, "precision": -1, "max_time_s": 1}}, "protocol.precision: -1 is not above 0"),
        ({"protocol": {"threads": 1, "precision": 0.1}}, "protocol.max_time_s: missing"),
    ],
)
def test_a_malformed_profile_names_the_file_and_the_key(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError) as caught:
        profiles.read(write(tmp_path / "bad.json", **changes))
    assert "bad.json" in str(caught.value) and words in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe\x00", b"null"])
def test_a_file_that_is_no_profile_is_one_clear_error(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "bad.json").write_bytes(raw)
    with pytest.raises(DataError, match=r"bad\.json"):
        profiles.read(tmp_path / "bad.json")


def test_an_absent_profile_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        profiles.read(tmp_path / "none.json")


def test_a_draft_is_a_profile_that_fits_its_device(raspberry_pi: Path, laptop: Path, tmp_path: Path) -> None:
    for root in (raspberry_pi, laptop):
        device = identify(root, {})
        base = pick(device, environ={})
        (tmp_path / "draft.json").write_text(profiles.draft(device, base, ["litert"]))
        drafted = pick(device, tmp_path / "draft.json")
        assert profiles.fits(drafted, device)
        assert (drafted.runtimes, drafted.tested, drafted.protocol) == (("litert",), False, base.protocol)
