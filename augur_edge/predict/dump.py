"""An .augpred file as text: all of it, for people and for diff."""

from __future__ import annotations

import json
from collections.abc import Iterator

from augur_edge.predict.model import Base, Model


def dump(model: Model, size: int) -> str:
    """Every part of a predictor, a line for each tree's comparisons and one for its leaves. size: bytes of the file."""
    return "\n".join([*_head(model, size), *_parts(model), *_trees(model)])


def _head(model: Model, size: int) -> Iterator[str]:
    yield f"predictor of {model.target} in {model.unit}, {size} bytes, encoder {model.encoder}, link {model.link}"
    yield f"bias {model.bias!r}, scale {model.scale!r}"
    yield f"network overhead {model.overhead!r}, {model.layer_overhead!r} a layer"
    if model.calls is not None:
        knots = ", ".join(f"{ns:.6g} at {t:.6g}" for t, ns in model.calls.knots)
        yield f"a call: usually {model.calls.usual_ns:.6g}; by the typical layer of its network {knots}"
    rounding = f", rounding moves a score by at most {model.rounding_error:.3g}" if model.leaves == "int16" else ""
    yield f"{len(model.trees)} trees, {model.leaves} leaves{rounding}"


def _parts(model: Model) -> Iterator[str]:
    for i, f in enumerate(model.features):
        yield f"feature {i}: {f.name} (id {f.id}), trained on {f.low:.7g} to {f.high:.7g}"
    yield from _base(model.base, [f.name for f in model.features])
    for table in model.tables:
        yield f"table of slot {table.slot}: " + " ".join(f"{v:.9g}" for v in table.values.tolist())
    for level in model.levels:
        yield f"interval {level.level:g}: score {level.low:+.6g} to {level.high:+.6g}"
    if model.spread is not None:
        names = [model.features[f].name for f in model.spread.features.tolist()]
        yield "spread: " + ", ".join(f"{n} > {t:.9g}" for n, t in zip(names, model.spread.thresholds.tolist()))
        yield "  " + " ".join(f"{v:.6g}" for v in model.spread.shares.tolist())
    for key, value in sorted(model.meta.items()):
        yield f"meta {key}: {json.dumps(value, ensure_ascii=False, sort_keys=True)}"


def _base(base: Base | None, names: list[str]) -> Iterator[str]:
    if base is None:
        return
    for label, row in zip(("", "or ") if base.kind == "roofline" else ("",), base.weights.tolist()):
        terms = " ".join(f"{w:+.6g}*{name}" for w, name in zip(row, names) if w)
        yield f"base {base.kind}: {label}{base.constant:.6g} {terms}"


def _trees(model: Model) -> Iterator[str]:
    for i, tree in enumerate(model.trees):
        names = [model.features[f].name for f in tree.features.tolist()]
        comparisons = ", ".join(f"{n} > {t:.9g}" for n, t in zip(names, tree.thresholds.tolist()))
        yield f"tree {i}: {comparisons}"
        yield "  " + " ".join(f"{v:.9g}" for v in tree.leaves.tolist())
