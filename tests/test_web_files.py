"""What `interfaces/server/pages.py` hands out: the files of the pages, nothing else, nothing that asks elsewhere."""

from __future__ import annotations

import re
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.test_web_page import AIRLINE, SAMPLES
from tidegate.interfaces.server.pages import page_files
from tidegate.series.reading import read_panel

TEXTS = {address: file.body.decode() for address, file in page_files().items()}


def fetched(address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urlopen(Request(address, headers=headers)) as response:
            return response.status, dict(response.headers), response.read()
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_every_file_that_a_page_names_is_there():
    named = re.compile(r"""["'(](/(?:static|samples)/[\w./-]+|\./[\w.-]+\.js)["')]""")
    found = {
        f"/static/{name[2:]}" if name.startswith(".") else name
        for text in TEXTS.values()
        for name in named.findall(text)
    }
    assert {"/static/app.js", "/static/lstm.js", "/static/charts.js", "/samples/index.json"} <= found
    assert found <= TEXTS.keys()


def test_no_page_names_another_host():
    own = {address: text for address, text in TEXTS.items() if "/vendored/" not in address}
    hosts = {host for text in own.values() for host in re.findall(r"https?://([\w.-]+)", text)}
    assert hosts <= {"www.w3.org"}  # the name of SVG, which nobody asks


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/learn", "text/html"),
        ("/static/app.js", "text/javascript"),
        ("/static/charts.css", "text/css"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/static/vendored/uPlot.LICENSE", "text/plain"),
        ("/samples/airline_passengers.csv", "text/csv"),
    ],
)
def test_files_have_their_type_and_are_loaded_again_only_when_they_changed(page_server, path, kind):
    status, headers, body = fetched(page_server + path)
    assert status == 200 and headers["content-type"].startswith(kind) and body == page_files()[path].body
    assert headers["x-content-type-options"] == "nosniff" and "default-src 'none'" in headers["content-security-policy"]
    status, again, body = fetched(page_server + path, **{"If-None-Match": headers["etag"]})
    assert (status, body, again["etag"]) == (304, b"", headers["etag"])


@pytest.mark.parametrize(
    "path",
    ["/static/make.py", "/static/nothing.js", "/static/../../api.py", "/static/%2e%2e/%2e%2e/api.py", "/samples/"],
)
def test_no_other_file_can_be_had(page_server, path):
    assert fetched(page_server + path)[0] == 404


def test_the_samples_are_what_the_command_writes(tmp_path):
    from tidegate.interfaces.web.make import make_samples

    make_samples(tmp_path)
    for sample in SAMPLES.iterdir():
        assert (tmp_path / sample.name).read_bytes() == sample.read_bytes(), sample.name
    assert (SAMPLES / AIRLINE.name).read_bytes() == AIRLINE.read_bytes()
    assert read_panel(tmp_path / "shop_sales.csv", id="shop").size == 12
