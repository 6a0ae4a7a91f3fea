"""docs/reading.md, row by row: every rule of its table is a case here, and every case is a row of the table."""

from __future__ import annotations

import gzip
import inspect
import io
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tidegate.errors import ConfigError, DataError
from tidegate.series.panel import Panel
from tidegate.series.reading import Reading, input_kind, read_panel

DATA = Path(__file__).parent / "data"
DOCUMENT = Path(__file__).parent.parent / "docs" / "reading.md"
MONTHS = [f"20{year:02d}-{month:02d}" for year in (20, 21) for month in range(1, 13)]
PLAIN = "Month,Sales\n" + "".join(f"{month},{step + 0.5}\n" for step, month in enumerate(MONTHS))
Rule = Callable[[Path], None]
CASES: dict[str, Rule] = {}


def rule(key: str) -> Callable[[Rule], Rule]:
    def note(case: Rule) -> Rule:
        assert key not in CASES
        CASES[key] = case
        return case

    return note


def file(folder: Path, content: str | bytes, name: str = "input.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table(header: str, line: Callable[[int, str], str]) -> str:
    return header + "\n" + "".join(line(step, month) + "\n" for step, month in enumerate(MONTHS))


def test_a_reading_holds_the_options_of_the_reader() -> None:
    takes = {name: one.default for name, one in inspect.signature(read_panel).parameters.items() if name != "data"}
    assert takes == {field.name: field.default for field in fields(Reading)}


def is_plain(panel: Panel) -> bool:
    return panel.size == 1 and panel.values.tolist() == [step + 0.5 for step in range(24)]


def refused(path: object, *words: str, error: type[Exception] = DataError, **options: object) -> None:
    """The input is refused in one line that holds all the words."""
    with pytest.raises(error) as raised:
        read_panel(path, **options)  # type: ignore[arg-type]
    message = str(raised.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def rules_of_the_document() -> list[str]:
    return re.findall(r"^\| `([\w-]+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_rule_of_the_document_is_tested_and_every_tested_rule_is_documented():
    assert sorted(rules_of_the_document()) == sorted(CASES)


@pytest.mark.parametrize("key", rules_of_the_document())
def test_rule(key, tmp_path):
    CASES[key](tmp_path)


# --- files -----------------------------------------------------------------------------------------------------------


@rule("csv")
def _(folder):
    panel = read_panel(file(folder, PLAIN))
    assert is_plain(panel)
    assert panel.target == "Sales"
    assert panel.notes[0] == 'input.csv: time "Month", target "Sales"; 24 monthly values, 2020-01 to 2021-12'


@rule("delimiters")
def _(folder):
    for delimiter in ";\t|":
        assert is_plain(read_panel(file(folder, PLAIN.replace(",", delimiter))))


@rule("excel-separator")
def _(folder):
    assert is_plain(read_panel(file(folder, "sep=;\n" + PLAIN.replace(",", ";"))))


@rule("blanks")
def _(folder):
    refused(file(folder, PLAIN.replace(",", " ")), "parted by blanks", "Save the table as CSV")


@rule("byte-order-mark")
def _(folder):
    panel = read_panel(file(folder, b"\xef\xbb\xbf" + PLAIN.encode()))
    assert is_plain(panel)
    assert panel.timeline.column == "Month"


@rule("utf-16")
def _(folder):
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        panel = read_panel(file(folder, PLAIN.encode(encoding)))
        assert is_plain(panel)
        assert "read as UTF-16 text" in panel.notes


@rule("windows-1252")
def _(folder):
    panel = read_panel(file(folder, PLAIN.replace("Sales", "Umsätze €").encode("cp1252")))
    assert is_plain(panel)
    assert panel.target == "Umsätze €"
    assert any("Windows-1252" in note for note in panel.notes)
    late = "Month,Sales,Ort\n" + "".join(f"{m},{s + 0.5},{'x' * 20_000}\n" for s, m in enumerate(MONTHS[:-1]))
    late += f"{MONTHS[-1]},23.5,Köln\n"
    panel = read_panel(file(folder, late.encode("cp1252")))  # seen only long after the first bytes
    assert is_plain(panel)
    assert any("Windows-1252" in note for note in panel.notes)


@rule("line-ends")
def _(folder):
    for content in (
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\r\n", 5),
        PLAIN.rstrip("\n"),
        PLAIN + "\n\n",
        PLAIN.replace("\n", "\n\n"),
    ):
        assert is_plain(read_panel(file(folder, content)))
    assert len(read_panel(file(folder, "Load\n1\n\n3\n\n\n"))) == 1
    assert np.isnan(read_panel(file(folder, "Load\n1\n\n3\n\n\n")).values).tolist() == [False, True, False]


@rule("comment-lines")
def _(folder):
    assert is_plain(read_panel(file(folder, "# made by a program\n% in 2024\n// twice\n" + PLAIN)))
    assert read_panel(file(folder, "# " + PLAIN)).target == "Sales"


@rule("title-lines")
def _(folder):
    panel = read_panel(file(folder, "Sales of the shop\n\n" + PLAIN))
    assert is_plain(panel)
    assert "1 line above the header was left out" in panel.notes


@rule("no-header")
def _(folder):
    panel = read_panel(file(folder, PLAIN.split("\n", 1)[1]))
    assert is_plain(panel)
    assert panel.target == "column2"
    assert any("no header line" in note for note in panel.notes)
    refused(file(folder, "1,2\n3,4\n5,6\n"), '"column1", "column2"', "there is no time column")


@rule("number-names")
def _(folder):
    for name in ("2024", "2330", "0"):
        panel = read_panel(file(folder, PLAIN.replace("Sales", name)))
        assert is_plain(panel) and panel.target == name
    stores = read_panel(file(folder, table("date,101,102", lambda step, month: f"{month},{step},{-step}")))
    assert list(stores.ids["series"]) == ["101", "102"]
    assert is_plain(read_panel(file(folder, PLAIN.replace("Month,Sales", ",0"))))  # as pandas writes a series
    counted = read_panel(file(folder, table(",0", lambda step, month: f"{step},{step + 0.5}")))
    assert is_plain(counted) and counted.target == "0"
    dated = table("Week,2330", lambda step, month: f"{step + 1:02d}-Jan-24,{step + 0.5}")
    assert is_plain(read_panel(file(folder, dated)))
    # A slip or a gap in the first row of data is not taken for a name.
    refused(file(folder, PLAIN.replace("Month,Sales\n2020-01,0.5", "2020-01,oops")), 'line 1: found "oops"')
    refused(file(folder, "20240101,oops\n" + "".join(f"202401{day},{day}\n" for day in range(10, 20))), "line 1")
    assert read_panel(file(folder, "Jan 2024,5\n2024-02,6\n2024-03,7\n")).values.tolist() == [5, 6, 7]
    refused(file(folder, "NA,5\n2024-02,6\n2024-03,7\n"), "no timestamp in row 1")


@rule("same-names")
def _(folder):
    panel = read_panel(file(folder, PLAIN.replace("Month,Sales", "Sales,Sales")))
    assert panel.target == "Sales_2"
    assert any("occurs twice" in note for note in panel.notes)


@rule("quoted-commas")
def _(folder):
    panel = read_panel(DATA / "months_quoted_names.csv", id="Industry")
    assert list(panel.ids["Industry"]) == ["Cafes, bars and catering", "Food", "Clothing, shoes"]


@rule("ragged")
def _(folder):
    refused(file(folder, PLAIN + "2022-01,5,6\n"), "line 26 has 3 fields, expected 2")
    refused(file(folder, PLAIN.replace("2020-02,1.5", "2020-02")), "line 3 has 1 field, expected 2")
    refused(file(folder, "a,b\n" + "1,2,3\n" * 9), "the header has 2 fields and the rows have 3")


@rule("open-quote")
def _(folder):
    refused(file(folder, PLAIN + '2022-01,"5\n'), "line 26", "a quote opens and does not close")


@rule("decimal-comma")
def _(folder):
    panel = read_panel(file(folder, table("Month;Sales", lambda step, month: f"{month};{step},5")))
    assert is_plain(panel)
    assert 'decimal commas in "Sales" were read' in panel.notes
    panel = read_panel(file(folder, table("Month,Sales", lambda step, month: f'{month},"{step},5"')))
    assert is_plain(panel)
    panel = read_panel(file(folder, table("Month;Sales", lambda step, month: f"{month};{step + 1}.234,5")))
    assert panel.values[:2].tolist() == [1234.5, 2234.5]


@rule("thousands")
def _(folder):
    for number in ("1,234.5{}", "1 234.5{}", "1'234.5{}"):
        content = table("Month,Sales", lambda step, month, n=number: f'{month},"{n.format(step % 10)}"')
        panel = read_panel(file(folder, content))
        assert panel.values[:3].tolist() == [1234.5, 1234.51, 1234.52]
        assert 'thousands separators in "Sales" were taken out' in panel.notes
    panel = read_panel(file(folder, table("Month;Sales", lambda step, month: f"{month};{step + 1}.234.567")))
    assert panel.values[0] == 1_234_567


@rule("two-readings")
def _(folder):
    path = file(folder, table("Month,Sales", lambda step, month: f'{month},"{step + 1},234"'))
    refused(path, '"1,234" may be 1234 or 1.234', '--decimal "."')
    assert read_panel(path, decimal=".").values[0] == 1234
    assert read_panel(path, decimal=",").values[0] == 1.234
    path = file(folder, table("Month;Sales", lambda step, month: f"{month};{step + 1}.234"))
    refused(path, '"1.234" may be 1234 or 1.234')
    assert read_panel(path, decimal=",").values[0] == 1234
    assert read_panel(path, decimal=".").values[0] == 1.234
    decided = table("Month;Sales;Share", lambda step, month: f"{month};{step + 1}.234;0,{step + 10}")
    assert read_panel(file(folder, decided), target="Sales").values[0] == 1234
    shares = table("Month,Share,Sales", lambda step, month: f'{month},0.5,"1,234"')
    for content, value in ((shares, 1234), (shares.replace('"1,', '"-1,'), -1234)):
        panel = read_panel(file(folder, content), target="Sales")
        assert panel.values.tolist() == [value] * 24
        assert 'thousands separators in "Sales" were taken out' in panel.notes
    shares = table("Month;Share;Sales", lambda step, month: f"{month};0.5;1.234")
    assert read_panel(file(folder, shares), target="Sales").values[0] == 1.234
    assert read_panel(file(folder, shares), target="Sales", decimal=",").values[0] == 1234
    # A point that may part days, hours or months decides nothing, nor does a column that needs no mark.
    for other in ("31.12", "10.30", "1.2024", "7", "1.555", "v0.5"):
        open_still = file(folder, shares.replace("0.5", other))
        refused(open_still, '"1.234" may be 1234 or 1.234', target="Sales")
    # What a column's own cells decide is not outvoted, wherever they stand.
    days = [str(day) for day in np.datetime64("2000-01-01") + np.arange(5000)]
    late = "".join(f'{day},0.5,"{"1,5" if row == 4321 else "1,234"}"\n' for row, day in enumerate(days))
    assert read_panel(file(folder, "ds,share,y\n" + late)).values[[0, 4321]].tolist() == [1.234, 1.5]
    refused(path, 'expected "." or ","', error=ConfigError, decimal="x")


@rule("amounts")
def _(folder):
    def cells(*texts, delimiter=","):
        rows = [texts[step % len(texts)] for step in range(24)]
        return file(folder, table(f"Month{delimiter}Sales", lambda step, m: f'{m}{delimiter}"{rows[step]}"'))

    for texts, values in (
        (("$1,000.50", "$7"), (1000.5, 7)),
        (("$1,000", "-$5", "$-6"), (1000, -5, -6)),  # with this sign a comma parts thousands
        (("($1,000)", "$(5)", "$7"), (-1000, -5, 7)),  # less than zero, as accounts have it
        (("$1.234,50", "$7,25"), (1234.5, 7.25)),
        (("€ 1.234,50", "€ 7,25"), (1234.5, 7.25)),
        (("1 000 €", "1\u00a0200\u00a0€"), (1000, 1200)),
        (("£12", "£.5"), (12, 0.5)),
        (("USD 1,000", "5 USD"), (1000, 5)),
        (("1000 EUR", "7.5EUR"), (1000, 7.5)),
        (("CHF 1'000.50", "CHF 1\u2019200"), (1000.5, 1200)),
    ):
        panel = read_panel(cells(*texts))
        assert panel.values[: len(values)].tolist() == list(values)
        assert 'amounts in "Sales" were read as numbers' in panel.notes[1]
    panel = read_panel(cells("$5", "NA"))
    assert panel.notes[1] == '$ amounts in "Sales" were read as numbers'
    assert np.isnan(panel.values[1])
    for text in ("1,000 €", "1.000 €"):
        refused(cells(text), "may be 1000 or 1.000", '--decimal "."')
    # Amounts tell the decimal mark of other columns too.
    both = table("ds,cost,y", lambda step, month: f'{month},"1.234,50 €",1.234')
    assert read_panel(file(folder, both)).values[0] == 1234
    # One sign throughout: an amount without it may be another currency.
    refused(cells("$5", "$6", "7"), 'column "Sales", line 4: found "7"', "expected a number with $")
    refused(cells("$5", "$6", "€7"), 'line 4: found "€7"', "expected a number with $")
    refused(cells("$5", "$6", "$ -"), 'line 4: found "$ -"')
    refused(cells("$5", "€5"), "no column of numbers")
    refused(cells("SKU 5", "SKU 6"), "no column of numbers")
    assert read_panel(file(folder, "$5\n$6\n$7\n")).values.tolist() == [5, 6, 7]  # the first one is no name


@rule("percentages")
def _(folder):
    for texts in (("1.5%", "(2%)"), ("1,5 %", "-2\u00a0%")):
        content = table("Month;Share", lambda step, month, t=texts: f"{month};{t[step % 2]}")
        panel = read_panel(file(folder, content))
        assert panel.values[:2].tolist() == [1.5, -2]
        assert 'percentages in "Share" were read as numbers, in percent' in panel.notes[1]
    slip = table("Month;Share", lambda step, month: f"{month};{'0.015' if step == 2 else '1.5%'}")
    refused(file(folder, slip), 'line 4: found "0.015"', "expected a number with %")
    quantiles = table("Month,5%,50%", lambda step, month: f"{month},{step},{step + 1}")
    assert list(read_panel(file(folder, quantiles)).ids["series"]) == ["5%", "50%"]  # names above plain numbers


@rule("missing-words")
def _(folder):
    words = ["", "NA", "NaN", "null", "None", "nil", "N/A", "-", "--", ".", "?"]
    panel = read_panel(
        file(folder, table("Month,Sales", lambda s, m: f"{m},{words[s] if s < len(words) else s + 0.5}"))
    )
    assert np.isnan(panel.values).sum() == len(words)
    assert f'{len(words)} values of "Sales" are missing' in panel.notes


@rule("text-among-numbers")
def _(folder):
    refused(file(folder, PLAIN.replace("3.5", "oops", 1)), 'column "Sales", line 5: found "oops"', "expected a number")
    refused(file(folder, PLAIN.replace("3.5", "3.5%", 1)), 'line 5: found "3.5%"')
    refused(file(folder, "# one\n" + PLAIN.replace("3.5", "oops", 1)), "line 6")
    rows = "".join(f"{2000 + step // 12}-{step % 12 + 1:02d},{step}\n" for step in range(3000))
    refused(file(folder, "Month,Sales\n" + rows.replace(",2999", ",x")), 'line 3001: found "x"')


@rule("infinite")
def _(folder):
    for word in ("inf", "-Infinity", "1e999"):
        refused(file(folder, PLAIN.replace("3.5", word, 1)), 'column "Sales", line 5', "infinite value (1 in all)")
    refused([1.0, float("inf")], "row 1", "infinite")
    refused([1, 10**400], "row 1", "infinite")  # an int that no float can be
    refused([1, None, -(10**400)], "row 2", "infinite")


@rule("parquet")
def _(folder):
    import pandas as pd

    stamps = pd.date_range("2020-01-01", periods=24, freq="MS", tz="Europe/Berlin")
    pd.DataFrame({"unique_id": "7", "ds": stamps, "y": np.arange(24) + 0.5}).to_parquet(folder / "zoned.parquet")
    panel = read_panel(folder / "zoned.parquet")
    assert is_plain(panel)
    assert list(panel.ids["unique_id"]) == ["7"]
    assert panel.timeline.timezone == "Europe/Berlin"
    assert panel.timeline.frequency.name == "monthly"


@rule("json-records")
def _(folder):
    records = [f'{{"ds": "{month}-01", "y": {step + 0.5}, "more": null}}' for step, month in enumerate(MONTHS)]
    for name, content in (
        ("a.json", "[" + ",\n".join(records) + "]"),
        ("a.jsonl", "\n".join(records) + "\n"),
        ("a.ndjson", "\n".join(records)),
        ("a.txt", "\n".join(records)),
    ):
        panel = read_panel(file(folder, content, name))
        assert is_plain(panel)
        assert panel.timeline.stamps(0, 24, 1)[0] == "2022-01-01"  # text, as the file has it


@rule("json-columns")
def _(folder):
    content = '{"ds": ["1/30/2020", "1/31/2020", "2/1/2020"], "y": [1, null, 3]}'
    assert read_panel(file(folder, content, "a.json")).timeline.stamps(0, 3, 1)[0] == "2/2/2020"
    assert read_panel(file(folder, "[1, 2.5, null, 4]", "a.json")).values[1] == 2.5


@rule("json-lengths")
def _(folder):
    content = '{"ds": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"], "y": [1, 2, 3]}'
    refused(file(folder, content, "a.json"), 'a.json: the columns have different lengths ("ds" 4, "y" 3)')


@rule("json-other")
def _(folder):
    for content in ('{"y": {"0": 1, "1": 2}}', "[]", "{}", "[{", '[["a", 1]]', '{"meta": {"a": {"b": 1}}}'):
        refused(file(folder, content, "a.json"), "a.json:", "JSON", "Expected a list of records")


@rule("gzip")
def _(folder):
    assert is_plain(read_panel(file(folder, gzip.compress(PLAIN.encode()), "a.csv.gz")))
    assert is_plain(read_panel(file(folder, gzip.compress(PLAIN.encode()), "a.csv")))
    assert is_plain(read_panel(file(folder, gzip.compress(PLAIN.encode("utf-16")), "a.csv.gz")))
    records = "".join(f'{{"ds": "{month}", "y": {step + 0.5}}}\n' for step, month in enumerate(MONTHS))
    assert is_plain(read_panel(file(folder, gzip.compress(records.encode()), "a.jsonl.gz")))
    import polars as pl

    buffer = io.BytesIO()
    pl.DataFrame({"ds": MONTHS, "y": np.arange(24) + 0.5}).write_parquet(buffer)
    assert is_plain(read_panel(file(folder, gzip.compress(buffer.getvalue()), "a.parquet.gz")))


@rule("glob")
def _(folder):
    lines = PLAIN.split("\n")
    file(folder, "\n".join(lines[:13]), "b1.csv")
    file(folder, "\n".join([lines[0], *lines[13:]]), "b2.csv")
    assert is_plain(read_panel(folder / "b*.csv"))
    file(folder, PLAIN, "c1.csv")
    file(folder, PLAIN, "c2.csv")
    refused(folder / "c*.csv", "timestamps in", "--id file")
    assert list(read_panel(folder / "c*.csv", id="file").ids["file"]) == ["c1.csv", "c2.csv"]
    assert is_plain(read_panel(file(folder, PLAIN, "d[1].csv")))


@rule("glob-ids")
def _(folder):
    import polars as pl

    def written(name, ids, start):
        days = np.datetime64(start) + np.arange(3)
        rows = {"unique_id": np.repeat(ids, 3), "ds": np.tile(days, 2), "y": np.arange(6.0)}
        pl.DataFrame(rows).write_parquet(folder / name)

    written("n1.parquet", [1, 2], "2024-01-01")
    written("n2.parquet", [1.0, 2.0], "2024-01-04")
    panel = read_panel(folder / "n*.parquet")
    assert (panel.ids["unique_id"].tolist(), panel.lengths.tolist()) == ([1, 2], [6, 6])
    assert panel.ids["unique_id"].dtype == np.int64
    written("n3.parquet", ["1", "2"], "2024-01-07")
    panel = read_panel(folder / "n*.parquet")
    assert (panel.ids["unique_id"].tolist(), panel.lengths.tolist()) == (["1", "2"], [9, 9])
    written("n3.parquet", [1.5, 2.0], "2024-01-07")
    assert read_panel(folder / "n*.parquet").ids["unique_id"].tolist() == [1, 2, 1.5]


@rule("folder-names")
def _(folder):
    import polars as pl

    for name in ("unique_id=7", "ds=2024-02-01", "y=7"):
        (folder / name).mkdir()
        path = folder / name / "a.parquet"
        pl.DataFrame({"ds": MONTHS, "y": np.arange(24) + 0.5}).write_parquet(path)
        assert is_plain(panel := read_panel(path)) and not panel.ids
        assert is_plain(panel := read_panel(file(folder / name, PLAIN))) and not panel.ids


@rule("glob-columns")
def _(folder):
    file(folder, PLAIN, "b1.csv")
    file(folder, PLAIN.replace("Sales", "Cost"), "b2.csv")
    refused(folder / "b*.csv", "b1.csv and b2.csv differ in the columns Cost, Sales")


@rule("standard-input")
def _(folder):
    from types import SimpleNamespace

    records = "".join(f'{{"ds": "{month}", "y": {step + 0.5}}}\n' for step, month in enumerate(MONTHS))
    for content in (PLAIN.encode(), records.encode(), gzip.compress(PLAIN.encode())):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
            panel = read_panel("-")
        assert is_plain(panel)
        assert panel.notes[0].startswith("standard input: ")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(PLAIN.replace("3.5", "x", 1).encode())))
        refused("-", "standard input:", 'found "x"')


@rule("spreadsheet")
def _(folder):
    for name, start in (
        ("a.xlsx", b"PK\x03\x04"),
        ("a.csv", b"PK\x03\x04"),
        ("a.xls", b"\xd0\xcf\x11\xe0"),
        ("b.xlsx", b"a,b\n"),
    ):
        refused(file(folder, start + b"1,2", name), "save the sheet as CSV")


@rule("other-formats")
def _(folder):
    for start, what in (
        (b"BZh9", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"ARROW1\x00", "Feather"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"<!doctype html><p>", "web page"),
        (b"<?xml version='1.0'?>", "XML"),
    ):
        refused(file(folder, start + bytes(range(90))), what, "To go on,")


@rule("binary")
def _(folder):
    random = np.random.default_rng(3)
    for _ in range(20):
        refused(file(folder, b"\x00\x01" + random.bytes(500)), "")


@rule("damaged")
def _(folder):
    import polars as pl

    whole = io.BytesIO()
    pl.DataFrame({"ds": MONTHS, "y": np.arange(24.0)}).write_parquet(whole)
    refused(file(folder, whole.getvalue()[:300], "a.parquet"), "damaged Parquet file")
    refused(file(folder, gzip.compress(PLAIN.encode())[:60], "a.csv.gz"), "damaged gzip file")
    refused(file(folder, PLAIN, "b.parquet"), "this is not a Parquet file")


@rule("empty")
def _(folder):
    for content in ("", "\n\n", "\ufeff"):
        refused(file(folder, content), "the file is empty")
    refused(file(folder, "Month,Sales\n"), "found no rows")
    refused([], "found no rows")


@rule("no-file")
def _(folder):
    file(folder, PLAIN, "sales.csv")
    refused(folder / "slaes.csv", "there is no file", "did you mean", "sales.csv", error=ConfigError)
    refused(folder / "no" / "x.csv", "there is no folder", error=ConfigError)
    refused(folder / "x*.csv", "no file matches", error=ConfigError)


@rule("folder")
def _(folder):
    refused(folder, "is a folder", "*.csv", error=ConfigError)
    refused("https://example.org/a.csv", "is an address", error=ConfigError)


# --- memory ----------------------------------------------------------------------------------------------------------


@rule("pandas")
def _(folder):
    import pandas as pd

    stamps = pd.date_range("2020-01-01", periods=24, freq="MS")
    frame = pd.DataFrame({"ds": stamps, "y": np.arange(24) + 0.5})
    for data in (
        frame,
        frame.set_index("ds"),
        frame.rename(columns={"y": "v"}).set_index("ds").rename_axis(None),
        frame.assign(ds=stamps.to_period("M")),
        frame.assign(unique_id="a").set_index(["unique_id", "ds"]),
        frame.astype({"y": object}),
        frame.convert_dtypes(),
        frame.set_index(np.zeros(24, dtype=int)),
    ):
        panel = read_panel(data)
        assert is_plain(panel)
        assert panel.timeline.frequency.word == "MS"
    missing = frame.assign(y=pd.array([None] + [1] * 23, dtype="Int64"))
    assert np.isnan(read_panel(missing).values).tolist() == [True] + [False] * 23
    assert input_kind(frame) == "pandas"
    assert read_panel(frame.assign(ds=stamps.tz_localize("Europe/Berlin"))).timeline.timezone == "Europe/Berlin"

    daily = pd.date_range("2024-01-01", periods=24)
    values = pd.DataFrame({"v": np.arange(24) + 0.5})
    for index in (daily.astype(str), daily.date, list(daily.to_pydatetime()), [f"{day:%d/%m/%Y}" for day in daily]):
        panel = read_panel(values.set_index(pd.Index(index, dtype=object)))
        assert is_plain(panel) and (panel.timeline.column, panel.timeline.frequency.word) == ("ds", "D")
    labelled = values.set_index(pd.Index([f"KW {step}" for step in range(24)]))
    refused(labelled, '"index", such as "KW 0"', "--time index --date-format")
    assert is_plain(read_panel(labelled.assign(date=daily)))  # what labels rows that have dates says nothing
    assert is_plain(read_panel(values.set_index(pd.Index(list("abcdefghijklmnopqrstuvwx")))))
    frame = frame.assign(id="a")
    for data in (frame.set_index(["id", "ds"]), frame.set_index(["id", "ds"], drop=False)[["id", "y"]]):
        panel = read_panel(data, id="id")
        assert is_plain(panel) and panel.timeline.column == "ds"


@rule("pandas-numbers")
def _(folder):
    import pandas as pd

    values = np.arange(24) + 0.5
    for index in (list(range(1990, 2014)), range(1990, 2014), [1990, *range(2001, 2024)]):
        panel = read_panel(pd.Series(values, index=index))
        assert is_plain(panel) and panel.timeline.column is None
        assert any('if these are years, name it: data.index.name = "year"' in note for note in panel.notes)
    assert read_panel(pd.Series(values, index=pd.Index(range(1990, 2014), name="year"))).timeline.column == "year"
    turned = read_panel(pd.Series(values[::-1], index=list(range(2013, 1989, -1))))
    assert is_plain(turned) and turned.timeline.frequency.name == "yearly"
    assert not any("row numbers" in note for note in turned.notes)
    digits = [int(f"{day:%Y%m%d}") for day in pd.date_range("2024-01-01", periods=24)]
    assert read_panel(pd.Series(values, index=digits)).timeline.frequency.word == "D"
    # Rows are numbered neither in text nor with decimals.
    for index in ([str(year) for year in range(1990, 2014)], np.arange(1990.0, 2014)):
        for kind in (None, object):
            panel = read_panel(pd.Series(values, index=pd.Index(index, dtype=kind)))
            assert is_plain(panel) and panel.timeline.frequency.name == "yearly"
    for index in ([int(month.replace("-", "")) for month in MONTHS], [month.replace("-", "") for month in MONTHS]):
        refused(pd.Series(values, index=index), "whole numbers from 202001 to 202112", '--date-format "%Y%m"')
        assert is_plain(read_panel(pd.Series(values, index=index), date_format="%Y%m"))
    for scale, word in ((1, "unix"), (1000, "unix_ms")):
        for start in (1704171600, 1704171600.5):
            index = (start + 60 * np.arange(24)) * scale + (start % 1)
            refused(pd.Series(values, index=index), "seconds since 1970", f"--date-format {word}")
            panel = read_panel(pd.Series(values, index=index), date_format=word)
            assert is_plain(panel) and panel.timeline.frequency.word == "min"
    # What counts rows or labels them says nothing; what may say when is told.
    for index in (
        range(5, 29),
        np.arange(24.0),
        list(map(str, range(24))),
        [*"123456789", *"abcdefghijklmno"],
        [0] * 24,
    ):
        panel = read_panel(pd.Series(values, index=index))
        assert is_plain(panel) and not any("the index" in note for note in panel.notes)
    gaps = np.delete(np.arange(26), [3, 4])
    for index in (np.arange(24) / 10, gaps, np.arange(24)[::-1], [np.nan, *range(23)], [np.inf, *range(23)]):
        panel = read_panel(pd.Series(values, index=index))
        assert is_plain(panel) and any('data.index.name = "time"' in note for note in panel.notes)
    nullable = read_panel(pd.Series(values, index=pd.Index([None, *range(23)], dtype="Int64")))
    assert is_plain(nullable) and any('data.index.name = "time"' in note for note in nullable.notes)
    assert len(read_panel(pd.Series(values, index=pd.Index(gaps, name="time"))).values) == 26
    hours = pd.to_timedelta(np.arange(24), unit="h")
    assert any("add the day it began" in note for note in read_panel(pd.Series(values, index=hours)).notes)
    assert read_panel(pd.Series(values, index=pd.Timestamp("2024-01-01") + hours)).timeline.frequency.word == "h"
    months = pd.DataFrame({"year": [int(m[:4]) for m in MONTHS], "month": [int(m[5:]) for m in MONTHS], "y": values})
    dated = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=24), "y": values}, index=range(1990, 2014))
    unnoted = [pd.Series(values), months.set_axis(gaps), dated]
    unnoted += [dated.set_axis(index) for index in (gaps, hours, 1704171600 + gaps, list(map(str, range(1990, 2014))))]
    for data in unnoted:
        panel = read_panel(data)
        assert is_plain(panel) and not any("index" in note for note in panel.notes)


@rule("pandas-series")
def _(folder):
    import pandas as pd

    values = np.arange(24) + 0.5
    dated = read_panel(pd.Series(values, index=pd.date_range("2020-01-01", periods=24, freq="MS"), name="sales"))
    assert is_plain(dated)
    assert dated.target == "sales"
    for index in (MONTHS, [np.datetime64(month, "D").item() for month in MONTHS]):
        assert is_plain(read_panel(pd.Series(values, index=pd.Index(index, dtype=object))))
    assert read_panel(pd.Series(values)).timeline.frequency is None
    refused(pd.date_range("2020-01-01", periods=3), "timestamps without values")


@rule("polars")
def _(folder):
    import polars as pl

    frame = pl.DataFrame({"ds": MONTHS, "y": np.arange(24) + 0.5}).with_columns(pl.col("ds").str.to_date("%Y-%m"))
    assert is_plain(read_panel(frame))
    assert is_plain(read_panel(frame.lazy()))
    assert is_plain(read_panel(frame["y"]))
    assert is_plain(read_panel(frame.with_columns(pl.col("y").cast(pl.Decimal(9, 2)))))
    assert input_kind(frame) == input_kind(frame.lazy()) == "polars"


@rule("arrow")
def _(folder):
    import pyarrow as pa

    data = pa.table({"ds": MONTHS, "y": np.arange(24) + 0.5})
    for arrow in (data, data.to_batches()[0], data["y"], data["y"].chunk(0)):
        assert is_plain(read_panel(arrow))
        assert input_kind(arrow) == "pyarrow"


@rule("dict")
def _(folder):
    assert is_plain(read_panel({"ds": np.array(MONTHS), "y": [step + 0.5 for step in range(24)]}))
    refused({"ds": [1], "y": [1, 2]}, "different lengths")


@rule("dict-values")
def _(folder):
    for value, shown in ((None, "None"), (3, "3"), ("2024-01-01", "'2024-01-01'"), ({"a": 3}, "{'a': 3}")):
        refused({"ds": MONTHS, "y": value}, f'"y" is {shown}, expected a column')
    refused({"ds": "2024-01-01", "y": 3}, "\"ds\" is '2024-01-01', expected a column")
    assert is_plain(read_panel({"ds": iter(MONTHS), "y": (step + 0.5 for step in range(24))}))


@rule("rows")
def _(folder):
    assert is_plain(read_panel([{"ds": month, "y": step + 0.5} for step, month in enumerate(MONTHS)]))
    panel = read_panel([{"ds": "2020-01-01", "y": 1}, {"ds": "2020-01-02"}, {"y": 3, "ds": "2020-01-03"}])
    assert np.isnan(panel.values).tolist() == [False, True, False]


@rule("array")
def _(folder):
    for data in ([1, None, 3], (1.0, float("nan"), 3.0), np.ma.array([1, 2, 3], mask=[0, 1, 0])):
        panel = read_panel(data)
        assert np.isnan(panel.values).tolist() == [False, True, False]
        assert panel.timeline.frequency is None
        assert input_kind(data) == "numpy"
    assert read_panel(np.arange(5)).values.tolist() == [0, 1, 2, 3, 4]


@rule("array-2d")
def _(folder):
    refused(np.ones((3, 2)), "2 dimensions, shape (3, 2)")
    refused([[1, 2], [3, 4]], "list of lists")
    refused(object(), "type object")
    refused(None, "expected a path")


# --- columns ---------------------------------------------------------------------------------------------------------

LONG = "{},{},{},note\n" + "".join(f"{name},{month},{step},x\n" for name in "ba" for step, month in enumerate(MONTHS))


@rule("usual-names")
def _(folder):
    panel = read_panel(file(folder, LONG.format("unique_id", "ds", "y")))
    assert list(panel.ids["unique_id"]) == ["b", "a"]  # in the order of the file
    assert panel.target == "y"
    assert panel.notes[0].startswith('input.csv: id "unique_id", time "ds", target "y"; 2 series, 48 monthly values')


@rule("left-out")
def _(folder):
    def told(header, values, **options):
        content = table(f"ds,{header}", lambda step, month: f"{month},{step + 0.5},{values}")
        panel = read_panel(file(folder, content), **options)
        assert is_plain(panel)
        return [note for note in panel.notes if "left out" in note]

    assert told("y,price,temperature", "1,2") == ["columns of numbers left out: price, temperature"]
    assert told("sales,price", "1", target="sales") == ["column of numbers left out: price"]
    assert told("y,a,b,c,d,e,f,g,h", "1,2,3,4,5,6,7,8") == ["columns of numbers left out: a, b, c, d, e and 3 more"]
    assert told("y,unique_id,colour,holiday", "7,blue,true") == []  # an id, text and flags
    numbered = table("Unnamed: 0,ds,y", lambda step, month: f"{step},{month},{step + 0.5}")
    assert not any("left out" in note for note in read_panel(file(folder, numbered)).notes)


@rule("usual-names-item")
def _(folder):
    for names in (("item_id", "timestamp", "target"), ("Item ID", "Timestamp", "Target"), ("SERIES_ID", "ds", "value")):
        panel = read_panel(file(folder, LONG.format(*names)))
        assert (panel.size, *panel.ids) == (2, names[0])


@rule("only-date-only-number")
def _(folder):
    panel = read_panel(DATA / "weeks_newest_first_us_dates.csv")
    assert (panel.timeline.column, panel.target) == ("Week", "Fuel")


@rule("several-dates")
def _(folder):
    content = table("ordered,shipped,sales", lambda step, month: f"{month}-01,{month}-05,{step}")
    refused(file(folder, content), '2 columns hold dates: "ordered", "shipped"', "--time ordered")
    assert read_panel(file(folder, content), time="shipped").timeline.column == "shipped"
    assert read_panel(file(folder, content.replace("shipped", "date"))).timeline.column == "date"
    assert read_panel(file(folder, content.replace("shipped", "ds"))).timeline.column == "ds"


@rule("year-month-day")
def _(folder):
    path = DATA / "hours_in_four_columns.csv"
    refused(path, '"pm", "DEWP"', "--target DEWP")
    panel = read_panel(path, target="pm")
    assert len(panel.values) == 480
    assert panel.timeline.frequency.word == "h"
    assert panel.timeline.column == "year,month,day,hour"
    assert np.array_equal(
        panel.values, read_panel(path, target="pm", time="year,month,day,hour").values, equal_nan=True
    )
    assert np.isnan(panel.values).sum() == 24
    for form in ("d", "02d", ".1f"):
        rows = "".join(f"{m[:4]},{int(m[5:]):{form}},{step + 0.5}\n" for step, m in enumerate(MONTHS))
        panel = read_panel(file(folder, "year,month,value\n" + rows))
        assert is_plain(panel) and panel.timeline.frequency.word == "MS"
        assert panel.timeline.stamp_columns(0, 24, 1)["month"].tolist() == ["01" if form == "02d" else 1]
    days = [str(day) for day in np.datetime64("2020-01-25") + np.arange(24)]
    rows = "".join(f"{day.replace('-', ',')},{step + 0.5}\n" for step, day in enumerate(days))
    panel = read_panel(file(folder, "year,month,day,value\n" + rows))
    assert is_plain(panel) and panel.timeline.column == "year,month,day"
    refused(file(folder, "year,day,y\n2020,1,5\n2020,2,6\n"), "parts of one", "--time year,month,day")


QUARTERS = [(2018 + step // 4, step % 4 + 1) for step in range(24)]


@rule("year-quarter")
def _(folder):
    rows = [f"{year},{quarter},{step + 0.5}\n" for step, (year, quarter) in enumerate(QUARTERS)]
    for header in ("year,quarter,sales\n", "Year,Qtr,value\n"):
        panel = read_panel(file(folder, header + "".join(rows)))
        assert is_plain(panel) and panel.timeline.frequency.word == "QS-JAN"
        assert [column.tolist() for column in panel.timeline.stamp_columns(0, 24, 2).values()] == [[2024] * 2, [1, 2]]
    texts = "".join(f"{year},Q{quarter},{step}\n" for step, (year, quarter) in enumerate(QUARTERS))
    panel = read_panel(file(folder, "year,Q,sales\n" + texts))
    assert panel.timeline.stamp_columns(0, 24, 2)["Q"].tolist() == ["Q1", "Q2"]
    # Numbers called Q may be much else, and a month tells more than a quarter.
    refused(file(folder, "year,Q,sales\n" + "".join(rows)), "holds the quarter", "--time year,Q", target="sales")
    months = "".join(f"{m[:4]},{int(m[5:]) // 4 + 1},{int(m[5:])},{step}\n" for step, m in enumerate(MONTHS))
    assert read_panel(file(folder, "year,quarter,month,y\n" + months)).timeline.column == "year,month"
    shops = "".join(f"{shop},{row}" for shop in "ab" for row in rows)
    refused(file(folder, "shop,year,quarter,sales\n" + shops), "--id shop")
    assert read_panel(file(folder, "shop,year,quarter,sales\n" + shops), id="shop").lengths.tolist() == [24, 24]


@rule("year-week")
def _(folder):
    mondays = np.datetime64("2019-12-02") + 7 * np.arange(60)
    weeks = [date.isocalendar()[:2] for date in mondays.tolist()]
    rows = "".join(f"{year},{week},{step}\n" for step, (year, week) in enumerate(weeks))
    panel = read_panel(file(folder, "year,week,sales\n" + rows))
    assert panel.timeline.frequency.word == "W-MON" and len(panel.values) == 60
    assert panel.timeline.starts[0] == mondays[0]
    assert any("ISO 8601" in note for note in panel.notes)
    refused(file(folder, "year,week,sales\n2021,52,1\n2021,53,2\n2022,1,3\n"), "week 53 of 2021", "only 52")
    # A week may lie in two months, so that both together make no date.
    twice = "".join(
        f"{day.year},{day.month},{day.isocalendar()[1]},{step}\n" for step, day in enumerate(mondays.tolist())
    )
    refused(file(folder, "year,month,week,sales\n" + twice), '"week" holds the week', "--time year,week")


@rule("month-names")
def _(folder):
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    rows = "".join(f"{m[:4]},{names[int(m[5:]) - 1]},{step}\n" for step, m in enumerate(MONTHS))
    for header in ("year,month,sales\n", "Year,month_name,sales\n"):
        panel = read_panel(file(folder, header + rows))
        assert panel.timeline.frequency.word == "MS"
        assert list(panel.timeline.stamp_columns(0, 24, 2).values())[1].tolist() == ["Jan", "Feb"]


@rule("other-periods")
def _(folder):
    halves = "".join(f"{2000 + step // 2},{step % 2 + 1},{step}\n" for step in range(24))
    refused(file(folder, "year,half,sales\n" + halves), '"half" tells them apart', "a column of dates")
    refused(file(folder, "year,period,sales\n" + halves), '"period" tells them apart', "a column of dates")


@rule("date-and-hour")
def _(folder):
    path = DATA / "hours_beside_dates.csv"
    panel = read_panel(path, target="cnt")
    assert (panel.timeline.column, panel.timeline.frequency.word, len(panel.values)) == ("dteday,hr", "h", 479)
    refused(path, '"hr" holds the time of day', "--target cnt --time dteday,hr", target="cnt", time="dteday")
    rows = "".join(f"2024-01-{day:02d},{hour:02d},{hour}\n" for day in range(1, 9) for hour in range(24))
    assert read_panel(file(folder, "date,hour,y\n" + rows)).timeline.column == "date,hour"


@rule("date-and-clock")
def _(folder):
    rows = "".join(f"{day}/1/2024;{hour:02d}:30:00;{day * hour}\n" for day in range(1, 20) for hour in range(24))
    path = file(folder, "Date;Time;Load\n" + rows)
    panel = read_panel(path)
    assert (panel.timeline.column, panel.timeline.frequency.word, len(panel.values)) == ("Date,Time", "h", 19 * 24)
    assert panel.timeline.stamps(0, 19 * 24, 1)[0] == "20/1/2024 00:30:00"
    refused(path, '"Time" holds the time of day', "--time Date,Time", time="Date")
    assert read_panel(path, time="Date,Time").notes == panel.notes
    days = np.repeat(np.datetime64("2024-01-01") + np.arange(19), 24)
    clocks = [f"{hour:02d}:30" for hour in range(24)] * 19
    assert read_panel({"day": days, "clock": clocks, "y": np.arange(19 * 24)}).timeline.frequency.word == "h"


@rule("year")
def _(folder):
    years = "year,value\n" + "".join(f"{year},{year % 7}\n" for year in range(1990, 2010))
    assert read_panel(file(folder, years)).timeline.frequency.word.startswith("YS")
    steps = "period,value\n" + "".join(f"{step},{step % 7}\n" for step in range(1, 20))
    assert read_panel(file(folder, steps)).timeline.frequency is None
    odd = "period,value\n" + "".join(f"{step}734,{step % 7}\n" for step in range(1, 20))
    refused(file(folder, odd), "whole numbers")
    newest_first = "year,sales\n" + "".join(f"{year}.0,{year - 1900}\n" for year in range(2019, 1989, -1))
    panel = read_panel(file(folder, newest_first))
    assert (panel.timeline.column, panel.values[0], panel.timeline.stamps(0, 30, 1)[0]) == ("year", 90, 2020)
    import pandas as pd

    gap = read_panel(pd.DataFrame({"year": np.arange(1990, 2010.0), "v": np.arange(20.0)}))
    assert gap.timeline.frequency.name == "yearly"
    tenths = "time,value\n" + "".join(f"{step / 10},{step}\n" for step in range(20))
    refused(file(folder, tenths), "has the value 0.1: expected dates or whole numbers", '--target "time"')
    refused(file(folder, years.replace("1990,", "1990p,")), 'has the value "1990p"')
    assert read_panel(file(folder, "time\n" + "".join(f"{step / 10}\n" for step in range(20)))).target == "time"


@rule("month-number")
def _(folder):
    content = "month,y\n" + "".join(f"{month.replace('-', '')},{step + 0.5}\n" for step, month in enumerate(MONTHS))
    for text in (content, content.replace(",", ".0,"), content.replace("month,", "Month ,")):
        path = file(folder, text.replace("month.0", "month"))
        refused(path, "whole numbers from 202001 to 202112", '--date-format "%Y%m"')
        panel = read_panel(path, date_format="%Y%m")
        assert is_plain(panel) and int(panel.timeline.stamps(0, 24, 1)[0]) == 202201
    weeks = "week,y\n" + "".join(f"2024{week:02d},{week}\n" for week in range(1, 30))
    refused(file(folder, weeks), "years and weeks: write the date of a day of each week")
    for form in ("d", "02d", ".1f"):
        months = "month,y\n" + "".join(f"{step % 12 + 1:{form}},{step}\n" for step in range(36))
        assert read_panel(file(folder, months)).timeline.column is None
    counted = read_panel(file(folder, "month,y\n" + "".join(f"{step},{step}\n" for step in range(1, 37))))
    assert counted.timeline.column == "month" and counted.timeline.stamps(0, 36, 1)[0] == 37


@rule("unix")
def _(folder):
    for form in ("{}.123", "{}.0", "{}"):
        rows = "".join(f"{form.format(1704171600 + 60 * step)},{step}\n" for step in range(9))
        path = file(folder, "timestamp,value\n" + rows)
        refused(path, "seconds since 1970", "--date-format unix")
        panel = read_panel(path, date_format="unix")
        assert (panel.timeline.frequency.word, len(panel.values)) == ("min", 9)
        assert panel.timeline.stamps(0, 9, 1)[0] == float(form.format(1704172140))
    thousands = "timestamp,value\n" + "".join(f"{1704171600000.5 + 60000 * step},{step}\n" for step in range(9))
    refused(file(folder, thousands), "milliseconds since 1970", "--date-format unix_ms")


@rule("excel-days")
def _(folder):
    daily = file(folder, table("date,sales", lambda step, month: f"{44197 + step},{step}"))
    panel = read_panel(daily, date_format="excel")
    assert panel.timeline.frequency.word == "D" and panel.timeline.text(0, 0, 1)[0] == "2021-01-01"
    assert panel.timeline.stamps(0, 24, 2).tolist() == [44221, 44222]
    halves = read_panel(daily, date_format="excel", frequency="12h").timeline
    assert halves.stamps(0, 0, 3).tolist() == [44197.0, 44197.5, 44198.0]
    panel = read_panel(daily)
    assert panel.timeline.frequency is None
    assert any("Excel's day numbers (44197 is 2021-01-01): --date-format excel" in note for note in panel.notes)
    weekly = file(folder, table("date,sales", lambda step, month: f"{44200 + 7 * step},{step}"))
    refused(weekly, "Excel's day numbers", "--date-format excel")
    assert read_panel(weekly, date_format="excel").timeline.frequency.word == "W-MON"
    hourly = file(folder, table("date,sales", lambda step, month: f"{44197 + step / 24:.5f},{step}"))
    refused(hourly, "Excel's day numbers", "--date-format excel")
    panel = read_panel(hourly, date_format="excel")
    assert panel.timeline.frequency.word == "h" and panel.timeline.stamps(0, 24, 1).tolist() == [44198.0]


@rule("eight-digits")
def _(folder):
    for form in ("", ".0"):
        content = "day_key,v\n" + "".join(f"202401{day:02d}{form},{day}\n" for day in range(1, 20))
        panel = read_panel(file(folder, content))
        assert panel.timeline.stamps(0, 19, 1)[0] == 20240120


@rule("counter")
def _(folder):
    panel = read_panel(file(folder, "t,v\n" + "".join(f"{step},{step * 2}\n" for step in range(20))))
    assert (panel.timeline.column, panel.target, panel.timeline.frequency) == ("t", "v", None)


@rule("counting-down")
def _(folder):
    for name, form in (("t", "d"), ("t", ".1f"), ("index", "03d"), ("month", "d"), ("day", ".1f"), ("period", "d")):
        rows = "".join(f"{step:{form}},{step - 0.5}\n" for step in range(24, 0, -1))
        panel = read_panel(file(folder, f"{name},v\n" + rows))
        assert is_plain(panel) and panel.timeline.column == name
        assert "rows ran from new to old and were reversed" in panel.notes
    for form in ("d", "02d"):
        rows = "".join(f"{step % 12 + 1:{form}},{step}\n" for step in range(35, -1, -1))
        refused(file(folder, "month,y\n" + rows), '"month" counts down (12, 11, 10, …)', "Reverse the rows")


@rule("counter-again")
def _(folder):
    rows = [(name, step, base + step) for name, base in (("a", 0), ("b", 100)) for step in range(20)]
    for order in (rows, sorted(rows, key=lambda row: row[1])):
        path = file(folder, "id,t,y\n" + "".join(f"{name},{step},{value}\n" for name, step, value in order))
        refused(path, "--id id")
        panel = read_panel(path, id="id")
        assert (panel.size, panel.timeline.column, panel.lengths.tolist()) == (2, "t", [20, 20])
        assert panel.values[:2].tolist() == [0.0, 1.0] and panel.values[-1] == 119.0
    floats = file(folder, "id,t,y\n" + "".join(f"{name},{step}.0,{value}\n" for name, step, value in rows))
    refused(floats, "--id id")
    assert read_panel(floats, id="id").lengths.tolist() == [20, 20]
    slip = "t,y\n" + "".join(f"{'x' if step == 700 else step},{step}\n" for step in range(1000))
    assert read_panel(file(folder, slip)).timeline.column is None
    temperature = "t,y\n" + "".join(f"{t},{row}\n" for row, t in enumerate([20, 21, 22, 21, 20, 19] * 4))
    months = "month,y\n" + "".join(f"{row % 12 + 1},{row}\n" for row in range(36))
    assert all(read_panel(file(folder, text)).timeline.column is None for text in (temperature, months))


@rule("no-time")
def _(folder):
    panel = read_panel(DATA / "no_dates.csv")
    assert len(panel.values) == 500
    assert panel.timeline.frequency is None
    assert panel.notes[0].startswith("no_dates.csv: no time column, target")


@rule("unknown-dates")
def _(folder):
    path = DATA / "umlauts_cp1252.csv"
    refused(path, '"Monat", such as "01.2001"', "--time Monat --date-format")
    assert read_panel(path, time="Monat", date_format="%m.%Y").timeline.frequency.word == "MS"


WIDE = table("Month,{},south", lambda step, month: f"{month},{step},{-step}")


@rule("wide")
def _(folder):
    panel = read_panel(file(folder, WIDE.format("north")))
    assert list(panel.ids["series"]) == ["north", "south"]
    assert panel.values.tolist() == [*range(24), *(-step for step in range(24))]


@rule("wide-id-name")
def _(folder):
    for name in ("store_id", "id", "No", "index", "Week of year", "weekday", "Hour", "holiday", "instant", "mnth"):
        path = file(folder, table(f"Month,{name},cost,south", lambda step, month: f"{month},{step % 5},7,{step}"))
        refused(path, f'"{name}" looks like an id', "--target south")


@rule("wide-text")
def _(folder):
    content = table("Time,Demand,Temperature,Holiday", lambda s, m: f"{m},{s},{s % 9},{'TRUE' if s % 5 else 'FALSE'}")
    refused(file(folder, content), '"Demand", "Temperature"', '"Holiday" holds true or false', "--target Temperature")
    refused(file(folder, content.replace("TRUE", "yes")), '"Holiday" holds text')
    assert read_panel(file(folder, content), target="Demand").values[5] == 5


@rule("several-targets")
def _(folder):
    path = file(folder, table("Month,a,b,c,kind", lambda step, month: f"{month},{step},2,3,x"))
    assert list(read_panel(path, target="a,b").ids["series"]) == ["a", "b"]
    assert list(read_panel(path, target=("c", "a")).ids["series"]) == ["c", "a"]
    refused(path, "name one target", error=ConfigError, target="a,b", id="kind")


@rule("across")
def _(folder):
    refused(file(folder, "country,2019,2020,2021\nA,1,2,3\nB,1,2,4\n"), "timestamps run across", "Turn the table")


@rule("ask-id")
def _(folder):
    path = DATA / "sensors.csv"
    refused(path, 'timestamps in "Date_Time" repeat', "--target Count --id Sensor")
    panel = read_panel(path, target="Count", id="Sensor")
    assert list(panel.ids["Sensor"]) == ["North Gate", "South Gate"]
    refused(DATA / "car_parks.csv", '"Capacity", "Occupancy"', "--target Occupancy --id Code")


@rule("ask-two-ids")
def _(folder):
    rows = [f"2024-01-{d:02d},{s},{i},{d * s + i}\n" for s in (1, 2) for i in (1, 2, 3) for d in range(1, 29)]
    path = file(folder, "date,store,item,sales\n" + "".join(rows))
    refused(path, "--target sales --id store,item")
    panel = read_panel(path, target="sales", id=("store", "item"))
    assert panel.size == 6
    assert [panel.name(index) for index in (0, 5)] == ["1 · 1", "2 · 3"]


@rule("no-plausible-id")
def _(folder):
    path = DATA / "hours_twice_by_weather.csv"
    with pytest.raises(DataError, match="--duplicates mean") as raised:
        read_panel(path, target="volume")
    assert "--id weather" not in str(raised.value)
    assert len(read_panel(path, target="volume", duplicates="mean").values) == 480


@rule("named")
def _(folder):
    path = file(folder, table("When it was,Amount sold,Other", lambda step, month: f"{month},{step + 0.5},7"))
    assert is_plain(read_panel(path, target="amount_sold", time="when it was"))


@rule("misspelt")
def _(folder):
    path = file(folder, PLAIN)
    refused(path, 'no column "slaes" for --target; did you mean "Sales"?', error=ConfigError, target="slaes")
    refused(path, 'no column "x" for --id; the columns are "Month", "Sales"', error=ConfigError, id="x")


@rule("two-roles")
def _(folder):
    refused(file(folder, PLAIN), '"Month" has two roles', error=ConfigError, id="Month", time="Month")


@rule("id-types")
def _(folder):
    for names, kind in ((("7", "12"), "i"), (("007", "012"), "O"), (("A7", "12"), "O"), (("1.50", "2"), "O")):
        rows = "".join(f"{name},{month},{step}\n" for name in names for step, month in enumerate(MONTHS))
        ids = read_panel(file(folder, "unique_id,ds,y\n" + rows)).ids["unique_id"]
        assert ids.dtype.kind == kind
        assert [str(value) for value in ids] == list(names)


@rule("id-odd")
def _(folder):
    import polars as pl

    rows = [{"unique_id": {"a": 1}, "ds": month, "y": step} for step, month in enumerate(MONTHS)]
    lists = pl.DataFrame({"unique_id": [[1]] * 24, "ds": MONTHS, "y": np.arange(24)})
    for data, kind in ((rows, "dict"), (lists, "list")):
        refused(data, f'id column "unique_id" holds a value of type {kind}, expected text or numbers')


@rule("id-missing")
def _(folder):
    content = "unique_id,ds,y\na,2024-01-01,1\n,2024-01-02,2\na,2024-01-03,2\n"
    refused(file(folder, content), 'id column "unique_id" is empty in 1 row, first line 3')


@rule("no-numbers")
def _(folder):
    path = file(folder, table("Month,Colour", lambda step, month: f"{month},red"))
    refused(path, "no column of numbers", '"Month" (text such as "2020-01"), "Colour" (text such as "red")')


@rule("all-missing")
def _(folder):
    refused(
        file(folder, table("Month,Sales", lambda step, month: f"{month},NA")), 'all 24 values of "Sales" are missing'
    )
    refused([None, None, float("nan")], "values of", "are missing")


@rule("one-value")
def _(folder):
    refused(file(folder, "Month,Sales\n2024-01,5\n"), "a single value", "at least 2")


@rule("empty-series")
def _(folder):
    rows = "".join(
        f"{name},{month},{step if name == 'b' else 'NA'}\n" for name in "abc" for step, month in enumerate(MONTHS)
    )
    panel = read_panel(file(folder, "unique_id,ds,y\n" + rows))
    assert list(panel.ids["unique_id"]) == ["b"]
    assert "2 series without any values left out: a, c" in panel.notes


# --- time ------------------------------------------------------------------------------------------------------------


@rule("repeated")
def _(folder):
    for name in ("hours_one_repeated.csv", "minutes_clock_back.csv"):
        refused(DATA / name, "more than once", "--duplicates mean")
    assert len(read_panel(DATA / "hours_one_repeated.csv", duplicates="mean").values) == 200


@rule("date-text")
def _(folder):
    for name, after in (
        ("hours_sorted_as_text.csv", "1/21/15 0:00"),
        ("months_crlf_no_final_newline.csv", "2005-01"),
        ("days_quoted.csv", "2005-03-11"),
    ):
        panel = read_panel(DATA / name)
        assert panel.timeline.stamps(0, len(panel.values), 1)[0] == after
    assert read_panel(DATA / "months_quoted_names.csv").timeline.stamps(0, 36, 1)[0] == "2004 Jan"


@rule("row-of-totals")
def _(folder):
    for name, last, found in (
        ("Month", "Total,276", 'line 26: found "Total"'),
        ("When", "Total,276", 'line 26: found "Total"'),  # no usual name: dates are recognised all the same
        ("When", "Summe,276", 'line 26: found "Summe"'),
        ("When", ",\nGrand Total:,276\n,", 'line 27: found "Grand Total:"'),
        ("Month", "Average,11.5", 'line 26: found "Average"'),
    ):
        content = PLAIN.replace("Month", name) + last + "\n"
        refused(file(folder, content), f'column "{name}", {found}', "sum up the others: delete it")
        refused(file(folder, content), found, date_format="%Y-%m")
    years = "Year,Sales\n" + "".join(f"{1990 + step},{step}\n" for step in range(20))
    refused(file(folder, years + "Sum,190\n"), 'line 22: found "Sum"')
    days = [str(day) for day in np.datetime64("2000-01-01") + np.arange(5000)]
    many = "when,y\n" + "".join(f"{day},{row}\n" for row, day in enumerate(days))
    refused(file(folder, many + "Total,5\n"), 'line 5002: found "Total"')
    # Where other rows are no timestamps either, deleting the last one would not do.
    refused(file(folder, PLAIN + "Total,276\nAverage,11.5\n"), '"Total", no date in any usual form')
    refused(file(folder, PLAIN + "Total,276\n2022-01,5\n"), '"Total", no date in any usual form')
    refused(file(folder, PLAIN + "oops,276\n"), '"oops", no date in any usual form')
    import pandas as pd

    frame = pd.DataFrame({"y": np.arange(25.0)}, index=[*MONTHS, "Total"])
    refused(frame, 'row 24 (the first is 0): found "Total"')
    refused(frame.rename_axis("when").reset_index(), 'row 24 (the first is 0): found "Total"')


@rule("day-or-month")
def _(folder):
    rows = "".join(f"{day:02d}/02/2024,{day}\n" for day in range(1, 13))
    refused(file(folder, "day,v\n" + rows), "--date-format")
    assert read_panel(file(folder, "day,v\n" + rows), date_format="%d/%m/%Y").timeline.frequency.word == "D"
    assert read_panel(file(folder, "day,v\n" + rows + "13/02/2024,13\n")).timeline.frequency.word == "D"


@rule("no-decade")
def _(folder):
    panel = read_panel(DATA / "months_of_no_decade.csv")
    assert (len(panel.values), panel.timeline.frequency.word) == (36, "MS")
    assert panel.timeline.stamps(0, 36, 1)[0] == "4-01"


@rule("frequency")
def _(folder):
    panel = read_panel(DATA / "half_hours_nan.csv")
    assert panel.timeline.frequency.word == "30min"
    assert any(note.startswith("frequency: every 30 minutes") for note in panel.notes)
    assert np.flatnonzero(np.isnan(panel.values)).tolist() == [5, 6, 90]


@rule("slower-series")
def _(folder):
    hours = np.datetime64("2024-01-01T00") + np.arange(200) * np.timedelta64(1, "h")
    days = np.datetime64("2024-01-01T00") + np.arange(60) * np.timedelta64(24, "h")
    rows = "".join(f"{name},{stamp}:00,1\n" for name, stamps in (("a", hours), ("b", days)) for stamp in stamps)
    panel = read_panel(file(folder, "unique_id,ds,y\n" + rows))
    assert panel.lengths.tolist() == [200, 59 * 24 + 1]
    assert any(
        note.startswith('series "b" has a row only every 24 steps, but is forecast hourly') for note in panel.notes
    )
    assert any("forecast it separately, or gather all with --every D --aggregate mean" in note for note in panel.notes)


@rule("absent")
def _(folder):
    panel = read_panel(DATA / "months_missing_blank_last_line.csv")
    assert len(panel.values) == 48
    assert np.flatnonzero(np.isnan(panel.values)).tolist() == [20, 21, 22, 23, 24]
    assert any(note.startswith("5 of 48 steps have no row") for note in panel.notes)


@rule("unsorted")
def _(folder):
    ordered = read_panel(DATA / "days_out_of_order.csv")
    assert len(ordered.values) == 120
    assert any("sorted" in note for note in ordered.notes)
    newest_first = read_panel(DATA / "weeks_newest_first_us_dates.csv")
    assert newest_first.values[0] == 100.0  # made as 100 + 0 in the first week
    assert any("new to old" in note for note in newest_first.notes)


@rule("long-grid")
def _(folder):
    rows = "".join(f"2024-01-{day:02d} 00:00:00,{day}\n" for day in range(1, 25))
    refused(file(folder, "ds,y\n" + rows + "2074-01-01 00:00:00,5\n"), "too few", "--every")


@rule("irregular")
def _(folder):
    refused(DATA / "minutes_irregular.csv", "no regular grid", "--every 10min --aggregate mean")
    assert len(read_panel(DATA / "minutes_irregular.csv", every="10min", aggregate="mean").values) == 301


@rule("zoned")
def _(folder):
    utc = np.datetime64("2024-03-30T12:00") + np.arange(24) * np.timedelta64(1, "h")
    rows = "".join(
        f"{stamp + np.timedelta64(1 + (step >= 13), 'h')}:00+0{1 + (step >= 13)}:00,{step + 0.5}\n"
        for step, stamp in enumerate(utc)
    )
    panel = read_panel(file(folder, "ds,y\n" + rows))
    assert is_plain(panel)  # 02:00 to 03:00 does not exist on that day, and is not missed


@rule("utc-elsewhere")
def _(folder):
    hours = np.datetime64("2024-01-05T03:00:00") + np.arange(24) * np.timedelta64(1, "h")
    path = file(folder, "ds,y\n" + "".join(f"{hour}Z,{step + 0.5}\n" for step, hour in enumerate(hours)))
    for zone, after in (("Europe/Berlin", "2024-01-06T04:00:00+01:00"), ("+0200", "2024-01-06T05:00:00+02:00")):
        panel = read_panel(path, timezone=zone)
        assert is_plain(panel) and panel.timeline.stamps(0, 24, 1)[0] == after
    assert read_panel(path).timeline.stamps(0, 24, 1)[0] == "2024-01-06T03:00:00Z"


@rule("wall-clock")
def _(folder):
    path = DATA / "half_hours_clocks_go_back.csv"
    refused(path, "2012-04-01 02:00", "twice", "--timezone Australia/Sydney", target="Demand")
    panel = read_panel(path, target="Demand", timezone="Australia/Sydney")
    assert len(panel.values) == 578
    assert not np.isnan(panel.values).any()


@rule("trailing-missing")
def _(folder):
    panel = read_panel(file(folder, PLAIN + "2022-01,NA\n2022-02,\n"))
    assert len(panel.values) == 26
    assert any("missing at the end" in note for note in panel.notes)


@rule("last-period")
def _(folder):
    content = table("Month,Sales", lambda step, month: f"{month},{1000 + step % 12 if step < 23 else 90}")
    panel = read_panel(file(folder, content))
    assert any("--drop-last" in note for note in panel.notes)
    assert len(read_panel(file(folder, content), drop_last=True).values) == 23


@rule("different-ends")
def _(folder):
    rows = "".join(
        f"{name},{month},{step}\n" for name in "ab" for step, month in enumerate(MONTHS[: 24 if name == "a" else 20])
    )
    panel = read_panel(file(folder, "unique_id,ds,y\n" + rows))
    assert panel.lengths.tolist() == [24, 20]
    assert sum("different dates" in note for note in panel.notes) == 1
