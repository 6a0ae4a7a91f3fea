"""Text -> numbers: which cells are missing, which mark is the decimal one, and where a cell is no number at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.tables.amounts import PERCENT, amount_pattern, sign_pattern, without_sign
from tidegate.series.tables.table import MISSING_WORDS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A number under each reading of "." and ","; groups of three digits may be parted by the other mark, blanks or "'".
_BLANKS = " \u00a0\u202f'\u2019"
_POINT = rf"[-+]?(\d+|[1-9]\d{{0,2}}(,\d{{3}})+|[1-9]\d{{0,2}}([{_BLANKS}]\d{{3}})+)?(\.\d*)?([eE][-+]?\d+)?"
_COMMA = rf"[-+]?(\d+|[1-9]\d{{0,2}}(\.\d{{3}})+|[1-9]\d{{0,2}}([{_BLANKS}]\d{{3}})+)?(,\d*)?([eE][-+]?\d+)?"
_MONTH_YEAR = re.compile(r"(0[1-9]|1[0-2])\.(1[5-9]|2[01])\d\d")
# Day and month, hour and minute, month and year.
_PARTED = re.compile(
    r"(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])|([01]?\d|2[0-3])\.[0-5]\d|(0?[1-9]|1[0-2])\.(1[5-9]|2[01])\d\d"
)
_point, _comma = re.compile(_POINT), re.compile(_COMMA)
_DATED = re.compile(r"\d+-\d|[^:/]*[:/]")  # the beginning of most dates and times, and of no number
_MISSING = frozenset(MISSING_WORDS)
_MISSING_SQL = "(" + ", ".join("'" + word + "'" for word in MISSING_WORDS) + ")"


def is_missing(text: str) -> bool:
    return text.strip().lower() in _MISSING


def not_missing(cells: Iterable[str | None]) -> list[str]:
    """The cells that hold something; no word for a missing value begins with a digit, as nearly all cells do."""
    return [cell for cell in cells if cell is not None and (cell[:1].isdigit() or not is_missing(cell))]


def _as_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_number(text: str) -> bool:
    """Whether a cell is a number under some reading of its marks."""
    if _DATED.match(text):  # sparing hundreds of dates the slower tests
        return False
    return _as_float(text) or (any(map(str.isdigit, text)) and bool(_point.fullmatch(text) or _comma.fullmatch(text)))


def classify(texts: Sequence[str]) -> tuple[str, bool]:
    """("number" | "text" | "flag" | "empty", whole) of some of a text column's non-missing cells.

    More numbers than other text make a number column, so that a slip among the numbers is named, not overlooked.
    `whole`: every cell is a whole number written plainly ("7", not "007" or "7.0").
    """
    if not len(texts):
        return "empty", False
    if all(text.lower() in ("true", "false") for text in texts):
        return "flag", False
    if all(map(_MONTH_YEAR.fullmatch, texts)) and any(text.startswith("0") for text in texts):
        return "text", False  # months such as "01.2024", which would also pass for numbers
    if all(map(_DATED.match, texts)):
        return "text", False
    share = sum(map(is_number, texts)) / len(texts)
    whole = all(re.fullmatch(r"-?[1-9]\d{0,17}|0", text) for text in texts)
    return "number" if share > 0.5 else "text", whole


def decimal_evidence(samples: Iterable[Iterable[Any]]) -> str | None:
    """The decimal mark that some cell of a file needs: "," for "1.234,5", else "." for "0.5", else None.

    A column of nothing but such as 31.12, 10.30 or 01.2024 needs none: a point may also part days, hours or months.
    """
    point = None
    for cells in samples:
        texts = without_sign([str(cell) for cell in cells])
        commas = any("," in text for text in texts) and not all(map(_point.fullmatch, texts))
        points = point is None and any("." in text and not _comma.fullmatch(text) for text in texts)
        if (commas or points) and all(map(is_number, texts)):
            if commas:
                return ","
            point = None if all(map(_PARTED.fullmatch, texts)) else "."
    return point


def samples(connection: DuckDBPyConnection, table: str, columns: int, rows: int) -> list[NDArray[np.object_]]:
    """Some hundred non-missing cells of each of the text columns c0, c1, …: the first ones and some from all over."""
    count = max(30, min(300, 30_000 // columns))  # of a very wide table a few are enough
    step = max(1, rows // count)
    fields = ", ".join(f"trim(c{index}) AS c{index}" for index in range(columns))
    found = connection.execute(
        f"SELECT {fields} FROM {table} WHERE rowid < {min(100, count)} OR rowid % {step} = 0"
    ).fetchnumpy()
    kept = []
    for index in range(columns):
        cells = not_missing(plain(found[f"c{index}"]))
        if not cells:  # perhaps only these rows are empty
            query = f"SELECT c{index} AS x FROM {table} WHERE lower(trim(c{index})) NOT IN {_MISSING_SQL} LIMIT 100"
            cells = list(plain(connection.execute(query).fetchnumpy()["x"]))
        array = np.empty(len(cells), dtype=object)
        array[:] = cells
        kept.append(array)
    return kept


def plain(found: NDArray[Any]) -> NDArray[Any]:
    """DuckDB's masked array without a mask: NaN, NaT or None where missing (whole numbers with gaps become float64)."""
    if not np.ma.isMaskedArray(found):
        return found
    values, mask = np.ma.getdata(found), np.ma.getmaskarray(found)
    if not mask.any():
        return values
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)
    values = values.copy()
    values[mask] = {"f": np.nan, "M": np.datetime64("NaT")}.get(values.dtype.kind)
    return values


def text_numbers(
    connection: DuckDBPyConnection,
    table: str,
    field: str,
    name: str,
    place: Callable[[int], str],
    decimal: str | None,
    *,
    strict: bool,
    usual: str | None = None,
) -> tuple[NDArray[np.float64], str]:
    """(rows,) float64 of a text column, NaN where missing, and a note on how its marks were read.

    Args:
        decimal: the file's decimal mark, if it is known.
        usual: the mark that other columns need; it decides where this column can be read in two ways.
        strict: the file is not parted by commas, so "1.234" may be a German thousand: ask.
    Raises: DataError naming the first cell that is no number, or the marks that can be read in two ways.
    """
    if decimal is None and usual == ",":
        decimal = ","  # so that 1.234 is not taken for a decimal point
    values = plain(connection.execute(f"SELECT TRY_CAST({field} AS DOUBLE) AS x FROM {table}").fetchnumpy()["x"])
    values = values.astype(np.float64)
    known = f"{field} IS NOT NULL AND lower(trim({field})) NOT IN {_MISSING_SQL}"
    odd = f"{known} AND (TRY_CAST({field} AS DOUBLE) IS NULL)"
    fault: tuple[Any, ...] | None = None
    if np.isnan(values).any():
        fault = connection.execute(f"SELECT rowid, {field} FROM {table} WHERE {odd} ORDER BY rowid LIMIT 1").fetchone()
    marked = fault is not None or decimal == ","
    if strict and not marked:
        marked = bool(connection.execute(f"SELECT count_if(contains({field}, '.')) FROM {table}").fetchall()[0][0])
    if not marked:
        return values, ""
    matches = "regexp_full_match(trim({0}), '{1}')"
    as_point = matches.format(field, _POINT.replace("'", "''"))
    as_comma = matches.format(field, _COMMA.replace("'", "''"))
    count, points, commas, open_marks, dots = connection.execute(
        f"SELECT count(*), count_if({as_point}), count_if({as_comma}), "
        f"count_if(regexp_matches({field}, '[.,]')), count_if(contains({field}, '.')) FROM {table} WHERE {known}"
    ).fetchall()[0]
    if count == points == commas and open_marks and decimal is None and usual is None:
        example = _first(
            connection, f"SELECT {field} FROM {table} WHERE {known} AND regexp_matches({field}, '[.,]') LIMIT 1"
        )
        mark = "." if "." in example else ","
        raise DataError(
            f'column "{name}": "{example}" may be {example.replace(mark, "")} or {example.replace(mark, ".")}. '
            'Name the decimal mark: --decimal "." or --decimal ",".',
            {"decimal": "."},
            {"decimal": ","},
        )
    if count == points and (decimal != "," or count != commas):
        if fault is None:
            return values, ""
        return _converted(
            connection, table, field, "," + _BLANKS, "."
        ), f'thousands separators in "{name}" were taken out'
    if count == commas and decimal != ".":
        also = " and thousands separators taken out" if dots else ""
        note = f'decimal commas in "{name}" were read{also}' if open_marks else ""
        return _converted(connection, table, field, "." + _BLANKS, ","), note
    if fault is None:
        return values, ""
    wrong = as_point if points >= commas else as_comma
    row, text = (
        connection.execute(
            f"SELECT rowid, {field} FROM {table} WHERE {known} AND NOT {wrong} AND TRY_CAST({field} AS DOUBLE) IS NULL "
            "ORDER BY rowid LIMIT 1"
        ).fetchone()
        or fault
    )
    raise not_a_number(name, place(int(row)), str(text))


def without_sign_sql(
    connection: DuckDBPyConnection, table: str, field: str, name: str, place: Callable[[int], str], sign: str
) -> tuple[str, str]:
    """SQL of the numbers in a column whose cells all have the same sign of a currency, or of percent, and a note.

    Raises: DataError naming the first cell without it: 0.015 among percentages would be off by a factor of 100.
    """
    cell = f"trim({field})"
    amount = amount_pattern(sign).replace("'", "''")
    other = connection.execute(
        f"SELECT rowid, {cell} FROM {table} WHERE {field} IS NOT NULL AND lower({cell}) NOT IN {_MISSING_SQL} "
        f"AND NOT regexp_full_match({cell}, '{amount}') ORDER BY rowid LIMIT 1"
    ).fetchone()
    if other is not None:
        raise not_a_number(name, place(int(other[0])), str(other[1]), f"a number with {sign}, as in other rows")
    bare = f"regexp_replace({cell}, '{sign_pattern(sign)}', '')"
    bare = f"regexp_replace({bare}, '^\\((.*)\\)$', '-\\1')"  # (5) is how accounts write -5
    if sign == PERCENT:
        return bare, f'percentages in "{name}" were read as numbers, in percent'
    return bare, f'{sign} amounts in "{name}" were read as numbers'


def not_a_number(name: str, where: str, text: str, expected: str = "a number") -> DataError:
    shown = text if len(text) <= 40 else text[:37] + "..."
    return DataError(
        f'column "{name}", {where}: found "{shown}", expected {expected}. '
        "Correct it, or leave the cell empty if the value is missing."
    )


def _converted(connection: DuckDBPyConnection, table: str, field: str, drop: str, mark: str) -> NDArray[np.float64]:
    characters = drop.replace("'", "''")
    bare = f"regexp_replace({field}, '[{characters}]', '', 'g')"
    query = f"SELECT TRY_CAST(replace({bare}, '{mark}', '.') AS DOUBLE) AS x FROM {table}"
    return plain(connection.execute(query).fetchnumpy()["x"]).astype(np.float64)


def _first(connection: DuckDBPyConnection, query: str) -> str:
    return str(connection.execute(query).fetchall()[0][0])
