"""`tidegate serve` as people start and stop it: a process, its words, and a stop that loses nothing it accepted."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.serving import JSON
from tests.test_cli import start
from tests.test_layers import loaded_after

BODY = json.dumps({"data": [float(k % 7) for k in range(60)], "horizon": 3})


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    process = start("serve", "--port", "0", *arguments, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        said = process.stderr.readline().decode()
        assert said.startswith("listening on http://127.0.0.1:"), said
        yield process, int(said.split(":")[2].split(";")[0])
    finally:
        process.kill()
        process.communicate()


def ask(connection: HTTPConnection) -> tuple[int, bool, dict[str, object]]:
    """Status, whether the connection goes on, and the document."""
    connection.request("POST", "/v1/forecast", BODY, JSON)
    found = connection.getresponse()
    return found.status, found.getheader("connection") != "close", json.loads(found.read())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_under_load_loses_no_request_it_accepted(number: int, code: int) -> None:
    """Each client asks again and again; once connections are refused, and only then, it stops."""
    with serving() as (process, port):
        answers: list[int] = []
        lost: list[BaseException] = []
        stopping = threading.Event()

        def client() -> None:
            while True:
                connection = HTTPConnection("127.0.0.1", port, timeout=60)
                try:
                    connection.connect()
                except OSError:
                    return  # it does not listen any more
                try:
                    goes_on, fresh = True, True
                    while goes_on:
                        status, goes_on, document = ask(connection)
                        answers.append(status)
                        fresh = False
                        assert len(document["forecast"]["forecast"]) == 3  # type: ignore[index, call-overload]
                except BaseException as error:
                    if stopping.is_set() and fresh and isinstance(error, ConnectionResetError):
                        return  # it had connected, but was not accepted any more
                    lost.append(error)
                    return
                finally:
                    connection.close()

        clients = [threading.Thread(target=client, daemon=True) for _ in range(8)]
        for each in clients:
            each.start()
        while len(answers) < 30:
            assert not lost and process.poll() is None and all(each.is_alive() for each in clients)
            time.sleep(0.01)
        stopping.set()
        process.send_signal(number)
        for each in clients:
            each.join(60)
        assert process.wait(60) == code
        assert not lost and set(answers) == {200}
        assert process.stderr is not None and process.stderr.read() == b""


# --- clients that take their answers slowly, or not at all ------------------------------------------------------------

MANY_QUANTILES = [k / 100 for k in range(2, 50)]
LARGE = json.dumps(
    {"data": {f"c{k}": list(range(60)) for k in range(6)}, "target": [f"c{k}" for k in range(6)], "horizon": 4096}
    | {"quantile_levels": MANY_QUANTILES}
)  # answered with some 20 MB, more than the system keeps for a connection


def sockets(process: subprocess.Popen[bytes]) -> int:
    """How many the process has open."""
    return sum(
        os.readlink(one).startswith("socket:") for one in Path(f"/proc/{process.pid}/fd").iterdir() if one.is_symlink()
    )


def asked(port: int) -> socket.socket:
    """A connection whose client keeps next to nothing for what comes, with the large request sent."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", port))
    head = f"POST /v1/forecast HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(LARGE)}\r\n"
    connection.sendall(f"{head}content-type: application/json\r\n\r\n{LARGE}".encode())
    return connection


linux = pytest.mark.skipif(sys.platform != "linux", reason="the system has no TCP_USER_TIMEOUT")


@linux
def test_a_client_that_never_reads_its_answer_is_let_go() -> None:
    with serving("--most-receive-seconds", "1") as (process, port):
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as first:
            assert ask(first)[0] == 200
            before = sockets(process) - 1
        with closing(asked(port)) as connection:
            assert connection.recv(12) == b"HTTP/1.1 200"  # and nothing more from here on
            assert sockets(process) == before + 1
            deadline = time.monotonic() + 30
            while sockets(process) > before:
                assert time.monotonic() < deadline, "still there"
                time.sleep(0.05)
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as other:
                assert ask(other)[0] == 200
            # What the client finds when it reads after all: the beginning, and an end before its time.
            got = 12
            with suppress(ConnectionError):
                while part := connection.recv(1 << 16):
                    got += len(part)
            assert got < 10_000_000


@linux
def test_a_client_that_reads_slowly_gets_all_of_its_answer() -> None:
    """For three times as long as a client may read nothing."""
    with serving("--most-receive-seconds", "1") as (_, port), closing(asked(port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        parts = [connection.recv(1 << 16)]
        until = time.monotonic() + 3
        while time.monotonic() < until:
            parts.append(connection.recv(1 << 16))
            time.sleep(0.05)
        length = int(parts[0].split(b"content-length: ")[1].split(b"\r\n")[0])
        assert sum(map(len, parts)) < length / 2
        rest = length + parts[0].index(b"\r\n\r\n") + 4 - sum(map(len, parts))
        while rest > 0:
            part = connection.recv(min(rest, 1 << 20))
            assert part
            rest -= len(part)
            parts.append(part)
        document = json.loads(b"".join(parts).partition(b"\r\n\r\n")[2])
        assert len(document["forecast"]["forecast"]) == 6 * 4096


def test_it_says_where_it_listens_and_takes_a_token_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_TOKEN", "a-token-of-some-length")
    with serving("--most-points", "50") as (_, port):
        for headers, status, said in (
            (JSON, 401, "expected a token, found none"),
            (JSON | {"authorization": "Bearer a-token-of-some-length"}, 422, "this server takes 50 at most"),
        ):
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                connection.request("POST", "/v1/forecast", BODY, headers)
                found = connection.getresponse()
                assert found.status == status and said in found.read().decode()


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with serving() as (_, port):
        other = start("serve", "--port", str(port), stderr=subprocess.PIPE)
        _, err = other.communicate(timeout=60)
    assert other.returncode == 1 and err.decode() == f"Error: 127.0.0.1:{port}: Address already in use\n"


def test_without_the_extra_it_names_the_line_that_adds_it(tmp_path: Path) -> None:
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError(\"No module named 'fastapi'\", name='fastapi')")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parent.parent / 'src'}"}
    done = subprocess.run(
        [sys.executable, "-m", "tidegate", "serve"], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.returncode == 3 and 'pip install "tidegate[serve]"' in done.stderr


def test_the_other_commands_load_no_server() -> None:
    loaded = loaded_after("from tidegate.__main__ import main; assert main(['serve', '--help']) == 0")
    assert not loaded & {"fastapi", "uvicorn", "starlette", "pydantic", "nanoarrow"}
