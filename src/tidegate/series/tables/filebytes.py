"""The bytes of a file, unpacked where it is compressed with gzip, and what kind of file they say it is."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from tidegate.errors import DataError

SAMPLE_BYTES = 1 << 18
_REFUSED = {  # first bytes -> what it is, what to do
    b"PK\x03\x04": (
        "an Excel workbook or another zip archive",
        "save the sheet as CSV (Excel: File, Save as, CSV UTF-8)",
    ),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save the sheet as CSV (Excel: File, Save as, CSV UTF-8)"),
    b"BZh": ("bzip2-compressed", "unpack it, or compress it with gzip"),
    b"\xfd7zXZ": ("xz-compressed", "unpack it, or compress it with gzip"),
    b"\x28\xb5\x2f\xfd": ("zstd-compressed", "unpack it, or compress it with gzip"),
    b"ARROW1": ("an Arrow (Feather) file", "save it as Parquet"),
    b"\x89HDF": ("an HDF5 file", "save the table as Parquet or CSV"),
    b"SQLite format": ("a SQLite database", "export the table as CSV"),
    b"<!DOCTYPE": ("a web page", "download the table itself, as CSV"),
    b"<html": ("a web page", "download the table itself, as CSV"),
    b"<?xml": ("an XML file", "export the table as CSV"),
}


def packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def start_of(path: Path) -> bytes:
    """The first bytes of a file, unpacked: enough for three lines at least, or all of them."""
    size = SAMPLE_BYTES
    while True:
        try:
            with gzip.open(path) if packed(path) else path.open("rb") as file:
                start = file.read(size)
        except (EOFError, gzip.BadGzipFile) as error:
            raise DataError(f"damaged gzip file ({error}). Compress or download it again.") from error
        if len(start) < size or start.count(b"\n") + start.count(b"\r") > 3 or size > 1 << 28:
            return start
        size *= 8


def contents(path: Path) -> bytes:
    try:
        with gzip.open(path) if packed(path) else path.open("rb") as file:
            return file.read()
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"damaged gzip file ({error}). Compress or download it again.") from error


def kind_of(name: str, start: bytes) -> str:
    """ "The kind, "csv", "json" or "parquet", by the contents first and the name second."""
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    for magic, (what, remedy) in _REFUSED.items():
        if start.lstrip()[: len(magic)].lower() == magic.lower():
            raise DataError(f"this is {what}, which Tidegate cannot read. To go on, {remedy}.")
    if start.startswith(b"PAR1"):
        return "parquet"
    if not start.strip(b"\0 \r\n\t\xef\xbb\xbf"):
        raise DataError("the file is empty, expected a header line and rows below it.")
    if suffix in (".parquet", ".pq"):
        raise DataError(
            'this is not a Parquet file: it does not begin with "PAR1". Write it again, or give it its right name.'
        )
    if suffix in (".xlsx", ".xls", ".xlsm", ".ods"):
        raise DataError(
            "Tidegate cannot read spreadsheets. To go on, save the sheet as CSV (Excel: File, Save as, CSV UTF-8)."
        )
    if suffix in (".json", ".jsonl", ".ndjson") or re.match(rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\[{\]])", start):
        return "json"
    return "csv"
