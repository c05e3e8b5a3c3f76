from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from augur_edge import __version__
from augur_edge.device import context, facts
from augur_edge.errors import UsageError


def test_the_context_of_a_run_is_plain_data(raspberry_pi: Path) -> None:
    got = context(root=raspberry_pi, environ={})
    assert json.loads(json.dumps(got)).keys() == got.keys()
    assert got["device"]["model"].startswith("Raspberry Pi 4")
    assert got["profile"]["name"] == "raspberry-pi-4" and len(got["profile"]["digest"]) == 64
    assert got["versions"]["augur_edge"] == __version__
    assert got["conditions"]["before"]["clocks"][0]["governor"] == "ondemand"


def test_a_bad_profile_in_the_environment_is_named(raspberry_pi: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json"):
        context(root=raspberry_pi, environ={"AUGUR_EDGE_PROFILE": "none.json"})


def test_affinity_and_priority_are_this_process_s() -> None:
    assert facts.affinity() == sorted(os.sched_getaffinity(0))
    got = facts.priority()
    assert got["nice"] == os.getpriority(os.PRIO_PROCESS, 0)
    assert getattr(os, f"SCHED_{got['policy'].upper()}") == os.sched_getscheduler(0)
    assert got["level"] == os.sched_getparam(0).sched_priority
