"""A raw stamp column -> instants: date text of any usual layout, day or month first, or numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.counts import COUNTS
from tidegate.series.dates.datetext import Read, Shape, check_layout, read_layout, shapes
from tidegate.series.dates.inference import regularity
from tidegate.series.dates.iso import read_iso
from tidegate.series.dates.layouts import ORDERS, candidate_layouts, with_offsets
from tidegate.series.dates.timeline import StampStyle
from tidegate.series.dates.types import Integers, Stamps
from tidegate.series.dates.zones import COMMON_ZONES, offset_text, zone_table

_BLANK = ("", "NA", "N/A", "NaN", "nan", "NaT", "None", "none", "null", "NULL", "<NA>")
_FLOATED = re.compile(r"\d+\.0*")
_DECIMAL = re.compile(r"[-+]?\d+(\.\d*)?")
_DATED_NAME = re.compile(r"ds|.*(date|time|day|week|month|quarter).*", re.IGNORECASE)


@dataclass(frozen=True)
class ParsedStamps:
    """The stamps of all rows of a table, in row order.

    Attributes:
        instants: (rows,) datetime64[us], NaT where the stamp is missing; int64 for positions.
        style: how they were written.
        timezone: None: naive, what the wall clock showed; else `instants` are in UTC and this is their zone.
        column: the name of the column; several are joined by ",".
        notes: what was found and assumed, one sentence each.
    """

    instants: Stamps
    style: StampStyle
    timezone: str | None = None
    column: str | None = None
    notes: tuple[str, ...] = ()


def looks_like_dates(column: Stamps | Sequence[object]) -> bool:
    """Whether a text column is date text: its first non-blank values (up to 100 are read) all are. Never raises.

    Digits alone ("1949", "20150131") are integers, not date text: False.
    """
    if read_iso(column[:100]) is not None:
        return True
    sample: list[str] = []
    for value in column:
        if isinstance(value, str) and value.strip() not in _BLANK:
            sample.append(value.strip())
            if len(sample) == 100:
                break
    if not sample or all(value.isdigit() for value in sample):
        return False
    found = shapes(np.array(sample, dtype=np.str_))
    return bool(found) and all(_readings(shape) for shape in found)


def parse_stamps(
    column: Stamps,
    *,
    name: str,
    date_format: str | None = None,
    zone: str | None = None,
) -> ParsedStamps:
    """Turn one stamp column into instants; `parts.parse_parts` does so for several.

    Args:
        column: (rows,) datetime64 of any unit, integers, floats holding whole numbers (or what `date_format` says),
            or text (object array of str and None, or a NumPy text array).
        name: the column's name, for messages and for the forecast's columns.
        date_format: what `--date-format` said: a strptime layout, "unix", "unix_ms" or "excel".
        zone: set if `column` is datetime64 in UTC that came from a type with a time zone: that zone's name.
    Raises: DataError if the stamps cannot be read, or can be read in two ways.
    """
    array = np.asarray(column)
    if array.dtype.kind == "M":
        style = StampStyle("datetime", dtype=str(array.dtype), zoned=zone is not None)
        return ParsedStamps(array.astype("M8[us]"), style, zone, name)
    if array.dtype.kind in "iuf":
        return _parse_numbers(array, name, date_format)
    if not date_format and (iso := read_iso(array)) is not None:
        layout, wall = iso
        return ParsedStamps(wall.astype("M8[us]"), StampStyle("text", layout, "object"), None, name)
    texts = without_zeros(texts_of(array))
    if (not date_format and _is_digits(texts)) or (date_format in COUNTS and _are_numbers(texts)):
        return _parse_numbers(np.where(texts == "", "nan", texts).astype(np.float64), name, date_format)
    return _parse_text(texts, name, date_format)


def texts_of(array: Stamps) -> NDArray[np.str_]:
    """Text with blanks as "" and no space around."""
    if array.dtype.kind not in "UT":
        array = np.array(
            ["" if value is None or value != value else str(value) for value in array.tolist()], dtype=np.str_
        )
    texts = np.strings.strip(array.astype(np.str_))
    blank = np.isin(texts, _BLANK) if len(texts) < 1000 or np.isin(texts[:1000], _BLANK).any() else texts == ""
    return np.where(blank, "", texts) if blank.any() else texts


def _is_digits(texts: NDArray[np.str_]) -> bool:
    filled = texts[texts != ""]
    return bool(len(filled)) and filled[0].isdigit() and bool(np.strings.isdigit(filled).all())


def without_zeros(texts: NDArray[np.str_]) -> NDArray[np.str_]:
    """ "2019.0" as "2019": so a column of whole numbers is written once it was one of floats; else as it is."""
    filled = texts[texts != ""]
    if not len(filled) or "." not in filled[0] or not all(map(_FLOATED.fullmatch, filled.tolist())):
        return texts
    return np.strings.partition(texts, ".")[0]


def _are_numbers(texts: NDArray[np.str_]) -> bool:
    filled = texts[texts != ""]
    return bool(len(filled)) and all(map(_DECIMAL.fullmatch, filled.tolist()))


def _parse_numbers(array: Stamps, name: str, date_format: str | None) -> ParsedStamps:
    if date_format in COUNTS:
        return _parse_counts(array, name, date_format)
    return _parse_integers(*whole_numbers(array, name), name, date_format)


def _parse_counts(array: Stamps, name: str, date_format: str) -> ParsedStamps:
    count = COUNTS[date_format]
    largest = float(np.nanmax(np.abs(array), initial=0))
    if largest * count.unit > 2**53:  # the year 2255; beyond it floats skip microseconds
        raise DataError(
            f'time column "{name}" has the value {largest:.12g}, too large for --date-format {date_format}: expected '
            f"{count.name}"
        )
    if array.dtype.kind == "f" and (array % 1 > 0).any():
        missing, dtype = np.isnan(array), "float64"
        numbers: Stamps = np.where(missing, 0, array)
    else:
        numbers, missing, dtype = whole_numbers(array, name)
    if missing.all():
        raise DataError(f'time column "{name}" is empty: expected a date in each row')
    instants = count.instants(numbers).astype("M8[us]")
    return _with_missing(ParsedStamps(instants, StampStyle(date_format, dtype=dtype), count.zone, name), missing)


def whole_numbers(array: Stamps, name: str) -> tuple[Integers, NDArray[np.bool_], str]:
    """Numbers, which of them are missing, and their type."""
    if array.dtype.kind in "iu":
        return array.astype(np.int64), np.zeros(len(array), dtype=bool), str(array.dtype)
    missing = np.isnan(array)
    whole = np.where(missing, 0, array)
    # Beyond 2**53 floats skip whole numbers.
    wrong = (whole % 1 != 0) | ~(np.abs(whole) < 2**53)
    if wrong.any():
        raise _no_whole_number(name, float(array[wrong][0]))
    return whole.astype(np.int64), missing, "int64"


def _no_whole_number(name: str, value: float) -> DataError:
    counts = [word for word, count in COUNTS.items() if count.may_be(value, value)]
    hints = [f"if these are {COUNTS[word].name}: --date-format {word}; else " for word in counts]
    return DataError(
        f'time column "{name}" has the value {value}: expected dates or whole numbers; {"".join(hints)}name another '
        f'with --time, pass --target "{name}" if these are the values to forecast, or remove the column to count the '
        "rows",
        *[{"date_format": word} for word in counts],
        {"target": name},
    )


def _parse_integers(
    numbers: Integers, missing: NDArray[np.bool_], dtype: str, name: str, date_format: str | None
) -> ParsedStamps:
    present = numbers[~missing]
    if not len(present):
        raise DataError(f'time column "{name}" is empty: expected a date in each row')
    low, high = int(present.min()), int(present.max())
    if date_format:
        texts = np.where(missing, "", numbers.astype(str))
        parsed = _parse_text(texts, name, date_format)
        return replace(parsed, style=replace(parsed.style, kind="integer", dtype=dtype))
    if low >= 1500 and high <= 2200:
        instants = (numbers - 1970).astype("M8[Y]").astype("M8[us]")
        return _with_missing(ParsedStamps(instants, StampStyle("year", dtype=dtype), None, name), missing)
    if low >= 1500_01_01 and high <= 2200_12_31:
        parsed = _parse_text(np.where(missing, "", numbers.astype(str)), name, "%Y%m%d")
        return replace(parsed, style=replace(parsed.style, kind="integer", dtype=dtype))
    hint, formats = _number_hint(present, low, high, name)
    unique = np.unique(present)
    if not hint and ((high - low + 1 == len(unique)) or (low in (0, 1) and high - low < 2 * len(unique))):
        if missing.any():
            raise DataError(
                f'time column "{name}" has no value in row {int(np.argmax(missing)) + 1}: expected a number'
            )
        notes = _note_on_days(low, high, name)
        return ParsedStamps(numbers, StampStyle("position", dtype=dtype), None, name, notes)
    if not hint and COUNTS["excel"].may_be(low, high):
        hint, formats = _count_hint("excel", int(present[0])), ["excel"]
    raise DataError(
        f'time column "{name}" holds whole numbers from {low} to {high}, which could be many things: expected steps '
        f"1, 2, 3, …, years 1500 to 2200, or dates such as 20150131{hint or '; name another column with --time'}",
        *[{"date_format": word} for word in formats],
    )


def _note_on_days(low: int, high: int, name: str) -> tuple[str, ...]:
    """A note where positions may be dates as Excel counts them: in their usual range, in a column named like dates."""
    if not COUNTS["excel"].may_be(low, high) or not _DATED_NAME.fullmatch(name):
        return ()
    return (f'the whole numbers of "{name}" are read as positions{_count_hint("excel", low)}',)


def _count_hint(word: str, first: int) -> str:
    count = COUNTS[word]
    day = str(count.instants(np.array(first)).astype("M8[us]").astype("M8[s]")).replace("T", " ")
    shown = day.removesuffix(" 00:00:00") if count.zone is None else f"{day} {count.zone}"
    return f"; if these are {count.name} ({first} is {shown}): --date-format {word}"


def _number_hint(present: Integers, low: int, high: int, name: str) -> tuple[str, list[str]]:
    """What whole numbers might be that are not taken for it without being told, "" for nothing; and the date format."""
    for word in ("unix", "unix_ms"):
        if COUNTS[word].may_be(low, high):
            return _count_hint(word, int(present[0])), [word]
    if low // 100 >= 1500 and high // 100 <= 2200 and (present % 100 >= 1).all() and (present % 100 <= 12).all():
        return '; if these are years and months: --date-format "%Y%m"', ["%Y%m"]
    if "week" in name.lower() and low // 100 >= 1500 and high // 100 <= 2200 and (present % 100 <= 53).all():
        return "; if these are years and weeks: write the date of a day of each week", []
    return "", []


def _with_missing(parsed: ParsedStamps, missing: NDArray[np.bool_]) -> ParsedStamps:
    if missing.any():
        parsed.instants[missing] = np.datetime64("NaT")
    return parsed


def _readings(shape: Shape) -> dict[str, tuple[str, Read]]:
    """Order -> layout and what it reads, for the orders in which every row is a date."""
    found = {}
    for order, layout in candidate_layouts(shape).items():
        layout = with_offsets(layout)
        read = read_layout(layout, shape)
        if read is not None and read.valid.all():
            found[order] = (layout, read)
    return found


def _parse_text(texts: NDArray[np.str_], name: str, date_format: str | None) -> ParsedStamps:
    filled = np.flatnonzero(texts != "")
    if not len(filled):
        raise DataError(f'time column "{name}" is empty: expected a date in each row')
    present = texts if len(filled) == len(texts) else texts[filled]
    # Repeated texts (many series on the same dates) are read once.
    unique, inverse = np.unique(present, return_inverse=True) if _repeats(present) else (present, None)
    wall, offset, layout, notes = _read_by_format(unique, name, date_format) if date_format else _read_any(unique, name)
    if inverse is not None:
        wall, offset = wall[inverse], None if offset is None else offset[inverse]
    instants = np.full(len(texts), np.datetime64("NaT"), dtype="M8[us]")
    style = StampStyle("text", layout, "object", offset is not None)
    if offset is None:
        instants[filled] = wall.astype("M8[us]")
        return ParsedStamps(instants, style, None, name, tuple(notes))
    instants[filled] = (wall - offset).astype("M8[us]")
    zone, zone_notes = _zone_of_offsets(wall - offset, offset, name)
    return ParsedStamps(instants, style, zone, name, (*notes, *zone_notes))


def _repeats(texts: NDArray[np.str_]) -> bool:
    return len(texts) > 5000 and len(np.unique(texts[:: len(texts) // 2000])) < 1000


def _read_any(texts: NDArray[np.str_], name: str) -> tuple[Integers, Integers | None, str, list[str]]:
    """Wall clock, offsets, layout and notes of date text in a layout to be found."""
    found = shapes(texts)
    readings = [_readings(shape) for shape in found]
    if not found or not all(readings):
        bad = next((shape for shape, read in zip(found, readings, strict=True) if not read), None)
        example = _first_bad(bad, texts)
        if _are_numbers(texts):
            raise _no_whole_number(
                name, next((float(text) for text in texts if text and float(text) % 1), float(example))
            )
        raise DataError(
            f'time column "{name}" has the value "{example}", no date in any usual form: expected dates such as '
            '2015-01-31 10:00, 1/31/2015, 31.12.2015, 1982 Apr or 2015Q1; give the form with --date-format "%d/%m/%Y"'
        )
    orders = [order for order in readings[0] if all(order in read or "" in read for read in readings)]
    if not orders:
        mixed = found[-1].example
        raise DataError(
            f'time column "{name}" mixes forms: "{found[0].example}" and "{mixed}" cannot be read in one order of day, '
            "month and year; write all dates in one form"
        )

    def joined(order: str) -> tuple[Integers, Integers | None]:
        wall = np.empty(len(texts), dtype=np.int64)
        offset = np.zeros(len(texts), dtype=np.int64)
        zoned = set()
        for shape, read in zip(found, readings, strict=True):
            part = read.get(order, read.get("", next(iter(read.values()))))[1]
            wall[shape.rows] = part.wall
            zoned.add(part.offset is not None)
            if part.offset is not None:
                offset[shape.rows] = part.offset
        if len(zoned) > 1:
            raise DataError(
                f'time column "{name}" mixes timestamps with and without an offset from UTC, such as '
                f'"{found[0].example}" and "{found[-1].example}": expected all or none'
            )
        return wall, offset if zoned == {True} else None

    notes = []
    order = orders[0]
    if len(orders) > 1:
        order = _most_regular(orders, {order: joined(order)[0] for order in orders}, readings[0], texts, name)
    if order in ("mdy", "dmy", "ymd"):
        notes.append(f'dates such as "{found[0].example}" are {ORDERS[order]}')
    layout = readings[0][order if order in readings[0] else ""][0]
    if layout.startswith("%-Y"):
        notes.append(
            f'the years of dates such as "{found[0].example}" are counted from 1, because their century is unknown'
        )
    return (*joined(order), layout, notes)


def _most_regular(
    orders: list[str],
    walls: dict[str, Integers],
    readings: dict[str, tuple[str, Read]],
    texts: NDArray[np.str_],
    name: str,
) -> str:
    """The only order that puts the stamps on a full grid.

    Raises: DataError that tells the readings if more than one does, or none.
    """
    filled = {order: regularity(walls[order].astype("M8[us]")) for order in orders}
    best = max(orders, key=lambda order: filled[order])
    if filled[best] >= 0.8 and all(filled[order] < 0.5 for order in orders if order != best):
        return best
    differs = np.flatnonzero(walls[orders[0]] != walls[orders[1]])
    if not len(differs):
        return best
    row = int(differs[0])
    layouts = {order: readings[order][0].replace("%-", "%") for order in orders if order in readings}
    ways = " or ".join(
        f'{np.datetime64(int(walls[order][row]), "us").astype("M8[D]")} ({ORDERS[order]}: --date-format "{layout}")'
        for order, layout in layouts.items()
    )
    raise DataError(
        f'time column "{name}": "{texts[row]}" can be {ways}, and no other row decides; pass one of these options',
        *[{"date_format": layout} for layout in layouts.values()],
    )


def _first_bad(shape: Shape | None, texts: NDArray[np.str_]) -> str:
    if shape is None:
        return str(texts[0])
    for layout in candidate_layouts(shape).values():
        read = read_layout(with_offsets(layout), shape)
        if read is not None and not read.valid.all():
            return str(texts[shape.rows[int(np.argmin(read.valid))]])
    return shape.example


def _read_by_format(
    texts: NDArray[np.str_], name: str, layout: str
) -> tuple[Integers, Integers | None, str, list[str]]:
    """Wall clock, offsets, layout and notes of date text in a layout the user gave."""
    if layout in COUNTS:
        raise DataError(f'--date-format {layout} needs numbers, but time column "{name}" has "{texts[0]}"')
    wrong = check_layout(layout)
    if wrong:
        raise ConfigError(
            f'--date-format "{layout}": {wrong}; expected a layout such as "%d/%m/%Y %H:%M", or unix, unix_ms, excel'
        )
    wall, offset = np.zeros(len(texts), dtype=np.int64), np.zeros(len(texts), dtype=np.int64)
    zoned = False
    found = shapes(texts)
    for shape in found:
        read = read_layout(layout, shape)
        if read is None or not read.valid.all():
            row = int(shape.rows[0 if read is None else int(np.argmin(read.valid))])
            raise DataError(
                f'time column "{name}" has the value "{texts[row]}", which does not fit --date-format "{layout}"'
            )
        wall[shape.rows] = read.wall
        zoned |= read.offset is not None
        offset[shape.rows] = 0 if read.offset is None else read.offset
    if not found:
        raise DataError(f'time column "{name}" has the value "{texts[0]}", which does not fit --date-format "{layout}"')
    # Numbers without leading zeros come back without them.
    for known, _ in _readings(found[0]).values():
        if known.replace("%-", "%") == layout:
            layout = known
    return wall, offset if zoned else None, layout, []


def _zone_of_offsets(utc: Integers, offset: Integers, name: str) -> tuple[str, list[str]]:
    """A zone that has these offsets at these instants: the only offset itself, or a zone whose clock changes agree."""
    kinds = np.unique(offset)
    if len(kinds) == 1:
        return ("UTC" if kinds[0] == 0 else offset_text(int(kinds[0]))), []
    shown = " and ".join(offset_text(int(kind)) for kind in kinds[:3])
    low, high = int(utc.min()), int(utc.max())
    for zone in COMMON_ZONES:
        if np.array_equal(zone_table(zone, low, high).offset(utc), offset):
            note = f'the offsets of "{name}" ({shown}) agree with {zone}; --timezone names another zone'
            return zone, [note]
    last = offset_text(int(offset[np.argmax(utc)]))
    return last, [
        f'the offsets of "{name}" ({shown}) change; {last}, the last one, is kept; --timezone names their zone'
    ]
