"""Self-contained HTML pages with interactive charts: no request leaves the page, its scripts are named by hash."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.charts.chart import COLORS, Block, Browser, Index, LineChart, Prose, Section, SideBySide, Table

Json = dict[str, Any]
_BOLD = ' class="highlight"'
_MINUS, _MISSING = "\N{MINUS SIGN}", "\N{EN DASH}"


def render_page(title: str, sections: Sequence[Section], *, subtitle: str = "", notes: Sequence[str] = ()) -> str:
    """One HTML document that holds all it shows and opens without network, light or dark, on paper, on a phone.

    Args:
        title, subtitle, notes: plain text, escaped here. Notes become a list after the sections.
        sections: what the page shows, in order.
    """
    data = _PageData()
    body = "".join(_section_html(section, data) for section in sections)
    if notes:
        items = "".join(f"<li>{escape(note)}</li>" for note in notes)
        body += f'<section class="notes"><h2>Notes</h2><ul>{items}</ul></section>'
    script, style = _script(), _style()
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{escape(title)}</h1>"
        + (f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else "")
        + "</header>\n"
        + (
            '<noscript><p class="note">Charts and lists of this page need JavaScript.</p></noscript>'
            if data.charts or data.indexes
            else ""
        )
        + f"{body}\n</main>\n<footer>Made with Tidegate. This page works offline.</footer>\n"
        + f'<script type="application/json" id="data">{data.json()}</script>\n'
        + f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _section_html(section: Section, data: _PageData) -> str:
    heading = f"<h2>{escape(section.heading)}</h2>" if section.heading else ""
    text = f'<div class="prose">{section.text_html}</div>' if section.text_html else ""
    return f"<section>{heading}{text}{''.join(_block_html(block, data) for block in section.content)}</section>\n"


def _block_html(block: Block, data: _PageData) -> str:
    match block:
        case LineChart():
            return f'<figure class="chart" data-chart="{data.add(block)}"></figure>'
        case Browser():
            numbers = [data.add(chart) for chart in block.charts]
            listed = f'data-first="{numbers[0] if numbers else 0}" data-count="{len(numbers)}"'
            return f'<div class="browser" {listed} data-noun="{escape(block.noun)}"></div>'
        case Index():
            return f'<div class="index" data-index="{data.add_index(block)}"></div>'
        case Table():
            return _table_html(block)
        case Prose():
            return f'<div class="prose">{block.html}</div>'
        case SideBySide():
            return f'<div class="beside">{"".join(_block_html(part, data) for part in block.content)}</div>'


def _table_html(table: Table) -> str:
    def cell(value: object, tag: str = "td") -> str:
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            return f"<{tag}>{escape(str(value))}</{tag}>"
        return f'<{tag} class="number">{number_text(float(value), table.digits)}</{tag}>'

    numeric = [isinstance(value, int | float | np.number) for value in (table.rows[0] if table.rows else ())]
    heads = "".join(
        f'<th scope="col"{number}>{escape(str(name))}</th>'
        for name, number in zip_longest(
            table.columns, (' class="number"' if one else "" for one in numeric), fillvalue=""
        )
    )
    rows = "".join(
        f"<tr{bold}>{''.join(map(cell, row))}</tr>"
        for row, bold in ((row, _BOLD if place == table.highlight else "") for place, row in enumerate(table.rows))
    )
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return f'<div class="scroll"><table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def number_text(value: float, digits: int = 4) -> str:
    """A number for people: 12,345 · 0.1235 · 1.2e-07; whole numbers below 10^15 in full; a dash for NaN."""
    if math.isnan(value):
        return _MISSING
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    size = abs(value := float(value))
    if size and not 1e-5 <= size < 1e15:
        return f"{value:.{digits - 1}e}".replace("-", _MINUS)
    whole = 1 + math.floor(math.log10(size)) if size else 1
    text = f"{value:,.{0 if value.is_integer() else max(0, digits - whole)}f}"
    return text.replace("-", _MINUS)


class _PageData:
    """Charts in the compact form web/data.js reads; equal arrays of a page are stored once."""

    def __init__(self) -> None:
        self.charts: list[Json] = []
        self.arrays: list[Json] = []
        self.indexes: list[Json] = []
        self._places: dict[str, int] = {}

    def add(self, chart: LineChart) -> int:
        """Number of the chart on this page."""
        number: Json = {"t": chart.title, "x": self._array(_packed_x(np.asarray(chart.x))), "h": chart.height}
        number["l"] = [
            {"n": line.name, "c": color, "s": line.style, "w": line.width, "y": self._array(_packed_y(line.y))}
            for line, color in zip(chart.lines, chart.line_colors(), strict=True)
        ]
        number["b"] = [
            {
                "n": band.name,
                "c": band.color,
                "o": band.opacity,
                "lo": self._array(_packed_y(band.lo)),
                "hi": self._array(_packed_y(band.hi)),
            }
            for band in chart.bands
        ]
        number["m"] = [{"x": _x_number(mark.x), "l": mark.label} for mark in chart.marks]
        optional = {
            "time": chart.x_is_time,
            "tz": chart.timezone,
            "xl": chart.x_label,
            "yl": chart.y_label,
            "lx": chart.log_x,
            "ly": chart.log_y,
            "f": chart.focus and [_x_number(end) for end in chart.focus],
            "cap": chart.caption,
        }
        number |= {name: value for name, value in optional.items() if value}
        if chart.joined is not None:
            number["j"] = chart.joined
        self.charts.append(number)
        return len(self.charts) - 1

    def add_index(self, index: Index) -> int:
        """Number of the index on this page: names, and columns as short texts (sorted by what they say)."""
        columns = []
        for title, column in index.columns.items():
            values = np.asarray(column)
            if values.dtype.kind == "f":
                shortened = [float(f"{value:.{index.digits}g}") if math.isfinite(value) else None for value in values]
                columns.append({"n": title, "v": shortened})
            else:
                columns.append({"n": title, "v": values.tolist()})
        self.indexes.append({"names": list(index.names), "columns": columns, "noun": index.noun})
        return len(self.indexes) - 1

    def _array(self, packed: Json) -> int:
        place = self._places.setdefault(_compact(packed), len(self.arrays))
        if place == len(self.arrays):
            self.arrays.append(packed)
        return place

    def json(self) -> str:
        """The data as JSON that may stand inside a script element, whatever text users put in."""
        parts = {"charts": self.charts, "arrays": self.arrays, "indexes": self.indexes}
        text = _compact(parts)
        for character in "<>&\u2028\u2029":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return text


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _x_number(value: Any) -> float | int:
    """A place on the x axis as web/chart.js counts: milliseconds since 1970 for time."""
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[ms]").astype(np.int64))
    number = float(value)
    return int(number) if number.is_integer() else number


def _packed_x(x: NDArray[Any]) -> Json:
    """x as start and step if it is regular, else as whole multiples of a unit, else in full."""
    if x.dtype.kind == "M":
        x = x.astype("datetime64[ms]").astype(np.int64)
    n = len(x)
    if x.dtype.kind in "iu":
        steps = np.diff(x.astype(np.int64))
        unit = int(np.gcd.reduce(steps)) if n > 1 else 1
        first = int(x[0]) if n else 0
        if n < 2 or (steps == steps[0]).all():
            return {"n": n, "first": first, "step": int(steps[0]) if n > 1 else 1}
        multiples = (x.astype(np.int64) - first) // unit
        if multiples.min() >= 0 and multiples.max() < 2**32:
            return {"n": n, "first": first, "step": unit, "u32": _base64(multiples.astype("<u4"))}
    return {"n": n, "f64": _base64(x.astype("<f8"))}


def _packed_y(y: ArrayLike) -> Json:
    """y without the missing ends, as float32 around a base: at least seven digits of what can be seen."""
    values = np.asarray(y, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return {"n": 0}
    part = np.where(np.isfinite(values), values, np.nan)[known[0] : known[-1] + 1]
    low, high = float(np.nanmin(part)), float(np.nanmax(part))
    largest = max(abs(low), abs(high))
    # Small changes on a large level (1,000,000.01) would be lost in float32: store the distance to the lowest value.
    base = low if high / 2 - low / 2 < 5e-3 * largest else 0.0
    # Powers of two keep 1e-300 and 1e300 within float32.
    scale = 2.0 ** max(-1022, math.frexp(largest)[1] - 1) if largest and not 1e-30 < largest < 1e30 else 1.0
    packed: Json = {"n": len(part), "f32": _base64(((part - base) / scale).astype("<f4"))}
    optional = (("base", base, 0.0), ("scale", scale, 1.0), ("at", int(known[0]), 0))
    return packed | {name: value for name, value, usual in optional if value != usual}


def _base64(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


@cache
def _script() -> str:
    own = _kit() + "".join(_file("web", name) for name in ("data.js", "index.js", "browser.js"))
    return _file("vendored", "uPlot.iife.min.js") + '\n(() => {\n"use strict";\n' + own + "})();\n"


@cache
def chart_module() -> str:
    """The chart of these pages as an ES module, for a page whose numbers come later; it expects the global uPlot."""
    exported = "chooser, css, drawChart, element, numberText, tickTexts"
    return f"{_kit()}export {{{exported}}};\n"


def _kit() -> str:
    colors = f"const COLORS = {_compact(COLORS)};\n"
    return colors + "".join(_file("web", name) for name in ("theme.js", "text.js", "chart.js", "chooser.js"))


@cache
def _style() -> str:
    return _file("vendored", "uPlot.min.css") + "\n" + _file("web", "page.css")


def _file(folder: str, name: str) -> str:
    return files("tidegate.charts").joinpath(folder, name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
