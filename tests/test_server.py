"""The server's interface: the same numbers as Python and the command line, in every form, and errors that help."""

from __future__ import annotations

import inspect
import io
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import tidegate
from tests.serving import CSV, JSON, PARQUET, Running, running
from tests.test_layers import AIRLINE
from tidegate.__main__ import main
from tidegate.interfaces import cli
from tidegate.interfaces.server import refusals
from tidegate.interfaces.server.app import create_app
from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.refusals import KINDS
from tidegate.interfaces.server.schema import BACKTEST, FORECAST, NOT_FOR_REQUESTS, descriptions

ARROW = "application/vnd.apache.arrow.stream"
TABLE = AIRLINE.read_bytes()
FRAME = pd.read_csv(AIRLINE)
COLUMNS = {name: FRAME[name].tolist() for name in FRAME}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    limits = Limits()
    with running(create_app(limits), limits) as started:
        yield started


def two_stores() -> pd.DataFrame:
    days = pd.date_range("2026-01-01", periods=40).strftime("%Y-%m-%d")
    one, other = (
        pd.DataFrame({"store": who, "day": days, "sold": np.arange(40) % 7 + k}) for who, k in (("A", 3), ("B", 9))
    )
    return pd.concat([one, other])


# --- one schema for Python, command line and HTTP ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"horizon": 5}, ["--horizon", "5"]),
        ({}, []),
        (
            {"horizon": 4, "levels": [50], "quantile_levels": [0.1, 0.99], "season_length": [6, 12], "lower": 400},
            [
                "--horizon",
                "4",
                "--levels",
                "50",
                "--quantile-levels",
                "0.1,0.99",
                "--season-length",
                "6,12",
                "--lower",
                "400",
            ],
        ),
        (
            {"horizon": 3, "calibrate": False, "bounds": False, "drop_last": True, "frequency": "MS"},
            ["--horizon", "3", "--no-calibrate", "--no-bounds", "--drop-last", "--frequency", "MS"],
        ),
    ],
)
def test_the_same_input_gives_the_same_numbers_by_python_command_line_and_http(
    server: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], words: list[str]
) -> None:
    expected = tidegate.forecast(AIRLINE, threads=1, **options).columns(text=True)
    assert main(["forecast", str(AIRLINE), *words, "--json", "--threads", "1"]) == 0
    told = json.loads(capsys.readouterr().out)["forecast"]
    parquet = tmp_path / "airline.parquet"
    FRAME.to_parquet(parquet)
    texts = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in options.items()}
    query = "&".join(f"{name}={value}" for name, value in texts.items())
    answers = [
        server.post("/v1/forecast", data=COLUMNS, **options),
        server.post("/v1/forecast", data=FRAME.to_dict("records"), **options),
        server.ask("POST", f"/v1/forecast?{query}", TABLE, CSV),
        server.ask("POST", f"/v1/forecast?{query}", parquet.read_bytes(), PARQUET),
    ]
    assert all("the table: " in answers[kind].json["notes"][0] for kind in (2, 3))
    for answer in answers:
        assert answer.status == 200, answer.body
        found = answer.json["forecast"]
        assert list(found) == list(expected) == list(told[0])
        for name, values in expected.items():
            for numbers in (found[name], [record[name] for record in told]):
                assert numbers == (values.tolist() if name == "Month" else pytest.approx(values.tolist(), rel=1e-6))


def test_a_backtest_is_the_document_that_python_and_the_command_line_give(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--horizon", "12", "--windows", "2", "--baseline", "naive", "--threads", "1", "--json", "--quiet"]
    assert main(["backtest", str(AIRLINE), *words]) == 0
    told = json.loads(capsys.readouterr().out)
    answer = server.post("/v1/backtest", data=COLUMNS, horizon=12, windows=2, baselines="naive")
    assert answer.status == 200, answer.body
    for part in ("verdict", "warnings", "recommendation", "origins", "undefined"):
        assert answer.json[part] == told[part]
    for who, scores in told["scores"].items():
        assert answer.json["scores"][who] == pytest.approx(scores, rel=1e-5, nan_ok=True)
    settings = answer.json["settings"]
    of_files = {name: settings[name] for name in ("data", "command")}
    assert settings == told["settings"] | of_files and settings["models"] == ["default"]
    assert settings["command"].startswith("tidegate backtest ") and " --model default " in settings["command"]


def test_the_settings_of_a_backtest_are_what_the_request_said_and_no_path_of_the_server(server: Running) -> None:
    options = {"id": "store", "target": "sold", "horizon": 3, "windows": 2, "baselines": []}
    answer = server.post("/v1/backtest", data=two_stores().to_dict("records"), **options)
    assert answer.status == 200, answer.body
    settings = answer.json["settings"]
    assert {name: settings[name] for name in options} | {"baselines": []} == options
    assert settings["models"] == ["default"]
    assert str(Path(tidegate.__file__).parent) not in answer.body.decode()


@pytest.mark.parametrize(("options", "function"), [(FORECAST, tidegate.forecast), (BACKTEST, tidegate.backtest)])
def test_every_option_of_the_function_is_one_of_http_with_the_same_default(options: Any, function: Any) -> None:
    fields = options.model.model_fields
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in NOT_FOR_REQUESTS:
            assert name in fields
            assert fields[name].default == (None if name in ("model", "models") else parameter.default)
            assert fields[name].description
    assert set(fields) - set(inspect.signature(function).parameters) == set(options.further)


@pytest.mark.parametrize("command", ["forecast", "backtest"])
def test_every_option_of_the_function_is_one_of_the_command_line_with_the_same_default(command: str) -> None:
    """The verbs of the command line are written for people; this keeps them from drifting."""
    told = cli.command_line.commands[command].make_context(command, ["data.csv"]).params
    named_otherwise = ("progress", "bounds", "models", "baselines")
    for name, parameter in inspect.signature(getattr(tidegate, command)).parameters.items():
        if name not in named_otherwise:
            default = cli._refit(told[name]) if name == "refit" else told[name]
            assert default == ("data.csv" if name == "data" else parameter.default), name
    assert told["no_bounds"] is False


def test_descriptions_are_those_of_the_docstring() -> None:
    found = descriptions(tidegate.forecast)
    assert found["id"] == found["target"]
    assert found["id"] == "names of the columns, where they cannot be told apart; see `docs/reading.md`."
    assert found["horizon"].startswith("steps ahead; left out, the one the model was fitted for, else a number usual")
    assert FORECAST.model.model_fields["levels"].description == found["levels"]


# --- forms of the answer ----------------------------------------------------------------------------------------------


def test_csv_comes_back_as_the_file_that_save_writes(server: Running) -> None:
    answer = server.ask("POST", "/v1/forecast?horizon=3", TABLE, CSV | {"accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    expected = pd.read_csv(io.StringIO(tidegate.forecast(AIRLINE, 3, threads=1).to_text("csv")))
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(answer.body)), expected, rtol=1e-6)


@pytest.mark.parametrize("zone", ["Europe/Berlin", timezone(timedelta(hours=2))])
def test_arrow_comes_back_with_types_and_zones(server: Running, zone: str | timezone) -> None:
    stamps = pd.date_range("2026-03-28", periods=60, freq="h", tz=zone)
    born = pd.Timestamp("2020-05-17 08:00").as_unit("us")  # no time of the series, so it has no zone
    frame = pd.DataFrame({"at": stamps, "who": 7, "born": born, "load": np.sin(np.arange(60) / 4)})
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    query = "horizon=5&id=who,born&time=at&target=load"
    answer = server.ask("POST", f"/v1/forecast?{query}", buffer.getvalue(), PARQUET | {"accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    found = pa.ipc.open_stream(answer.body).read_all()
    options = {"id": ["who", "born"], "time": "at", "target": "load"}
    expected = tidegate.forecast(pa.Table.from_pandas(frame), 5, **options, threads=1).frame
    assert found.column_names == expected.column_names
    assert found["at"].type.tz == expected["at"].type.tz == ("Europe/Berlin" if zone == "Europe/Berlin" else "+02:00")
    assert found["at"].to_pylist() == expected["at"].to_pylist()
    assert found["who"].to_pylist() == [7] * 5
    assert found["born"].type == pa.timestamp("us") and found["born"].to_pylist() == [born.to_pydatetime()] * 5
    assert found["forecast"].to_pylist() == pytest.approx(expected["forecast"].to_pylist(), rel=1e-6)


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("ns")])
def test_dates_come_back_in_arrow_as_dates_and_times_as_times(server: Running, kind: pa.DataType) -> None:
    days = pa.array(np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]"))
    table = pa.table({"born": pa.array([date(2020, 5, 17)] * len(days)), "day": days.cast(kind), "y": range(len(days))})
    buffer = io.BytesIO()
    pa.parquet.write_table(table, buffer)
    query = "horizon=3&id=born&time=day&target=y"
    answer = server.ask("POST", f"/v1/forecast?{query}", buffer.getvalue(), PARQUET | {"accept": ARROW})
    assert answer.status == 200, answer.body
    found = pa.ipc.open_stream(answer.body).read_all()
    assert found["born"].type == pa.date32() and found["born"].to_pylist() == [date(2020, 5, 17)] * 3
    assert found["day"].type == kind
    assert found["day"].cast(pa.date32()).to_pylist() == [date(2024, 2, day) for day in (10, 11, 12)]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        (f"{ARROW}, text/csv", ARROW),
    ],
)
def test_accept_chooses_the_form(server: Running, accept: str, form: str) -> None:
    answer = server.ask("POST", "/v1/forecast?horizon=2", TABLE, CSV | {"accept": accept})
    assert answer.status == 200 and answer.headers["content-type"].split(";")[0] == form


def test_with_history_an_answer_holds_what_a_chart_needs(server: Running) -> None:
    table = two_stores().drop(index=5)  # the same day of both
    answer = server.ask(
        "POST",
        "/v1/forecast?horizon=3&history=true&history_length=10&id=store&target=sold",
        table.to_csv(index=False),
        CSV,
    )
    found = answer.json
    recognised = {
        key: found["recognised"][key] for key in ("columns", "id", "time", "target", "series", "points", "missing")
    }
    assert recognised == {
        "columns": ["store", "day", "sold"], "id": ["store"], "time": ["day"], "target": "sold",
        "series": 2, "points": 80, "missing": 2,
    }  # fmt: skip
    assert found["recognised"]["frequency"] == {"word": "D", "name": "daily"}
    assert [one["id"] for one in found["history"]] == ["A", "B"]
    one = found["history"][1]
    assert one["length"] == 40 and one["missing"] == 1 and one["season_length"] == [7]
    assert one["values"] == [float(k % 7 + 9) for k in range(30, 40)]
    assert one["stamps"][-1] == "2026-02-09" and len(one["stamps"]) == len(one["x"]) == 10
    assert np.diff([*one["x"], *one["x_forecast"]]).tolist() == [86_400_000] * 12
    assert found["forecast"]["store"] == ["A"] * 3 + ["B"] * 3


# --- what else there is -----------------------------------------------------------------------------------------------


def test_the_models_and_the_state_of_the_server_can_be_asked_for(server: Running) -> None:
    (model,) = server.ask("GET", "/v1/models").json["models"]
    assert model["name"] == "default" and 0.5 in model["quantile_levels"] and model["horizon_limit"] >= 4096
    assert server.ask("GET", "/health").json == {"status": "ok", "version": tidegate.__version__}
    assert server.ask("GET", "/ready").status == 200


def test_several_models_are_offered_by_name_and_the_first_is_the_default(tmp_path: Path) -> None:
    tidegate.load().save(tmp_path / "mine.onnx")
    limits = Limits()
    with running(create_app(limits, model=[tmp_path / "mine.onnx", "default"]), limits) as server:
        assert [one["name"] for one in server.ask("GET", "/v1/models").json["models"]] == ["mine", "default"]
        assert server.post("/v1/forecast", data=COLUMNS, horizon=2).json["model"]["name"] == "mine"
        answer = server.post(
            "/v1/backtest", data=COLUMNS, horizon=12, windows=2, models=["default", "mine"], baselines=[]
        )
        assert list(answer.json["scores"])[:2] == ["Tidegate", "mine"]
        assert answer.json["settings"]["models"] == ["default", "mine"]
        assert str(tmp_path) not in answer.body.decode()
        assert server.post("/v1/forecast", data=COLUMNS, model="default").json["model"]["name"] == "default"


def test_the_farthest_step_that_can_be_asked_for_is_told(server: Running) -> None:
    few = Limits(horizon=30)
    with running(create_app(few), few) as small:
        assert small.ask("GET", "/v1/models").json["models"][0]["horizon_limit"] == 30
        assert small.post("/v1/forecast", data=COLUMNS, horizon=30).json["model"]["horizon_limit"] == 30
        assert small.post("/v1/forecast", data=COLUMNS, horizon=31).error[:2] == (422, "horizon")
    many = Limits(horizon=1_000_000)
    with running(create_app(many), many) as large:
        most = large.post("/v1/forecast", data=COLUMNS).json["model"]["horizon_limit"]
        assert most == tidegate.load().file.horizon_limit > 4096
        assert large.post("/v1/forecast", data=COLUMNS, horizon=most + 1).error[:2] == (422, "options")


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/health", 200), ("/v1/models", 200), ("/v1/forecast", 405), ("/v2", 404)]
)
def test_head_is_answered_as_get_is_without_the_body(server: Running, path: str, status: int) -> None:
    whole, head = server.ask("GET", path), server.ask("HEAD", path)
    assert head.status == whole.status == status and head.body == b""
    assert int(head.headers["content-length"]) == len(whole.body) > 0
    assert {name: head.headers.get(name) for name in ("content-type", "etag")} == {
        name: whole.headers.get(name) for name in ("content-type", "etag")
    }


def test_metrics_are_text_that_prometheus_reads_and_count_what_was_asked(server: Running) -> None:
    def count() -> float:
        lines = server.ask("GET", "/metrics").body.decode().splitlines()
        assert all(line.startswith("#") or len(line.rsplit(" ", 1)) == 2 for line in lines)
        samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        name = "tidegate_request_seconds"
        assert samples[f'{name}_bucket{{route="/metrics",le="+Inf"}}'] == samples[f'{name}_count{{route="/metrics"}}']
        return float(samples.get('tidegate_requests_total{route="/v1/forecast",status="422"}', 0))

    assert server.ask("GET", "/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
    before = count()
    server.post("/v1/forecast", data=[])
    assert count() == before + 1


def test_every_example_of_the_description_works_and_every_option_is_described(server: Running) -> None:
    document = server.ask("GET", "/openapi.json").json
    tried = 0
    for path in ("/v1/forecast", "/v1/backtest"):
        operation = document["paths"][path]["post"]
        for kind, content in operation["requestBody"]["content"].items():
            for example in content.get("examples", {}).values():
                body = json.dumps(example["value"]) if kind == "application/json" else example["value"]
                query = "?windows=2&horizon=7&baselines=" if path == "/v1/backtest" and kind == "text/csv" else ""
                answer = server.ask("POST", path + query, body, {"content-type": kind})
                assert answer.status == 200, answer.body
                tried += 1
        names = {parameter["name"] for parameter in operation["parameters"]}
        options = FORECAST if path == "/v1/forecast" else BACKTEST
        assert names == set(options.model.model_fields)
        assert all(parameter["description"] for parameter in operation["parameters"])
    assert tried == 6
    assert "text/plain" in document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]


# --- errors -----------------------------------------------------------------------------------------------------------


OCTETS = {"content-type": "application/octet-stream"}


@pytest.mark.parametrize(
    ("body", "status", "kind", "message"),
    [
        (b"{", 400, "body", "the body is not JSON"),
        (b"[" * 100_000, 400, "body", "nested too deeply"),
        (b'{"data": {"y": [1, 2], "id": ["\\ud800", "b"]}}', 400, "body", "the body is not JSON"),  # half a character
        (b'{"horizon": 3}', 422, "body", 'the body has no "data"'),
        (b'{"data": "/etc/passwd"}', 422, "body", '"data" is text: expected a list of records'),
        (b'{"data": "https://example.org/a.csv"}', 422, "body", '"data" is text'),
        (b'{"data": {"y": "/etc/passwd"}}', 422, "body", "a column 'y' that is not a list"),
        (b'{"data": [[1, 2], [3, 4]]}', 422, "body", "list of lists"),
        (b'{"data": [{"y": {"a": 1}}]}', 422, "body", "a column 'y' that is not a list of numbers or text"),
        (b'{"data": [1, 2, 3], "horizn": 3}', 422, "options", "did you mean 'horizon'?"),
        (b'{"data": [1, 2, 3], "horizon": "far"}', 422, "options", "horizon: found 'far', expected a valid integer"),
        (b'{"data": [1, 2, 3], "horizon": 0}', 422, "options", "expected a whole number from 1"),
        (b'{"data": [1, 2, 3], "model": "/etc/passwd"}', 422, "options", "there is no model '/etc/passwd' here"),
        (b'{"data": [1, 2, 3], "start": "a.onnx"}', 422, "options", "there is no option 'start' here"),
        (b'{"data": [1, 2, 3], "threads": 64}', 422, "options", "there is no option 'threads' here"),
        (b'{"data": [1, 2, 3], "history_length": -5}', 422, "options", "history_length: found -5, expected at least 0"),
        (b'{"data": [1, 2, 3], "lower": NaN}', 422, "options", "lower: found nan, expected a finite number"),
        (b'{"data": []}', 422, "data", "found no rows"),
        (b'{"data": [1e999, 2, 3]}', 422, "data", "found an infinite value"),
        (b'{"data": {"a": [1, 2], "b": [1]}}', 422, "data", "the columns have different lengths"),
    ],
)
def test_an_error_in_json_says_what_was_found_what_was_expected_and_what_to_do(
    server: Running, body: bytes, status: int, kind: str, message: str
) -> None:
    answer = server.ask("POST", "/v1/forecast", body, JSON)
    assert answer.error[:2] == (status, kind), answer.body
    assert message in answer.error[2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_may_come_in_any_of_its_encodings(server: Running, encoding: str) -> None:
    body = json.dumps({"data": {"é": [1, 2, 3, 4]}, "horizon": 2}, ensure_ascii=False).encode(encoding)
    answer = server.ask("POST", "/v1/forecast", body, JSON)
    assert answer.status == 200, answer.body
    assert 'target "é"' in answer.json["notes"][0]


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind", "message"),
    [
        (CSV, b"", 422, "data", "the file is empty"),
        (CSV, b"ds,y\n2024-01-01,1\n2024-01-02,oops\n2024-01-03,2\n2024-01-04,3\n", 422, "data", "oops"),
        (CSV, b"\x1f\x8b\x08\x00", 415, "content-encoding", "compressed with gzip"),
        (PARQUET, b"PK\x03\x04", 400, "body", "not a Parquet file"),
        (PARQUET, b"PAR1" + b"\0" * 20, 422, "data", "damaged Parquet file"),
        ({}, b"ds,y\n", 415, "content-type", "found no Content-Type, expected application/json"),
        (OCTETS, b"", 415, "content-type", "found Content-Type: application/octet-stream"),
        (CSV | {"content-encoding": "gzip"}, b"", 415, "content-encoding", "send the body as it is"),
        (CSV | {"accept": "image/png"}, TABLE, 406, "accept", "found Accept: image/png, expected application/json"),
    ],
)
def test_so_does_one_in_a_table_or_a_header(
    server: Running, headers: dict[str, str], body: bytes, status: int, kind: str, message: str
) -> None:
    answer = server.ask("POST", "/v1/forecast", body, headers)
    assert answer.error[:2] == (status, kind), answer.body
    assert message in answer.error[2]


def test_so_does_one_in_the_address(server: Running) -> None:
    answer = server.ask("POST", "/v1/forecast?bounds=maybe", TABLE, CSV)
    assert answer.error[:2] == (422, "options") and "bounds: found 'maybe', expected a valid boolean" in answer.error[2]


def test_an_option_is_said_once(server: Running) -> None:
    body = json.dumps({"data": list(range(20)), "horizon": 3})
    answer = server.ask("POST", "/v1/forecast?horizon=4", body, JSON)
    assert answer.error == (422, "options", 'horizon is both in the address and beside "data": give it once')
    assert server.ask("POST", "/v1/forecast?levels=50", body, JSON).json["levels"] == [50]


def test_where_the_columns_cannot_be_told_apart_the_error_lists_them(server: Running) -> None:
    answer = server.ask("POST", "/v1/forecast", two_stores().to_csv(index=False), CSV)
    assert answer.error[:2] == (422, "data") and "--id store" in answer.error[2]
    assert answer.json["error"]["columns"] == ["store", "day", "sold"]
    assert answer.json["error"]["suggested"] == {"target": "sold", "id": "store"}


def test_where_several_options_help_the_error_holds_each_of_them(server: Running) -> None:
    table = "time,y\n" + "".join(f"2024-01-{day:02},{day}\n" for day in (1, 2, 3, 3, 4, 5))
    error = server.ask("POST", "/v1/forecast", table, CSV).json["error"]
    assert error["suggested"] == {"duplicates": "mean"}
    assert error["alternatives"] == [{"duplicates": "sum"}, {"duplicates": "last"}]
    for way in (error["suggested"], *error["alternatives"]):
        assert server.ask("POST", f"/v1/forecast?horizon=2&{urlencode(way)}", table, CSV).status == 200


NAMES = [
    "shop.id",
    "shop $'x",
    "a b",
    'the "best"',
    "shop: --target 1",
    "--id",
    "back\\slash",
    "läden, alle",
    "o'clock",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_error_suggests_can_be_asked_for_whatever_the_column_is_called(server: Running, name: str) -> None:
    table = two_stores().rename(columns={"store": name, "sold": "price.usd"})
    table.insert(2, "price.eur", 1.1 * table["price.usd"])
    refused = server.ask("POST", "/v1/forecast", table.to_csv(index=False), CSV)
    assert refused.error[:2] == (422, "data")
    suggested = refused.json["error"]["suggested"]
    assert suggested == {"target": "price.usd", "id": name}
    answer = server.ask("POST", f"/v1/forecast?horizon=2&{urlencode(suggested)}", table.to_csv(index=False), CSV)
    assert answer.status == 200 and answer.json["series"] == 2, answer.body


def test_an_example_that_names_no_columns_of_the_table_is_no_suggestion(server: Running) -> None:
    table = "Year,Day,y\n" + "".join(f"2024,{day},{day}.5\n" for day in range(1, 13))
    answer = server.ask("POST", "/v1/forecast?horizon=2", table, CSV)
    assert answer.error[:2] == (422, "data") and "--time year,month,day" in answer.error[2]
    assert answer.json["error"]["columns"] == ["Year", "Day", "y"] and answer.json["error"]["suggested"] == {}


def test_every_kind_of_refusal_stands_in_the_table_of_the_document(server: Running) -> None:
    text = (AIRLINE.parent.parent / "docs" / "serving.md").read_text()
    rows = re.findall(r"^\| ([\d, ]+) \| (.*) \|$", text, re.MULTILINE)
    told = {(int(status), kind) for codes, cell in rows for status in codes.split(", ")
            for kind in re.findall(r"`([a-z_-]+)`", cell)}  # fmt: skip
    raised = {(status, kind) for _, status, kind in KINDS} | {(404, "route"), (405, "route")}
    raised |= {(422, kind) for kind in ("points", "series", "horizon", "levels", "quantile_levels")}
    for source in Path(refusals.__file__).parent.glob("*.py"):
        found = re.findall(r'Refusal\(\s*(\d+),\s*"([a-z_-]+)"', source.read_text())
        raised |= {(int(status), kind) for status, kind in found}
    assert len(raised) > 20 and raised <= told
    listed = server.ask("GET", "/openapi.json").json["paths"]["/v1/forecast"]["post"]["responses"]
    assert {str(status) for status, kind in raised} - {"404", "405"} <= listed.keys()


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/forecast", 405), ("POST", "/health", 405), ("GET", "/v2", 404)]
)
def test_another_place_or_method_is_told_what_there_is(server: Running, method: str, path: str, status: int) -> None:
    answer = server.ask(method, path)
    assert answer.error[:2] == (status, "route") and "POST /v1/forecast" in answer.error[2]
