"""What a person sees: a table of numbers, a progress bar, one line per note or error. Data go to standard output."""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from tidegate.interfaces.exits import OutputClosed, say

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAR_AFTER = 1.0  # seconds a job takes before a bar is drawn
BAR_EVERY = 0.1  # seconds between two drawings
BAR_WIDTH = 30
BAR_SURE = 0.02  # share of a job that has to be seen before the bar tells how long the rest will take
LINE_EVERY = 60.0  # seconds between two lines of progress where there is no terminal
TABLE_ROWS = 60


class Bar:
    """A progress bar on standard error, drawn only where that is a terminal.

    lines: where it is none, a line a minute instead.
    """

    def __init__(self, *, quiet: bool, lines: bool = False) -> None:
        self.shown = not quiet and sys.stderr.isatty()
        self.tells = lines and not quiet and not self.shown
        self.began = self.told = time.monotonic()
        self.drawn_at = 0.0
        self.first: tuple[float, float] | None = None  # when the work itself began, and how much was done then

    def draw(self, share: float, text: str = "", *, left: float | None = None) -> None:
        """Show that `share` (0 to 1) is done; `left`, seconds, is reckoned from what has been done since it was 0, or
        since the first call, if left out."""
        now = time.monotonic()
        if self.first is None or not share:
            self.first = now, share
        drawn = self.shown and now - self.began >= BAR_AFTER and now - self.drawn_at >= BAR_EVERY
        told = self.tells and now - self.told >= LINE_EVERY
        if share >= 1 or not (drawn or told):
            return
        since, before = self.first
        if left is None and share - before >= BAR_SURE:
            left = (now - since) * (1 - share) / (share - before)
        remaining = "" if left is None else f", {left:.0f} s left"
        state = f"{share:4.0%}{remaining}{'  ' + text if text else ''}"
        if told:
            self.told = now
            say(state.strip())
            return
        self.drawn_at = now
        columns = shutil.get_terminal_size().columns
        width = min(BAR_WIDTH, columns // 4)
        done = round(width * min(max(share, 0.0), 1.0))
        line = f"[{'#' * done}{'.' * (width - done)}] {state}"
        sys.stderr.write(f"\r\x1b[K{line[: columns - 1]}")  # a line that wraps could not be drawn over
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave nothing of it behind."""
        if self.drawn_at:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self.drawn_at = 0.0


class Stages:
    """Progress of a long job in stages: a bar for each, or a line a minute where standard error is no terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.what = quiet, ""
        self.bar = Bar(quiet=quiet)
        self.began = self.told = time.monotonic()
        self.before = 0

    def report(self, what: str, done: int, total: int) -> None:
        """So much is done, of so much; the rate and the time left count what this process has done."""
        now = time.monotonic()
        if what != self.what:
            self.bar.clear()
            self.what, self.bar, self.before = what, Bar(quiet=self.quiet), done
            self.began = self.told = now
            return
        rate = (done - self.before) / max(now - self.began, 1e-3)
        text = f"{done:,} of {total:,} {what}, {rate:,.0f} a second"
        left = (total - done) / rate if rate else None
        self.bar.draw(done / max(total, 1), text, left=left)
        if not self.bar.shown and now - self.told > LINE_EVERY and left is not None:
            self.told = now
            say(f"{text}, {left:,.0f} s left", quiet=self.quiet)

    def clear(self) -> None:
        self.bar.clear()


def emit(text: str) -> None:
    """Data, to standard output: in UTF-8, as in a file, or as the terminal shows it. What cannot be written in that, as
    odd bytes in the name of a file, is escaped.

    Raises: OutputClosed if nobody reads it any more.
    """
    if isinstance(sys.stdout, TextIOWrapper):  # else a host program has put something of its own there
        sys.stdout.reconfigure(encoding=None if sys.stdout.isatty() else "utf-8", errors="backslashreplace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputClosed from error


def document(**parts: Any) -> str:
    """One JSON document; a string that is JSON already is marked as Raw. No NaN: a missing number is null."""
    inner = ",\n".join(
        f"{json.dumps(name)}: {part if isinstance(part, Raw) else json_text(part)}" for name, part in parts.items()
    )
    return "{" + inner + "}\n"


class Raw(str):
    """Text that is JSON already."""


def json_text(value: Any) -> str:
    """A value as JSON; what is not finite is null."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value


def table(columns: Mapping[str, NDArray[Any]], dispensable: Sequence[str] = ()) -> str:
    """The first rows of the columns, aligned, numbers with as many digits as tell them apart.

    dispensable: columns that are left out, these first, where standard output is a terminal too narrow for all.
    """
    rows = len(next(iter(columns.values())))
    shown = min(rows, TABLE_ROWS)
    cells = {name: _cells(values[:shown]) for name, values in columns.items()}
    widths = {name: max(map(len, [name, *texts])) for name, texts in cells.items()}
    left_out = []
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns
        for name in dispensable:
            if sum(widths.values()) + 2 * (len(widths) - 1) > room and widths.pop(name, None) is not None:
                left_out.append(name)
    lines = ["  ".join(name.rjust(width) for name, width in widths.items())]
    lines += [
        "  ".join(text.rjust(width) for text, width in zip(row, widths.values(), strict=True))
        for row in zip(*(cells[name] for name in widths), strict=True)
    ]
    if left_out:
        lines.append(f"(left out for want of room: {', '.join(name for name in columns if name in left_out)})")
    if shown < rows:
        lines.append(f"... and {rows - shown:,} more rows: -o forecast.csv writes all of them")
    return "\n".join(lines) + "\n"


def _cells(values: NDArray[Any]) -> list[str]:
    """Texts of a column, all with the same decimals unless these would leave nothing of some; "-" for a number that is
    not defined."""
    if values.dtype.kind != "f":
        return [str(value) for value in values.tolist()]
    sizes = [abs(value) for value in values.tolist() if math.isfinite(value) and value]
    largest = max(sizes, default=0.0)
    decimals = max(0, 4 - math.floor(math.log10(largest))) if largest else 1
    decimals = min(decimals, 3 if largest >= 1 else 8)
    if largest and (not 1e-4 <= largest < 1e12 or min(sizes) < 0.5 * 10.0**-decimals):
        return [f"{value:.5g}" if math.isfinite(value) else "-" for value in values.tolist()]
    return [f"{value:.{decimals}f}" if math.isfinite(value) else "-" for value in values.tolist()]
