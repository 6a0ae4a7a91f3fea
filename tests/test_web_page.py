"""The page of `tidegate serve` in a real browser, as somebody with a file would use it."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tidegate
from tests.conftest import serving

EXAMPLES = Path(__file__).parent.parent / "examples"
AIRLINE = EXAMPLES / "airline_passengers.csv"
SAMPLES = Path(tidegate.__file__).parent / "interfaces" / "web" / "samples"


def drop(page, name: str, content: str) -> None:
    """What the browser tells a page on which a file is let go."""
    page.evaluate(
        """([name, content]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([content], name, {type: "text/csv"}));
          const options = {dataTransfer, bubbles: true, cancelable: true};
          for (const kind of ["dragenter", "dragover", "drop"])
            document.getElementById("drop").dispatchEvent(new DragEvent(kind, options));
        }""",
        [name, content],
    )


def forecasts(page, count: int) -> None:
    """Wait for the `count`-th forecast on the page."""
    page.wait_for_function("count => Number(document.documentElement.dataset.forecasts) >= count", arg=count)


def sample(page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    forecasts(page, 1)


def plotted(page) -> dict:
    """What is drawn: axis, and the values of every series of the plot."""
    return page.evaluate("""() => {
      const {data, scales} = document.getElementById("chart").uplot();
      return {x: data[0], lines: data.slice(1), view: [scales.x.min, scales.x.max]};
    }""")


def test_a_dropped_file_is_drawn_with_the_numbers_that_python_gives(visit):
    page = visit()
    drop(page, "air.csv", AIRLINE.read_text())
    forecasts(page, 1)
    expected = tidegate.forecast(str(AIRLINE)).columns()
    lines = plotted(page)["lines"]
    observed, median = lines[-2], lines[-1]
    assert observed[:144] == np.loadtxt(AIRLINE, delimiter=",", skiprows=1, usecols=1).tolist()
    np.testing.assert_allclose(median[144:], expected["forecast"], rtol=1e-6)
    for name, drawn in zip(("lo-95", "hi-95", "lo-80", "hi-80"), lines, strict=False):
        np.testing.assert_allclose(drawn[144:], expected[name], rtol=1e-6, err_msg=name)
    assert page.locator("#subtitle").inner_text() == "monthly · 144 values · 12 steps ahead"
    assert page.get_by_role("status").inner_text() == "Forecast of Passengers, 12 steps ahead"


def test_what_was_recognised_is_shown(visit):
    page = visit()
    sample(page, "Greenhouse")
    expected = {"Time": "zeit", "Value": "temperatur_c", "Series": "one series", "Frequency": "every 30 minutes"}
    for label, text in (expected | {"Seasons": "48"}).items():
        control = page.get_by_label(label, exact=True)
        assert control.evaluate("one => one.selectedOptions?.[0].text ?? one.value") == text
    lost = (SAMPLES / "greenhouse_temperature.csv").read_text().count(";\n")
    assert lost > 10 and page.locator("#gaps").inner_text() == f"{lost} of 1,680 values"
    assert "decimal commas" in page.locator("#notes").inner_text()


def test_arrow_keys_read_the_values_of_the_forecast(visit):
    page = visit()
    sample(page, "Airline")
    page.locator(".plot").focus()
    page.keyboard.press("End")
    pattern = "Dec 1961 · forecast N · 95 % interval N to N · 80 % interval N to N".replace("N", r"[\d.]+")
    assert re.fullmatch(pattern, page.locator(".reading").inner_text())


@pytest.mark.parametrize("values", [3, 40])
def test_where_the_forecast_starts_is_written_beside_the_axis_not_over_it(visit, values):
    page = visit()
    page.evaluate("""() => {
      const draw = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, x, ...rest) {
        if (text === "forecast starts") window.lastLabel = [x, this.textAlign, this.measureText(text).width];
        return draw.call(this, text, x, ...rest);
      };
    }""")
    drop(page, "short.csv", "ds,y\n" + "".join(f"{2020 + n // 12}-{n % 12 + 1:02}-01,{n}\n" for n in range(values)))
    forecasts(page, 1)
    x, align, width = page.evaluate("window.lastLabel")
    left, right = page.evaluate("""() => {
      const {left, width} = document.getElementById("chart").uplot().bbox;
      return [left, left + width];
    }""")
    assert left <= (x if align == "left" else x - width) and (x + width if align == "left" else x) <= right
    assert align == ("left" if values == 3 else "right")  # the handle is on the right: beside it where there is room


def test_the_numbers_of_the_chart_are_there_as_a_table(visit):
    page = visit()
    sample(page, "Airline")
    page.get_by_text("Numbers").click()
    last = page.locator(".numbers tbody tr").last
    last.wait_for()
    assert last.locator("th").inner_text() == "Dec 1961" and last.locator("td").count() == 4


def test_a_corrected_column_is_forecast_instead(visit):
    page = visit()
    days = [f"2024-01-{day:02}" for day in range(1, 29)]
    rows = "".join(f"{day},{place},{500 - place}\n" for place, day in enumerate(days))
    drop(page, "two.csv", f"day,y,visitors\n{rows}")
    forecasts(page, 1)
    assert page.get_by_label("Value", exact=True).input_value() == "y"
    page.get_by_label("Value", exact=True).select_option("visitors")
    forecasts(page, 2)
    assert plotted(page)["lines"][-2][0] == 500
    assert "--target visitors" in page.locator("#same").inner_text()
    page.get_by_label("Seasons", exact=True).fill("5")
    page.get_by_label("Seasons", exact=True).press("Enter")
    forecasts(page, 3)
    assert "seasons (as given): 5 steps" in page.locator("#notes").inner_text()
    page.get_by_role("button", name="Undo my corrections").click()
    forecasts(page, 4)
    assert page.get_by_label("Value", exact=True).input_value() == "y"
    assert page.get_by_label("Seasons", exact=True).input_value() == "7"


def test_the_horizon_follows_the_handle_the_keys_and_the_field(visit):
    page = visit()
    sample(page, "Airline")
    handle = page.get_by_role("slider", name="Horizon")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 100
    step = page.evaluate("""() => {
      const u = document.getElementById("chart").uplot(), x = u.data[0];
      return (u.valToPos(x.at(-1), "x") - u.valToPos(x.at(-13), "x")) / 12;
    }""")
    before = plotted(page)["view"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3 * step, y, steps=3)
    page.wait_for_function("() => document.getElementById('chart').uplot().data[0].length === 144 + 15")
    assert plotted(page)["view"] == pytest.approx(before)  # the scale waits until the hand rests
    page.mouse.up()
    page.wait_for_function("() => document.getElementById('subtitle').textContent.includes('15 steps')")
    assert handle.get_attribute("aria-valuenow") == "15"
    assert page.get_by_label("Horizon", exact=True).input_value() == "15"
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.getElementById('chart').uplot().data[0].length === 144 + 14")
    page.keyboard.press("PageUp")  # a season
    page.wait_for_function("() => document.getElementById('chart').uplot().data[0].length === 144 + 26")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "slider"
    page.get_by_label("Horizon", exact=True).fill("3")
    page.wait_for_function("() => document.getElementById('chart').uplot().data[0].length === 144 + 3")
    assert handle.get_attribute("aria-valuetext") == "3 steps"


def test_zoom_and_back(visit):
    page = visit()
    sample(page, "Electricity")
    recent = plotted(page)["view"]
    page.get_by_role("button", name="Show the whole history").click()
    assert plotted(page)["view"][0] < recent[0]
    page.get_by_role("button", name="Show the recent part").click()
    assert plotted(page)["view"] == recent
    box = page.locator("#chart .u-over").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 50, steps=4)
    page.mouse.up()
    assert plotted(page)["view"][0] > recent[0] and plotted(page)["view"][1] < recent[1]
    page.mouse.dblclick(box["x"] + 300, box["y"] + 50)
    assert plotted(page)["view"] == recent


def test_another_table_starts_afresh(visit):
    page = visit()
    sample(page, "Shop")
    page.get_by_role("searchbox").fill("kas")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Another table").click()
    page.get_by_role("button", name="Shop").click()
    forecasts(page, 2)
    assert page.evaluate("document.activeElement.id") == "title"
    assert page.locator("#chart .name").inner_text() == "Aalen"
    assert page.get_by_role("button", name="Show the recent part").get_attribute("aria-pressed") == "true"


def test_many_series_are_searched_and_each_is_drawn(visit):
    page = visit()
    sample(page, "Shop")
    assert page.locator("#chart .name").inner_text() == "Aalen"
    first = plotted(page)["lines"][-1]
    page.get_by_role("searchbox").fill("kas")
    assert page.locator("#chart .name").inner_text() == "Kassel"
    assert plotted(page)["lines"][-1] != first
    page.get_by_label("Horizon", exact=True).fill("5")
    forecasts(page, 2)
    assert page.locator("#chart .name").inner_text() == "Kassel"  # who is looked at stays


def test_the_verdict_of_a_backtest_follows_the_forecast(visit):
    page = visit()
    sample(page, "Greenhouse")
    page.locator(".sentence").wait_for()
    assert page.locator(".sentence").inner_text().startswith("Tidegate beats seasonal naive by")
    methods = page.locator("#verdict tbody th").all_inner_texts()
    assert {"Tidegate", "seasonal naive", "naive", "drift"} <= set(methods)
    errors = page.locator("#verdict tbody td:nth-child(2)").all_inner_texts()
    assert all(len(error.replace(".", "").lstrip("0")) == 3 for error in errors)  # 0.900, not 0.9 below 0.721


def test_a_file_that_cannot_be_read_says_why_and_the_next_one_works(visit):
    page = visit()
    drop(page, "noise.csv", "\x00\x01\x02 no table")
    page.locator("#problem").wait_for()
    assert "CSV" in page.get_by_role("alert").inner_text()
    assert page.locator("#work").is_hidden()
    drop(page, "words.csv", "a,b\nx,y\nz,w\n")
    page.wait_for_function("() => document.getElementById('problem-text').textContent.includes('no column of numbers')")
    drop(page, "air.csv", AIRLINE.read_text())
    forecasts(page, 1)
    assert page.locator("#problem").is_hidden()


def test_where_reading_would_have_to_guess_the_page_asks(visit):
    page = visit()
    drop(page, "mine.csv", (SAMPLES / "shop_sales.csv").read_text())
    page.get_by_role("button", name="Read it with value: sales, series: shop").wait_for()
    series = page.get_by_label("Series", exact=True)
    assert series.locator("option").all_inner_texts() == ["one series", "shop", "date", "sales"]
    series.select_option("shop")
    forecasts(page, 1)
    assert "12 series" in page.locator("#subtitle").inner_text()


@pytest.mark.parametrize("shop", ["shop.id", "shop $'x"])
def test_what_the_page_suggests_can_be_pressed_whatever_the_columns_are_called(visit, shop):
    page = visit()
    rows = "".join(f"2024-01-{day:02},{who},{day + who},{2 * day + who}\n" for who in (1, 2) for day in range(1, 29))
    drop(page, "prices.csv", f"ts,{shop},price.eur,price.usd\n{rows}")
    page.get_by_role("button", name=f"Read it with value: price.usd, series: {shop}").click()
    forecasts(page, 1)
    assert "2 series" in page.locator("#subtitle").inner_text()


def hours(count: int, minutes: int = 0) -> list[str]:
    """Timestamps an hour apart, or some minutes more."""
    start = np.datetime64("2024-10-20T00:00", "m")
    return [str(start + number * (60 + minutes)).replace("T", " ") for number in range(count)]


def table(stamps: list[str], columns: str = "time,y") -> str:
    """One row for each stamp, the value of every column beside it its number."""
    return f"{columns}\n" + "".join(
        f"{stamp}{f',{number % 24 + 0.5}' * columns.count(',')}\n" for number, stamp in enumerate(stamps)
    )


def offered(page) -> list[str]:
    page.locator("#problem-actions button").first.wait_for()
    return [text.removeprefix("Read it with ") for text in page.locator("#problem-actions button").all_inner_texts()]


def answer_with(page, words: str) -> None:
    page.get_by_role("button", name=f"Read it with {words}", exact=True).click()


def test_repeated_timestamps_are_merged_by_a_button_and_that_can_be_taken_back(visit):
    page = visit()
    drop(page, "twice.csv", table([*hours(48), hours(48)[-1]]))
    assert offered(page) == [f"the {way} of repeated timestamps" for way in ("mean", "sum", "last")]
    answer_with(page, "the sum of repeated timestamps")
    forecasts(page, 1)
    assert plotted(page)["lines"][-2][47] == 23.5 + 0.5
    assert "--duplicates sum" in page.locator("#same").inner_text()
    page.get_by_role("button", name="Take back: the sum of repeated timestamps").click()
    page.locator("#problem").wait_for()
    assert page.locator(".chip").count() == 0
    answer_with(page, "the last of repeated timestamps")
    forecasts(page, 2)
    assert plotted(page)["lines"][-2][47] == 0.5


def test_uneven_timestamps_are_gathered_by_a_button(visit):
    page = visit()
    drop(page, "uneven.csv", table(hours(30) + [f"2024-10-22 {hour:02}:15" for hour in range(24)]))
    assert offered(page)[:3] == [f"the {way} of every hour" for way in ("mean", "sum", "last")]
    answer_with(page, "the last of every hour")
    forecasts(page, 1)
    assert "--every h --aggregate last" in page.locator("#same").inner_text()
    page.get_by_label("Frequency").select_option("30min")  # the steps to gather into, not another frequency
    forecasts(page, 2)
    assert page.locator(".chip").inner_text().startswith("the last of every 30 minutes")
    page.get_by_role("button", name="Undo my corrections").click()
    forecasts(page, 3)
    assert page.locator(".chip").inner_text().startswith("the last of every hour")
    page.locator(".chip").click()
    page.locator("#problem").wait_for()
    assert page.locator(".chip").count() == 0
    answer_with(page, "frequency: every 15 minutes")
    forecasts(page, 4)
    assert "--every" not in page.locator("#same").inner_text()


def test_two_questions_in_a_row_are_answered_by_two_buttons(visit):
    page = visit()
    stamps = hours(240)
    again = stamps.index("2024-10-27 02:00")  # when clocks in Berlin go back
    drop(page, "load.csv", table(stamps[: again + 1] + stamps[again:], "time,load,heat"))
    assert offered(page) == ["value: heat", "value: load"]
    answer_with(page, "value: load")
    page.wait_for_function("() => document.getElementById('problem-text').textContent.includes('--timezone')")
    assert offered(page)[0] == "time zone Europe/Berlin" and offered(page)[-1] == "the mean of repeated timestamps"
    answer_with(page, "time zone Europe/Berlin")
    forecasts(page, 1)
    line = page.locator("#same").inner_text()
    assert "--target load" in line and "--timezone Europe/Berlin" in line
    assert page.locator(".chip").inner_text().startswith("time zone Europe/Berlin")


def test_what_was_applied_can_be_taken_back_before_anything_could_be_read(visit):
    page = visit()
    days = [1, 2, 3, 4, 4]
    drop(page, "marks.csv", "day,price\n" + "".join(f'2024-01-0{day},"1,23{day}"\n' for day in days))
    assert offered(page) == ["decimal points", "decimal commas"]
    answer_with(page, "decimal commas")
    chip = page.get_by_role("button", name="Take back: decimal commas")
    chip.wait_for()
    assert offered(page)[0] == "the mean of repeated timestamps"
    chip.click()
    page.get_by_role("button", name="Read it with decimal points").click()
    page.get_by_role("button", name="Take back: decimal points").wait_for()
    answer_with(page, "the last of repeated timestamps")
    forecasts(page, 1)
    assert plotted(page)["lines"][-2][:4] == [1231, 1232, 1233, 1234]
    assert page.locator(".chip").count() == 2


def test_how_dates_are_written_is_answered_by_a_button_or_typed(visit):
    page = visit()
    drop(page, "either.csv", table(["01/02/2024", "03/04/2024", "05/06/2024", "06/07/2024", "07/08/2024"]))
    assert offered(page) == ["dates written as %m/%d/%Y", "dates written as %d/%m/%Y"]
    drop(page, "odd.csv", table([f"2024|{month:02}|01" for month in range(1, 13)], "date,y"))
    page.wait_for_function("() => document.getElementById('problem-text').textContent.includes('no date in any')")
    page.get_by_label("Date format").fill("%Y|%m|%d")
    page.get_by_label("Date format").press("Enter")
    forecasts(page, 1)
    assert page.locator("#subtitle").inner_text().startswith("monthly")
    assert page.get_by_label("Date format").input_value() == "%Y|%m|%d"


def test_a_table_can_be_pasted(visit):
    page = visit()
    page.get_by_text("Paste a table instead").click()
    rows = "".join(f"2024-{month:02}-01,{month}\n" for month in range(1, 13))
    page.get_by_label("Table", exact=True).fill(f"ds,y\n{rows}")
    page.get_by_role("button", name="Forecast", exact=True).click()
    forecasts(page, 1)
    assert page.locator("#title").inner_text() == "pasted.csv"


def test_csv_and_picture_can_be_downloaded(visit, tmp_path):
    page = visit()
    sample(page, "Shop")
    with page.expect_download() as download:
        page.get_by_role("button", name="Forecast as CSV").click()
    assert download.value.suggested_filename == "shop_sales-forecast.csv"
    download.value.save_as(tmp_path / "page.csv")
    tidegate.forecast(str(SAMPLES / "shop_sales.csv"), 14, id="shop", target="sales").save(tmp_path / "python.csv")
    texts = [(tmp_path / f"{who}.csv").read_text() for who in ("page", "python")]
    by_page, by_python = (list(csv.reader(text.splitlines())) for text in texts)
    assert by_page[0] == by_python[0] and len(by_page) == 1 + 12 * 14
    assert [row[:2] for row in by_page] == [row[:2] for row in by_python]
    mine, theirs = (np.array([row[2:] for row in rows[1:]], float) for rows in (by_page, by_python))
    np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    with page.expect_download() as download:
        page.get_by_role("button", name="Picture as PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG\r\n")


def test_the_python_line_and_the_command_do_the_same(visit, tmp_path, monkeypatch):
    page = visit()
    sample(page, "Shop")
    page.get_by_label("Horizon", exact=True).fill("4")
    forecasts(page, 2)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop_sales.csv").write_bytes((SAMPLES / "shop_sales.csv").read_bytes())
    page.get_by_text("Python", exact=True).click()
    exec(page.locator("#same").inner_text(), {})
    by_python = (tmp_path / "shop_sales-forecast.csv").read_text()
    assert by_python.count("\n") == 1 + 12 * 4
    page.get_by_text("Command line", exact=True).click()
    words = page.locator("#same").inner_text().split()
    assert words[:3] == ["tidegate", "forecast", "shop_sales.csv"]
    subprocess.run([sys.executable, "-m", *words, "--quiet"], check=True)
    assert (tmp_path / "shop_sales-forecast.csv").read_text() == by_python


def curl(line: str, folder: Path, **environment: str) -> dict:
    """The answer to the page's line in a shell, beside the sample it is about."""
    (folder / AIRLINE.name).write_bytes(AIRLINE.read_bytes())
    done = subprocess.run(
        ["sh", "-c", line], cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on PATH")
def test_the_line_for_curl_asks_for_the_same(visit, tmp_path):
    page = visit()
    sample(page, "Airline")
    page.get_by_text("HTTP", exact=True).click()
    line = page.locator("#same").inner_text()
    assert "Authorization" not in line
    assert len(curl(line, tmp_path)["forecast"]["forecast"]) == 12


def test_the_horizon_goes_as_far_as_the_server_says(browser):
    with serving("--most-horizon", "20") as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("() => document.documentElement.dataset.ready")
        sample(page, "Airline")
        handle = page.get_by_role("slider", name="Horizon")
        assert (
            handle.get_attribute("aria-valuemax")
            == page.get_by_label("Horizon", exact=True).get_attribute("max")
            == "20"
        )
        handle.focus()
        page.keyboard.press("End")  # four seasons further
        page.wait_for_function("() => document.getElementById('chart').uplot().data[0].length === 144 + 20")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on PATH")
def test_a_server_with_a_token_is_asked_with_it(browser, tmp_path):
    with serving("--token", "a-token-for-this-test") as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("() => document.documentElement.dataset.ready")
        page.get_by_role("button", name="Airline").click()
        page.get_by_label("This server needs a token").fill("a-token-for-this-test")
        page.get_by_role("button", name="Continue").click()
        forecasts(page, 1)
        page.get_by_text("HTTP", exact=True).click()
        line = page.locator("#same").inner_text()
        assert '-H "Authorization: Bearer $TIDEGATE_TOKEN"' in line and "a-token-for-this-test" not in line
        asked = curl(line, tmp_path, TIDEGATE_TOKEN="a-token-for-this-test")
        assert len(asked["forecast"]["forecast"]) == 12
        page.reload()
        page.wait_for_function("() => document.documentElement.dataset.ready")
        sample(page, "Airline")  # kept until the tab is closed


@pytest.mark.parametrize("name", ["", "Shop"])
def test_nothing_scrolls_sideways_at_any_width(visit, name):
    page = visit(width=375, has_touch=True)
    if name:
        sample(page, name)
        page.locator(".sentence").wait_for()
    for width in (375, 320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)


def test_the_chart_stays_where_it_is_when_the_verdict_comes(visit):
    page = visit()
    sample(page, "Airline")
    before = page.locator("#chart").bounding_box()
    page.locator(".sentence").wait_for()
    assert page.locator("#chart").bounding_box() == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(visit, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit(color_scheme=scheme)

    def complaints() -> list[str]:
        found = axe.run(page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}" for one in found]

    assert complaints() == []
    sample(page, "Shop")
    page.locator(".sentence").wait_for()
    page.get_by_text("Numbers").click()
    page.locator(".numbers table").wait_for()
    assert complaints() == []
    drop(page, "noise.csv", "a,b\nx,y\n")
    page.get_by_role("alert").wait_for()
    assert complaints() == []
    drop(page, "twice.csv", table([*hours(48), hours(48)[-1]]))
    offered(page)
    assert complaints() == []
    answer_with(page, "the mean of repeated timestamps")
    forecasts(page, 2)
    page.locator(".sentence").wait_for()
    assert complaints() == []
    page.goto(page.url.rstrip("/") + "/learn")
    page.wait_for_function("() => document.documentElement.dataset.ready")
    assert complaints() == []
