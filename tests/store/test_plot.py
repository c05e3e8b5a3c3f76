from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from augur_edge.store.plot import ROWS, panel, sustain_text


def points(n: int, latency_ns: float = 1e6, mc: int | None = 50_000, mhz: int | None = None) -> list[dict[str, object]]:
    return [
        {"at_s": float(i + 1), "latency_ns": latency_ns * (1 + i / n), "passes": 3, "mc": mc, "mhz": mhz}
        for i in range(n)
    ]


def text(n: int, width: int) -> str:
    return sustain_text({"points": points(n), "sustained_ns": 2e6, "first_ns": 1e6, "change": 1.0}, width)


def test_the_figures_stand_side_by_side_and_the_unknown_is_said() -> None:
    lines = text(600, 80).splitlines()
    assert lines[0] == "sustained 2.00 ms after 10 min 0 s, at first 1.00 ms (+100.0 %)"
    assert "clock unknown here" in text(600, 80)
    assert "50.0 C" in text(600, 80)


@given(st.integers(1, 900), st.integers(20, 200))
def test_no_line_is_wider_than_the_terminal(n: int, width: int) -> None:
    assert all(len(line) <= max(width, 64) for line in text(n, width).splitlines())


@given(st.lists(st.floats(1, 1e9) | st.none(), min_size=1, max_size=60).filter(any))
def test_the_highest_value_reaches_the_top_and_the_lowest_the_bottom(values: list[float | None]) -> None:
    rows = panel("x", values, 100, lambda v: f"{v:.3g}").split("\n")
    assert len(rows) == ROWS
    known = [v for v in values if v is not None]
    if min(known) < max(known):
        top, bottom = (rows[i].ljust(100)[13:] for i in (0, ROWS - 1))
        assert top[values.index(max(known))] == "█"
        assert bottom[values.index(min(known))] == "▁"


def test_a_rising_curve_rises() -> None:
    rows = panel("x", [float(v) for v in range(32)], 60, str).split("\n")
    assert rows[0][13:].strip() == "▁▂▃▄▅▆▇█" or rows[0][13:].rstrip().endswith("█")
    heights = [sum(row.ljust(60)[13 + i] != " " for row in rows) for i in range(32)]
    assert heights == sorted(heights) and heights[0] == 1 and heights[-1] == ROWS
