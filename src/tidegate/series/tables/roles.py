"""Which columns are the id, the time and the target: by name where told, else by rules that ask rather than guess.

The rules are the table in docs/reading.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.parts import part_of
from tidegate.series.dates.stamps import looks_like_dates
from tidegate.series.tables.dateparts import OTHER_PERIODS, date_parts, finer_part, is_whole, joined_parts, within
from tidegate.series.tables.ids import factorize, suggest_ids
from tidegate.series.tables.table import EIGHT_DIGITS, Array, Column, Table, plain_name, sums_up

Names = str | Sequence[str]

ID_NAMES = ("unique_id", "item_id", "series_id")
TARGET_NAMES = ("y", "target", "value")
TIME_NAMES = (
    "ds",
    "timestamp",
    "datetime",
    "date_time",
    "date",
    "time",
    "month",
    "week",
    "day",
    "quarter",
    "year",
    "period",
)
_PLAIN_TIMES = ("ds", "timestamp", "datetime", "date_time", "date", "time", "year", "period")
_MOST_OF_PART = {"quarter": 4, "month": 12, "week": 53, "day": 366}  # beyond it these names are no part of a date
_CLOCK_NAMES = ("hour", "hr")
UNNAMED = ("unnamed:_0", "unnamed1")  # pandas' row numbers, as pandas and the reader of files call them
_COUNTER_NAMES = ("t", "step", "index", "idx", "instant", "no", "nr", "row", "position", *UNNAMED)
_SPLIT_NAMES = (
    "store",
    "shop",
    "item",
    "sku",
    "product",
    "station",
    "sensor",
    "meter",
    "key",
    "code",
    "rownum",
    "number",
)
_CALENDAR = re.compile(
    r"(is_?)?(year|yr|quarter|qtr|season|month|mnth|mon|week|week_?of_?year|day|(day|dow|doy)(_?of_?(week|month|year))?|week_?day|"
    r"(month|week)_?(no|num|number|name)|iso_?week|week_?end|hour|hr|minute|second|holiday|working_?day|business_?day)"
)
_CLOCK_TEXT = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?( ?[AaPp]\.?[Mm]\.?)?")
_ID_LIKE = re.compile(r"(.*_)?id")
MOST_WAYS = 6  # that an error offers, however many columns could be meant


@dataclass(frozen=True)
class Roles:
    """Which columns are what; several `targets` are a wide table with one series per column."""

    ids: tuple[str, ...]
    times: tuple[str, ...]
    targets: tuple[str, ...]


def looks_like_id_or_part(name: str) -> bool:
    """Whether a column of numbers is more likely an id, a counter or a part of the calendar than a series."""
    word = plain_name(name)
    return word in _COUNTER_NAMES + _SPLIT_NAMES or _is_calendar(word) or bool(_ID_LIKE.fullmatch(word))


def _is_calendar(word: str) -> bool:
    return word in OTHER_PERIODS or bool(_CALENDAR.fullmatch(word))


def named_columns(table: Table, option: str, names: Names | None) -> tuple[str, ...]:
    """The columns an option names: one name, a sequence of names, or names joined by commas.

    Raises: ConfigError with near matches if there is no such column.
    """
    if names is None:
        return ()
    if isinstance(names, str):
        asked = [names] if names in table.names else [part.strip() for part in names.split(",")]
    else:
        asked = [str(name) for name in names]
    return tuple(_named_column(table, option, name) for name in asked)


def _named_column(table: Table, option: str, name: str) -> str:
    if name in table.names:
        return name
    alike = [known for known in table.names if plain_name(known) == plain_name(name)]
    if len(alike) == 1:
        return alike[0]
    lower = {plain_name(known): known for known in table.names}
    near = [lower[match] for match in get_close_matches(plain_name(name), list(lower), n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(map(_quoted, near))}?" if near else f"the columns are {_listed(table.names)}."
    raise ConfigError(f"there is no column {_quoted(name)} for --{option}; {hint}")


def find_times(table: Table, time: Names | None, taken: Iterable[str] = ()) -> tuple[str, ...]:
    """The column or columns that hold the stamps; () if nothing does.

    Args:
        time: what the user named, or None: usual names first, then the only date column.
        taken: columns the user gave another role.
    Raises: DataError listing the candidates if several columns could be the time.
    """
    if time is not None:
        return named_columns(table, "time", time)
    columns = [column for column in table.columns if column.name not in taken and not column.made]
    return date_column(columns) or _times_without_dates(columns)


def date_column(columns: Sequence[Column]) -> tuple[str, ...]:
    """Of columns the one that holds dates, of several the one with a usual name; () for none.

    Raises: DataError listing the candidates if several could be it.
    """
    dates = [column for column in columns if holds_dates(column)]
    if len(dates) <= 1:
        return tuple(column.name for column in dates)
    for usual in ("ds", "timestamp"):
        if usual in (plain_name(column.name) for column in dates):
            return (next(column.name for column in dates if plain_name(column.name) == usual),)
    told = [column for column in dates if plain_name(column.name) in TIME_NAMES]
    if len(told) == 1:
        return (told[0].name,)
    raise _with_options(
        f"{len(dates)} columns hold dates: {_listed(column.name for column in dates)}. Name one",
        *[{"time": column.name} for column in dates[:MOST_WAYS]],
    )


def _times_without_dates(columns: list[Column]) -> tuple[str, ...]:
    """Text that is called a time though it reads like none, whole numbers that are called one, counters."""
    parts = date_parts(columns)
    for column in columns:
        named = plain_name(column.name) in TIME_NAMES and column.name not in parts.values()
        if column.kind == "text" and named:
            return (column.name,)  # reading its stamps will say what is wrong with them
    if len(parts) > 1:
        joined = joined_parts(parts)
        if joined is None:
            day = [parts[part] for part in ("year", "month", "day") if part in parts]
            raise DataError(
                f"no date column, but parts of one: {_listed(parts.values())}. Join those that make it: --time "
                "year,month,day",
                *([{"time": ",".join(day)}] if len(day) == 3 else []),
            )
        return joined
    numbers = [column for column in columns if column.kind == "number"]
    whole = [column for column in numbers if is_whole(column)]
    for column in numbers:
        if plain_name(column.name) in _PLAIN_TIMES and (column.whole or len(numbers) > 1):
            return (column.name,)  # reading its stamps will say what is wrong with them
    for column in whole:
        if all(EIGHT_DIGITS.fullmatch(str(cell).partition(".")[0]) for cell in column.sample):
            return (column.name,)
    for column in whole:
        word = plain_name(column.name)
        if len(columns) > 1 and (word in _COUNTER_NAMES or word in TIME_NAMES):
            again = word in _COUNTER_NAMES  # the month begins anew after December, for one and the same series
            if _counts(_counted(column), again=again):
                return (column.name,)
    for column in numbers:
        most = _MOST_OF_PART.get(plain_name(column.name))
        if most and len(numbers) > 1:
            if not (is_whole(column) and within(column, 0, most)):
                return (column.name,)  # 202401 for a month is no part of a date
            _refuse_backwards(column)
    for column in columns:
        cells = [] if _ID_LIKE.fullmatch(plain_name(column.name)) else [str(cell) for cell in column.sample]
        if (
            column.kind == "text"
            and cells
            and len(set(cells)) == len(cells)
            and all(re.search(r"\d", cell) for cell in cells)
        ):
            raise DataError(
                f"no date column; if {_quoted(column.name)}, such as {_quoted(cells[0])}, holds the dates, name it and "
                f'say how they are written: --time {option(column.name)} --date-format "%m.%Y" (for 01.2024)'
            )
    return ()


def _counted(column: Column) -> NDArray[np.int64]:
    """The whole numbers of a column that may be a counter; none if some cell is missing or no whole number."""
    values: Array = column.raw()
    if values.dtype.kind != "i":
        try:
            values, _ = column.numbers()
        except DataError:
            return np.empty(0, dtype=np.int64)
        if not np.isfinite(values).all() or (values % 1 != 0).any():
            return np.empty(0, dtype=np.int64)
    return values.astype(np.int64)


def _refuse_backwards(column: Column) -> None:
    """Raises DataError if a part of the calendar without a year mostly counts down: rows from new to old."""
    values, _ = column.numbers()
    if len(values) > 2 and (np.diff(values) == -1).mean() > 0.5:
        told = ", ".join(f"{value:g}" for value in values[:3])
        raise DataError(
            f"no date column, and {_quoted(column.name)} counts down ({told}, …), as if the rows ran from new to old: "
            "expected old to new if no column holds dates. Reverse the rows, or add the year."
        )


def _counts(values: NDArray[np.int64], *, again: bool) -> bool:
    """Whether numbers count by one, up or down; again: also anew for each series, in blocks or side by side."""
    if not len(values):
        return False
    steps = np.diff(values)
    if np.all(steps == -1):
        return True  # the newest row first
    if again and values.max() > values.min():
        return bool(np.all((steps == 0) | (steps == 1) | (values[1:] == values.min())))
    return bool(np.all(steps == 1))


def find_roles(
    table: Table,
    times: tuple[str, ...],
    instants: Array | None,
    *,
    id: Names | None = None,
    target: Names | None = None,
) -> Roles:
    """Decide on ids and target, knowing the stamps.

    Args:
        times: the time columns.
        instants: (rows,) their stamps; None if there are none.
        id, target: what the user named, or None.
    Raises: DataError listing the candidates, with options ready to paste, if the rules do not decide.
    """
    ids = named_columns(table, "id", id)
    if id is None:
        usual = [name for name in table.names if plain_name(name) in ID_NAMES and name not in times]
        ids = tuple(usual[:1])
    targets = named_columns(table, "target", target)
    twice = [name for name in times + ids + targets if (times + ids + targets).count(name) > 1]
    if twice:
        raise ConfigError(
            f"column {_quoted(twice[0])} has two roles; name different columns for --id, --time and --target."
        )
    if ids and len(targets) > 1:
        raise ConfigError(
            f"several targets ({_listed(targets)}) make one series each, so --id cannot be used; name one target."
        )
    repeated = instants is not None and _any_repeats(instants)
    if not targets:
        targets = _find_target(table, times, ids, instants, repeated)
    if repeated and not ids:
        _ask_for_what_parts_the_rows(table, times, targets, instants)
    return Roles(ids, times, targets)


def _find_target(
    table: Table, times: tuple[str, ...], ids: tuple[str, ...], instants: Array | None, repeated: bool
) -> tuple[str, ...]:
    rest = [column for column in table.columns if column.name not in times + ids and not column.made]
    usual = [column.name for word in TARGET_NAMES for column in rest if plain_name(column.name) == word]
    if len(usual) == 1 or (usual and plain_name(usual[0]) == "y" and plain_name((*times, "")[0]) == "ds"):
        return (usual[0],)
    numbers = [column.name for column in rest if column.kind == "number"]
    if not numbers:
        if any(column.kind == "empty" for column in rest):
            empty = next(column.name for column in rest if column.kind == "empty")
            raise DataError(
                f"all {table.rows} values of {_quoted(empty)} are missing, expected numbers. Is this the right file?"
            )
        told = ", ".join(
            f"{_quoted(column.name)} ({_described(column)})" for column in table.columns if not column.made
        )
        raise DataError(f"no column of numbers; found {told}. A series needs one column of numbers.")
    odd = [name for name in numbers if looks_like_id_or_part(name)]
    candidates = [name for name in numbers if name not in odd]
    if len(candidates) == 1:
        return (candidates[0],)
    if len(numbers) == 1:
        return (numbers[0],)
    other = [column for column in rest if column.kind in ("text", "flag", "other")]
    years = all(re.fullmatch(r"(1[5-9]|2[01])\d\d", name) for name in candidates)
    if not times and len(candidates) > 1 and (years or looks_like_dates(np.array(candidates, dtype=object))):
        raise DataError(
            f"timestamps run across, as the names of {len(candidates)} columns from {_quoted(candidates[0])}; "
            "expected one row per timestamp. Turn the table: columns id, ds and y, one row for each number."
        )
    if times and not (repeated or ids or odd or other):
        return tuple(numbers)  # a wide table
    if not times:
        why = "there is no time column"
    elif ids:
        why = f"there is the id {_quoted(ids[0])}"
    elif repeated:
        why = f"timestamps in {_quoted(','.join(times))} repeat"
    elif odd:
        why = f"{_quoted(odd[0])} looks like an id or a part of the calendar"
    else:
        why = f"{_quoted(other[0].name)} holds {_KINDS[other[0].kind]}"
    candidates = candidates or numbers
    options = {"target": candidates[-1]}
    found = _suggested(table, instants, {*times, candidates[-1]}) if repeated and not ids else ()
    if found:
        options["id"] = ",".join(found)
    others = [name for name in candidates[:-1] if name not in found]
    raise _with_options(
        f"{len(candidates)} columns could be the target: {_listed(candidates)} (not read as one series each, "
        f"because {why}). Name one, for example",
        options,
        *[{**options, "target": name} for name in others[: MOST_WAYS - 1]],
    )


def _ask_for_what_parts_the_rows(
    table: Table, times: tuple[str, ...], targets: tuple[str, ...], instants: Array | None
) -> None:
    """Raise DataError if repeated stamps come from a column that was not named: the hour, the quarter, or an id."""
    if instants is None:
        return
    clock = find_clock(table, times, instants)
    if clock:
        raise _with_options(
            f"timestamps in {_quoted(times[0])} repeat, and {_quoted(clock)} holds the time of day. Join them",
            {"target": targets[0], "time": ",".join((*times, clock))},
        )
    finer = finer_part([column for column in table.columns if column.name not in targets], times, instants)
    if finer is not None:
        name, part = finer
        year = next(time for time in times if part_of(time, short=True) == "year")
        if part is None:
            raise DataError(
                f"timestamps in {_quoted(','.join(times))} repeat, and {_quoted(name)} tells them apart, but cannot be "
                "joined with a year, as a month, quarter or week can. Add a column of dates: the first day of each "
                "period."
            )
        joined = (*times, name) if part == "day" else (year, name)
        raise _with_options(
            f"timestamps in {_quoted(','.join(times))} repeat, and {_quoted(name)} holds the {part}. Join them",
            {"target": targets[0], "time": ",".join(joined)},
        )
    found = _suggested(table, instants, {*times, *targets})
    if found:
        raise _with_options(
            f"timestamps in {_quoted(','.join(times))} repeat, and {_listed(found)} tell{'s' * (len(found) == 1)} the "
            "rows apart. If the table holds several series, add",
            {"target": targets[0], "id": ",".join(found)},
        )


def _with_options(message: str, options: dict[str, str], *others: dict[str, str]) -> DataError:
    """An error whose message ends with the options that it suggests, ready to paste; `others` may be given as well."""
    words = " ".join(f"--{name} {option(value)}" for name, value in options.items())
    return DataError(f"{message}: {words}", options, *others)


def _suggested(table: Table, instants: Array | None, taken: set[str]) -> tuple[str, ...]:
    if instants is None:
        return ()
    columns = [column for column in table.columns if column.name not in taken]
    parts = {c.name for c in columns if _is_calendar(plain_name(c.name)) or holds_clock(c)}
    return suggest_ids((column for column in columns if column.name not in parts), table.rows, instants)


def holds_dates(column: Column) -> bool:
    """Whether a column is of a date type, or of text that reads as dates."""
    sample = column.sample
    if len(sample) and sums_up(str(sample[-1])):
        sample = sample[:-1]  # a row of totals below the dates: reading the stamps will name it
    return column.kind == "stamp" or (column.kind == "text" and len(sample) > 0 and looks_like_dates(sample))


def holds_clock(column: Column) -> bool:
    """Whether a text column holds times of day, such as 17:24:00."""
    return (
        column.kind == "text"
        and len(column.sample) > 0
        and all(_CLOCK_TEXT.fullmatch(str(cell)) for cell in column.sample)
    )


def find_clock(table: Table, times: tuple[str, ...], instants: Array) -> str | None:
    """The hour or time of day beside a date column whose dates repeat, if both together are unique (nearly)."""
    if len(times) != 1 or instants.dtype.kind != "M":
        return None
    days = instants.astype("datetime64[D]")
    if (instants != days).any() or not _any_repeats(instants):
        return None
    for column in table.columns:
        named = plain_name(column.name) in _CLOCK_NAMES and column.kind == "number" and is_whole(column)
        if column.name not in times and (named or holds_clock(column)):
            codes, count = factorize(column.raw())
            if _repeats(days.astype(np.int64) * (count + 1) + codes) <= 0.02 * table.rows:
                return column.name
    return None


def option(text: str) -> str:
    """Text as one word of a command line; double quotes where they will do, as every shell knows them."""
    if re.fullmatch(r"[\w.,:/+][\w.,:/+-]*", text):
        return text
    if re.search(r'[$`"\\!]', text):
        return "'" + text.replace("'", "'\"'\"'") + "'"
    return f'"{text}"'


def _described(column: Column) -> str:
    example = f' such as "{column.sample[0]}"' if column.kind == "text" and len(column.sample) else ""
    return _KINDS[column.kind] + example


_KINDS = {
    "number": "numbers",
    "text": "text",
    "stamp": "dates",
    "flag": "true or false",
    "empty": "empty",
    "other": "other values",
}


def _repeats(instants: Array) -> int:
    known = _known(instants)
    if np.greater(known[1:], known[:-1]).all():  # already in order, as most are: no need to sort
        return 0
    return len(known) - len(np.unique(known))


def _any_repeats(instants: Array) -> bool:
    """Whether any stamp is there twice, mostly told without sorting: series often begin at the same one."""
    known = _known(instants)
    if np.greater(known[1:], known[:-1]).all():
        return False
    return bool((known[1:] == known[0]).any()) or _repeats(known) > 0


def _known(instants: Array) -> Array:
    return instants[~np.isnat(instants)] if instants.dtype.kind == "M" else instants


def _quoted(text: str) -> str:
    return f'"{text}"'


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    shown = ", ".join(map(_quoted, every[:12]))
    return shown + (f" and {len(every) - 12} more" if len(every) > 12 else "")
