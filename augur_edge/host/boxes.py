"""Box plots of the error per network, as one SVG file with no font or script of its own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from augur_edge.host.features import F64

_ROW, _LEFT, _WIDTH, _TOP = 26, 220, 560, 40


def box_plots(title: str, groups: Sequence[tuple[str, F64]]) -> str:
    """SVG text: a row a group; box from quartile to quartile, line at the median, whiskers to Tukey's fences, dots out.

    groups: name and float64[n >= 1] of errors in percent. The axis ends at the largest error, at least 10 %.
    """
    limit = max(10.0, *(float(values.max()) for _, values in groups))
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
    return "\n".join([*lines, "</svg>\n"])


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
