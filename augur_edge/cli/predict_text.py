"""What `predict` answers, as text: every figure with its unit, its bounds, and whether such a layer was learnt from."""

from __future__ import annotations

from typing import Any, Callable

from augur_edge import console
from augur_edge.units import energy_text, time_text

_SCALED: dict[str, Callable[[float], str]] = {"ns": time_text, "uj": energy_text}
_BY_WIDTH = 3


def answer_text(answer: dict[str, Any], target: str, unit: str, level: float) -> str:
    """One line for a layer or an architecture; for a network a table of its layers, and a line for its total."""
    name = target.rpartition("_")[0] if target.endswith(f"_{unit}") else target
    if "layers" not in answer:
        return f"{answer['what']}: {_bounded(answer, unit, level)}{_unlike(answer)}"
    layers = answer["layers"]
    bounds = (f"{100 * level:g}% from", "to", "learnt such") if any("low" in x for x in layers) else ()
    rows = [(x["name"], x["op"], *_cells(x, unit, bool(bounds))) for x in layers]
    table = console.table(("layer", "op", name or "value", *bounds), rows, left=2)
    return f"{table}\n\n{answer['what']}: {name} {_bounded(answer, unit, level)}{_unlike_any(layers)}"


def value_text(value: float, unit: str) -> str:
    """`1500.0` ns -> `"1.50 us"`; units that are not ns or uJ stay as they are."""
    scaled = _SCALED.get(unit)
    return f"{value:.4g} {unit}".rstrip() if scaled is None else scaled(value)


def _cells(layer: dict[str, Any], unit: str, bounded: bool) -> list[str]:
    if not bounded:
        return [value_text(layer["value"], unit)]
    ends = [value_text(layer[end], unit) for end in ("low", "high")]
    return [value_text(layer["value"], unit), *ends, "yes" if layer["in_domain"] else "no"]


def _bounded(answer: dict[str, Any], unit: str, level: float) -> str:
    value = value_text(answer["value"], unit)
    if "low" not in answer:
        return f"{value} (the predictor has no interval for it)"
    return f"{value}, with {100 * level:g} % between {value_text(answer['low'], unit)} and " + value_text(
        answer["high"], unit
    )


def _unlike(answer: dict[str, Any]) -> str:
    return "; UNLIKE what it was trained on: do not rely on it" if answer.get("in_domain") is False else ""


def _unlike_any(layers: list[dict[str, Any]]) -> str:
    """How much of the total is in layers outside what the predictor learnt from."""
    strange = [x for x in layers if x.get("in_domain") is False]
    if not strange:
        return ""
    share = sum(x["value"] for x in strange) / max(sum(x["value"] for x in layers), 1e-9)
    ops = ", ".join(sorted({x["op"] for x in strange})[:_BY_WIDTH])
    return (
        f"; {len(strange)} of {len(layers)} layers ({ops}; {100 * share:.0f} % of the sum) are UNLIKE what it was "
        "trained on"
    )
