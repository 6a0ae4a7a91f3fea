"""Charts as SVG and PNG pictures, drawn by matplotlib (extra "plot") through its object interface: no global state."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tidegate.charts.chart import COLORS, LineChart
from tidegate.errors import ConfigError, MissingExtra

PICTURE_LIMIT = 12  # charts that can still be read beside each other
_INK, _SOFT, _GRID = "#26323f", "#5a6675", "#e6e9ed"
_DASHES: dict[str, Any] = {"dashed": (0, (4, 2.5)), "dotted": (0, (1, 2))}


def check_extra(suffix: str) -> None:
    """Make sure that a picture can be drawn, without loading what draws it. Raises: MissingExtra without matplotlib."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingExtra("plot", f"a {suffix} picture")


def save_picture(path: str | os.PathLike[str], charts: Sequence[LineChart], *, title: str = "") -> None:
    """Draw one chart as a wide figure, several as a grid; the format is the path's extension, .svg or .png.

    Args:
        charts: 1 to PICTURE_LIMIT charts.
        title: above a grid of charts; one chart has its own title.
    Raises: MissingExtra without matplotlib; ConfigError for another extension or number of charts.
    """
    form = Path(path).suffix.lower().removeprefix(".")
    if form not in ("svg", "png"):
        raise ConfigError(f"cannot draw {str(path)!r}: a picture is .svg or .png")
    if not 1 <= len(charts) <= PICTURE_LIMIT:
        raise ConfigError(f"a picture shows 1 to {PICTURE_LIMIT} charts, not {len(charts)}: choose some of them")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("plot", f"a .{form} picture") from error

    one = len(charts) == 1
    columns = 1 if one else 2 if len(charts) <= 4 else 3
    rows = math.ceil(len(charts) / columns)
    size = (10.0, 4.4) if one else (5.6 if columns == 2 else 4.6, 2.5)
    settings: Any = {"font.size": 10 if one else 8, "svg.hashsalt": "tidegate", "axes.unicode_minus": True}
    with rc_context(settings):
        figure: Any = Figure(figsize=(size[0] * columns, size[1] * rows + (0 if one else 0.5)), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # inches of air at the edges and between charts
        for place, chart in enumerate(charts):
            _draw(figure.add_subplot(rows, columns, place + 1), chart, small=not one)
        if not one:
            figure.suptitle(_plain(title), x=0.01, ha="left", fontsize=13, fontweight="bold", color=_INK)
            _legend(figure, charts[0])
        # No date in the file: the same forecast gives the same bytes.
        figure.savefig(path, format=form, dpi=160, facecolor="white", metadata={"Date": None} if form == "svg" else {})


def _draw(axes: Any, chart: LineChart, small: bool) -> None:
    x = np.asarray(chart.x)
    if chart.x_is_time:
        x = x.astype("datetime64[ms]")
    seen = np.ones(len(x), dtype=bool)
    if chart.focus is not None:
        seen = (x >= chart.focus[0]) & (x <= chart.focus[1])
    x = x[seen]
    ends: list[tuple[float, str, str]] = []  # (y, text, colour) of what reaches the right end
    ended: list[tuple[str, str]] = []  # (text, colour) of what stops at a mark
    for band in chart.bands:
        low, high = _seen(band.lo, seen), _seen(band.hi, seen)
        color = COLORS[band.color][0]
        axes.fill_between(x, low, high, color=color, alpha=band.opacity, linewidth=0)
        if len(high) and np.isfinite(high[-1]):
            ends.append((float(high[-1]), band.name, color))
    for line, name in zip(chart.lines, chart.line_colors(), strict=True):
        y, color = _seen(line.y, seen), COLORS[name][0]
        points = line.style.endswith("points") or (line.style == "line" and len(x) <= 60)
        axes.plot(
            x,
            y,
            color=color,
            linewidth=line.width * (0.6 if small else 0.8),
            linestyle="none" if line.style == "points" else _DASHES.get(line.style, "-"),
            marker="o" if points and not small else "none",
            markersize=2.6,
            solid_capstyle="round",
        )
        known = np.flatnonzero(np.isfinite(y))
        if len(known) and known[-1] == len(y) - 1:
            ends.append((float(y[-1]), line.name, color))
        elif len(known):
            ended.append((line.name, color))
    _label_marks(axes, chart, x, ended, small)
    _style_axes(axes, chart, x, small)
    if not small:
        _label_ends(axes, ends)


def _label_marks(axes: Any, chart: LineChart, x: NDArray[Any], ended: list[tuple[str, str]], small: bool) -> None:
    """Dashed lines at the marks; left of the first one the names of the lines that stop there."""
    top = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "va": "bottom",
        "annotation_clip": False,
    }
    marks = [mark for mark in chart.marks if len(x) and x[0] <= mark.x <= x[-1]]
    for mark in marks:
        axes.axvline(mark.x, color=_SOFT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        if not small:
            axes.annotate(_plain(mark.label), (mark.x, 1), (4, 2), ha="left", color=_SOFT, **top)
    if small:
        return
    for place, (text, color) in enumerate(ended):
        anchor = marks[0].x if marks else x[-1]
        axes.annotate(_plain(text), (anchor, 1), (-4, 2 + 11 * place), ha="right", color=color, **top)


def _label_ends(axes: Any, ends: list[tuple[float, str, str]]) -> None:
    """Names beside the right end of lines and bands, moved apart where they would overlap."""
    if not ends or len(ends) > 8:
        if ends:
            axes.legend(frameon=False)
        return
    figure = axes.figure
    figure.canvas.draw()  # constrained layout has to settle before places on the screen mean anything
    gap = 11.5 * figure.dpi / 72
    places: list[tuple[float, str, str]] = []
    for y, text, color in sorted(ends):
        wanted = float(axes.transData.transform((0, y))[1])
        places.append((max(wanted, places[-1][0] + gap) if places else wanted, text, color))
    for at, text, color in places:
        shown = float(axes.transAxes.inverted().transform((0, at))[1])
        axes.annotate(
            _plain(text), (1, shown), (5, 0), xycoords="axes fraction", textcoords="offset points", va="center",
            color=color, fontsize=9, annotation_clip=False,
        )  # fmt: skip


def _legend(figure: Any, chart: LineChart) -> None:
    """What the colours of a grid of charts mean, once, beside its title."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=COLORS[color][0], linewidth=1.5, linestyle=_DASHES.get(line.style, "-"), label=line.name)
        for line, color in zip(chart.lines, chart.line_colors(), strict=True)
    ]
    handles += [
        Patch(color=COLORS[band.color][0], alpha=min(1, 1.5 * band.opacity), linewidth=0, label=band.name)
        for band in chart.bands
    ]
    figure.legend(handles=handles, loc="upper right", ncols=len(handles), frameon=False, fontsize=9, labelcolor=_SOFT)


def _style_axes(axes: Any, chart: LineChart, x: NDArray[Any], small: bool) -> None:
    title = _plain(chart.title)
    longest = 44 if small else 90
    title = title if len(title) <= longest else title[: longest - 1] + "…"
    axes.set_title(title, loc="left", fontsize=9 if small else 12.5, fontweight="bold", color=_INK,
                   pad=4 if small else 20)  # fmt: skip
    axes.set_axisbelow(True)
    axes.grid(True, color=_GRID, linewidth=0.8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#b8c0ca")
    axes.tick_params(colors=_SOFT, length=0, labelsize=7.5 if small else 9)
    if chart.log_x:
        axes.set_xscale("log")
    if chart.log_y:
        axes.set_yscale("log")
    if chart.x_is_time:
        _time_axis(axes, chart.timezone, float((x[-1] - x[0]).astype(np.int64)) / 1000 if len(x) else 0.0, small)
    if not chart.log_x and len(x) > 1:
        axes.set_xlim(x[0], x[-1])
    if not small:
        axes.set_xlabel(_plain(chart.x_label), color=_SOFT, fontsize=9)
        axes.set_ylabel(_plain(chart.y_label), color=_SOFT, fontsize=9)
    if not chart.log_y:
        _value_axis(axes)


def _value_axis(axes: Any) -> None:
    """Plain numbers with the same decimals at every tick; powers of ten where plain ones would be long."""
    from matplotlib.ticker import FuncFormatter

    largest = max(map(abs, axes.get_ylim()))
    if not 1e-3 <= largest < 1e7:
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 6), useMathText=True)
        return

    def label(value: float, _: object) -> str:
        ticks = axes.yaxis.get_majorticklocs()
        step = float(f"{ticks[1] - ticks[0]:.3g}") if len(ticks) > 1 else 1.0
        decimals = len(f"{step:.10f}".rstrip("0").partition(".")[2])
        return f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")

    axes.yaxis.set_major_formatter(FuncFormatter(label))


def _time_axis(axes: Any, timezone: str | None, seconds: float, small: bool) -> None:
    """Ticks at round dates; every label can be read alone, however long the axis is (in seconds)."""
    from matplotlib import dates
    from matplotlib.ticker import FuncFormatter

    made: Any = dates  # its classes are not annotated
    zone = ZoneInfo(timezone) if timezone else None
    day = 86_400

    def label(value: float, _: object) -> str:
        stamp = made.num2date(value, tz=zone)
        early = stamp.year < 100  # months such as 1-01 count years from 1
        if seconds > 6 * 365 * day:
            return f"year {stamp.year}" if early else f"{stamp:%Y}"
        if seconds > 120 * day:
            return f"{stamp:%b}, year {stamp.year}" if early else f"{stamp:%b %Y}"
        date = f"{stamp.day} {stamp:%b}"
        if seconds > 3 * day:
            return date
        return f"{stamp:%H:%M}\n{date}" if seconds > 600 else f"{stamp:%H:%M:%S}\n{date}"

    axes.xaxis.set_major_locator(made.AutoDateLocator(tz=zone, minticks=3, maxticks=5 if small else 10))
    axes.xaxis.set_major_formatter(FuncFormatter(label))


def _seen(values: Any, seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)[seen]


def _plain(text: str) -> str:
    """Users' text: no formulas between dollar signs, one line."""
    return " ".join(text.split()).replace("$", r"\$")
