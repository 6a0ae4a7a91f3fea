"""The body of a request -> data and options. Nothing in a request is ever taken for a path or an address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tidegate.errors import DataError
from tidegate.interfaces.server.schema import Options

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
KINDS = (JSON, CSV, PARQUET)


def read_body(kind: str, body: bytes, query: Mapping[str, str], options: Options) -> tuple[Any, dict[str, Any]]:
    """Data that `read_panel` takes, and the options.

    Args:
        kind: one of KINDS.
        query: the options of a body that is a table itself.
    """
    if kind != JSON:
        return body, options.from_text(query)
    found = json.loads(body)
    if not isinstance(found, dict) or "data" not in found:
        raise DataError(
            'the body has no "data": expected {"data": [{"ds": "2024-01-01", "y": 1.5}, …], "horizon": 12, …}'
        )
    data = found.pop("data")
    return columns(data), options.check({**dict(query), **found})


def columns(data: Any) -> Any:
    """A list of records as columns; columns and a list of numbers stay what they are."""
    if isinstance(data, list) and data and all(isinstance(one, dict) for one in data):
        names = dict.fromkeys(name for record in data for name in record)
        return {name: [record.get(name) for record in data] for name in names}
    if not isinstance(data, dict | list):
        raise DataError('"data" is no table: expected a list of records, or an object of columns')
    return data
