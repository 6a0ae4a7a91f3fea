"""What a chart, a table and a section of a page are: plain descriptions that page.py and picture.py draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import ConfigError

Floats = NDArray[np.float64]

# Wong (2011), "Points of view: Color blindness", lightened for dark pages. name -> (on light, on dark)
COLORS = {
    "ink": ("#26323f", "#dde3ea"),
    "blue": ("#0072b2", "#58b0f0"),
    "orange": ("#d55e00", "#ff9352"),
    "green": ("#009e73", "#3fcba2"),
    "purple": ("#b5578d", "#e59ac6"),
    "gold": ("#b98300", "#f0bb4b"),
    "sky": ("#3a9bd9", "#93d0f7"),
    "grey": ("#8892a0", "#7f8a98"),
}
PALETTE = ("blue", "orange", "green", "purple", "gold", "sky", "grey", "ink")
LINE_STYLES = ("line", "dashed", "dotted", "points", "line+points")


@dataclass(frozen=True)
class Line:
    """One line of a chart. y: (n,) beside the chart's x, NaN where there is a gap.

    color: a name of COLORS, "" for the next of PALETTE. style: one of LINE_STYLES. width: CSS pixels.
    """

    name: str
    y: ArrayLike
    style: str = "line"
    color: str = ""
    width: float = 1.75


@dataclass(frozen=True)
class Band:
    """The area between two lines. lo, hi: (n,) beside the chart's x, NaN where there is none. opacity: 0 to 1."""

    name: str
    lo: ArrayLike
    hi: ArrayLike
    color: str = "blue"
    opacity: float = 0.2


@dataclass(frozen=True)
class Mark:
    """A vertical line at `x` (in the units of the chart's x) with a short label."""

    x: Any
    label: str = ""


@dataclass(frozen=True)
class LineChart:
    """Lines and bands over one x axis.

    Attributes:
        title: what is shown; user's text is escaped by whoever draws it.
        x: (n,) increasing numbers, or datetime64 for a time axis (then in UTC if `timezone` is given).
        lines, bands: each (n,) beside x. Bands are drawn first, in the order given (widest first).
        x_label, y_label: what the axes measure, with the unit.
        log_x, log_y: logarithmic axes; values must be above 0 there (others are left out).
        timezone: IANA name the time axis is shown in; None shows the stamps as they are.
        marks: vertical lines, such as where a forecast starts.
        focus: (first, last) of x shown at first; the reader can widen to all. None: all.
        joined: index of a point where forecast and bands were tied to the last observation for the eye only.
        caption: one sentence below the chart.
        height: CSS pixels on a page.
    """

    title: str
    x: ArrayLike
    lines: Sequence[Line]
    bands: Sequence[Band] = ()
    x_label: str = ""
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    timezone: str | None = None
    marks: Sequence[Mark] = ()
    focus: tuple[Any, Any] | None = None
    joined: int | None = None
    caption: str = ""
    height: int = 360

    def __post_init__(self) -> None:
        size = len(np.asarray(self.x))
        parts = [(line.name, line.y) for line in self.lines]
        parts += [(band.name, side) for band in self.bands for side in (band.lo, band.hi)]
        for name, y in parts:
            if np.shape(y) != (size,):
                raise ConfigError(
                    f"chart {self.title!r}: {name!r} has shape {np.shape(y)}, x has ({size},): same expected"
                )
        for line in self.lines:
            if line.style not in LINE_STYLES:
                raise ConfigError(f"line {line.name!r}: style {line.style!r} is not one of {', '.join(LINE_STYLES)}")
        colors = [(line.name, line.color) for line in self.lines] + [(band.name, band.color) for band in self.bands]
        for name, color in colors:
            if color and color not in COLORS:
                raise ConfigError(f"{name!r}: color {color!r} is not one of {', '.join(COLORS)}")

    @property
    def x_is_time(self) -> bool:
        """Whether x holds points in time."""
        return np.asarray(self.x).dtype.kind == "M"

    def line_colors(self) -> tuple[str, ...]:
        """(lines,) the colour name of each line, "" resolved to the palette in turn."""
        free = iter(PALETTE * (1 + len(self.lines) // len(PALETTE)))
        return tuple(line.color or next(free) for line in self.lines)


@dataclass(frozen=True)
class Table:
    """A small table. rows: one sequence of cells per row; numbers are shown with up to `digits` significant digits."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    digits: int = 4
    highlight: int | None = None  # index of a row to set in bold


@dataclass(frozen=True)
class Prose:
    """Trusted HTML between charts: the caller escapes what users wrote (`html.escape`)."""

    html: str


@dataclass(frozen=True)
class Browser:
    """Many charts of which one is shown at a time: search in their titles, previous, next."""

    charts: Sequence[LineChart]
    noun: str = "series"


@dataclass(frozen=True)
class Index:
    """A table of thousands of rows to search in and to sort, of which the page shows a few at a time.

    names: (rows,) what is searched. columns: title -> (rows,) numbers, NaN for none, or texts.
    """

    names: Sequence[str]
    columns: Mapping[str, ArrayLike]
    noun: str = "series"
    digits: int = 3


@dataclass(frozen=True)
class SideBySide:
    """Two or more blocks beside each other where the window is wide enough, below each other on a phone."""

    content: Sequence[LineChart | Table | Prose]


Block = LineChart | Table | Prose | Browser | Index | SideBySide


@dataclass(frozen=True)
class Section:
    """A part of a page. heading: plain text, "" for none; text_html: trusted HTML as in Prose; content: blocks."""

    heading: str = ""
    text_html: str = ""
    content: Sequence[Block] = ()
