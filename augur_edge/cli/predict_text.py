"""What `predict` answers, as text: every figure with its unit, its bounds, and whether such a layer was learnt from."""

from __future__ import annotations

from typing import Any, Callable

from augur_edge import console
from augur_edge.units import energy_text, time_text

_SCALED: dict[str, Callable[[float], str]] = {"ns": time_text, "uj": energy_text}


def answer_text(answer: dict[str, Any], target: str, unit: str, level: float) -> str:
    """One line for a layer or an architecture; for a network a table of its layers, and a line for its total."""
    name = target.rpartition("_")[0] if target.endswith(f"_{unit}") else target
    if "layers" not in answer:
        return f"{answer['what']}: {_bounded(answer, unit, level)}{_unlike(answer)}"
    layers = answer["layers"]
    bounds = (f"{100 * level:g}% from", "to", "learnt such") if any("low" in x for x in layers) else ()
    rows = [(x["name"], x["op"], *_cells(x, unit, bool(bounds))) for x in layers]
    table = console.table(("layer", "op", name or "value", *bounds), rows, left=2)
    total = f"{answer['what']}: {name} {_bounded(answer, unit, level)}"
    return "\n".join([f"{table}\n", *_besides(answer, unit), total, *answer.get("remarks", ())])


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
        return value if "layers" in answer else f"{value} (no bounds: this predictor holds none of {100 * level:g} %)"
    return f"{value}, with {100 * level:g} % between {value_text(answer['low'], unit)} and " + value_text(
        answer["high"], unit
    )


def _unlike(answer: dict[str, Any]) -> str:
    return "; UNLIKE what it was trained on: do not rely on it" if answer.get("in_domain") is False else ""


def _besides(answer: dict[str, Any], unit: str) -> list[str]:
    """Why the total is not the sum of the layers above it, where it is not."""
    layers = sum(layer["value"] for layer in answer["layers"])
    more = answer["value"] - layers
    if abs(more) < 1e-6 * abs(layers):
        return []
    return [
        f"layers add up to {value_text(layers, unit)}; in a network run as a whole {value_text(abs(more), unit)} "
        f"{'come on top, for the call' if more > 0 else 'are saved, for layers need no calls of their own'}"
    ]
