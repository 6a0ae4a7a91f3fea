"""One thread each for torch and ONNX Runtime's maths: the networks of the tests are tiny, and runs stay comparable."""

import os
import shutil

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
