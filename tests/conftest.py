"""One thread each for torch and ONNX Runtime's maths: the networks of the tests are tiny, and runs stay comparable."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


def unavailable(reason: str) -> None:
    if os.environ.get("TIDEGATE_REQUIRE_BROWSER") == "1":
        pytest.fail(f"TIDEGATE_REQUIRE_BROWSER=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        unavailable("there is no chromium on PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        unavailable("playwright is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield started
        started.close()


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """The address of a `tidegate serve` of its own process."""
    command = [sys.executable, "-m", "tidegate", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            told = process.stderr.readline()
            yield re.search(r"http://[\d.:]+", told)[0]
        finally:
            process.terminate()
        assert process.wait(30) in (0, 143)
        assert process.stderr.read() == ""  # a server that was used well says nothing


@pytest.fixture(scope="session")
def page_server():
    """One server for all tests of its pages."""
    with serving() as address:
        yield address


@pytest.fixture
def visit(page_server, browser):
    """visit(path, width=…, …) -> the page, ready. At the end: no complaint, and no request to any other host."""
    contexts, complaints, requests, refused = [], [], [], []

    def open_it(path: str = "/", width: int = 1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.on("response", lambda response: refused.append(response) if response.status == 422 else None)
        page.goto(page_server + path)
        page.wait_for_function("() => document.documentElement.dataset.ready")
        return page

    yield open_it
    for context in contexts:
        context.close()
    # Chromium itself reports a 4xx answer on the console; nothing else may be there.
    told = [text for text in complaints if "422 (Unprocessable" not in text]
    assert told == [] and len(complaints) - len(told) == len(refused)
    assert [url for url in requests if not url.startswith((page_server, f"blob:{page_server}"))] == []
