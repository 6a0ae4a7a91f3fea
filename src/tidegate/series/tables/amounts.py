"""Amounts as spreadsheets write them, such as "$1,000.50", "1 000 EUR" or "1.5%": what sign they have, and without it.

A column of amounts has one sign throughout: euros beside dollars, or 0.015 beside 1.5%, are no series.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

BLANKS = " \u00a0\u202f"  # also those that keep a number and its sign on one line
_QUOTES = "'\u2019"  # which part thousands in Switzerland
PERCENT = "%"
_CODES = (
    "AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NOK NZD PHP PLN RON RUB "
    "SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
_SIGN = re.compile(rf"R\$|US\$|[$€£¥₹₩₽₺₪₫฿₴₦₱%]|kr|zł|Kč|{_CODES.replace(' ', '|')}")
# "$1,000" is a thousand dollars, "1,000 €" may be one euro.
_COMMA_PARTS_THOUSANDS = ("$", "US$", "USD", "£", "GBP")


def find_sign(cells: Iterable[str]) -> str:
    """The sign of a column of amounts, told by more than half of these cells; "" if it is none.

    As among plain numbers, a slip among amounts does not make a column of text, so that reading it names the slip.
    """
    texts = list(cells)
    # Numbers and dates, which most cells are, begin and end with a digit, as no amount does.
    signed = [text for text in texts if text and not (text[0].isdigit() and text[-1].isdigit())]
    found = Counter(match[0] for text in signed if (match := _SIGN.search(text)))
    if not found:
        return ""
    sign = found.most_common(1)[0][0]
    amount = re.compile(amount_pattern(sign))
    return sign if sum(bool(amount.fullmatch(text)) for text in signed) > len(texts) / 2 else ""


def all_amounts(cells: Sequence[str]) -> bool:
    """Whether all cells are amounts with the same sign."""
    sign = find_sign(cells)
    return bool(sign) and all(re.fullmatch(amount_pattern(sign), cell) for cell in cells)


def amount_pattern(sign: str) -> str:
    """An amount with this sign before or after it, for Python and for SQL; parentheses, if any, mean less than zero."""
    number, mark = rf"[.,]?\d[\d.,{_QUOTES}{BLANKS}]*", re.escape(sign)
    return rf"[-+(]?[{BLANKS}]*{mark}[{BLANKS}]*[-+(]?{number}\)?|[-+(]?{number}\)?[{BLANKS}]*{mark}\)?"


def sign_pattern(sign: str) -> str:
    """The sign and the blanks around it."""
    return f"[{BLANKS}]*{re.escape(sign)}[{BLANKS}]*"


def without_sign(cells: Sequence[str]) -> list[str]:
    """The numbers in cells that are amounts, as they are written; other cells as they are."""
    sign = find_sign(cells)
    return [re.sub(sign_pattern(sign), "", cell, count=1) for cell in cells] if sign else list(cells)


def usual_mark(sign: str, cells: Iterable[str]) -> str | None:
    """The decimal mark to take where a column such as "$1,000" can be read in two ways; None: ask."""
    return "." if sign in _COMMA_PARTS_THOUSANDS and not any("." in cell for cell in cells) else None


def point_may_part_thousands(sign: str) -> bool:
    """Whether "1.000" with this sign may be a thousand, in a file of any kind."""
    return sign != PERCENT and sign not in _COMMA_PARTS_THOUSANDS
