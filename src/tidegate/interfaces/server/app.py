"""The server: `create_app` builds it. Routes only; what they do is in the modules beside this one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tidegate import __version__
from tidegate.errors import TidegateError
from tidegate.interfaces.server import answers, bodies, metrics, openapi, pages
from tidegate.interfaces.server.lanes import LIGHT_BYTES, Lanes, Ticket
from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.middleware import Guard, refused
from tidegate.interfaces.server.models import Given, open_models
from tidegate.interfaces.server.refusals import Refusal
from tidegate.interfaces.server.verbs import Call, Desk

USUAL = Limits()
log = logging.getLogger("tidegate.server")


def create_app(
    limits: Limits = USUAL,
    token: str | None = None,
    model: Given | Sequence[Given] | None = None,
    threads: int | None = 1,
) -> FastAPI:
    """The server as an ASGI application; opens the models, and starts nothing.

    Args:
        limits: what it takes on.
        token: what requests to /v1 and /metrics must bring ("Authorization: Bearer TOKEN"); None: requests for this
            machine alone are answered, and need none.
        model: a model file, a Model, or several; the first is the default. Left out: the one that is built in.
        threads: of ONNX Runtime for each run of the network.
    Raises: what `tidegate.load` raises.
    """
    lanes = Lanes(limits)
    desk = Desk(limits, open_models(model, threads, lambda: lanes.admitted - lanes.heavy - 1))
    measured = metrics.Metrics(_gauges(lanes, desk))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(desk.warm_up)
        yield
        lanes.close()

    app = FastAPI(
        title="Tidegate",
        version=__version__,
        description=openapi.ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.leaving = False
    app.add_middleware(Guard, token=token, metrics=measured, state=app.state)
    app.include_router(pages.router)

    async def answer(
        request: Request, work: Callable[[Call, Ticket], bytes], forms: tuple[str, ...], heavy: bool
    ) -> Response:
        try:
            with lanes.admission():
                form = answers.wanted(request.headers.get("accept", ""), forms)
                kind = bodies.media_type(request)
                body = await bodies.receive(request, limits)
                call = Call(kind, body, query(request), form)
                heavy = heavy or len(body) > LIGHT_BYTES
                gone = partial(bodies.gone, request)
                content = await lanes.run(lambda ticket: work(call, ticket), heavy=heavy, gone=gone)
        except TidegateError as error:
            return refused(Refusal.of(error))
        except MemoryError:
            log.exception("out of memory")
            return refused(Refusal(503, "memory", "not enough memory: send fewer series at once", retry_after=5))
        return Response(content, media_type=form)

    @app.post("/v1/forecast", openapi_extra=openapi.forecast())
    async def forecast(request: Request) -> Response:
        """Forecast every series of a table from its own end."""
        return await answer(request, desk.forecast, answers.FORMS, heavy=False)

    @app.post("/v1/backtest", openapi_extra=openapi.backtest())
    async def backtest(request: Request) -> Response:
        """Test forecasts of a table: forecast from earlier origins and compare with actual values and baselines."""
        return await answer(request, desk.backtest, (answers.JSON, answers.CSV), heavy=True)

    @app.get("/v1/models")
    async def models() -> Response:
        """The models that a request can name."""
        content = answers.models_json(map(desk.told, desk.models.values()))
        return Response(content, media_type=answers.JSON)

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether the process lives."""
        return {"status": "ok", "version": __version__}

    @app.get("/ready", responses=openapi.NOT_READY)
    async def ready() -> Response:
        """Whether to send it requests: not while it stops, nor while it has as many as it takes."""
        if app.state.leaving or lanes.admitted >= limits.requests:
            why = "it is about to stop" if app.state.leaving else "it is at its limit of requests"
            return refused(Refusal(503, "not-ready", f"not ready: {why}; try another server", retry_after=1))
        return Response(b'{"status": "ready"}', media_type=answers.JSON)

    @app.get("/metrics", response_class=Response, responses=openapi.METRICS)
    async def prometheus() -> Response:
        """Requests and durations as Prometheus reads them."""
        return Response(measured.text(), media_type=metrics.MEDIA_TYPE)

    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> Response:
        return refused(refusal)

    @app.exception_handler(ClientDisconnect)
    async def left(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it

    @app.exception_handler(HTTPException)
    async def elsewhere(request: Request, error: HTTPException) -> Response:
        listed = "POST /v1/forecast, POST /v1/backtest, GET /v1/models; /openapi.json describes them"
        found = f"{request.method} {request.url.path}: {error.detail}"
        response = refused(Refusal(error.status_code, "route", f"{found}; there is {listed}"))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def ours(request: Request, error: Exception) -> Response:  # the traceback goes to the log by itself
        return refused(Refusal(500, "fault", "internal error of the server; see its log for details"))

    return app


def query(request: Request) -> dict[str, str]:
    """The options in the address; one given several times is several with commas between them."""
    return {name: ",".join(request.query_params.getlist(name)) for name in request.query_params}


def _gauges(lanes: Lanes, desk: Desk) -> list[metrics.Gauge]:
    def total(what: str) -> Callable[[], float]:
        return lambda: sum(getattr(served.joint, what) for served in desk.models.values())

    return [
        ("tidegate_requests_running", "gauge", "Requests being answered.", lambda: lanes.admitted),
        ("tidegate_heavy_requests_running", "gauge", "Large requests and backtests among these.", lambda: lanes.heavy),
        ("tidegate_network_runs_total", "counter", "Runs of the network for small requests.", total("runs")),
        ("tidegate_network_series_total", "counter", "Series forecast in these runs.", total("rows")),
    ]
