"""Box plots of the error per network: as one SVG file with no font or script of its own, or as PNG by matplotlib."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from augur_edge.errors import MissingExtraError
from augur_edge.host.features import F64

_ROW, _LEFT, _WIDTH, _TOP = 26, 220, 560, 40


def box_plots(title: str, groups: Sequence[tuple[str, F64]]) -> bytes:
    """SVG: a row a group; box from quartile to quartile, line at the median, whiskers to Tukey's fences, dots out.

    groups: name and float64[n >= 1] of errors in percent. The axis ends at the largest error, at least 10 %.
    """
    limit = _limit(groups)
    height = _TOP + _ROW * len(groups) + 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 40}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
        *_axis(limit, height - 30),
    ]
    for i, (name, values) in enumerate(groups):
        lines += _box(name, values, _TOP + _ROW * i + _ROW / 2, limit)
    return "\n".join([*lines, "</svg>\n"]).encode()


def box_plots_png(title: str, groups: Sequence[tuple[str, F64]]) -> bytes:
    """The same as PNG. Raises MissingExtraError without matplotlib."""
    try:
        figures: Any = importlib.import_module("matplotlib.figure")
    except ImportError:
        raise MissingExtraError(
            "box plots as PNG need matplotlib: pip install 'augur-edge[host]'; .svg goes without"
        ) from None
    figure = figures.Figure(figsize=(8, 1 + 0.3 * len(groups)), layout="tight")
    axes = figure.subplots()
    axes.boxplot([values for _, values in groups], vert=False)
    axes.set_yticks(range(1, len(groups) + 1), [f"{name} ({len(values)})" for name, values in groups])
    axes.invert_yaxis()
    axes.set_xlim(0, _limit(groups))
    axes.set_xlabel("%")
    axes.set_title(title)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100)
    return stream.getvalue()


def _limit(groups: Sequence[tuple[str, F64]]) -> float:
    return max(10.0, *(float(values.max()) for _, values in groups))


def _x(value: float, limit: float) -> float:
    return round(_LEFT + _WIDTH * value / limit, 2)


def _axis(limit: float, y: float) -> list[str]:
    step = next(s for s in (2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 1e9) if limit / s <= 10)
    lines = []
    for value in np.arange(0, limit + 1e-9, step).tolist():
        x = _x(value, limit)
        lines.append(f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{y}" stroke="#ddd"/>')
        lines.append(f'<text x="{x}" y="{y + 16}" text-anchor="middle">{value:g} %</text>')
    return lines


def _box(name: str, values: F64, y: float, limit: float) -> list[str]:
    first, median, third = (float(v) for v in np.quantile(values, [0.25, 0.5, 0.75]))
    reach = 1.5 * (third - first)
    inside = values[(values >= first - reach) & (values <= third + reach)]
    low, high = _x(float(inside.min()), limit), _x(float(inside.max()), limit)
    left, right, middle = _x(first, limit), _x(third, limit), _x(median, limit)
    dots = [v for v in values.tolist() if v > third + reach or v < first - reach]
    width = round(max(right - left, 0.5), 2)
    return [
        f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(name)} ({len(values)})</text>',
        f'<line x1="{low}" y1="{y}" x2="{high}" y2="{y}" stroke="#333"/>',
        f'<rect x="{left}" y="{y - 8}" width="{width}" height="16" fill="#9bd" stroke="#333"/>',
        f'<line x1="{middle}" y1="{y - 8}" x2="{middle}" y2="{y + 8}" stroke="#333" stroke-width="2"/>',
        *(f'<circle cx="{_x(v, limit)}" cy="{y}" r="2.5" fill="none" stroke="#333"/>' for v in dots),
    ]
