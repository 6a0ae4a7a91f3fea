"""The server: `create_app` builds it. Routes only; what they do is in the modules beside this one."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI, Request, Response

from tidegate.errors import ConfigError, DataError
from tidegate.interfaces import api
from tidegate.interfaces.backtesting import backtest
from tidegate.interfaces.server import answers, bodies, pages
from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.schema import BACKTEST, FORECAST, READING
from tidegate.series.reading import open_table, read_panel

JSON = "application/json"


def create_app(limits: Limits = Limits(), token: str | None = None, model: Any = None) -> FastAPI:
    """The server as an ASGI application.

    Args:
        limits: what it takes on.
        token: what requests to /v1 must bring ("Authorization: Bearer TOKEN"); None: nothing.
        model: a model file, a Model, or several; the first is the default. Left out: the one that is built in.
    """
    app = FastAPI(title="Tidegate", docs_url=None, redoc_url=None)
    app.include_router(pages.router)
    models = {"default": api.load(model)}

    def forecast_work(kind: str, body: bytes, query: dict[str, str]) -> bytes:
        data, options = bodies.read_body(kind, body, query, FORECAST)
        with_history, length = options.pop("history"), options.pop("history_length")
        reading = {name: options.pop(name) for name in READING}
        table = open_table(data, decimal=reading["decimal"])
        options["model"] = models[options["model"] or "default"]
        forecast = api.forecast(read_panel(table, **reading), options.pop("horizon"), **options)
        return answers.forecast_json(forecast, "default", length if with_history else None, table.names)

    def backtest_work(kind: str, body: bytes, query: dict[str, str]) -> bytes:
        data, options = bodies.read_body(kind, body, query, BACKTEST)
        reading = {name: options.pop(name) for name in READING}
        options["models"] = models["default"]
        return backtest(read_panel(data, **reading), options.pop("horizon"), **options).json.encode()

    async def answer(request: Request, work: Any) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in bodies.KINDS:
            return Response(answers.error_json("media-type", f"found {kind!r}, expected one of {bodies.KINDS}"), 415)
        body = await request.body()
        try:
            content = await asyncio.to_thread(work, kind, body, dict(request.query_params))
        except (DataError, ConfigError, ValueError) as error:
            return Response(answers.error_json("data", str(error)), 422, media_type=JSON)
        return Response(content, media_type=JSON)

    @app.post("/v1/forecast")
    async def forecast(request: Request) -> Response:
        return await answer(request, forecast_work)

    @app.post("/v1/backtest")
    async def backtest_(request: Request) -> Response:
        return await answer(request, backtest_work)

    @app.get("/v1/models")
    def list_models() -> Response:
        return Response(answers.models_json(models), media_type=JSON)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    return app
