"""Faster, slower or neither: on runs whose differences are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from handmade import floor, layer, network, run, whole
from hypothesis import given
from hypothesis import strategies as st

from augur_edge.errors import UsageError
from augur_edge.store import Measurement, RunRecord
from augur_edge.store.comparison import compare_runs
from augur_edge.store.comparison_table import comparison_text


def side(run_id: str, *measurements: Measurement, **fields: Any) -> RunRecord:
    return run(run_id, networks=[network(measurements=list(measurements), **fields)])


def verdicts(a: RunRecord, b: RunRecord, threshold: float = 0.01) -> dict[str, str]:
    (net,) = compare_runs(a, b, threshold)["networks"]
    return {e["name"]: e["verdict"] for e in net["layers"]}


def test_each_layer_is_judged_and_the_whole() -> None:
    a = side("a", layer(0, "x", 1000), layer(1, "y", 1000), layer(2, "z", 1000), whole(3000))
    b = side("b", layer(0, "x", 1200), layer(1, "y", 800), layer(2, "z", 1001), whole(3001))
    document = compare_runs(a, b, 0.01)
    assert list(document) == ["schema", "context", "threshold", "alpha", "note", "networks"]
    assert document["schema"] == "augur-edge/compare/1"
    (net,) = document["networks"]
    assert {e["name"]: e["verdict"] for e in net["layers"]} == {"x": "slower", "y": "faster", "z": "no difference"}
    assert [e["ratio"] for e in net["layers"]] == [1.2, 0.8, 1.001]
    assert (net["whole"]["verdict"], net["whole"]["a_ns"]["median"]) == ("no difference", 3000)
    surest = min([*net["layers"], net["whole"]], key=lambda e: e["p"])
    assert surest["p_adjusted"] == pytest.approx(4 * surest["p"])


def test_a_difference_below_the_threshold_does_not_count_however_sure() -> None:
    a, b = side("a", layer(0, "x", 100_000)), side("b", layer(0, "x", 102_500))
    assert verdicts(a, b, 0.02) == {"x": "slower"}
    assert verdicts(a, b, 0.03) == {"x": "no difference"}


def test_a_large_difference_of_few_samples_does_not_count() -> None:
    a, b = layer(0, "x", 1000), layer(0, "x", 1500)
    a.samples_ns, b.samples_ns = np.array([900, 1000, 1100]), np.array([1400, 1500, 1600])
    assert verdicts(side("a", a), side("b", b)) == {"x": "no difference"}


def test_blocks_of_several_calls_are_compared_by_the_call() -> None:
    a, b = layer(0, "x", 1000), layer(0, "x", 10_000, loops=10)
    assert verdicts(side("a", a), side("b", b)) == {"x": "no difference"}


def test_chance_alone_rarely_speaks_over_many_layers() -> None:
    rng = np.random.default_rng(0)
    false_words = 0
    for _ in range(100):
        pair = []
        for name in "ab":
            layers = [layer(i, f"l{i}", 1000) for i in range(20)]
            for m in layers:
                m.samples_ns = rng.lognormal(10, 0.2, 15).astype(np.int64)
            pair.append(side(name, *layers))
        false_words += any(v != "no difference" for v in verdicts(*pair, 0.0).values())
    assert false_words <= 12  # 5 expected of 100; without the correction 64


def test_layers_that_moved_or_were_renamed_are_found() -> None:
    a = side("a", layer(0, "x", 1000), layer(1, "y", 1000), layer(2, "old", 1000, nodes=("/n",)), layer(3, "gone", 9))
    b = side("b", layer(0, "x", 1000), layer(1, "new", 1000, nodes=("/n",)), layer(2, "y", 1000), layer(5, "more", 9))
    (net,) = compare_runs(a, b, 0.01)["networks"]
    assert [e["name"] for e in net["layers"]] == ["x", "y", "old"]
    assert (net["only_a"], net["only_b"]) == (["gone"], ["more"])


def test_names_that_stand_for_several_layers_are_matched_by_their_place() -> None:
    a = side("a", layer(0, "conv", 1000, nodes=()), layer(1, "conv", 500, nodes=()))
    b = side("b", layer(0, "conv", 1000, nodes=()), layer(1, "conv", 700, nodes=()), layer(2, "conv", 9, nodes=()))
    (net,) = compare_runs(a, b, 0.01)["networks"]
    assert [e["verdict"] for e in net["layers"]] == ["no difference", "slower"]
    assert net["only_b"] == ["conv"]


def test_across_runtimes_the_users_own_nodes_decide() -> None:
    a = side("a", layer(0, "x", 1000, nodes=("/n", "/relu")), layer(1, "same", 1000, nodes=("/p",)), whole(5000))
    b = side(
        "b",
        layer(0, "conv_1", 2000, nodes=("/relu", "/n")),
        layer(1, "same", 1000, nodes=("/q",)),
        whole(4000),
        runtime="litert",
    )
    (net,) = compare_runs(a, b, 0.01)["networks"]
    assert net["runtime"] == ["onnxruntime", "litert"]
    assert [(e["name"], e["verdict"]) for e in net["layers"]] == [("x", "slower")]
    assert (net["only_a"], net["only_b"], net["whole"]["verdict"]) == (["same"], ["same"], "faster")


def test_what_one_runtime_fuses_is_held_against_the_sum_of_what_the_other_does() -> None:
    a = [
        layer(0, "conv", 5000, nodes=("c1", "bn1")),
        layer(1, "conv_2", 4000, nodes=("c2",)),
        layer(2, "add", 1000, nodes=("add", "relu")),
        layer(3, "pad", 500, nodes=("pool",)),
        layer(4, "pool", 500, nodes=("pool",)),
    ]
    b = [
        layer(0, "c1", 5000, nodes=("c1",)),
        layer(1, "c2_add", 6000, nodes=("c2", "add", "relu")),
        layer(2, "pool", 1000, nodes=("pool",)),
    ]
    (net,) = compare_runs(side("a", *a), side("b", *b, runtime="litert"), 0.01)["networks"]
    assert [(e["name"], e["b_name"], e["verdict"]) for e in net["layers"]] == [
        ("conv", "c1", "no difference"), ("conv_2 + add", "c2_add", "slower"), ("pad + pool", "pool", "no difference"),
    ]  # fmt: skip
    joined = net["layers"][1]
    assert (joined["ratio"], joined["a_ns"]["n"], joined["nodes"]) == (1.2, 21, ["c2", "add", "relu"])
    assert (net["only_a"], net["only_b"]) == ([], [])
    everything = layer(0, "delegate", 11_000, nodes=("c1", "bn1", "c2", "add", "relu", "pool"))
    (net,) = compare_runs(side("a", *a), side("b", everything, runtime="litert"), 0.01)["networks"]
    (entry,) = net["layers"]
    assert (entry["ratio"], entry["b_name"]) == (pytest.approx(1, rel=1e-3), "delegate")
    assert entry["verdict"] == "no difference"


@pytest.mark.parametrize(
    "other", [{"median_ns": None}, {"median_ns": 1000, "loops": 2}, {"median_ns": 1000, "count": 2}]
)
def test_layers_not_timed_in_the_same_passes_have_no_sum(other: dict[str, Any]) -> None:
    a = side("a", layer(0, "x", 1000, nodes=("n", "m")))
    b = side("b", layer(0, "y", 500, nodes=("n",)), layer(1, "z", nodes=("m",), **other), runtime="litert")
    (net,) = compare_runs(a, b, 0.01)["networks"]
    assert [(e["name"], e["b_name"], e["verdict"], e["b_ns"]) for e in net["layers"]] == [
        ("x", "y + z", "unknown", None)
    ]


def test_a_failed_layer_is_unknown() -> None:
    a, b = side("a", layer(0, "x", 1000), whole(9)), side("b", layer(0, "x", None))
    (net,) = compare_runs(a, b, 0.01)["networks"]
    (entry,) = net["layers"]
    assert (entry["verdict"], entry["b_ns"], entry["ratio"], entry["p"]) == ("unknown", None, None, None)
    assert net["whole"] is None


def test_networks_of_the_same_runtime_find_each_other() -> None:
    a = run("a", networks=[network(0, runtime="litert"), network(1)])
    b = run("b", networks=[network(0), network(1, runtime="litert"), network(2, name="other")])
    assert [n["runtime"] for n in compare_runs(a, b, 0.01)["networks"]] == [["litert"] * 2, ["onnxruntime"] * 2]


def test_runs_without_a_common_network_are_refused() -> None:
    with pytest.raises(UsageError, match="nothing to compare: a has the networks tiny; b has none"):
        compare_runs(run("a"), run("b", networks=[]), 0.01)


@given(st.integers(1000, 10**9), st.floats(0.5, 2.0))
def test_turning_the_sides_turns_the_word(median_ns: int, factor: float) -> None:
    a, b = side("a", layer(0, "x", median_ns)), side("b", layer(0, "x", int(median_ns * factor)))
    turned = {"faster": "slower", "slower": "faster", "no difference": "no difference"}
    # Relative to the other side a difference just at the threshold may fall on its other side: none is allowed here.
    assert turned[verdicts(a, b, 0.0)["x"]] == verdicts(b, a, 0.0)["x"]


def test_the_table_has_a_line_for_each_layer_and_the_whole() -> None:
    a = side("a", layer(0, "x", 1000), layer(1, "a_layer_with_a_very_long_name_" * 4, 1000), whole(3000), floor(9))
    b = side("b", layer(0, "x", 1200), layer(1, "a_layer_with_a_very_long_name_" * 4, 1000), whole(3000), floor(9))
    b.networks[0].measurements.append(layer(7, "new\n", 5))
    text = comparison_text(compare_runs(a, b, 0.01), 80)
    lines = text.splitlines()
    assert lines[:2] == ["a: run a, board-1", "b: run b, board-1"]
    assert "x 1.000 us ±0.5% 1.200 us ±0.5% 1.200 <0.001 slower" in [" ".join(line.split()) for line in lines]
    assert any(line.startswith("(whole network)  ") and line.endswith("no difference") for line in lines)
    assert "layers of b: 1 slower, 1 no difference" in lines
    assert "only in b: new?" in lines
    assert max(map(len, lines)) <= 80


def test_intervals_that_overlap_are_no_difference_however_sure_the_rank_test() -> None:
    a, b = layer(0, "x", 1000), layer(0, "x", 1000)
    a.samples_ns = np.concatenate([np.full(450, 950), np.linspace(960, 1040, 100), np.full(450, 1050)])
    b.samples_ns = np.concatenate([np.full(440, 1000), np.linspace(1000, 1060, 120), np.full(440, 1100)])
    (net,) = compare_runs(side("a", a), side("b", b), 0.01)["networks"]
    (entry,) = net["layers"]
    assert entry["p_adjusted"] < 0.001 and entry["ratio"] > 1.01, "all else speaks for a difference"
    assert entry["a_ns"]["ci95"][1] >= entry["b_ns"]["ci95"][0]
    assert entry["verdict"] == "no difference"


def test_beside_a_difference_stands_what_two_runs_cannot_tell() -> None:
    a, b = side("a", layer(0, "x", 1000)), side("b", layer(0, "x", 1200))
    lines = comparison_text(compare_runs(a, b, 0.01), 120).splitlines()
    assert "runs minutes apart differ" in lines[lines.index("layers of b: 1 slower") + 1]
    assert "runs minutes apart" not in comparison_text(compare_runs(a, a, 0.01), 120)


def way(threads: int) -> dict[str, Any]:
    return {"options": {"threads": threads, "delegate": None, "batch": 1, "dtype": "float32"}}


def test_a_network_in_another_setting_is_a_pair_where_it_is_the_only_one() -> None:
    one, two = network(0, info=way(1)), network(0, name="tiny, 2 threads", info=way(2))
    document = compare_runs(run("a", networks=[one]), run("b", networks=[two]), 0.01)
    (net,) = document["networks"]
    assert (net["b_name"], net["settings"], len(net["layers"])) == ("tiny, 2 threads", {"threads": [1, 2]}, 3)
    assert "\ntiny, onnxruntime, replay, threads 1 against 2\n" in comparison_text(document, 80)
    four = network(1, name="tiny, 4 threads", info=way(4))
    with pytest.raises(UsageError, match="name two runs of one network"):
        compare_runs(run("a", networks=[one]), run("b", networks=[two, four]), 0.01)


def test_single_networks_of_other_names_are_a_pair_where_their_layers_agree() -> None:
    a, b = run("a"), run("b", networks=[network(name="renamed")])
    assert "\ntiny against renamed, onnxruntime" in comparison_text(compare_runs(a, b, 0.01), 80)
    b.networks[0].measurements[1].name = "another"
    with pytest.raises(UsageError, match="nothing to compare"):
        compare_runs(a, b, 0.01)
