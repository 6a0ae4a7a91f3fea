"""Around every request: who may ask, how long it took, which headers an answer carries."""

from __future__ import annotations

import time
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.interfaces.server.metrics import Metrics
from tidegate.interfaces.server.refusals import Refusal
from tidegate.interfaces.server.security import HEADERS, NO_STORE, check_request

ROUTES = ("/v1/forecast", "/v1/backtest", "/v1/models", "/health", "/ready", "/metrics", "/openapi.json", "/")


def refused(refusal: Refusal) -> Response:
    """The answer that says why there is none."""
    return Response(refusal.body(), refusal.status, refusal.headers(), media_type="application/json")


class Guard:
    """Plain ASGI, as it is passed by every request.

    Args:
        state: its `leaving` says that the server is about to stop, so that no connection should be kept.
    """

    def __init__(self, app: ASGIApp, token: str | None, metrics: Metrics, state: Any) -> None:
        self.app, self.token, self.metrics, self.state = app, token, metrics, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        path = scope["path"]
        head = scope["method"] == "HEAD"  # answered as GET is, but for the body
        if head:
            scope = {**scope, "method": "GET"}
        status = 499  # nobody was there to be answered

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *HEADERS]
                if path.startswith("/v1/"):
                    message["headers"].append(NO_STORE)
                if self.state.leaving:
                    message["headers"].append((b"connection", b"close"))
            elif head:
                message["body"] = b""
            await send(message)

        try:
            try:
                check_request(path, dict(scope["headers"]), self.token)
            except Refusal as refusal:
                await refused(refusal)(scope, receive, answer)
                return
            await self.app(scope, receive, answer)
        finally:
            self.metrics.add(path if path in ROUTES else "other", status, time.perf_counter() - began)
