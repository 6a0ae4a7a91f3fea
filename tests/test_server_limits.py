"""What a server does not take on: each limit has its status and sentence, and nobody can hold it up."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving import CSV, JSON, PARQUET, Running, running
from tidegate.errors import ConfigError
from tidegate.interfaces.server import bodies, verbs
from tidegate.interfaces.server.app import create_app
from tidegate.interfaces.server.bodies import NARROW, columns, opened
from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.refusals import Refusal
from tidegate.interfaces.server.schema import FORECAST
from tidegate.series.reading import open_table

SMALL = Limits(body_bytes=50_000, points=500, series=5, horizon=50, requests=8, heavy_requests=1, receive_seconds=0.5)
DATA = list(range(40))


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(create_app(SMALL), SMALL) as started:
        yield started


@contextmanager
def raw(server: Running) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


NINE = [k / 10 for k in range(1, 10)]
WIDE = "ds," + ",".join(f"c{k}" for k in range(9)) + "\n2024-01-01" + ",1" * 9 + "\n2024-01-02" + ",2" * 9 + "\n"
LONG = "id,ds,y\n" + "".join(f"{who},2024-01-{day:02},1\n" for who in "abcdefg" for day in range(1, 20))


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({"data": DATA, "horizon": 51}, "horizon", "a horizon of 51 steps: this server takes 50 at most"),
        ({"data": list(range(501))}, "points", "501 rows: this server takes 500 at most"),
        ({"data": {f"c{k}": [1, 2, 3] for k in range(6)}}, "series", "6 columns: this server takes 5 at most"),
        ({"data": DATA, "levels": list(range(1, 60))}, "levels", "59 levels: this server takes 50"),
        ({"data": {"a": DATA, "b": DATA, "c": DATA}, "target": "a,b,c", "horizon": 50, "x": 1}, "options", "'x'"),
        ({"data": {c: DATA for c in "abcde"}, "target": ["a", "b", "c", "d"], "horizon": 50}, "", ""),
        (
            {"data": {c: DATA for c in "abcd"}, "target": [*"abcd"], "horizon": 50, "quantile_levels": NINE},
            "points",
            "4 series times 50 steps times 14 columns are more than the 2,500 values that this server forecasts",
        ),
        (
            {"data": {c: DATA for c in "abcde"}, "target": [*"abcd"], "horizon": 50, "levels": [50] * 6},
            "points",
            "13 c",
        ),
        ({"data": {c: DATA for c in "abcde"}, "target": [*"abcd"], "horizon": 50, "levels": 50}, "", ""),
    ],
)
def test_too_much_in_json_is_refused_with_a_sentence(
    server: Running, body: dict[str, object], kind: str, message: str
) -> None:
    answer = server.post("/v1/forecast", **body)
    if not kind:
        assert answer.status == 200, answer.body
        return
    assert answer.error[:2] == (422, kind)
    assert message in answer.error[2]


def test_too_many_columns_or_series_of_a_table_are_refused(server: Running) -> None:
    assert server.ask("POST", "/v1/forecast", WIDE, CSV).error[:2] == (422, "series")
    answer = server.ask("POST", "/v1/forecast?id=id", LONG, CSV)
    assert answer.error == (
        422,
        "series",
        "7 series: this server takes 5 at most; send or ask for fewer, or start it with a larger --most-series",
    )


def test_records_that_share_no_names_are_not_expanded() -> None:
    """54,900 bytes would become a table of 16 million cells."""
    limits = Limits()
    records = [{f"a{k}": 1} for k in range(4_000)]
    with pytest.raises(Refusal, match="15,996,000 cells that the records leave empty: this server takes 2,000,000"):
        columns(records, limits)
    dense = [{"id": k % 3, "ds": k, "y": 1} for k in range(700_000)]  # more cells than points, and all of them sent
    assert len(columns(dense, limits)["y"]) == 700_000
    assert columns([{"y": 1}, {"y": 2, "x": 3}], limits) == {"y": [1, 2], "x": [None, 3]}


def parquet(rows: int, wide: int, **more: object) -> bytes:
    """Equal values, which take next to no room."""
    out = io.BytesIO()
    days = np.datetime64("2000-01-01") + np.arange(rows)
    pq.write_table(pa.table({"ds": days, **{f"c{k}": np.ones(rows) for k in range(wide)}, **more}), out)
    return out.getvalue()


def test_a_small_parquet_file_is_refused_by_the_size_of_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(points=100_000, body_bytes=1_000_000)
    body = parquet(20_000, 60)
    assert len(body) < 200_000
    with running(create_app(limits), limits) as server:
        monkeypatch.setattr(verbs, "open_table", lambda *_, **__: pytest.fail("opened"))
        answer = server.ask("POST", "/v1/forecast", body, PARQUET)
        assert answer.error[:2] == (422, "body-bytes") and "the table has 1,220,000 cells" in answer.error[2]


def test_values_beyond_the_limit_are_not_even_read() -> None:
    limits = Limits(points=100_000)
    with running(create_app(limits), limits) as server:
        answer = server.ask("POST", "/v1/forecast", parquet(20_000, 10), PARQUET)
        assert answer.error[:2] == (422, "points") and "120,000 values or more" in answer.error[2]
        body = parquet(20_000, 10, y=np.arange(20_000.0))  # of the same table one column: the others are not used
        answer = server.ask("POST", "/v1/forecast?target=y&horizon=2", body, PARQUET)
        assert answer.status == 200 and answer.json["series"] == 1, answer.body


@pytest.mark.parametrize(("wide", "kind"), [(NARROW - 1, Path), (400, bytes)])
def test_a_wide_parquet_file_is_read_at_once(wide: int, kind: type) -> None:
    """Column by column 400 of 30 rows took 5 seconds, 1,000 took 27 and 2,000 took 215."""
    with opened(bodies.PARQUET, parquet(30, wide), {}, FORECAST, Limits()) as (data, size, _):
        assert isinstance(data, kind) and size == (30, wide + 1)
        table = open_table(data)
        assert (table.rows, len(table.columns)) == size


def test_too_many_values_of_the_answer_are_refused(server: Running) -> None:
    answer = server.post("/v1/backtest", data=list(range(200)), horizon=20, windows=30, step=1, baselines=[])
    assert answer.error[:2] == (422, "points") and "times 30 windows" in answer.error[2]


@pytest.mark.parametrize("told", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Running, told: bool) -> None:
    with raw(server) as connection:
        head = b"POST /v1/forecast HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/csv\r\n"
        if told:
            connection.sendall(head + b"content-length: 99999999999\r\n\r\n")
        else:
            connection.sendall(head + b"transfer-encoding: chunked\r\n\r\n")
            connection.sendall(b"ea60\r\n" + b"x" * 60_000 + b"\r\n")
        found = everything(connection)
    assert (
        found.startswith(b"HTTP/1.1 413 ")
        and b"this server takes at most 50,000" in found
        and b"connection: close" in found
    )


def test_a_body_that_does_not_arrive_is_not_waited_for(server: Running) -> None:
    with raw(server) as connection:
        connection.sendall(b"POST /v1/forecast HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/csv\r\n")
        connection.sendall(b"content-length: 100\r\n\r\nds,y\n")
        found = everything(connection)
    assert found.startswith(b"HTTP/1.1 408 ") and b"5 bytes of the body came within 0.5 seconds" in found


@pytest.mark.parametrize("begun", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: "])
def test_a_head_that_does_not_arrive_is_not_waited_for(server: Running, begun: bytes) -> None:
    with raw(server) as connection:
        connection.sendall(begun)
        assert everything(connection).startswith(b"HTTP/1.1 408 ")


def test_nor_is_the_second_one_of_a_connection(server: Running) -> None:
    with raw(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        while not connection.recv(65536).endswith(b"}"):
            pass
        connection.sendall(b"GET /he")
        assert everything(connection).startswith(b"HTTP/1.1 408 ")


def test_nor_is_what_follows_a_whole_request_in_the_same_breath(server: Running) -> None:
    with raw(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\nGET /he")
        assert everything(connection).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(server: Running) -> None:
    half = b"POST /v1/forecast HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nab"
    for sent in (b"", half[:13], half):
        with raw(server) as connection:
            connection.sendall(sent)
    body = json.dumps({"data": DATA}).encode()
    with raw(server) as connection:  # a whole request, whose answer nobody reads
        head = "POST /v1/forecast HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    assert server.post("/v1/forecast", data=DATA).status == 200


# --- who waits for whom -----------------------------------------------------------------------------------------------


@contextmanager
def busy(**limits: float) -> Iterator[tuple[Running, threading.Event]]:
    """A server whose backtests take until the event is set."""
    done = threading.Event()
    real = verbs.backtesting.backtest

    def slow(*arguments: object, progress: object, **options: object) -> object:
        while not done.wait(0.01):
            progress(0.5, "slow")  # type: ignore[operator]
        return real(*arguments, **options)  # type: ignore[arg-type]

    most = Limits(**limits)  # type: ignore[arg-type]
    patch = pytest.MonkeyPatch()
    patch.setattr(verbs.backtesting, "backtest", slow)
    with running(create_app(most), most) as server:
        try:
            yield server, done
        finally:
            done.set()
            patch.undo()


def until(server: Running, name: str, value: int) -> None:
    deadline = time.monotonic() + 30
    while f"{name} {value}\n" not in server.ask("GET", "/metrics").body.decode():
        assert time.monotonic() < deadline
        time.sleep(0.01)


BACKTEST = {"data": DATA, "horizon": 4, "windows": 2, "baselines": []}


def test_small_requests_do_not_wait_for_large_ones_and_of_these_only_some_may_wait() -> None:
    with busy(heavy_requests=2) as (server, done), ThreadPoolExecutor(2) as pool:
        first = [pool.submit(lambda: server.post("/v1/backtest", **BACKTEST)) for _ in range(2)]
        until(server, "tidegate_heavy_requests_running", 2)
        assert server.post("/v1/forecast", data=DATA).status == 200
        refused = server.post("/v1/backtest", **BACKTEST)
        assert refused.error[:2] == (429, "heavy-requests") and refused.headers["retry-after"] == "5"
        done.set()
        assert [one.result(60).status for one in first] == [200, 200]
        assert server.post("/v1/backtest", **BACKTEST).status == 200


def test_a_forecast_of_many_series_is_a_large_request() -> None:
    table = "id,ds,y\n" + "".join(f"{who},2024-01-{day:02},{day}\n" for who in range(70) for day in range(1, 10))
    with busy(heavy_requests=1) as (server, done), ThreadPoolExecutor(1) as pool:
        assert server.ask("POST", "/v1/forecast?id=id&horizon=2", table, CSV).status == 200
        waiting = pool.submit(lambda: server.post("/v1/backtest", **BACKTEST))
        until(server, "tidegate_heavy_requests_running", 1)
        assert server.ask("POST", "/v1/forecast?id=id&horizon=2", table, CSV).error[:2] == (429, "heavy-requests")
        assert server.post("/v1/forecast", data=DATA).status == 200
        done.set()
        assert waiting.result(60).status == 200


def test_a_long_or_wide_table_is_a_large_request_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = {f"c{k}": [1, 2, 3] for k in range(65)}
    text = ",".join(wide) + "\n" + 3 * (",".join("1" * 65) + "\n")
    with busy(heavy_requests=1) as (server, done), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: server.post("/v1/backtest", **BACKTEST))
        until(server, "tidegate_heavy_requests_running", 1)
        monkeypatch.setattr(verbs, "open_table", lambda *_, **__: pytest.fail("opened"))
        for answer in (
            server.post("/v1/forecast", data=wide, target="c0"),
            server.post("/v1/forecast", data=[{name: 1} for name in wide], target="c0"),
            server.post("/v1/forecast", data=[1] * 50_001),
            server.ask("POST", "/v1/forecast?target=c0", text, CSV),
            server.ask("POST", "/v1/forecast?target=c0", parquet(3, 65), PARQUET),
            server.ask("POST", "/v1/forecast?target=c0", parquet(50_001, 1), PARQUET),
        ):
            assert answer.error[:2] == (429, "heavy-requests")
        monkeypatch.undo()
        done.set()
        assert waiting.result(60).status == 200


def test_more_requests_than_it_takes_are_told_to_come_again() -> None:
    with busy(requests=1) as (server, done), ThreadPoolExecutor(1) as pool:
        only = pool.submit(lambda: server.post("/v1/backtest", **BACKTEST))
        until(server, "tidegate_requests_running", 1)
        refused = server.post("/v1/forecast", data=DATA)
        assert refused.error[:2] == (503, "requests") and refused.headers["retry-after"] == "1"
        assert server.ask("GET", "/ready").status == 503 and server.ask("GET", "/health").status == 200
        done.set()
        assert only.result(60).status == 200
        assert server.post("/v1/forecast", data=DATA).status == 200


def test_what_takes_too_long_is_ended_and_its_place_is_free_again() -> None:
    with busy(seconds=0.5, heavy_requests=1) as (server, _):
        for _ in range(2):  # with its place taken, the second would be refused at once
            answer = server.post("/v1/backtest", **BACKTEST)
            assert answer.error[:2] == (503, "seconds") and "not done within 0.5 seconds" in answer.error[2]
            until(server, "tidegate_heavy_requests_running", 0)


def test_the_work_of_a_client_that_has_left_is_ended() -> None:
    with busy() as (server, _):
        body = json.dumps(BACKTEST).encode()
        with raw(server) as connection:
            head = "POST /v1/backtest HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            until(server, "tidegate_heavy_requests_running", 1)
        until(server, "tidegate_heavy_requests_running", 0)


def test_so_is_that_of_a_forecast_which_turns_out_to_be_large_only_when_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = "id,ds,y\n" + "".join(f"{who},2024-01-{day:02},{day}\n" for who in range(70) for day in range(1, 10))
    limits = Limits()
    ended = threading.Event()

    def slow(*_: object, progress: object, **__: object) -> object:
        try:
            while True:
                time.sleep(0.01)
                progress(1, 2)  # type: ignore[operator]
        finally:
            ended.set()

    with running(create_app(limits), limits) as server:
        monkeypatch.setattr(verbs.api, "forecast", slow)
        with raw(server) as connection:
            head = "POST /v1/forecast?id=id HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/csv\r\n"
            connection.sendall(f"{head}content-length: {len(table)}\r\n\r\n{table}".encode())
            until(server, "tidegate_heavy_requests_running", 1)
        assert ended.wait(30)
        until(server, "tidegate_heavy_requests_running", 0)


def test_a_limit_of_nothing_makes_no_sense() -> None:
    with pytest.raises(ConfigError, match="points 0: expected a number above 0"):
        Limits(points=0)


# --- whatever else comes ----------------------------------------------------------------------------------------------

texts = st.text(max_size=8) | st.sampled_from(["2024-01-01", "1,5"])
cells = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    cells, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
tables = st.dictionaries(st.sampled_from(["ds", "y", "id", "", "x"]), st.lists(cells, max_size=12), max_size=3)
options = st.dictionaries(
    st.sampled_from(["horizon", "levels", "quantile_levels", "season_length", "id", "time", "target", "lower", "bounds",
                     "timezone", "frequency", "every", "aggregate", "date_format", "decimal", "model", "history"]),
    values, max_size=3,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(data=tables | st.lists(cells, max_size=12) | st.lists(tables, max_size=3) | values, more=options)
def test_no_json_makes_it_fail(server: Running, data: object, more: dict[str, object]) -> None:
    answer = server.post("/v1/forecast", data=data, **more)
    assert answer.status in (200, 422), (answer.status, answer.body)


@settings(max_examples=80, deadline=None)
@given(body=st.binary(max_size=60) | st.text(alphabet='ds,y;\n\t "2024-01.é\0', max_size=80).map(str.encode))
def test_no_bytes_make_it_fail(server: Running, body: bytes) -> None:
    for headers in (CSV, JSON):
        answer = server.ask("POST", "/v1/forecast", body, headers)
        assert answer.status in (200, 400, 415, 422), (answer.status, answer.body)


@settings(max_examples=60, deadline=None)
@given(sent=st.binary(max_size=60))
def test_no_noise_on_the_line_makes_it_fail(server: Running, sent: bytes) -> None:
    with raw(server) as connection:
        connection.sendall(sent + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        found = everything(connection)
    assert not found or found.startswith((b"HTTP/1.1 4", b"HTTP/1.1 2"))
