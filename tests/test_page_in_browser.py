"""Pages in a real browser: they draw, answer to mouse and keys, fit a phone, and ask nobody for anything."""

import numpy as np
import pytest

from tests.test_backtest import full
from tidegate.charts.chart import Browser, Index, Line, LineChart, Section, SideBySide, Table
from tidegate.charts.fan import fan_chart
from tidegate.charts.page import render_page
from tidegate.evaluation.report import report_page


@pytest.fixture
def open_page(browser, tmp_path):
    """open_page(html, width=…, …) -> the page; at the end nothing was complained about and nothing was requested."""
    complaints, requests, contexts = [], [], []

    def open_it(html: str, width: int = 1280, **options):
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith("file:")] == []
    assert len(requests) == len(contexts)


def monthly_fan(title: str, length: int = 60, **options) -> LineChart:
    x = np.datetime64("2015-01", "M") + np.arange(length + 12)
    y = np.round(100 + 10 * np.sin(np.arange(length)), 3)
    ahead = np.arange(1.0, 13.0)
    intervals = [("80 %", 90 - ahead, 110 + ahead), ("95 %", 80 - ahead, 120 + ahead)]
    return fan_chart(title, x[:length], y, x[length:], 100 + ahead, intervals, **options)


def inked(page) -> int:
    """How many different colours the first canvas shows: one for an empty chart."""
    return page.evaluate("""() => {
      const canvas = document.querySelector("canvas");
      const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(image.data.buffer)).size;
    }""")


def shown(page) -> list[float]:
    return page.evaluate("""() => {
      const {min, max} = document.querySelector("figure").uplot().scales.x;
      return [min, max];
    }""")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_is_drawn_and_the_arrow_keys_read_its_values(open_page, scheme):
    page = open_page(render_page("One", [Section(content=[monthly_fan("One")])]), color_scheme=scheme)
    assert inked(page) > 20
    page.locator(".plot").focus()
    page.keyboard.press("End")
    assert page.locator(".reading").inner_text() == "Dec 2020 · forecast 112 · 95 % 68 to 132 · 80 % 78 to 122"
    page.keyboard.press("ArrowLeft")
    assert page.locator(".reading").inner_text().startswith("Nov 2020 · forecast 111")
    page.keyboard.press("Home")
    assert page.locator(".reading").inner_text() == "Jan 2015 · observed 100"


def test_long_histories_open_on_their_recent_part_and_widen(open_page):
    page = open_page(render_page("Long", [Section(content=[monthly_fan("Long", length=600)])]))
    recent = shown(page)
    page.get_by_role("button", name="Show the whole history").click()
    whole = shown(page)
    assert whole[1] == recent[1] and whole[1] - whole[0] > 5 * (recent[1] - recent[0])
    page.get_by_role("button", name="Zoom in").click()
    assert shown(page)[1] - shown(page)[0] == pytest.approx((whole[1] - whole[0]) / 2)
    page.get_by_role("button", name="Show the recent part").click()
    assert shown(page) == recent


def test_a_page_that_gets_its_width_late_opens_as_if_it_had_it_from_the_beginning(open_page):
    page = open_page(render_page("Frame", [Section(content=[monthly_fan("Frame")])]), width=400)
    narrow = shown(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_function("first => document.querySelector('figure').uplot().scales.x.min < first", arg=narrow[0])
    wide = shown(open_page(render_page("Frame", [Section(content=[monthly_fan("Frame")])]), width=1280))
    assert shown(page) == wide
    assert page.get_by_role("button", name="Show the recent part").count() == 0


def test_dragging_zooms_and_a_double_click_returns(open_page):
    page = open_page(render_page("Drag", [Section(content=[monthly_fan("Drag")])]))
    before, box = shown(page), page.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 60, steps=4)
    page.mouse.up()
    during = shown(page)
    assert before[0] < during[0] < during[1] < before[1]
    page.mouse.dblclick(box["x"] + 300, box["y"] + 50)
    assert shown(page) == before


def test_search_finds_a_series_among_a_thousand_and_draws_it(open_page):
    charts = [monthly_fan(f"store {i // 10} · item {i % 10} </script><b>") for i in range(1000)]
    page = open_page(render_page("Many", [Section(content=[Browser(charts)])]))
    assert page.locator("figure .name").inner_text() == "store 0 · item 0 </script><b>"
    page.get_by_role("searchbox").fill("item 7 store 42")
    assert page.locator(".count").inner_text() == "1 of 1 series found"
    assert page.locator("figure .name").inner_text() == "store 42 · item 7 </script><b>"
    assert inked(page) > 20
    page.get_by_role("searchbox").fill("nothing like this")
    assert page.locator(".count").inner_text() == "No series found"
    page.get_by_role("searchbox").fill("")
    assert page.locator(".count").inner_text() == "428 of 1,000 series"
    page.get_by_role("button", name="Next").click()
    page.get_by_role("searchbox").press("ArrowDown")
    assert page.locator("figure .name").inner_text() == "store 42 · item 9 </script><b>"


def test_nothing_scrolls_sideways_on_a_phone(open_page):
    long = "a_very_long_name_without_any_space_in_it_" * 4
    waves = LineChart("Loss", np.arange(1, 99), [Line(long, 0.5 ** np.arange(98.0))], log_y=True, x_label="epoch")
    table = Table(["network", *(f"column {i}" for i in range(12))], [[long, *range(12)]])
    blocks = [monthly_fan(long), SideBySide([waves, waves]), table, Browser([monthly_fan(long)])]
    page = open_page(render_page(long, [Section("Head", content=blocks)], notes=[long]), width=375, has_touch=True)
    assert len(page.query_selector_all("canvas")) == 4
    for width in (375, 320, 768):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            "width => document.querySelector('canvas').getBoundingClientRect().right <= width", arg=width
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_table_on_a_phone_keeps_its_names_in_view_and_its_words_within_the_screen(open_page):
    words = Table(
        ["baseline", "error", "better on", "p"], [["seasonal naive", "less by 18.6 %", "110 of 148 series", "1"]]
    )
    long = Table(["network", *(f"column {i}" for i in range(12))], [["a_very_long_name_" * 9, *range(12)]])
    page = open_page(render_page("Tables", [Section(content=[words, long])]), width=375)
    fits, wide = page.locator(".scroll").all()
    assert fits.evaluate("box => box.scrollWidth <= box.clientWidth")
    wide.evaluate("box => { box.scrollLeft = 200; }")
    first = wide.locator("td").first.bounding_box()
    assert first["x"] >= 0 and 375 / 4 < first["width"] < 375 / 2


def test_long_names_leave_room_for_numbers_beside_them(open_page):
    best, worst = (
        Table(["series", "model", "seasonal naive"], [["a long name of a store " * 4, 1.5, 2.5]]) for _ in "ab"
    )
    for width in (400, 800, 1280):
        page = open_page(render_page("Extremes", [Section(content=[SideBySide([best, worst])])]), width=width)
        for box in page.locator(".scroll").all():
            assert box.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_numbers_of_any_size_get_an_axis_with_ticks(open_page):
    steps, charts = np.arange(20.0), []
    for scale in (1e-300, 1e-30, 1e-9, 1.0, 1e20, 1e300):
        charts.append(LineChart(f"{scale} linear", steps, [Line("y", scale * (1 + steps))]))
        charts.append(LineChart(f"{scale} log", steps, [Line("y", scale * 2**-steps)], log_y=True))
        charts.append(LineChart(f"{scale} wide log", steps, [Line("y", scale * 10 ** -(steps / 3))], log_y=True))
    page = open_page(render_page("Size", [Section(content=charts)]))
    drawn = page.evaluate("""() => [...document.querySelectorAll("figure")].map(
      figure => [figure.uplot().axes[1]._values, figure.querySelector(".name").textContent])""")
    assert len(drawn) == len(charts)
    for values, title in drawn:
        texts = [text for text in values or [] if text]
        assert 3 <= len(texts) <= 15 and len(set(texts)) == len(texts), (title, texts)


@pytest.mark.parametrize(("unit", "length", "texts"), [("M", 36, ["year 1", "year 2", "year 3"]), ("D", 60, None)])
def test_years_that_are_counted_from_one_get_an_axis_with_ticks(open_page, unit, length, texts):
    x = np.datetime64("0001-01", unit) + np.arange(length)
    page = open_page(render_page("Early", [Section(content=[LineChart("Early", x, [Line("y", np.arange(length))])])]))
    ticks = [text for text in page.evaluate("document.querySelector('figure').uplot().axes[0]._values") if text]
    assert len(ticks) >= 3 and (texts is None or [text.split("\n")[-1] for text in ticks if "year" in text] == texts)
    page.locator(".plot").focus()
    page.keyboard.press("Home")
    assert page.locator(".reading b").first.inner_text().endswith("Jan, year 1")


def test_numbers_are_there_as_a_table_and_legend_entries_hide_lines(open_page):
    page = open_page(render_page("Table", [Section(content=[monthly_fan("Table")])]))
    page.get_by_text("Numbers").click()
    rows = page.locator(".numbers tbody tr")
    rows.first.wait_for()  # filled when the browser tells that it was opened, a moment after the click
    assert rows.count() == 72
    assert rows.last.inner_text().split("\t") == ["Dec 2020", "", "112", "68 to 132", "78 to 122"]
    before = inked(page)
    page.get_by_role("button", name="95 %").click()
    assert page.get_by_role("button", name="95 %").get_attribute("aria-pressed") == "false"
    assert inked(page) != before


def test_hours_are_shown_in_their_own_time_zone(open_page):
    x = np.datetime64("2024-03-30T23:00", "ms") + np.arange(6) * np.timedelta64(1, "h")
    chart = LineChart("Berlin", x, [Line("y", np.arange(6.0))], timezone="Europe/Berlin")
    page = open_page(render_page("Zone", [Section(content=[chart])]), timezone_id="America/New_York")
    page.locator(".plot").focus()
    read = []
    page.keyboard.press("Home")
    for _ in range(4):
        read.append(page.locator(".reading b").first.inner_text())
        page.keyboard.press("ArrowRight")
    assert [text[-5:] for text in read] == ["00:00", "01:00", "03:00", "04:00"]  # the clocks go forward at two
    assert read[0] == "Sun 31 Mar 2024 00:00"


def test_an_index_is_searched_sorted_and_shown_a_part_at_a_time(open_page):
    names = [f"shop {number:05d}" for number in range(10_000)]
    scores = np.arange(10_000.0)[::-1].copy()
    scores[7] = np.nan
    page = open_page(render_page("Many", [Section(content=[Index(names, {"MASE": scores}, digits=5)])]))
    rows = page.locator(".index tbody tr")
    assert rows.count() == 25 and page.locator(".index .count").inner_text() == "25 of 10,000 series"
    page.get_by_role("button", name="MASE").click()
    assert rows.first.inner_text().split("\t") == ["shop 00000", "9,999"]
    page.get_by_role("button", name="MASE").click()
    assert rows.first.inner_text().split("\t") == ["shop 09999", "0"]
    page.get_by_role("searchbox").fill("0000")
    assert page.locator(".index .count").inner_text() == "10 of 10 series found"
    assert rows.last.inner_text().split("\t") == ["shop 00007", "\N{EN DASH}"]  # what has no number comes last
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Show more").click()
    assert rows.count() == 125


@pytest.mark.parametrize("width", [375, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_fits_its_window(open_page, width, scheme):
    page = open_page(report_page(full()), width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".verdict").bounding_box()["y"] < 200
    assert inked(page) > 20
