"""The pages for people: `/`, `/learn`, their styles and scripts, and the samples, all from files of the package."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException, Request, Response

from tidegate.charts.chart import COLORS
from tidegate.charts.page import chart_module

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".csv": "text/csv",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class PageFile:
    """What one address answers. etag: a hash of the body, so that a browser asks again but loads only what changed."""

    body: bytes
    media_type: str
    etag: str


@cache
def page_files() -> dict[str, PageFile]:
    """Address -> file. Only what is listed here can be had: no address is ever used as a path."""
    web, vendored = files("tidegate.interfaces").joinpath("web"), files("tidegate.charts").joinpath("vendored")
    found = {"/": web / "index.html", "/learn": web / "learn.html", "/static/charts.css": _charts("page.css")}
    found |= {f"/static/{one.name}": one for one in web.iterdir() if _suffix(one.name) in TYPES.keys() - {".html"}}
    found |= {f"/static/vendored/{one.name}": one for one in vendored.iterdir() if _suffix(one.name) in TYPES}
    found |= {f"/samples/{one.name}": one for one in (web / "samples").iterdir()}
    made = {"/static/charts.js": chart_module(), "/static/palette.css": palette()}
    return {address: _page_file(one.name, one.read_bytes()) for address, one in found.items()} | {
        address: _page_file(address, text.encode()) for address, text in made.items()
    }


def palette() -> str:
    """The colours of the charts as CSS variables: --blue, --orange, …"""
    light, dark = (
        ";".join(f"--{name}:{pair[scheme]}" for name, pair in COLORS.items() if name != "ink") for scheme in (0, 1)
    )
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"


@router.get("/")
@router.get("/learn")
@router.get("/static/{path:path}")
@router.get("/samples/{path:path}")
async def page(request: Request) -> Response:
    """The file at this address; 304 if the browser has it already."""
    found = page_files().get(request.url.path)
    if found is None:
        raise HTTPException(404, f"there is nothing at {request.url.path}; the page is at /")
    headers = {"ETag": found.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)


def _charts(name: str) -> Traversable:
    return files("tidegate.charts").joinpath("web", name)


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2]}"


def _page_file(name: str, body: bytes) -> PageFile:
    kind = TYPES[_suffix(name)]
    return PageFile(body, kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
