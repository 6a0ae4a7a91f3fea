"""A server of the tests' own: real sockets on this machine, in a thread of the test process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import uvicorn
from fastapi import FastAPI

from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.serving import Server, configured, listen

JSON = {"content-type": "application/json"}
CSV = {"content-type": "text/csv"}
PARQUET = {"content-type": "application/vnd.apache.parquet"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        return self.status, self.json["error"]["kind"], self.json["error"]["message"]


@dataclass(frozen=True)
class Running:
    port: int
    server: uvicorn.Server

    def ask(self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] = {}) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            found = connection.getresponse()
            return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        finally:
            connection.close()

    def post(self, path: str, **body: Any) -> Answer:
        return self.ask("POST", path, json.dumps(body), JSON)


@contextmanager
def running(app: FastAPI, limits: Limits) -> Iterator[Running]:
    listener = listen("127.0.0.1", 0, limits.receive_seconds)
    server = Server(configured(app, limits), app, leaving_seconds=0)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Running(listener.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
