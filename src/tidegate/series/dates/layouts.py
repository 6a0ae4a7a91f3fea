"""Which layouts a column of date text can have: candidates from its shape and the range of each of its numbers."""

from __future__ import annotations

import numpy as np

from tidegate.series.dates.datetext import HALF_CODES, MONTH_CODES, UTC_CODES, WEEKDAY_CODES, Shape, word_code

# How messages call the order of day, month and year.
ORDERS = {
    "mdy": "month/day/year",
    "dmy": "day/month/year",
    "ymd": "year/month/day",
    "ym": "year-month",
    "my": "month-year",
}
_T, _Q, _W, _SEPT = word_code("t"), word_code("q"), word_code("w"), word_code("sept")


def candidate_layouts(shape: Shape) -> dict[str, str]:
    """Order of day, month and year -> layout, for every order the numbers' ranges allow; {} if it is no date."""
    kinds = shape.kinds
    words = [_word(shape, token) if kind == "w" else "" for token, kind in enumerate(kinds)]
    if not kinds or "?" in words or shape.gaps[0]:
        return {}
    hour = _hour_token(shape, words)
    clock = _clock(shape, words, hour)
    if clock is None:
        return {}
    end = hour - 1 if hour < len(kinds) and hour and words[hour - 1] == "T" else hour
    orders = _date_orders(shape, words, end)
    found = {}
    for order, directives in orders.items():
        tokens = directives + ["T"] * (hour - end) + clock
        if len(tokens) == len(kinds):
            found[order] = "".join(gap + token for gap, token in zip(shape.gaps, [*tokens, ""], strict=True))
    return found


def _word(shape: Shape, token: int) -> str:
    """What all words of a column position are: "month", "weekday", "half", "utc", "T", "Q", "W" or "?"."""
    codes = {int(code) for code in np.unique(shape.values[:, token])}
    for vocabulary, name in (
        (MONTH_CODES, "month"),
        (WEEKDAY_CODES, "weekday"),
        (HALF_CODES, "half"),
        (UTC_CODES, "utc"),
    ):
        if all(code in vocabulary for code in codes):
            return name
    return {_T: "T", _Q: "Q", _W: "W"}.get(codes.pop(), "?") if len(codes) == 1 else "?"


def _hour_token(shape: Shape, words: list[str]) -> int:
    """Which token is the hour; the number of tokens if there is no time of day."""
    for token, kind in enumerate(shape.kinds):
        if kind == "n" and token and (shape.gaps[token + 1].startswith(":") or words[token - 1] == "T"):
            return token
        if words[token] == "half" and token > 1 and shape.kinds[token - 1] == "n":
            return token - 1
    return len(shape.kinds)


def _clock(shape: Shape, words: list[str], hour: int) -> list[str] | None:
    """Directives of the time of day and what follows it; [] without one, None if it cannot be read."""
    count, gaps = len(shape.kinds), shape.gaps
    if hour >= count:
        return []
    compact = {6: "%H%M%S", 4: "%H%M"}.get(int(shape.digits[:, hour].max()))
    twelve = "half" in words[hour:]
    out = [compact or _padded(shape, hour, "I" if twelve else "H")]
    token = hour + 1
    for letter, mark in (("M", ":"), ("S", ":")):
        if not compact and token < count and shape.kinds[token] == "n" and gaps[token] == mark:
            out.append(_padded(shape, token, letter))
            token += 1
    if token < count and shape.kinds[token] == "n" and gaps[token] in (".", ",") and (len(out) == 3 or compact):
        out.append(f"%{int(shape.digits[:, token].max())}f")
        token += 1
    if token < count and words[token] == "half":
        out.append("%#p" if _letters(shape, token).islower() else "%p")
        token += 1
    rest = count - token
    if rest == 1 and words[token] == "utc":
        return [*out, _letters(shape, token)]
    if rest and gaps[token].strip() in ("+", "-") and set(shape.kinds[token:]) == {"n"}:
        # The sign belongs to the offset; candidate_layouts joins gaps and tokens, so "%z" is put in by `with_offsets`.
        return [*out, *(["%h", "%n"] if rest == 2 else ["%h%n" if shape.digits[0, token] == 4 else "%h"])]
    return out if rest == 0 else None


def with_offsets(layout: str) -> str:
    """The layout with an offset of one sign ("+%h:%n") turned into the general "%:z"."""
    for sign in "+-":
        layout = layout.replace(f"{sign}%h:%n", "%:z").replace(f"{sign}%h%n", "%z").replace(f"{sign}%h", "%:z")
    return layout


def _letters(shape: Shape, token: int) -> str:
    start = sum(len(gap) for gap in shape.gaps[: token + 1]) + int(shape.digits[0, :token].sum())
    return shape.example[start : start + int(shape.digits[0, token])]


def _padded(shape: Shape, token: int, letter: str) -> str:
    """The directive, without leading zeros if some text has none, or where others have none and no value needs one."""
    bare = (shape.digits.min(axis=0) == 1) & np.array([kind == "n" for kind in shape.kinds])
    alone = letter in "mdHI" and shape.values[:, token].min() >= 10 and bare.any()
    return f"%-{letter}" if bare[token] or alone else f"%{letter}"


def _date_orders(shape: Shape, words: list[str], end: int) -> dict[str, list[str]]:
    """Order -> directives of the tokens before `end`."""
    low, high = shape.values[:, :end].min(axis=0, initial=1 << 40), shape.values[:, :end].max(axis=0, initial=0)
    short, long = shape.digits[:, :end].min(axis=0, initial=99), shape.digits[:, :end].max(axis=0, initial=0)
    kinds = [words[token] or "n" for token in range(end)]
    four = [kind == "n" and short[token] == long[token] == 4 for token, kind in enumerate(kinds)]
    small = [kind == "n" and long[token] <= 2 for token, kind in enumerate(kinds)]

    def fits(token: int, letter: str) -> bool:
        limit = {"m": 12, "d": 31, "q": 4, "V": 53, "u": 7}.get(letter, 9999)
        return bool(low[token] >= (0 if letter == "y" else 1) and high[token] <= limit)

    def number(token: int, letter: str) -> str:
        return f"%{letter}" if letter in "qu" else _padded(shape, token, letter)

    def year(token: int) -> str:
        return "%Y" if four[token] else "%y"

    weekday = [position for position, kind in enumerate(kinds) if kind == "weekday"]
    if weekday:
        if len(weekday) > 1 or weekday[0] != 0 or end < 2:
            return {}
        inner = _date_orders(_without_first(shape), words[1:], end - 1)
        name = cased(_letters(shape, 0), "a", int(short[0]) > 3)
        return {order: [name, *directives] for order, directives in inner.items()}
    if kinds == ["n"]:
        size = int(short[0]) if short[0] == long[0] else 0
        single = {8: "%Y%m%d", 6: "%Y%m", 4: "%Y", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(size)
        return {"": [single]} if single and _plausible(low[0], high[0], size) else {}
    if "month" in kinds:
        return _with_month_name(shape, kinds, four, small, low, high)
    if "Q" in kinds:
        for quarter, other in ((2, 0), (1, 2)):
            if len(kinds) == 3 and kinds.index("Q") == quarter - 1 and four[other] and fits(quarter, "q"):
                order = ["%Y", _letters(shape, 1), "%q"] if other == 0 else [_letters(shape, 0), "%q", "%Y"]
                return {"": order}
        return {}
    if "W" in kinds:
        if kinds[:3] == ["n", "W", "n"] and four[0] and fits(2, "V"):
            tail = ["%u"] if len(kinds) == 4 and fits(3, "u") else []
            return {"": ["%G", _letters(shape, 1), _padded(shape, 2, "V"), *tail]}
        return {}
    if kinds == ["n"] * 2:
        found = {}
        if shape.gaps[1] not in ("-", "/", " "):
            return {}  # "12.50" is a number
        if fits(1, "m") and small[1] and (four[0] or small[0]) and fits(0, "y"):
            # Years of one digit are counted from the start of the data ("1-01" is January of year 1).
            found["ym"] = ["%Y" if four[0] else "%-Y" if long[0] == 1 else "%y", _padded(shape, 1, "m")]
        if fits(0, "m") and small[0] and (four[1] or (small[1] and short[1] == 2)):
            found["my"] = [_padded(shape, 0, "m"), year(1)]
        return found
    if kinds != ["n"] * 3 or shape.gaps[1] != shape.gaps[2] or shape.gaps[1].strip() not in ("-", "/", ".", ""):
        return {}
    if four[0]:
        return {"": ["%Y", number(1, "m"), number(2, "d")]} if fits(1, "m") and fits(2, "d") and all(small[1:]) else {}
    found = {}
    if small[0] and small[1] and (four[2] or (small[2] and short[2] == 2)):
        if fits(0, "m") and fits(1, "d"):
            found["mdy"] = [number(0, "m"), number(1, "d"), year(2)]
        if fits(0, "d") and fits(1, "m"):
            found["dmy"] = [number(0, "d"), number(1, "m"), year(2)]
    # Years of two digits come first in "15-01-31"; with other marks only if nothing else fits.
    if all(small) and short[0] == 2 and fits(1, "m") and fits(2, "d") and (shape.gaps[1] == "-" or not found):
        found["ymd"] = ["%y", number(1, "m"), number(2, "d")]
    return found


def _with_month_name(
    shape: Shape, kinds: list[str], four: list[bool], small: list[bool], low: np.ndarray, high: np.ndarray
) -> dict[str, list[str]]:
    """Directives where the month is a word: "1982 Apr", "Apr 1982", "5 Apr 1982", "Apr 5, 1982", "05-Apr-82"."""
    at = kinds.index("month")
    letters = _letters(shape, at)
    name = cased(letters, "b", bool(((shape.digits[:, at] > 3) & (shape.values[:, at] != _SEPT)).any()))
    numbers = [token for token, kind in enumerate(kinds) if kind == "n"]
    if len(numbers) != len(kinds) - 1 or not all(four[token] or small[token] for token in numbers):
        return {}
    if len(numbers) == 1:
        directive = "%Y" if four[numbers[0]] else "%y"
        return {"": [name, directive] if at == 0 else [directive, name]}
    if len(numbers) != 2:
        return {}
    first, last = numbers
    day, year = (last, first) if four[first] or low[first] > 31 or high[first] > 31 else (first, last)
    if not small[day] or not 1 <= low[day] <= high[day] <= 31:
        return {}
    directives = {at: name, day: _padded(shape, day, "d"), year: "%Y" if four[year] else "%y"}
    return {"": [directives[token] for token in range(3)]}


def cased(letters: str, letter: str, full: bool) -> str:
    """The directive of a name written like these letters: "%b" or "%a", "%^b" in upper case, "%B" in full."""
    case = "^" if letters.isupper() else "#" if letters.islower() else ""
    return f"%{case}{letter.upper() if full else letter}"


def _without_first(shape: Shape) -> Shape:
    cut = len(shape.gaps[0]) + int(shape.digits[0, 0])
    return Shape(
        shape.rows, shape.kinds[1:], shape.gaps[1:], shape.values[:, 1:], shape.digits[:, 1:], shape.example[cut:]
    )


def _plausible(low: int, high: int, size: int) -> bool:
    """Whether digits without separators are dates: years 1500 to 2200."""
    scale = 10 ** (size - 4)
    return bool(low // scale >= 1500 and high // scale <= 2200)
