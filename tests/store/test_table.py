"""The table for people: figures with unit and spread, at most as wide as the terminal."""

from __future__ import annotations

from typing import Any

import pytest
from anyruns import runs
from handmade import floor, layer, network, run, whole
from hypothesis import given
from hypothesis import strategies as st

from augur_edge.store import RunRecord, measure_document
from augur_edge.store.table import layer_table, run_text, sample_text, short_time, shorten


def table(width: int = 100, sort: str = "order", **fields: Any) -> list[str]:
    document = measure_document(run(networks=[network(**fields)]))
    return layer_table(document["networks"][0], width, sort).splitlines()


def test_a_line_for_each_layer_and_one_for_the_whole() -> None:
    header, stem, body, pool, *rest = table()
    assert header.split() == ["layer", "op", "latency", "share", "isolated", "MACs", "GMAC/s"]
    assert " ".join(stem.split()) == "stem.conv conv2d 10.00 us ±0.5% 28.6% 9.000 us ±0.5% 57.8 M 5780.3"
    assert body.split()[:5] == ["body.conv", "fused_conv", "20.00", "us", "±0.5%"]
    assert pool.split() == ["pool", "max_pool2d", "5.000", "us", "±0.5%", "14.3%", "-", "-", "-"]
    summary = " ".join(" ".join(rest).split())
    assert summary == (
        "whole 33.00 us ±0.5%, sum of 3 layers 35.00 us, ratio 1.061 (net of the floor 1.000), call floor 1.000 us, "
        "load 2.000 ms, first inference 300.0 us, peak RSS 64.0 MiB, energy unknown (no sensor)"
    )


def test_slowest_first_when_asked() -> None:
    assert [line.split()[0] for line in table(sort="latency")[1:4]] == ["body.conv", "stem.conv", "pool"]


def test_failed_layers_are_named_with_their_reason() -> None:
    lines = table(info={}, measurements=[layer(0, "a", 1_000), layer(1, "b", None), whole(2_000), floor(10)])
    assert lines[2].split()[:3] == ["b", "conv2d", "failed"]
    assert lines[3:5] == ["", "b: no kernel for it"]
    assert lines[5] == "whole 2.000 us ±0.5%, call floor 10.00 ns"


def test_a_network_that_did_not_load_says_why() -> None:
    assert table(info={"failed": "no operator X"}, measurements=[]) == ["the network failed: no operator X"]


def test_foreign_names_move_no_cursor() -> None:
    assert table(measurements=[layer(0, "a\x1b[2J\nb", 1_000)])[1].startswith("a?[2J?b  ")


def test_equal_layers_are_one_line() -> None:
    lines = table(mode="isolated", measurements=[layer(0, "a", 1_000, mode="isolated", count=4)], info={})
    assert lines[1].startswith("a x4  ")
    assert "isolated" not in lines[0]
    assert lines[3] == "sum of 4 layers 4.000 us"


@pytest.mark.parametrize("width", [45, 60, 80, 100, 200])
def test_long_names_fit_every_terminal(width: int) -> None:
    name = "encoder/block_11/attention/" + "very_long/" * 9
    measurements = [
        *(layer(i, f"{name}{i}", 10**i, op="com.example.domain.SomeFusedConvolution") for i in range(3, 9)),
        layer(3, f"{name}3", 900, mode="isolated"),
        whole(10**9),
        floor(1_000),
    ]
    lines = table(width, measurements=measurements)
    assert max(map(len, lines)) <= width
    names = [line.split()[0] for line in lines[1:7]]
    assert len(set(names)) == 6
    assert all(
        n.startswith("encod") and n[-1] == str(i) and ("…" in n) == (width < 200) for i, n in enumerate(names, 3)
    )
    assert "latency" in lines[0]
    shown = [title for title in ("op", "isolated", "MACs", "GMAC/s") if title in lines[0]]
    assert len(shown) == {45: 0, 60: 1, 80: 2}.get(width, 4)


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0.4, "0.400 ns"), (999.94, "999.9 ns"), (1000, "1.000 us"), (12_345, "12.35 us"), (123_456_789, "123.5 ms"),
     (99_999, "100.0 us"), (5e9, "5.000 s"), (5e13, "50000.0 s"), (None, "-")],
)  # fmt: skip
def test_times_have_four_digits(ns: float | None, text: str) -> None:
    assert short_time(ns) == text


@given(st.text(max_size=40), st.integers(1, 40))
def test_shortening_keeps_both_ends(name: str, width: int) -> None:
    short = shorten(name, width)
    assert len(short) == min(len(name), width)
    if len(name) > width >= 3:
        assert short[0] == name[0]
        assert short[-1] == name[-1]


def test_a_run_says_where_it_was_measured_and_why_it_is_not_to_be_trusted() -> None:
    reason = {"code": "drift", "text": "tiny: became 5% slower", "advice": "cool it", "value": 0.05, "limit": 0.03}
    text = run_text(run(verdict={"steady": False, "reasons": [reason]}), 100)
    first, *_, verdict, why = text.splitlines()
    assert first.startswith("run 00000000000000a1, 2026-09-2")
    assert first.endswith(", board-1, done")
    assert "tiny, onnxruntime, replay" in text
    assert (verdict, why) == ("verdict: not steady", "  tiny: became 5% slower - cool it")
    assert run_text(run(), 100).splitlines()[-1] == "verdict: steady"
    *_, verdict, note, more = run_text(run(context={"first": {"a": 1}}), 100).splitlines()
    assert (verdict, note[:12]) == ("verdict: steady", "note: clocks")
    assert more.startswith("  ")


@given(runs(), st.sampled_from(["order", "latency"]))
def test_every_run_has_a_text(record: RunRecord, sort: str) -> None:
    assert run_text(record, 80, sort)


def test_a_sample_in_short_says_what_was_left_out() -> None:
    layers = [layer(0, "dense 0", 100), layer(1, "dense 1", 100), layer(2, "dense 2", None)]
    text = sample_text(run(networks=[network(measurements=layers)]), "my data.db", 80)
    assert "done: 2 layers measured; 1 left out, dense 2: no kernel for it; kept in my data.db" in text
    assert "augur-edge train 'my data.db' -o 'my data'.augpred" in text
    none = sample_text(run(networks=[network(measurements=layers[2:])]), "s.db", 80)
    assert "0 layers measured; 1 left out" in none and "train" not in none
