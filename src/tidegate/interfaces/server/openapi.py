"""The description of the interface for programs, made from the same options that check a request."""

from __future__ import annotations

from typing import Any

from tidegate.interfaces.server import answers, bodies
from tidegate.interfaces.server.schema import BACKTEST, FORECAST, Options

ABOUT = "Forecasts of time series with LSTM networks: a table in, quantiles of the next steps out."

DAYS = [f"2024-01-{day:02}" for day in range(1, 29)]
VISITORS = [
    20,
    22,
    25,
    23,
    30,
    41,
    38,
    21,
    24,
    24,
    26,
    31,
    43,
    39,
    22,
    23,
    27,
    25,
    33,
    42,
    40,
    23,
    25,
    26,
    27,
    34,
    45,
    41,
]
RECORDS: dict[str, Any] = {
    "data": [{"ds": day, "y": value} for day, value in zip(DAYS, VISITORS, strict=True)],
    "horizon": 7,
}
COLUMNS: dict[str, Any] = {
    "data": {"day": DAYS, "visitors": VISITORS},
    "time": "day",
    "target": "visitors",
    "horizon": 7,
    "levels": [50, 90],
    "history": True,
}
VALUES: dict[str, Any] = {"data": VISITORS, "horizon": 7, "season_length": 7}
ORIGINS: dict[str, Any] = {"data": {"ds": DAYS, "y": VISITORS}, "horizon": 7, "windows": 2, "baselines": []}
TABLE = "ds,y\n" + "".join(f"{day},{value}\n" for day, value in zip(DAYS, VISITORS, strict=True))

_CELL = {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "boolean"}, {"type": "null"}]}
_DATA = {
    "description": "The table: a list of records, an object with columns of equal length, or a list of numbers.",
    "anyOf": [
        {"type": "array", "items": {"type": "object", "additionalProperties": _CELL}},
        {"type": "object", "additionalProperties": {"type": "array", "items": _CELL}},
        {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
    ],
}
_SUGGESTED = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "Options that may make the table readable.",
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["kind", "message"],
            "properties": {
                "kind": {"type": "string"},
                "message": {"type": "string"},
                "columns": {"type": "array", "items": {"type": "string"}, "description": "The columns of the table."},
                "suggested": _SUGGESTED,
                "alternatives": {
                    "type": "array",
                    "items": _SUGGESTED,
                    "description": "What may be given in place of `suggested`.",
                },
            },
        }
    },
}
_REFUSED = {
    400: "The body does not match its Content-Type.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another site.",
    406: "The answer is not available in a format that Accept names.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "This Content-Type or Content-Encoding is not supported.",
    421: "The request names another host.",
    422: "The data or options cannot be used, or there are too many of them.",
    429: "Too many large requests are waiting.",
    500: "An internal error, or a model file that does not fit.",
    501: "The baseline is not installed.",
    503: "Too many requests, or this one takes too long.",
}
_WHY = {bodies.JSON: {"schema": _ERROR}}
METRICS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Prometheus text, format 0.0.4.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"description": "The server is stopping, or at its limit of requests.", "content": _WHY}
}


def forecast() -> dict[str, Any]:
    """What to add to the description of POST /v1/forecast."""
    examples = {"records": RECORDS, "columns": COLUMNS, "values": VALUES}
    return _operation(FORECAST, examples, answers.FORMS)


def backtest() -> dict[str, Any]:
    """The same of POST /v1/backtest."""
    return _operation(BACKTEST, {"columns": ORIGINS}, (answers.JSON, answers.CSV))


def _operation(options: Options, examples: dict[str, dict[str, Any]], forms: tuple[str, ...]) -> dict[str, Any]:
    schema = options.model.model_json_schema()
    properties = schema["properties"]
    described = {"type": "object", "required": ["data"], "additionalProperties": False}
    described["properties"] = {"data": _DATA, **properties}
    content: dict[str, Any] = {
        bodies.JSON: {
            "schema": described,
            "examples": {name: {"value": value} for name, value in examples.items()},
        },
        bodies.CSV: {"schema": {"type": "string"}, "examples": {"table": {"value": TABLE}}},
        bodies.PARQUET: {"schema": {"type": "string", "format": "binary"}},
    }
    answer = {form: {"schema": {"type": "object" if form == answers.JSON else "string"}} for form in forms}
    return {
        "parameters": [_parameter(name, part) for name, part in properties.items()],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "The answer, in the format that Accept names.", "content": answer},
            **{str(status): {"description": why, "content": _WHY} for status, why in _REFUSED.items()},
        },
    }


def _parameter(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """An option in the address: several values have commas between them."""
    schema = {key: value for key, value in part.items() if key != "description"}
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": part.get("description", ""),
        "schema": schema,
        "style": "form",
        "explode": False,
    }
