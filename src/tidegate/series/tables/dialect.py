"""How a delimited text file is written: encoding, line ends, lines before the header, delimiter, header."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

from tidegate.errors import DataError
from tidegate.series.dates.stamps import looks_like_dates
from tidegate.series.tables.amounts import all_amounts
from tidegate.series.tables.table import EIGHT_DIGITS, MISSING_WORDS

_NO_TEXT = "these bytes are no text: expected CSV, JSON or Parquet. Export the table as CSV."
DELIMITERS = "\t;|,"  # in the order tried: a comma may also be a decimal comma
_COMMENTS = ("#", "%", "//")
_NUMBER_LIKE = re.compile(r"[-+]?[\d.,' \u00a0\u202f\u2019]*\d[\d.,]*([eE][-+]?\d+)?")
_DATE_LIKE = re.compile(r"[\dT:/. +-]*\d[\dT:/. +-]*Z?|\d{4} [A-Za-z]{3,9}")


@dataclass(frozen=True)
class Dialect:
    """How to read one delimited text file.

    Attributes:
        encoding: Python name of the encoding.
        delimiter: the character between fields; of a single column one that does not occur.
        names: (columns,) unique names of the columns.
        first_line: physical line, from 1, where the rows begin.
        plain: UTF-8, uniform line ends, and nothing but a one-line header before the rows.
        notes: what had to be decided, one sentence each.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    first_line: int
    plain: bool
    notes: tuple[str, ...] = ()


def find_encoding(start: bytes, *, whole: bool) -> str:
    """Python name of the encoding of a text that begins with `start`; `whole`: it also ends there.

    Byte order marks decide, then NUL bytes (UTF-16 without a mark), then whether it is valid UTF-8; else Windows-1252,
    or Latin-1 where bytes occur that Windows-1252 does not know.
    Raises: DataError if the bytes are no text.
    """
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if b"\0" in start:
        even, odd = start[0:2000:2].count(0), start[1:2000:2].count(0)
        if odd > 4 * even:
            return "utf-16-le"
        if even > 4 * odd:
            return "utf-16-be"
        raise DataError(_NO_TEXT)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(start, final=whole)
        return "utf-8"
    except UnicodeDecodeError:
        pass  # not UTF-8: one of the single-byte encodings below
    try:
        start.decode("cp1252")
        return "cp1252"
    except UnicodeDecodeError:
        return "latin-1"


def decode(data: bytes) -> tuple[str, str]:
    """The text of a whole file, line ends all "\\n" and no byte order mark, and the name of its encoding."""
    encoding = find_encoding(data, whole=True)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"damaged {encoding.upper()} text at byte {error.start}. Export the table as UTF-8.") from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), encoding


def find_dialect(start: bytes, *, whole: bool) -> Dialect:
    """Decide how a delimited file is written from its first bytes (`whole`: from all of them).

    Raises: DataError if it is empty, no text, or its rows and its header do not fit together.
    """
    encoding = find_encoding(start, whole=whole)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        raw = decoder.decode(start, final=False).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(_NO_TEXT) from error
    if sum(character < " " and character not in "\t\n\r\f" for character in raw[:4000]) > len(raw[:4000]) / 50:
        raise DataError(_NO_TEXT)
    ends = _line_ends(raw)
    text = raw.replace("\r\n", "\n").replace("\r", "\n")
    if not whole:
        text = text[: text.rfind("\n") + 1]
    lines = text.split("\n")
    notes = list(encoding_note(encoding))
    skipped, comments = 0, []
    delimiter = ""
    if lines and re.fullmatch(r"sep=.", lines[0].strip(), re.IGNORECASE):  # Excel's own first line
        delimiter, skipped = lines[0].strip()[4], 1
    while skipped < len(lines) and (not lines[skipped].strip() or lines[skipped].lstrip().startswith(_COMMENTS)):
        if lines[skipped].strip():
            comments.append(lines[skipped].lstrip())
        skipped += 1
    if skipped >= len(lines) and len(comments) != 1:
        raise DataError("found no rows, expected a header line and rows below it. Is this the right file?")
    body = "\n".join(lines[skipped:])
    delimiter = delimiter or _find_delimiter(body, comments)
    records = _records(body, delimiter)
    first = 0
    width = _usual_width(records)
    header: list[str] | None = None
    if comments and (not records or not _is_header(records, 0)):
        told = next(csv.reader([comments[-1].lstrip("#%/ ")], delimiter=delimiter), [])
        if (len(told) == width or not records) and not all(map(_is_value, told)):
            header = told
    if header is None and records:
        while first + 1 < len(records) and len(records[first][0]) < width and _is_header(records, first + 1):
            first += 1  # a title above the header has fewer fields than the rows
        if _is_header(records, first):
            header = records[first][0]
            if first:
                count = records[first - 1][1] + skipped
                notes.append(
                    f"{count} line{'s' * (count > 1)} above the header {'were' if count > 1 else 'was'} left out"
                )
            first += 1
    headed = header is not None
    if header is None:
        header = [f"column{index + 1}" for index in range(width)]
        notes.append("no header line was found: the columns are called " + ", ".join(header[:4]))
    if first < len(records) and width != len(header):
        raise DataError(
            f"the header has {len(header)} field{'s' * (len(header) != 1)} and the rows have {width} "
            f'(delimiter "{_SHOWN.get(delimiter, delimiter)}"). Make them equal; text that contains the '
            'delimiter needs quotes: "like, this".'
        )
    if delimiter == _NONE:
        _refuse_blanks(records)
    first_line = skipped + (records[first - 1][1] if first else 0) + 1
    plain = encoding in ("utf-8", "utf-8-sig") and len(ends) <= 1 and "\r" not in ends and first_line == 1 + headed
    names = _unique(header)
    for cell, name in zip(header, names, strict=True):
        if cell.strip() and cell.strip() != name:
            notes.append(f'the column name "{cell.strip()}" occurs twice: a later one is called "{name}"')
    return Dialect(encoding, delimiter, names, first_line, plain, tuple(notes))


_ENCODING_NAMES = {
    "cp1252": "Windows-1252 text (it is not UTF-8)",
    "latin-1": "Latin-1 text (it is not UTF-8)",
    "utf-16": "UTF-16 text",
    "utf-16-le": "UTF-16 text",
    "utf-16-be": "UTF-16 text",
    "utf-32": "UTF-32 text",
}
_NONE = "\x1f"  # the delimiter of a single column: a character that does not occur
_SHOWN = {"\t": "tab", _NONE: "none"}


def encoding_note(encoding: str) -> tuple[str, ...]:
    """What there is to say about an encoding: nothing if it is UTF-8."""
    return (f"read as {_ENCODING_NAMES[encoding]}",) if encoding in _ENCODING_NAMES else ()


def _line_ends(text: str) -> set[str]:
    crlf = text.count("\r\n")
    counts = {"\r\n": crlf, "\n": text.count("\n") - crlf, "\r": text.count("\r") - crlf}
    if text.endswith("\r"):  # the sample may end between "\r" and "\n"
        counts["\r"] -= crlf > 0
    return {end for end, count in counts.items() if count > 0}


def _records(text: str, delimiter: str) -> list[tuple[list[str], int]]:
    """The first records with the line each ends on; blank lines left out."""
    csv.field_size_limit(1 << 27)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    records: list[tuple[list[str], int]] = []
    for record in reader:
        if record and (len(record) > 1 or record[0].strip()):
            records.append((record, reader.line_num))
        if len(records) == 500:
            break
    return records


def _usual_width(records: list[tuple[list[str], int]]) -> int:
    widths = Counter(len(record) for record, _ in (records[1:] or records))
    return widths.most_common(1)[0][0] if widths else 0


def _find_delimiter(body: str, comments: list[str]) -> str:
    """The delimiter under which header and rows agree in their number of fields, the most consistent first."""
    best, best_share = "", 0.0
    for delimiter in DELIMITERS:
        records = _records(body, delimiter)
        if not records:
            continue
        width = _usual_width(records)
        if width < 2:
            continue
        share = sum(len(record) == width for record, _ in records) / len(records)
        starts = len(records[0][0]) == width or any(
            len(record) == width and _is_header(records, index) for index, (record, _) in enumerate(records[1:20], 1)
        )
        if starts and share > best_share + 0.02:
            best, best_share = delimiter, share
    if best:
        return best
    top = next((line for line in body.split("\n") if line.strip()), "")
    for delimiter in DELIMITERS[::-1]:
        if len(next(csv.reader([top], delimiter=delimiter), [])) > 1:
            return delimiter
    return _NONE


def _refuse_blanks(records: list[tuple[list[str], int]]) -> None:
    """Raise DataError if what looks like a single column is a table parted by blanks."""
    split = [record[0].split() for record, _ in records]
    width = len(split[-1]) if split else 0
    if width > 1 and all(len(cells) == width and _NUMBER_LIKE.fullmatch(cells[-1]) for cells in split[1:]):
        raise DataError(
            "the fields seem to be parted by blanks, expected commas, semicolons, tabs or bars. Save the table as CSV."
        )


def _is_value(cell: str) -> bool:
    cell = cell.strip()
    return cell.lower() in MISSING_WORDS or bool(_NUMBER_LIKE.fullmatch(cell)) or bool(_DATE_LIKE.fullmatch(cell))


def _is_header(records: list[tuple[list[str], int]], index: int) -> bool:
    """Whether a record names columns: nowhere does it hold a number or a date above numbers or dates.

    Unless such numbers are years, or another cell of it is plainly a name: columns may be called 2024, or 101.
    """
    head = records[index][0]
    below = [record for record, _ in records[index + 1 : index + 50] if len(record) == len(head)]
    if not below:
        return not any(cell.strip() and _is_value(cell) for cell in head)
    columns = [[record[position] for record in below if record[position].strip()] for position in range(len(head))]
    for cell, values in zip(head, columns, strict=True):
        known = cell.strip() and _is_value(cell) and cell.strip().lower() not in MISSING_WORDS
        if known and values and all(map(_is_value, values)):
            return _years_across(head) or _names_another(head, columns)
        if values and not _is_value(cell) and all_amounts([text.strip() for text in (cell, *values)]):
            return False  # "$5" above "$6" is no name
    return not all(_is_value(cell) for cell in head)


def _names_another(head: list[str], columns: list[list[str]]) -> bool:
    """Whether a cell of a record that holds numbers above numbers is still a name: it is no value, and values follow.

    A first row of data may lack a value, or have a slip, so less is taken for a name than where no number speaks
    against it: beside a date above dates nothing is, and above numbers only text without digits.
    """
    found = False
    for position, (cell, values) in enumerate(zip(head, columns, strict=True)):
        cell = cell.strip()
        dates = _all_dates(values)
        if dates and _all_dates([cell]):
            return False
        if not cell:
            # What pandas writes above its index; among numbers only where they are the numbers of the rows.
            counted = [str(row) for row in range(len(values))]
            found |= position == 0 and (dates or [value.strip() for value in values] == counted)
        elif not _is_value(cell):
            found |= dates or (bool(values) and all(map(_is_value, values)) and not re.search(r"\d", cell))
    return found


def _all_dates(cells: list[str]) -> bool:
    return looks_like_dates(cells) or (bool(cells) and all(EIGHT_DIGITS.fullmatch(cell.strip()) for cell in cells))


def _years_across(head: list[str]) -> bool:
    """Years as column names ("country, 2019, 2020"): numbers in a header all the same."""
    years = [int(cell) for cell in head if re.fullmatch(r"\s*(1[5-9]|2[01])\d\d\s*", cell)]
    return len(years) >= max(2, len(head) - 2) and years == list(range(years[0], years[0] + len(years)))


def _unique(header: list[str]) -> tuple[str, ...]:
    names: list[str] = []
    for index, cell in enumerate(header):
        plain = cell.strip() or f"unnamed{index + 1}"
        name, count = plain, 1
        while name in names:
            count += 1
            name = f"{plain}_{count}"
        names.append(name)
    return tuple(names)
