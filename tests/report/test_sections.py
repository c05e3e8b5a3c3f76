"""What a report says, before it is drawn: sections made from runs, predictors and fronts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from handmade import CONV, layer, network, run, whole

from augur_edge.errors import DataError, UsageError
from augur_edge.predict import Predictor
from augur_edge.report import comparison, front, quality
from augur_edge.report.network import BARS, POINTS, section
from augur_edge.store import RunRecord

GOLDEN = Path(__file__).parents[1] / "predict/golden"


def test_the_bars_hold_all_time_slowest_first() -> None:
    record = run()
    (bars, *_) = section(record, record.networks[0]).figures
    assert bars.traces[0]["customdata"] == ["body.conv", "stem.conv", "pool"]
    assert bars.traces[0]["x"] == [20.0, 10.0, 5.0]
    assert bars.traces[0]["text"] == ["57.1 %", "28.6 %", "14.3 %"]


def test_what_does_not_fit_on_the_page_is_one_bar() -> None:
    many = [layer(i, f"layer{i}", 10_000 + i) for i in range(BARS + 40)]
    record = run(networks=[network(measurements=[*many, whole(2_000_000)])])
    (bars, *_) = section(record, record.networks[0]).figures
    assert bars.traces[0]["customdata"][-1] == "40 others"
    assert sum(bars.traces[0]["x"]) == pytest.approx(sum(10 + i / 1000 for i in range(BARS + 40)))


def test_a_failed_layer_is_named_and_not_drawn() -> None:
    record = run(networks=[network(measurements=[layer(0, "good", 10_000), layer(1, "bad", None), whole(11_000)])])
    found = section(record, record.networks[0])
    assert "bad was not measured: no kernel for it" in found.remarks
    assert all("bad" not in trace.get("customdata", []) for f in found.figures for trace in f.traces)


def test_unknown_energy_is_said_with_its_reason_and_not_drawn() -> None:
    record = run()
    found = section(record, record.networks[0])
    assert ("energy", "unknown (no sensor)") in found.facts
    assert "Layers by energy" not in [f.title for f in found.figures]


def test_known_energy_is_drawn() -> None:
    measured = [layer(0, "a", 10_000, energy={"median": 3.0}), layer(1, "b", 20_000), whole(31_000)]
    record = run(networks=[network(measurements=measured)])
    energy = next(f for f in section(record, record.networks[0]).figures if f.title == "Layers by energy")
    assert (energy.traces[0]["customdata"], energy.traces[0]["x"]) == (["a"], [3.0])
    assert energy.note == "The energy of 1 of 2 layers is known."


def test_no_layer_is_above_the_roof() -> None:
    record = run()
    roofline = next(f for f in section(record, record.networks[0]).figures if f.title == "Roofline")
    roof, *layers = roofline.traces
    for trace in layers:
        for x, y in zip(trace["x"], trace["y"]):
            assert y <= np.interp(np.log(x), np.log(roof["x"]), roof["y"]) * (1 + 1e-9)
    assert layers[0]["x"][0] == pytest.approx(CONV.macs / CONV.bytes_moved)


def test_two_runs_are_compared_layer_by_layer() -> None:
    slower = network(measurements=[layer(0, "stem.conv", 12_000), layer(1, "body.conv", 20_000), whole(35_000)])
    (found,) = comparison.sections(run(), run("00000000000000b2", networks=[slower]))
    assert ("B / A", "1.061, slower") in found.facts
    assert "only in A: pool" in found.remarks
    assert found.figures[1].traces[0]["customdata"][0] == "stem.conv"
    assert found.figures[1].traces[0]["x"][0] == pytest.approx(2.0)


def test_the_largest_difference_of_two_runs_comes_first() -> None:
    other = network(measurements=[layer(0, "stem.conv", 12_000), layer(1, "body.conv", 15_000), whole(31_000)])
    (found,) = comparison.sections(run(), run("00000000000000b2", networks=[other]))
    assert found.figures[1].traces[0]["customdata"] == ["body.conv", "stem.conv"]
    assert found.figures[1].traces[0]["x"] == pytest.approx([-5.0, 2.0])


def test_a_predictor_is_shown_beside_what_was_measured() -> None:
    predictor = Predictor.load(GOLDEN / "layer-1.augpred")
    record = run()
    found = quality.section("it", predictor, [record])
    scatter = found.figures[0]
    assert scatter.traces[0]["x"] == [10.0, 20.0, 5.0]
    assert scatter.traces[0]["y"][0] == pytest.approx(predictor.predict(CONV) / 1e3)


def test_a_predictor_of_something_else_is_refused() -> None:
    with pytest.raises(UsageError, match="a predictor of"):
        quality.section("it", Predictor.load(GOLDEN / "raw-float32.augpred"), [run()])


def test_a_single_figure_is_drawn_best_first(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    path.write_text("name,accuracy\na,60\nb,70\nc,65\n")
    (figure,) = front.section("found", front.read(path)).figures
    assert figure.traces[0]["customdata"] == ["b", "c", "a"]
    assert figure.traces[0]["y"] == [70.0, 65.0, 60.0]
    assert figure.traces[0]["x"] == [1, 2, 3]
    assert [row[0] for row in figure.table.rows] == ["b", "c", "a"]


def test_a_front_counts_accuracy_the_other_way(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    path.write_text("name,latency_ms,accuracy\na,1,60\nb,2,70\nc,3,65\n")
    (figure,) = front.section("found", front.read(path)).figures
    assert figure.traces[1]["customdata"] == ["a", "b"]
    assert figure.brush


def test_of_many_beaten_ones_some_are_drawn(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    beaten = "".join(f"b{i},{i + 2},50\n" for i in range(2 * POINTS + 1))
    path.write_text(f"name,latency_ms,accuracy\na,1,60\n{beaten}")
    (figure,) = front.section("found", front.read(path)).figures
    assert len(figure.traces[0]["x"]) <= POINTS
    assert figure.traces[0]["customdata"][:2] == ["b0", "b3"]
    assert figure.note.endswith("One in 3 of the others is drawn.")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one figure"),
        ("name\na\n", "at least one figure"),
        ("name,latency_ms,accuracy\na,1\n", "line 2: 2 cells, the header has 3"),
        ("name,latency_ms,accuracy\na,1,60\nb,nan,60\n", "line 3, latency_ms: 'nan' is no finite number"),
    ],
)
def test_a_broken_front_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "found.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        front.read(path)


def test_a_network_in_another_setting_is_compared_and_the_heading_says_which() -> None:
    def one(run_id: str, name: str, threads: int) -> RunRecord:
        record = network(name=name)
        record.info["options"] = {"threads": threads, "delegate": None, "batch": 1, "dtype": "float32"}
        return run(run_id, networks=[record])

    (found,) = comparison.sections(one("a", "tiny", 1), one("b", "tiny, 2 threads", 2))
    assert found.title == "tiny, onnxruntime, replay, threads 1 against 2"
