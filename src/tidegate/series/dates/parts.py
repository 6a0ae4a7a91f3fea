"""Timestamps in several columns: year and month, quarter or week, day, hour, …, or a date and the hour."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.datetext import MONTHS, iso_monday
from tidegate.series.dates.layouts import cased
from tidegate.series.dates.stamps import ParsedStamps, parse_stamps, texts_of, whole_numbers, without_zeros
from tidegate.series.dates.timeline import StampStyle
from tidegate.series.dates.types import Instants, Integers, Stamps

_NAMES = {
    "year": "year yr", "quarter": "quarter qtr", "month": "month mon mnth monthname monthno monthnum monthnumber",
    "week": "week isoweek weekno weeknum weeknumber weekofyear", "day": "day", "hour": "hour hr", "minute": "minute",
    "second": "second",
}  # fmt: skip
# They mean much else too: the minimum, millimetres.
_SHORT_NAMES = {
    "year": "yyyy", "quarter": "q", "month": "mo mm", "week": "wk kw", "day": "dy dom dd mday", "hour": "hh h",
    "minute": "min mins mi", "second": "sec secs ss",
}  # fmt: skip
_PART_OF_NAME = {name: part for part, names in _NAMES.items() for name in names.split()}
_PART_OF_ANY_NAME = _PART_OF_NAME | {name: part for part, names in _SHORT_NAMES.items() for name in names.split()}
_DIRECTIVES = {"year": "Y", "quarter": "q", "month": "m", "week": "V", "day": "d", "hour": "H", "minute": "M",
               "second": "S"}  # fmt: skip
LIMITS = {"year": (1, 9999), "quarter": (1, 4), "month": (1, 12), "week": (1, 53), "day": (1, 31), "hour": (0, 24),
          "minute": (0, 59), "second": (0, 59)}  # fmt: skip
_OF_WEEKS = {"year": "week_year", "%Y": "%G", "%-Y": "%-G"}  # the year that most of a week lies in
_MONTH_OF_NAME = {name: at for at, month in enumerate(map(str.lower, MONTHS), 1) for name in (month, month[:3])}
_MONTH_OF_NAME["sept"] = 9
_NUMBERED = re.compile(r"([A-Za-z. ]*)\d{1,4}([A-Za-z. ]*)")
_EXPECTED = ", ".join(_NAMES)


def part_of(name: str, *, short: bool = False) -> str | None:
    """The part of a date that a column is named for: "year", "quarter", …; None if it is named for none.

    Args: short: names such as "mm" count too, as they do where the user says that the column is a part.
    """
    word = re.sub(r"[\s_.-]", "", name.lower())
    return (_PART_OF_ANY_NAME if short else _PART_OF_NAME).get(word)


def shows_part(part: str, texts: Stamps) -> bool:
    """Whether text is a part of a date and shows which: "Jan" or "January" for a month, "Q1" for a quarter."""
    found = [text for text in dict.fromkeys(texts_of(texts).tolist()) if text]
    if part == "month" and _month_names(found) is not None:
        return True
    return part in ("quarter", "month", "week") and _affixes(found) not in (None, ("", ""))


def parse_parts(columns: Sequence[Stamps], names: Sequence[str], date_format: str | None = None) -> ParsedStamps:
    """Turn columns that together make a timestamp into instants.

    Args:
        columns: (rows,) each: year, month, day, hour, … by their names, or a date column and parts of the day.
        date_format: of the date column, as in `parse_stamps`.
    Raises: DataError for a value that is no such part; ConfigError for parts that make no date.
    """
    parts: dict[str, Integers] = {}
    written: list[tuple[str, str]] = []
    missing = np.zeros(len(columns[0]), dtype=bool)
    date: ParsedStamps | None = None
    for name, column in zip(names, columns, strict=True):
        part = part_of(name, short=True)
        if part is None or part in parts:
            if date is not None:
                raise DataError(
                    f'time columns "{date.column}" and "{name}" cannot be put together: expected at most one date '
                    f"column and columns named {_EXPECTED}"
                )
            date = parse_stamps(column, name=name, date_format=date_format)
            if date.style.kind not in ("text", "datetime", "integer") or date.timezone is not None:
                raise DataError(f'time column "{name}" is neither a date nor named {_EXPECTED}')
            written.append((name, date.style.layout if date.style.kind == "text" else "%Y-%m-%d"))
            missing |= np.isnat(date.instants)
            continue
        parts[part], layout = _read_part(column, name, part)
        missing |= parts[part] < 0
        written.append((name, layout))
    if date is None and "year" not in parts:
        raise ConfigError(
            f"time columns {', '.join(names)} have no year: expected --time year,month,day,hour or a date column"
        )
    notes = () if date is None else date.notes
    if date is not None:
        instants = date.instants.astype("M8[us]")
    elif "week" in parts:
        instants = _weeks(parts, names, missing)
        written = [(name, _OF_WEEKS.get(what, what)) for name, what in written]
        notes = (f"the weeks of {', '.join(names)} are ISO 8601 weeks, which begin on Monday",)
    else:
        instants = _days(parts, names)
    for part, unit in (("hour", "h"), ("minute", "m"), ("second", "s")):
        if part in parts:
            instants = instants + parts[part].astype(f"m8[{unit}]")
    instants = np.where(missing, np.datetime64("NaT"), instants)
    style = StampStyle("parts", dtype="datetime64[us]", parts=tuple(written))
    return ParsedStamps(instants, style, None, ",".join(names), notes)


def _read_part(column: Stamps, name: str, part: str) -> tuple[Integers, str]:
    """(rows,) years, months, …, -1 where missing, and how they are written: the part for a number, else a layout."""
    array, layout = column, part
    if array.dtype.kind not in "iuf":
        texts, row_of = np.unique(without_zeros(texts_of(array)), return_inverse=True)  # a few, each many times
        array, layout = _read_texts(texts.tolist(), name, part)
        array = array[row_of]
    values, empty, _ = whole_numbers(array, name)
    low, high = LIMITS[part]
    wrong = ((values < low) | (values > high)) & ~empty
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f'time column "{name}" has the value {values[row]} in row {row + 1}: expected {low} to {high} ({part})'
        )
    return np.where(empty, -1, values), layout


def _read_texts(texts: list[str], name: str, part: str) -> tuple[NDArray[np.float64], str]:
    """The numbers of different texts, NaN for a blank one, and how they are written."""
    filled = [text for text in texts if text]
    months = _month_names(filled) if part == "month" else None
    if months is not None:
        numbers, layout = months
    else:
        affixes = _affixes(filled)
        if affixes is None:
            bad = next((text for text in filled if not text.isdigit()), "")
            name_too = " or a name such as Jan" if part == "month" else ""
            raise DataError(f'time column "{name}" has the value "{bad}": expected a whole number{name_too} ({part})')
        before, after = affixes
        digits = [text[len(before) : len(text) - len(after)] for text in filled]
        numbers, layout = dict(zip(filled, map(int, digits), strict=True)), part
        padded = all(len(number) == 2 for number in digits) and any(number.startswith("0") for number in digits)
        if (padded and part != "year") or before or after:
            zero = "0" * (part == "quarter") + "%" if padded else "%-"  # "%q" alone writes no zero
            layout = f"{before}{zero}{_DIRECTIVES[part]}{after}"
    return np.array([numbers.get(text, np.nan) for text in texts], dtype=np.float64), layout


def _affixes(texts: list[str]) -> tuple[str, str] | None:
    """What stands before and after the number in each text, as in "Q1" and "Q2"; None if it differs."""
    found = {match.groups() if (match := _NUMBERED.fullmatch(text)) else None for text in texts}
    affixes = found.pop() if len(found) == 1 else None
    return None if affixes is None else (affixes[0], affixes[1])


def _month_names(texts: list[str]) -> tuple[dict[str, int], str] | None:
    """The month that each text names, and the layout; None if one is no name of a month."""
    numbers = {text: _MONTH_OF_NAME.get(text.lower(), 0) for text in texts}
    if not numbers or 0 in numbers.values():
        return None
    return numbers, cased(texts[0], "b", any(len(text) > 3 and text.lower() != "sept" for text in texts))


def _days(parts: dict[str, Integers], names: Sequence[str]) -> Instants:
    """Instants of year, month or quarter, and day; the first where there is none."""
    first = np.ones_like(parts["year"])
    month = parts.get("month", 3 * parts["quarter"] - 2 if "quarter" in parts else first)
    day = parts.get("day", first)
    months = ((parts["year"] - 1970) * 12 + month - 1).astype("M8[M]")
    dates: NDArray[np.datetime64] = months.astype("M8[D]") + (day - 1).astype("m8[D]")
    beyond = (dates.astype("M8[M]") != months) & (day > 0) & (month > 0)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise DataError(
            f"time columns {', '.join(names)} have day {day[row]} of {months[row]} in row {row + 1}: expected a day of "
            "that month"
        )
    return dates.astype("M8[us]")


def _weeks(parts: dict[str, Integers], names: Sequence[str], missing: NDArray[np.bool_]) -> Instants:
    """The Mondays of ISO 8601 weeks."""
    if set(parts) != {"year", "week"}:
        both = ",".join(name for name in names if part_of(name, short=True) in ("year", "week"))
        raise ConfigError(
            f"time columns {', '.join(names)}: a week makes a date with a year alone: --time year,week", {"time": both}
        )
    mondays = iso_monday(parts["year"], parts["week"])
    beyond = (mondays == iso_monday(parts["year"] + 1, np.ones_like(mondays))) & ~missing
    if beyond.any():
        row = int(np.argmax(beyond))
        raise DataError(
            f"time columns {', '.join(names)} have week 53 of {parts['year'][row]} in row {row + 1}, which has only 52 "
            "weeks by ISO 8601: if weeks are counted in another way, write the date of a day of each week instead"
        )
    return mondays.astype("M8[D]").astype("M8[us]")
