"""Charts: what a page holds and never holds, how numbers are packed, what a picture draws."""

import base64
import hashlib
import json
import re
import struct
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tidegate.charts.chart import Band, Browser, Line, LineChart, Mark, Prose, Section, SideBySide, Table
from tidegate.charts.fan import fan_chart
from tidegate.charts.page import _packed_x, _packed_y, number_text, render_page
from tidegate.charts.picture import PICTURE_LIMIT, save_picture
from tidegate.errors import ConfigError, MissingExtra

NASTY = "</script><script>alert(1)</script> \"'<b>&amp; \u2028 é"


class Document(HTMLParser):
    """The elements of a page, the text of its scripts, styles and headings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        self.text.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        if self._open:
            self.text[self._open][-1] += data


def chart(title="A chart", **options) -> LineChart:
    x = np.arange("2020-01", "2021-01", dtype="datetime64[M]")
    return LineChart(title, x, [Line("y", np.arange(12.0))], **options)


def page_data(page: str) -> dict:
    document = Document(page)
    scripts = [attributes for tag, attributes in document.tags if tag == "script"]
    assert scripts[0].get("id") == "data"
    return json.loads(document.text["script"][0])


def unpack(packed: dict, size: int) -> np.ndarray:
    """What web/data.js makes of a packed line, written independently."""
    out = np.full(size, np.nan)
    if packed["n"]:
        raw = base64.b64decode(packed["f32"])
        values = np.array(struct.unpack(f"<{packed['n']}f", raw))
        start = packed.get("at", 0)
        out[start : start + packed["n"]] = packed.get("base", 0.0) + packed.get("scale", 1.0) * values
    return out


def unpack_x(packed: dict) -> np.ndarray:
    if "f64" in packed:
        return np.array(struct.unpack(f"<{packed['n']}d", base64.b64decode(packed["f64"])))
    if "u32" in packed:
        multiples = struct.unpack(f"<{packed['n']}I", base64.b64decode(packed["u32"]))
    else:
        multiples = range(packed["n"])
    return np.array([packed["first"] + packed["step"] * multiple for multiple in multiples], dtype=float)


def test_text_of_users_is_shown_and_never_becomes_markup():
    charts = [chart(NASTY, y_label=NASTY, x_label=NASTY, caption=NASTY, marks=[Mark(np.datetime64("2020-05"), NASTY)])]
    blocks = [Browser(charts, noun=NASTY), Table([NASTY], [[NASTY]], caption=NASTY)]
    page = render_page(NASTY, [Section(NASTY, content=blocks)], subtitle=NASTY, notes=[NASTY])
    document = Document(page)
    assert [tag for tag, _ in document.tags].count("script") == 2
    assert "b" not in [tag for tag, _ in document.tags]
    for tag in ("title", "h1", "h2", "td", "th", "caption", "li"):
        assert document.text[tag][0] == NASTY, tag
    (browser,) = (attributes for tag, attributes in document.tags if attributes.get("class") == "browser")
    assert browser["data-noun"] == NASTY
    (stored,) = page_data(page)["charts"]
    assert (stored["t"], stored["yl"], stored["xl"], stored["cap"], stored["m"][0]["l"]) == (NASTY,) * 5


def test_a_page_names_no_other_address_and_allows_only_its_own_script_and_style():
    page = render_page("Forecast", [Section(content=[chart()])])
    document = Document(page)
    for tag, attributes in document.tags:
        assert not attributes.keys() & {"src", "href", "style", "onclick", "onload"}, tag
    (policy,) = (a["content"] for _, a in document.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for kind, text in (("script", document.text["script"][1]), ("style", document.text["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket", document.text["script"][1])


def test_vendored_library_is_the_version_its_note_names():
    from importlib.resources import files

    vendored = files("tidegate.charts") / "vendored"
    note = (vendored / "README.md").read_text()
    version = re.search(r"uplot@(\d+\.\d+\.\d+)", note).group(1)
    assert f"(v{version})" in (vendored / "uPlot.iife.min.js").read_text()[:200]
    assert "MIT License" in (vendored / "uPlot.LICENSE").read_text()


@given(
    arrays(np.float64, st.integers(0, 40), elements=st.floats(-1e307, 1e307) | st.just(np.nan)),
)
def test_packed_lines_keep_six_digits_of_the_largest_value_at_any_scale(y):
    known = y[np.isfinite(y)]
    back = unpack(_packed_y(y), len(y))
    np.testing.assert_array_equal(np.isnan(back), np.isnan(y))
    largest = np.abs(known).max(initial=0.0)
    np.testing.assert_allclose(back[np.isfinite(y)] / (largest or 1), known / (largest or 1), atol=1e-6)


def test_small_changes_on_a_large_level_survive_packing():
    y = 1e9 + np.arange(100) / 100
    np.testing.assert_allclose(unpack(_packed_y(y), 100) - 1e9, y - 1e9, atol=1e-6)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=30, unique=True).map(sorted))
def test_packed_whole_numbers_on_the_x_axis_come_back_exactly(x):
    np.testing.assert_array_equal(unpack_x(_packed_x(np.array(x))), x)


@pytest.mark.parametrize(
    "x",
    [
        np.arange("2020-01", "2024-01", dtype="datetime64[M]"),
        np.arange("2020-01-01T00:00", "2020-01-03", 10, dtype="datetime64[m]").astype("datetime64[ns]"),
        np.array(["1700-03-01", "2020-01-01", "2020-01-02"], dtype="datetime64[D]"),
    ],
)
def test_packed_time_is_milliseconds_since_1970(x):
    expected = [int((stamp - np.datetime64("1970-01-01T00:00:00.000")) / np.timedelta64(1, "ms")) for stamp in x]
    np.testing.assert_array_equal(unpack_x(_packed_x(x)), expected)


def test_equal_arrays_of_a_page_are_stored_once():
    page = render_page("Many", [Section(content=[Browser([chart(f"series {i}") for i in range(50)])])])
    assert len(page_data(page)["arrays"]) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1200, "1,200"),
        (-22.25, "−22.25"),  # noqa: RUF001
        (0.012341, "0.01234"),
        (1234.567, "1,235"),
        (1.5, "1.500"),
        (2e-7, "2.000e−07"),  # noqa: RUF001
        (float("nan"), "–"),  # noqa: RUF001
        (float("-inf"), "−∞"),  # noqa: RUF001
    ],
)
def test_numbers_in_tables(value, text):
    assert number_text(value) == text


def test_tables_align_numbers_and_mark_the_highlighted_row():
    page = render_page(
        "T", [Section(content=[Table(["model", "error"], [["LSTM", 0.5], ["naive", 1.25]], highlight=0)])]
    )
    assert '<tr class="highlight"><td>LSTM</td><td class="number">0.5000</td></tr>' in page
    assert '<th scope="col" class="number">error</th>' in page


def test_blocks_stand_in_the_order_given():
    blocks = [Prose("<p>first</p>"), SideBySide([chart("second"), chart("third")]), Table(["fourth"], [])]
    page = render_page("Order", [Section("Head", "<p>zero</p>", blocks)])
    places = [page.index(mark) for mark in ("zero", "first", 'data-chart="0"', 'data-chart="1"', "fourth")]
    assert places == sorted(places)


def test_a_line_of_another_length_than_x_is_refused():
    with pytest.raises(ConfigError, match=r"'short' has shape \(3,\), x has \(5,\)"):
        LineChart("C", np.arange(5), [Line("short", np.zeros(3))])
    with pytest.raises(ConfigError, match="'wide' has shape"):
        LineChart("C", np.arange(5), [], [Band("wide", np.zeros(5), np.zeros(6))])


def test_unknown_styles_and_colours_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'wavy' is not one of line, dashed"):
        LineChart("C", [1], [Line("a", [1], style="wavy")])
    with pytest.raises(ConfigError, match="'mauve' is not one of ink, blue"):
        LineChart("C", [1], [Line("a", [1], color="mauve")])


def test_fan_is_tied_to_the_last_observation_and_drawn_widest_first():
    fan = fan_chart(
        "F",
        np.arange(3),
        [1.0, 2.0, 3.0],
        np.arange(3, 5),
        [4.0, 5.0],
        [("80", [3, 3], [5, 7]), ("95", [2, 1], [6, 9])],
    )
    assert [band.name for band in fan.bands] == ["95", "80"]
    np.testing.assert_array_equal(fan.bands[0].lo, [np.nan, np.nan, 3, 2, 1])
    np.testing.assert_array_equal(fan.lines[1].y, [np.nan, np.nan, 3, 4, 5])
    assert fan.joined == 2 and fan.marks[0].x == 2


def test_fan_after_a_missing_last_value_is_not_tied_to_it():
    fan = fan_chart("F", np.arange(2), [1.0, np.nan], np.arange(2, 3), [4.0], [])
    np.testing.assert_array_equal(fan.lines[1].y, [np.nan, np.nan, 4])
    assert fan.joined is None


@pytest.mark.parametrize(
    ("length", "horizon", "season", "first"),
    [(1000, 10, 7, 920), (1000, 10, 52, 844), (1000, 1, 0, 976), (100, 10, 7, None), (96, 10, 7, None)],
)
def test_long_histories_open_on_eight_horizons_or_three_seasons(length, horizon, season, first):
    steps = np.arange(length)
    fan = fan_chart("F", steps, steps, length + np.arange(horizon), np.zeros(horizon), [], season_length=season)
    assert fan.focus == (None if first is None else (first, length + horizon - 1))


def fans(count: int) -> list[LineChart]:
    x = np.arange("2020-01", "2025-01", dtype="datetime64[M]")
    y = np.sin(np.arange(48) / 2)
    interval = ("80 % interval", np.full(12, -1.0), np.full(12, 1.0))
    return [fan_chart(f"S{i} $5 <&>", x[:48], y, x[48:], np.zeros(12), [interval]) for i in range(count)]


def test_svg_of_one_series_is_well_formed_and_the_same_every_time(tmp_path):
    pytest.importorskip("matplotlib")
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    save_picture(first, fans(1))
    save_picture(second, fans(1))
    root = ET.parse(first).getroot()
    assert root.tag.endswith("svg") and len(list(root.iter())) > 50
    assert first.read_bytes() == second.read_bytes()


def test_months_of_years_counted_from_one_do_not_read_like_days_of_january(tmp_path):
    pytest.importorskip("matplotlib")
    x = np.datetime64("0001-01", "M") + np.arange(48)
    save_picture(tmp_path / "early.svg", [LineChart("Early", x, [Line("y", np.arange(48.0))])])
    assert "<!-- Jan, year 2 -->" in (tmp_path / "early.svg").read_text(encoding="utf-8")


def test_png_of_several_series_is_a_picture_of_readable_size(tmp_path):
    pytest.importorskip("matplotlib")
    save_picture(tmp_path / "grid.png", fans(5), title="5 of 9 series")
    raw = (tmp_path / "grid.png").read_bytes()
    width, height = struct.unpack(">II", raw[16:24])
    assert raw.startswith(b"\x89PNG") and width > 1200 and height > 600


def test_pictures_leave_the_global_state_of_matplotlib_alone(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    save_picture(tmp_path / "a.png", fans(1))
    assert dict(matplotlib.rcParams) == before


def test_picture_without_matplotlib_says_which_extra_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r'needs the extra "plot".*pip install "tidegate\[plot\]"'):
        save_picture(tmp_path / "a.png", fans(1))


def test_picture_of_another_format_or_too_many_charts_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"\.svg or \.png"):
        save_picture(tmp_path / "a.gif", fans(1))
    with pytest.raises(ConfigError, match=f"1 to {PICTURE_LIMIT} charts, not 13"):
        save_picture(tmp_path / "a.png", fans(13))
