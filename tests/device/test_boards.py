"""Each board that has a profile is recognised by its files, and no other is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from boards import BOARDS, board

from augur_edge.cli.probe import gather, text
from augur_edge.device import identify, pick, power
from augur_edge.device import profile as profiles
from augur_edge.device.profile import Profile
from augur_edge.errors import DataError, UsageError

ON_HOSTS = {"coral-usb": "generic-x86-64"}  # an accelerator is found beside the profile of its host
SHIPPED = {p.name: p for p in profiles.shipped()}
RAILS = {
    "jetson-nano": ("POM_5V_IN",),
    "jetson-xavier-nx": ("VDD_IN",),
    "jetson-orin-nano": ("VDD_IN",),
    "jetson-agx-orin": ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"),
    "pixel-6": ("battery",),
    "generic-android": ("battery",),
    "generic-x86-64": ("package-0",),
    "coral-usb": ("package-0",),
}


def test_there_is_a_tree_for_each_profile() -> None:
    assert set(BOARDS) == set(SHIPPED)


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_recognised_and_no_other(name: str, tmp_path: Path) -> None:
    device = identify(board(tmp_path, name), {})
    assert pick(device, environ={}).name == ON_HOSTS.get(name, name)
    assert [p.name for p in profiles.accelerators(device)] == ([name] if name in ON_HOSTS else [])
    specific = {p.name for p in SHIPPED.values() if not p.name.startswith("generic") and profiles.fits(p, device)}
    assert specific <= {name}


@pytest.mark.parametrize("name", BOARDS)
def test_probe_names_the_sensors_and_what_is_missing(name: str, tmp_path: Path) -> None:
    document = gather(root=board(tmp_path, name))
    assert [tuple(s["rails"]) for s in document["power"]] == ([RAILS[name]] if name in RAILS else [])
    assert ("power" in document["missing"]) == (name not in RAILS)
    assert not {"thermal zones", "processors", "power rail", "clocks", "temperatures"} & set(document["missing"])
    assert document["context"]["profile"]["name"] == document["profile"]["name"]
    printed = text(document)
    assert document["profile"]["title"] in printed
    old = SHIPPED[ON_HOSTS.get(name, name)].python
    assert old is None or old.newer in printed


def test_what_a_board_should_have_and_has_not_is_named(tmp_path: Path) -> None:
    root = board(tmp_path, "jetson-xavier-nx")
    (root / "sys/bus/i2c/devices/1-0040/hwmon/hwmon0/in1_label").write_text("NC\n")
    (root / "sys/devices/system/cpu/online").write_text("0-3\n")
    (root / "sys/class/thermal/thermal_zone3/type").write_text("other\n")
    missing = gather(root=root)["missing"]
    assert missing["power rail"].startswith("the total rail VDD_IN is not there; VDD_CPU_GPU_CV, VDD_SOC are summed")
    assert missing["processors"].startswith("4 of 6 are online")
    assert missing["thermal zones"].startswith("GPU-therm ")


@pytest.mark.parametrize("name", [n for n in BOARDS if n not in ON_HOSTS])
def test_a_draft_of_a_board_is_taken_for_it_again(name: str, tmp_path: Path) -> None:
    path, root = tmp_path / "draft.json", board(tmp_path, name)
    gather(draft_path=path, root=root)
    assert pick(identify(root, {}), path).tested is False


def test_a_profile_for_another_board_is_a_clear_error(tmp_path: Path) -> None:
    nano = identify(board(tmp_path, "jetson-nano"), {})
    with pytest.raises(UsageError) as caught:
        pick(nano, profiles.folder() / "raspberry-pi-5.json")
    words = str(caught.value)
    assert "raspberry-pi-5.json is for another device: its compatible is raspberrypi,5-model-b" in words
    assert "here it is nvidia,p3449-0000-b00+p3448-0000-b00, nvidia,jetson-nano" in words and "probe -o" in words


def test_nothing_of_a_foreign_tree_is_executed(tmp_path: Path) -> None:
    root = board(tmp_path, "pixel-6")
    trap = root / "system/bin/getprop"
    trap.parent.mkdir(parents=True)
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\n")
    trap.chmod(0o755)
    gather(root=root)
    power.find(root)
    assert not (tmp_path / "executed").exists()


def test_a_sysroot_that_is_no_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        gather(root=tmp_path / "none")


@pytest.mark.parametrize("profile", SHIPPED.values(), ids=SHIPPED)
def test_each_number_has_a_source(profile: Profile) -> None:
    """A source begins with the keys it is for; documents have an address."""
    sourced = {key.split(".")[0] for s in profile.sources for key in s.partition(": ")[0].split(", ")}
    told = {"match", "timer", "protocol", "runtimes", "tested"}
    told |= {key for key in ("cores", "power", "clocks", "fan", "thermal", "python") if getattr(profile, key)}
    assert told <= sourced
    assert any("https://" in s for s in profile.sources)
    if not profile.tested:
        assert any("has never run on the real board" in s for s in profile.sources)


@pytest.mark.parametrize("profile", SHIPPED.values(), ids=SHIPPED)
def test_what_a_profile_says_hangs_together(profile: Profile) -> None:
    assert set(profile.delegates or ()) <= set(profile.runtimes)
    assert profile.power is not None and profile.clocks is not None
    assert profile.kind == "accelerator" or profile.thermal is not None
    for zone in profile.thermal.zones if profile.thermal else ():
        assert None in (zone.throttle_c, zone.shutdown_c) or zone.throttle_c < zone.shutdown_c  # type: ignore[operator]
    paths = [*profile.clocks.files.values(), *(profile.fan.files.values() if profile.fan else ())]
    paths += [sign.path for sign in profile.thermal.throttle_signs] if profile.thermal else []
    assert not [p for p in paths if p.startswith("/") or ".." in p], "all below a root"
    for cluster in profile.cores:
        first, _, last = (cluster.cpus or "").partition("-")
        assert cluster.cpus is None or int(last or first) - int(first) + 1 == cluster.count


@pytest.mark.parametrize("name", ["jetson-nano", "raspberry-pi-5", "pixel-6", "generic-aarch64"])
def test_clusters_read_from_the_tree_are_those_of_the_profile(name: str, tmp_path: Path) -> None:
    device = identify(board(tmp_path, name), {})
    known = [(c.core, c.count) for c in SHIPPED[name].cores]
    assert not known or [(c.core, len(c.cpus)) for c in device.clusters] == known


def malformed(tmp_path: Path, change: Any) -> str:
    data = json.loads((profiles.folder() / "jetson-nano.json").read_text())
    change(data)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(data, indent=2))
    with pytest.raises(DataError) as caught:
        profiles.read(path)
    line = int(re.findall(r"line (\d+)", str(caught.value))[0])
    return path.read_text().splitlines()[line - 1].strip() + " <- " + str(caught.value)


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (
            lambda d: d["power"]["rails"][1].update(is_total="no"),
            '"is_total": "no"',
            "power.rails[1].is_total: 'no' is not",
        ),
        (
            lambda d: d["thermal"]["zones"][0].update(throttle_c=-1),
            '"throttle_c": -1',
            "zones[0].throttle_c: -1 is not above",
        ),
        (lambda d: d["thermal"]["throttle_signs"][0].pop("sign"), "{", "thermal.throttle_signs[0].sign: missing"),
        (
            lambda d: d["clocks"].update(tune="jetson_clocks"),
            '"tune": "jetson_clocks"',
            "clocks.tune: 'jetson_clocks' is not",
        ),
        (lambda d: d["clocks"]["show"].append([]), "[]", "clocks.show[2]: not a list with at least 1"),
        (lambda d: d["delegates"].update(torch=[]), '"torch": []', "delegates.torch: no such key"),
        (lambda d: d["power"].update(sensors=["ina9"]), '"ina9"', "power.sensors[0]: 'ina9' is none of"),
        (lambda d: d.update(kind="toaster"), '"kind": "toaster"', "kind: 'toaster' is none of"),
    ],
)
def test_a_malformed_profile_names_line_and_key(change: Any, line: str, words: str, tmp_path: Path) -> None:
    seen, _, message = malformed(tmp_path, change).partition(" <- ")
    assert seen.startswith(line) and words in message


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"schema": "augur-edge/device-profile/1",\n "name": "a",\n "name": "b"}')
    with pytest.raises(DataError, match="name: there twice"):
        profiles.read(path)
    path.write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"bad\.json"):
        profiles.read(path)
