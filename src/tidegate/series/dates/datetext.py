"""Layouts of date text: taking text apart into numbers and words, column-wise, and writing stamps in a layout.

A layout is strftime's, with these additions: "%-m" without leading zero (also -d -H -I -M -S -Y), "%3f" a fraction of
three digits, "%^b" and "%#b" upper and lower case (also B a A p), "%:z" an offset with a colon, "%q" the quarter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.series.dates.iso import write_iso
from tidegate.series.dates.types import Integers
from tidegate.series.dates.zones import DAY, SECOND, offset_text

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DIRECTIVE = re.compile(r"%([-^#:]?\d?)([A-Za-z%])")
_WIDTHS = {"Y": 4, "G": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "f": 6, "V": 2, "u": 1, "q": 1,
           "j": 3}  # fmt: skip
_WORDS = "bBaAp"
_KNOWN = frozenset("YGymdjHIMSfVuqbBaApz%")
_MOST_TOKENS = 16
_LONGEST = 48


@dataclass(frozen=True)
class Shape:
    """Rows whose text has the same shape: the same separators between numbers and words.

    Attributes:
        rows: (n,) which rows.
        kinds: one letter per token: "n" a number, "w" a word.
        gaps: the text before, between and after the tokens, len(kinds) + 1.
        values: (n, tokens) the numbers; words as `word_code` has them.
        digits: (n, tokens) how many characters each token has.
        example: the text of the first row.
    """

    rows: Integers
    kinds: str
    gaps: tuple[str, ...]
    values: Integers
    digits: Integers
    example: str


def check_layout(layout: str) -> str | None:
    """What is wrong with a layout, or None: a directive this module does not know, or no year."""
    letters = [letter for _, letter in _DIRECTIVE.findall(layout)]
    unknown = [letter for letter in letters if letter not in _KNOWN]
    if unknown:
        return f"%{unknown[0]} is not known here"
    return None if set(letters) & {"Y", "y", "G"} else "it has no year"


def word_code(word: str) -> int:
    """A word as one number, letters counted in base 27, without regard to case."""
    code = 0
    for letter in word.lower():
        code = (code * 27 + ord(letter) - 96) % (1 << 63)
    return code


def _codes(words: tuple[str, ...], length: int | None = None) -> dict[int, int]:
    return {word_code(word[:length]): number for number, word in enumerate(words)}


MONTH_CODES = _codes(MONTHS) | _codes(MONTHS, 3) | {word_code("sept"): 8}
WEEKDAY_CODES = _codes(WEEKDAYS) | _codes(WEEKDAYS, 3)
HALF_CODES = _codes(("am", "pm"))
UTC_CODES = _codes(("z", "utc", "gmt"))


def shapes(texts: NDArray[np.str_]) -> list[Shape]:
    """Take date texts apart; rows of the same shape together, the most frequent first.

    Text that is too long for a date, or falls into more than 8 shapes, gives [].
    """
    width = texts.dtype.itemsize // 4
    if not texts.size or not width or width > _LONGEST:
        return []
    codes = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), width)
    is_digit = (codes - 48) < 10
    is_letter = ((codes | 32) - 97) < 26
    classes = np.where(is_digit, 48, np.where(is_letter, 97, codes)).astype(np.uint32)
    if (classes == classes[0]).all():
        return [_shape(np.arange(len(texts)), str(texts[0]), *_fixed_columns(codes, classes[0]))]
    values, digits, marks = _walk(codes, is_digit, is_letter)
    if values.shape[1] > _MOST_TOKENS:
        return []
    _, first, group, count = np.unique(marks, return_index=True, return_inverse=True, return_counts=True)
    if len(first) > 8:
        return []
    found = []
    for number in np.argsort(-count, kind="stable"):
        rows = np.flatnonzero(group == number) if len(first) > 1 else np.arange(len(texts))
        found.append(_shape(rows, str(texts[first[number]]), values[rows], digits[rows]))
    return found


def _shape(rows: Integers, example: str, values: Integers, digits: Integers) -> Shape:
    tokens = list(re.finditer(r"[0-9]+|[A-Za-z]+", example))
    edges = [0, *(edge for token in tokens for edge in token.span()), len(example)]
    gaps = tuple(example[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    kinds = "".join("n" if token[0].isdigit() else "w" for token in tokens)
    return Shape(rows, kinds, gaps, values[:, : len(kinds)], digits[:, : len(kinds)], example)


def _fixed_columns(codes: NDArray[np.uint32], classes: NDArray[np.uint32]) -> tuple[Integers, Integers]:
    """Values and digits of texts whose tokens all stand in the same columns."""
    runs = [(found.start(), found.end()) for found in re.finditer(r"0+|a+", "".join(
        "0" if code == 48 else "a" if code == 97 else "-" for code in classes))]  # fmt: skip
    values = np.zeros((len(codes), len(runs)), dtype=np.int64)
    for token, (start, end) in enumerate(runs):
        number = classes[start] == 48
        for column in codes[:, start:end].T:
            values[:, token] = values[:, token] * (10 if number else 27) + (
                column - 48 if number else (column | 32) - 96
            )
    digits = np.broadcast_to(np.array([end - start for start, end in runs], dtype=np.int64), values.shape)
    return values, digits


def _walk(
    codes: NDArray[np.uint32], is_digit: NDArray[np.bool_], is_letter: NDArray[np.bool_]
) -> tuple[Integers, Integers, NDArray[np.uint64]]:
    """Values, digits and a mark of the shape of each text, one character column at a time."""
    count, width = codes.shape
    values = np.zeros((count, _MOST_TOKENS + 1), dtype=np.int64)
    digits = np.zeros_like(values)
    token = np.full(count, -1, dtype=np.int64)
    before = np.zeros(count, dtype=np.int8)
    marks = np.zeros(count, dtype=np.uint64)
    rows = np.arange(count)
    for column in range(width):
        character = codes[:, column]
        kind = is_digit[:, column] + 2 * is_letter[:, column].astype(np.int8)
        inside = kind > 0
        starts = inside & (kind != before)
        token += starts
        np.minimum(token, _MOST_TOKENS, out=token)
        event = np.where(starts, kind, np.where(inside | (character == 0), 0, character)).astype(np.uint64)
        marks = np.where(event > 0, marks * np.uint64(1_000_003) + event, marks)
        where, at = (rows, token) if inside.all() else (rows[inside], token[inside])
        letter = kind[where] == 2
        read = np.where(letter, (character[where] | 32) - 96, character[where] - 48).astype(np.int64)
        values[where, at] = values[where, at] * np.where(letter, 27, 10) + read
        digits[where, at] += 1
        before = kind
    return values[:, : token.max() + 1], digits[:, : token.max() + 1], marks


@dataclass(frozen=True)
class Read:
    """Stamps read by a layout: `wall` (n,) microseconds, `offset` from UTC (n,) or None, `valid` (n,)."""

    wall: Integers
    offset: Integers | None
    valid: NDArray[np.bool_]


def read_layout(layout: str, shape: Shape) -> Read | None:
    """Read texts of one shape by a layout; None if the layout has another shape.

    Two-digit years are 1969 to 2068, as in POSIX.
    """
    for text in _offset_variants(layout):
        fields = _match(text, shape)
        if fields is not None:
            return _assemble(fields, len(shape.rows))
    return None


def _offset_variants(layout: str) -> list[str]:
    """The layout with "%z" spelled out in each way an offset can be written."""
    found = re.search(r"%:?z", layout)
    if not found:
        return [layout]
    head, tail = layout[: found.start()], layout[found.end() :]
    return [head + way + tail for way in ("Z", *(f"{s}{way}" for s in "+-" for way in ("%h:%n", "%h%n", "%h")))]


def _match(layout: str, shape: Shape) -> dict[str, Integers] | None:
    """The fields of a layout taken from the tokens of a shape."""
    fields: dict[str, Integers] = {}
    rest = layout
    for token, kind in enumerate(shape.kinds):
        gap = shape.gaps[token]
        if not rest.startswith(gap):
            return None
        rest = rest[len(gap) :]
        taken: list[str] = []
        while (
            (found := _DIRECTIVE.match(rest)) and (kind == "n" or not taken) and (found[2] in _WORDS) == (kind == "w")
        ):
            taken.append(found[2])
            rest = rest[found.end() :]
        if kind == "w" and not taken:
            literal = re.match("[A-Za-z]+", rest)
            if literal is None or (shape.values[:, token] != word_code(literal[0])).any():
                return None
            if literal[0].lower() in ("z", "utc", "gmt"):
                fields["h"] = np.zeros(len(shape.rows), dtype=np.int64)
            rest = rest[literal.end() :]
            continue
        if not taken:
            return None
        values = shape.values[:, token]
        if taken == ["f"]:
            fields["f"] = _microseconds(values, shape.digits[:, token])
            continue
        sign = -1 if taken[0] == "h" and gap.endswith("-") else 1
        for letter in reversed(taken[1:]):
            size = 10 ** _WIDTHS.get(letter, 2)
            values, fields[letter] = values // size, values % size
        fields[taken[0]] = values
        if len(taken) > 1:
            expected = sum(_WIDTHS.get(letter, 2) for letter in taken)
            if (shape.digits[:, token] != expected).any():
                return None
        if sign < 0:
            fields["negative"] = np.ones_like(values)
    return fields if rest == shape.gaps[-1] else None


def _microseconds(values: Integers, digits: Integers) -> Integers:
    places = digits.astype(np.float64)
    scaled = np.where(
        digits <= 6, values * 10.0 ** (6 - np.minimum(places, 6)), values // 10.0 ** np.maximum(places - 6, 0)
    )
    return scaled.astype(np.int64)


def _lookup(values: Integers, codes: dict[int, int]) -> Integers:
    """The number of each word, -1 for unknown ones."""
    words, at = np.unique(values, return_inverse=True)
    return np.array([codes.get(int(word), -1) for word in words], dtype=np.int64)[at]


def _assemble(fields: dict[str, Integers], count: int) -> Read:
    zero = np.zeros(count, dtype=np.int64)
    valid = np.ones(count, dtype=bool)

    def number(letter: str, low: int, high: int, default: int) -> Integers:
        values = fields.get(letter)
        if values is None:
            return zero + default
        nonlocal valid
        valid &= (values >= low) & (values <= high)
        return np.clip(values, low, high)

    if "y" in fields:
        fields["Y"] = fields["y"] + np.where(fields["y"] < 69, 2000, 1900)
    year = number("G" if "G" in fields else "Y", 1, 9999, 1900)
    for letter in "bB":
        if letter in fields:
            fields["m"] = _lookup(fields[letter], MONTH_CODES) + 1
    if "q" in fields:
        fields["m"] = number("q", 1, 4, 1) * 3 - 2
    months = ((year - 1970) * 12 + number("m", 1, 12, 1) - 1).astype("M8[M]")
    first = months.astype("M8[D]")
    if "V" in fields:
        days = iso_monday(year, number("V", 1, 53, 1)) + number("u", 1, 7, 1) - 1
    elif "j" in fields:
        days = (year - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64) + number("j", 1, 366, 1) - 1
    else:
        day = number("d", 1, 31, 1)
        length = ((months + np.timedelta64(1, "M")).astype("M8[D]") - first).astype(np.int64)
        valid &= day <= length
        days = first.astype(np.int64) + day - 1
    if "I" in fields:
        hour = number("I", 1, 12, 12) % 12 + 12 * np.maximum(_lookup(fields.get("p", zero), HALF_CODES), 0)
        valid &= "p" in fields
    else:
        hour = number("H", 0, 24, 0)
    minute, second, fraction = number("M", 0, 59, 0), number("S", 0, 59, 0), number("f", 0, 999_999, 0)
    # 24:00 is the midnight at the end of the day; nothing comes after it.
    valid &= (hour < 24) | ((minute == 0) & (second == 0))
    wall = days * DAY + ((hour * 60 + minute) * 60 + second) * SECOND + fraction
    if "h" not in fields:
        return Read(wall, None, valid)
    hours, minutes = number("h", 0, 15, 0), number("n", 0, 59, 0)
    return Read(wall, np.where("negative" in fields, -1, 1) * (hours * 60 + minutes) * 60 * SECOND, valid)


def iso_monday(year: Integers, week: Integers) -> Integers:
    """Days from 1970 to the Monday of an ISO 8601 week; week 1 is the one with 4 January in it."""
    fourth = (year - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64) + 3
    monday: Integers = fourth - (fourth + 3) % 7 + (week - 1) * 7
    return monday


def split_stamps(wall: Integers) -> dict[str, Integers]:
    """Year, quarter, month, day, hour, minute and second of wall clock times, the microseconds as "fraction", and the
    ISO 8601 week with the year it belongs to as "week" and "week_year".
    """
    days = wall.astype("M8[us]").astype("M8[D]")
    months = days.astype("M8[M]")
    clock = wall - days.astype("M8[us]").astype(np.int64)
    month_number = months.astype(np.int64)
    number = days.astype(np.int64)
    thursday = number - (number + 3) % 7 + 3  # of the same week
    week_year = thursday.astype("M8[D]").astype("M8[Y]")
    return {
        "year": month_number // 12 + 1970,
        "quarter": month_number % 12 // 3 + 1,
        "month": month_number % 12 + 1,
        "week": (thursday - week_year.astype("M8[D]").astype(np.int64)) // 7 + 1,
        "week_year": week_year.astype(np.int64) + 1970,
        "day": (days - months.astype("M8[D]")).astype(np.int64) + 1,
        "hour": clock // (3600 * SECOND),
        "minute": clock // (60 * SECOND) % 60,
        "second": clock // SECOND % 60,
        "fraction": clock % SECOND,
    }


def format_stamps(layout: str, wall: Integers, offsets: Integers) -> NDArray[np.object_]:
    """(n,) text of wall clock times (microseconds) in a layout; `offsets` from UTC (microseconds) for "%z"."""
    iso = write_iso(layout, wall)
    if iso is not None:
        return iso
    parts = split_stamps(wall)
    weekday = (wall // DAY + 3) % 7
    columns: list[list[object]] = []

    def add(match: re.Match[str]) -> str:
        flag, letter = match[1], match[2]
        if letter == "%":
            return "%"
        if letter in "bBaAp":
            names = MONTHS if letter in "bB" else WEEKDAYS if letter in "aA" else ("AM", "PM")
            chosen = [name[:3] if letter in "ba" else name for name in names]
            chosen = [name.upper() if flag == "^" else name.lower() if flag == "#" else name for name in chosen]
            index = parts["month"] - 1 if letter in "bB" else weekday if letter in "aA" else parts["hour"] // 12
            columns.append([chosen[number] for number in index])
            return "{}"
        if letter == "z":
            columns.append([offset_text(int(offset), flag == ":") for offset in offsets])
            return "{}"
        if letter == "f":
            places = int(flag or 6)
            columns.append([f"{number:06d}".ljust(places, "0")[:places] for number in parts["fraction"].tolist()])
            return "{}"
        columns.append(_numbers(letter, parts, weekday, wall).tolist())
        return "{}" if flag == "-" else f"{{:0{_WIDTHS[letter]}d}}"

    literal = layout.replace("{", "{{").replace("}", "}}")
    template = _DIRECTIVE.sub(add, literal)
    out = np.empty(len(wall), dtype=object)
    out[:] = [template.format(*row) for row in zip(*columns, strict=True)] if columns else template.format()
    return out


def _numbers(letter: str, parts: dict[str, Integers], weekday: Integers, wall: Integers) -> Integers:
    if letter == "j":
        return wall // DAY - (parts["year"] - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64) + 1
    return {
        "Y": parts["year"], "y": parts["year"] % 100, "m": parts["month"], "d": parts["day"], "H": parts["hour"],
        "I": (parts["hour"] + 11) % 12 + 1, "M": parts["minute"], "S": parts["second"], "u": weekday + 1,
        "q": parts["quarter"], "V": parts["week"], "G": parts["week_year"],
    }[letter]  # fmt: skip
