"""Sections to one HTML file that needs nothing else: styles, script, data and Plotly are inside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from typing import Any

from augur_edge import __version__
from augur_edge.errors import MissingExtraError
from augur_edge.report.figure import Figure, Section, Table


def page(title: str, sections: Sequence[Section]) -> str:
    """The whole file as text. Raises MissingExtraError where Plotly is not installed."""
    library = _plotly()
    figures = [figure for section in sections for figure in section.figures]
    data = [{"traces": f.traces, "layout": f.layout} for f in figures]
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta name="generator" content="augur-edge {escape(__version__)}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_asset('page.css')}</style>",
        "</head>",
        "<body>",
        *_head(title, sections),
        "<main>",
        *_body(sections),
        "</main>",
        f'<script type="application/json" id="figures">{_json(data)}</script>',
        f"<script>{library}</script>",
        f"<script>{_asset('page.js')}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs  # numpy-free, and loads nothing of the rest of plotly
    except ImportError:
        raise MissingExtraError("pages are drawn by Plotly: pip install 'augur-edge[report]'") from None
    return str(get_plotlyjs()).replace("</script", "<\\/script")


def _asset(name: str) -> str:
    return resources.files("augur_edge.report").joinpath(name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """JSON that cannot end its script element, whatever names are in it. A NaN in the data is a bug, and raises."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _head(title: str, sections: Sequence[Section]) -> Iterator[str]:
    yield '<a class="skip" href="#s0">Skip to the first section</a>'
    yield "<header>"
    yield f"<h1>{escape(title)}</h1>"
    yield '<button type="button" id="theme" aria-pressed="false">Dark colours</button>'
    yield "</header>"
    if len(sections) > 1:
        yield '<nav aria-label="Sections"><ul>'
        for i, section in enumerate(sections):
            yield f'<li><a href="#s{i}">{escape(section.title)}</a></li>'
        yield "</ul></nav>"


def _body(sections: Sequence[Section]) -> Iterator[str]:
    number = 0
    for i, section in enumerate(sections):
        yield f'<section id="s{i}" aria-labelledby="h{i}">'
        yield f'<h2 id="h{i}">{escape(section.title)}</h2>'
        if section.facts:
            yield "<dl>"
            yield from (f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in section.facts)
            yield "</dl>"
        yield from (f'<p class="remark">{escape(remark)}</p>' for remark in section.remarks)
        for figure in section.figures:
            yield from _figure(number, figure)
            number += 1
        yield "</section>"


def _figure(number: int, figure: Figure) -> Iterator[str]:
    yield "<figure>"
    yield f'<figcaption id="c{number}">{escape(figure.title)}</figcaption>'
    yield (
        f'<div class="plot" id="p{number}" role="img" aria-labelledby="c{number}" '
        f'style="height:{figure.height_px}px"></div>'
    )
    if figure.brush:
        yield f'<p class="note" id="b{number}" aria-live="polite">Drag over points to list their names here.</p>'
    if figure.note:
        yield f'<p class="note">{escape(figure.note)}</p>'
    yield from _table(figure.table)
    yield "</figure>"


def _table(table: Table) -> Iterator[str]:
    yield "<details><summary>The numbers</summary>"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="The numbers"><table><thead><tr>'
    yield "".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns)
    yield "</tr></thead><tbody>"
    yield from ("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    yield "</tbody></table></div>"
    if table.left_out:
        yield f'<p class="note">{table.left_out} more rows are not shown.</p>'
    yield "</details>"
