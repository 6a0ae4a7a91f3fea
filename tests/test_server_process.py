"""`tidegate serve` as people start and stop it: a process, its words, and a stop that loses nothing it accepted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
