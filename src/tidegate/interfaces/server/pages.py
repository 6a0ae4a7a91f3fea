"""The page for people: a placeholder until it is there."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)


@router.get("/", response_class=HTMLResponse)
def start() -> str:
    """What a browser shows first."""
    return "<!doctype html><title>Tidegate</title><p>POST a table to /v1/forecast.</p>"
