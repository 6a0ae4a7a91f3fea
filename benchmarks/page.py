"""Milliseconds from dropping a file on the page of `tidegate serve` to its forecast on the screen, in Chromium.

python benchmarks/page.py [--rows 10000] [--repetitions 15]

Server and browser run on this machine. The clock starts when the page is handed the file and stops after the frame that
shows the chart: sending, reading, forecasting, answering and drawing are in it. "answer" is the part until the numbers
are there. Each repetition opens the page anew; the first, on a server that has answered nothing, is a row of its own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys

import numpy as np
from playwright.sync_api import Browser, sync_playwright
from record import record, spread

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
DROP = """content => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([content], "load.csv", {type: "text/csv"}));
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
}"""
DRAWN = "() => performance.getEntriesByName('first forecast').length === 1"
TIMES = "() => ['answer', 'first forecast'].map(name => performance.getEntriesByName(name)[0].duration / 1000)"


def table(rows: int) -> str:
    """An hourly series with a day and a week in it, as CSV."""
    hours = np.arange(rows)
    day, week = np.sin(2 * np.pi * hours / 24), np.sin(2 * np.pi * hours / 168)
    values = 100 + 20 * day + 8 * week + np.random.default_rng(0).normal(0, 3, rows)
    stamps = np.datetime64("2024-01-01T00", "h") + hours
    lines = (f"{str(at).replace('T', ' ')}:00,{value:.2f}" for at, value in zip(stamps, values, strict=True))
    return "\n".join(["time,load", *lines, ""])


def dropped(browser: Browser, address: str, content: str, rows: int) -> tuple[float, float]:
    """Seconds until the numbers are there, and until they are drawn."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    page.wait_for_function("() => document.documentElement.dataset.ready")
    page.evaluate(DROP, content)
    page.wait_for_function(DRAWN)
    points = page.evaluate("() => document.getElementById('chart').uplot().data[0].length")
    if points != rows + 24:
        raise SystemExit(f"the chart has {points} points, expected {rows} and 24: its time means nothing")
    answer, drawn = page.evaluate(TIMES)
    page.close()
    return answer, drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=15)
    arguments = parser.parse_args()
    content = table(arguments.rows)
    command = [sys.executable, "-m", "tidegate", "serve", "--port", "0"]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server,
        sync_playwright() as playwright,
    ):
        assert server.stderr is not None
        told = re.search(r"http://[\d.:]+", server.stderr.readline())
        if told is None:
            raise SystemExit("tidegate serve did not start")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        times = [dropped(browser, told[0], content, arguments.rows) for _ in range(arguments.repetitions + 1)]
        browser.close()
        server.terminate()
    results = []
    for what, some in (("first", times[:1]), ("later", times[1:])):
        for part, seconds in zip(("answer", "drawn"), zip(*some, strict=True), strict=True):
            results.append({"rows": arguments.rows, "drop": what, "until": part, **spread(list(seconds))})
            print(f"{what} drop, {part}: {1000 * float(str(results[-1]['median_s'])):.0f} ms")
    print(record("page", results))


if __name__ == "__main__":
    main()
