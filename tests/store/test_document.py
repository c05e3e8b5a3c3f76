"""The document of a run: its fields, the arithmetic of its sums and ratios, and null for what is unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anyruns import runs
from handmade import CONV, POOL, floor, layer, network, run, whole
from hypothesis import given

from augur_edge.layers import Layer
from augur_edge.store import NetworkRecord, RunRecord, measure_document

SUMMARY = ["median", "mad", "p90", "p99", "ci95", "n", "loops", "n_outliers"]


def document(*networks: NetworkRecord, **fields: Any) -> dict[str, Any]:
    return measure_document(run(networks=list(networks), **fields))


def one(**fields: Any) -> dict[str, Any]:
    entry: dict[str, Any] = document(network(**fields))["networks"][0]
    return entry


def test_the_fields_are_those_agreed_in_their_order() -> None:
    doc = document(network())
    assert list(doc) == ["schema", "context", "verdict", "networks"]
    assert doc["schema"] == "augur-edge/measure/1"
    assert doc["verdict"] == {"steady": True, "reasons": []}
    (net,) = doc["networks"]
    assert list(net) == [
        "name", "runtime", "mode", "run", "latency_ns", "sum_of_layers_ns", "ratio", "ratio_raw", "call_floor_ns",
        "load_ns", "peak_rss_bytes", "first_ns", "energy_uj", "energy_reason", "energy_sensor", "layers",
    ]  # fmt: skip
    assert list(net["latency_ns"]) == SUMMARY
    assert [list(x) for x in net["layers"]] == [[
        "name", "op", "count", "nodes", "spec", "macs", "status", "reason", "latency_ns", "isolated_ns", "energy_uj",
        "energy_reason",
    ]] * 3  # fmt: skip
    assert list(net["layers"][0]["latency_ns"]) == SUMMARY
    assert (net["run"], net["name"], net["runtime"], net["mode"]) == (run().id, "tiny", "onnxruntime", "replay")


def test_sum_and_ratios_by_hand() -> None:
    net = one()
    assert net["latency_ns"]["median"] == 33_000
    assert net["sum_of_layers_ns"] == 35_000
    assert net["call_floor_ns"] == 1_000  # blocks of 10 calls
    assert net["ratio_raw"] == pytest.approx(35 / 33)
    assert net["ratio"] == pytest.approx((35 - 3) / (33 - 1))
    assert (net["load_ns"], net["first_ns"], net["peak_rss_bytes"]) == (2_000_000, 300_000, 1 << 26)


def test_a_layer_has_what_it_is_and_what_it_takes() -> None:
    stem, _, pool = one()["layers"]
    assert (stem["name"], stem["op"], stem["nodes"], stem["count"]) == ("stem.conv", "conv2d", ["/stem.conv"], 1)
    assert Layer.from_dict(json.loads(json.dumps(stem["spec"]))) == CONV
    assert (stem["macs"], pool["macs"]) == (128 * 28 * 28 * 64 * 9, 0)
    assert stem["latency_ns"]["median"] == 10_000
    assert stem["isolated_ns"]["median"] == 9_000


def test_equal_layers_share_what_was_measured_in_isolation() -> None:
    stem, body, pool = one(
        measurements=[
            layer(0, "a", 10_000),
            layer(1, "b", 11_000),
            layer(2, "c", 5_000, op="max_pool2d", spec=POOL),
            layer(0, "a", 9_000, mode="isolated", count=2),
        ]
    )["layers"]
    assert stem["isolated_ns"]["median"] == body["isolated_ns"]["median"] == 9_000
    assert pool["isolated_ns"] is None


def test_in_isolated_mode_a_layer_counts_as_often_as_it_stands_there() -> None:
    net = one(
        mode="isolated",
        measurements=[
            layer(0, "a", 10_000, mode="isolated", count=3),
            layer(3, "c", 5_000, mode="isolated"),
            whole(33_000, mode="isolated"),
            floor(1_000, mode="isolated"),
        ],
    )
    assert net["sum_of_layers_ns"] == 35_000
    assert net["ratio"] == pytest.approx((35 - 4) / 32)
    assert net["layers"][0]["isolated_ns"] == net["layers"][0]["latency_ns"]


def test_the_profilers_layers_have_no_call_floor() -> None:
    net = one(
        mode="profiler",
        measurements=[layer(0, "a", 30_000, mode="profiler"), whole(33_000, mode="profiler"), floor(1_000, "replay")],
    )
    assert net["ratio"] == pytest.approx(30 / 32)


def test_what_is_unknown_is_null() -> None:
    net = one(info={}, measurements=[layer(0, "a", 10_000, spec=None), layer(1, "b", None), floor(1_000)])
    unknown = ["latency_ns", "sum_of_layers_ns", "ratio", "ratio_raw", "load_ns", "peak_rss_bytes", "energy_uj"]
    assert [net[name] for name in unknown] == [None] * len(unknown)
    assert {"first_ns", "output_error", "notes"}.isdisjoint(net)
    known, failed = net["layers"]
    assert (known["spec"], known["macs"], known["energy_uj"]) == (None, None, None)
    assert (failed["status"], failed["reason"], failed["latency_ns"]) == ("failed", "no kernel for it", None)
    assert one(measurements=[])["sum_of_layers_ns"] is None


def test_a_ratio_to_nothing_is_null() -> None:
    assert one(measurements=[layer(0, "a", 10_000), whole(1_000), floor(1_000)])["ratio"] is None


def test_energy_and_facts_are_passed_on() -> None:
    energy = {"median": 12.5, "rail": "VDD_IN"}
    net = one(
        info={"output_error": 1e-6, "notes": ["cut from its own graph"], "energy_reason": None},
        measurements=[layer(0, "a", 10_000, energy=energy), whole(33_000, energy=energy)],
    )
    assert net["energy_uj"] == net["layers"][0]["energy_uj"] == energy
    assert (net["output_error"], net["notes"]) == (1e-6, ["cut from its own graph"])


def test_a_run_without_a_verdict_is_not_steady() -> None:
    verdict = document(status="interrupted", verdict=None)["verdict"]
    assert verdict["steady"] is False
    assert verdict["reasons"][0]["text"] == "the run is interrupted, so nothing was judged"


@given(runs())
def test_every_run_has_a_document_that_is_json(record: RunRecord) -> None:
    text = json.dumps(measure_document(record), allow_nan=False)
    for net, stored in zip(json.loads(text)["networks"], record.networks):
        kinds = [(m.kind, m.mode) for m in stored.measurements]
        assert len(net["layers"]) == kinds.count(("layer", stored.mode))


def test_a_resumed_run_says_which_sessions_were_not_judged() -> None:
    once, twice = {"conditions": {}, "first": {"a": 1}}, {"conditions": {}, "first": {"first": {"a": 1}}}
    for context, n in ((once, 2), (twice, 3)):
        verdict = document(context=context)["verdict"]
        assert verdict["steady"] is True
        assert f"in the last of {n} sessions only" in verdict["note"]
