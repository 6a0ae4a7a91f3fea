"""The process of `tidegate serve`: a socket, uvicorn, and a stop that loses nothing that was accepted."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from tidegate.errors import ConfigError
from tidegate.interfaces.server.limits import Limits

BACKLOG = 2048  # connections that wait to be accepted
LEAVING_SECONDS = 0.5  # between "not ready" and the end of listening: who has a connection learns that it closes
SWITCH_SECONDS = 0.001  # of Python between threads; with 5 ms, its default, the loop would wait as long for each step


class Server(uvicorn.Server):
    """uvicorn's, which on a signal first tells all clients to leave while it still answers whoever comes."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, leaving_seconds: float = LEAVING_SECONDS) -> None:
        super().__init__(config)
        self.app, self.leaving_seconds = app, leaving_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.app.state.leaving = True  # from here on every answer closes its connection
        await asyncio.sleep(self.leaving_seconds)
        for server in self.servers:
            server.close()
        # Who has just connected may be about to ask, and uvicorn would hang up.
        until = time.monotonic() + self.leaving_seconds
        while time.monotonic() < until and any(
            getattr(each, "cycle", None) is None for each in self.server_state.connections
        ):
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def serve(app: FastAPI, host: str, port: int, limits: Limits, listening: Callable[[str], None]) -> None:
    """Answer requests until a signal comes; then finish those that were accepted.

    Args:
        port: 0 for any that is free.
        listening: called once with the address, such as http://127.0.0.1:8321.
    Raises: ConfigError for a host that is not this machine's; OSError if the port is taken.
    """
    listener = listen(host, port, limits.receive_seconds)
    shown = f"[{host}]" if ":" in host else host
    listening(f"http://{shown}:{listener.getsockname()[1]}")
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # what is loaded stays: the collector need not look at it again and again
    Server(configured(app, limits), app).run([listener])


def configured(app: FastAPI, limits: Limits) -> uvicorn.Config:
    """uvicorn's settings."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="error",  # a line for each garbled request would fill a log, or a pipe that nobody reads
        server_header=False,
        proxy_headers=False,
        ws="none",
        backlog=BACKLOG,
        timeout_keep_alive=max(1, round(limits.receive_seconds)),  # between two requests of a connection
        timeout_graceful_shutdown=round(limits.seconds + limits.receive_seconds) + 1,
    )
    config.load()
    config.http_protocol_class = hasty(config.http_protocol_class, limits.receive_seconds)
    return config


def listen(host: str, port: int, patience: float) -> socket.socket:
    """A listening socket whose connections are dropped by the system when a client takes no answer for `patience`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise ConfigError(f"host {host}: {error.strerror}; expected an address of this machine") from error
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * patience))
        listener.bind(address)
        listener.listen(BACKLOG)  # from here on nobody who connects is turned away
    except OSError as error:
        listener.close()
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from error
    return listener


def hasty(protocol: Any, seconds: float) -> Any:
    """The protocol class of uvicorn, but a connection that sends no whole head of a request in time is closed.

    uvicorn itself waits for ever for the rest of a head, so that a few thousand slow clients would use up all sockets.
    """

    class Hasty(protocol):  # type: ignore[misc]
        timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._wind()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop()  # a head is complete: from here on the application keeps the time
            elif self.timer is None:
                self._wind()

        def connection_lost(self, error: Exception | None) -> None:
            self._stop()
            super().connection_lost(error)

        def _wind(self) -> None:
            self.timer = self.loop.call_later(seconds, self._late)

        def _stop(self) -> None:
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

        def _late(self) -> None:
            self.timer = None
            if not self.transport.is_closing():
                self.transport.write(LATE)
                self.transport.close()

    return Hasty


LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
