"""What a request asks for, done: bytes in, bytes out, in the request's own thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.errors import TidegateError
from tidegate.interfaces import api, backtesting
from tidegate.interfaces.arguments import with_horizon
from tidegate.interfaces.server import answers, bodies
from tidegate.interfaces.server.lanes import LIGHT_POINTS, LIGHT_SERIES, Ticket
from tidegate.interfaces.server.limits import Limits, forecast_columns
from tidegate.interfaces.server.models import Served, chosen
from tidegate.interfaces.server.refusals import Refusal
from tidegate.interfaces.server.schema import BACKTEST, FORECAST, READING, Options
from tidegate.series.panel import Panel
from tidegate.series.reading import open_table, read_panel


@dataclass(frozen=True)
class Call:
    """One request that has arrived.

    Attributes:
        kind, body: see `bodies.opened`.
        query: the options in its address.
        form: of the answer, one of `answers.FORMS`.
    """

    kind: str
    body: bytes
    query: Mapping[str, str]
    form: str


@dataclass(frozen=True)
class Desk:
    """What all requests share."""

    limits: Limits
    models: Mapping[str, Served]

    def warm_up(self) -> None:
        """What the first request would wait for: modules, DuckDB, the network's first run."""
        table = "day,y\n" + "".join(f"2000-01-{day:02},{day % 7}\n" for day in range(1, 32))
        panel = read_panel(open_table(table.encode()))
        for served in self.models.values():
            forecast = api.forecast(panel, 1, model=served.model)
            answers.forecast_bytes(answers.JSON, forecast, self.told(served), 1, ())

    def told(self, served: Served) -> dict[str, Any]:
        """What an answer says of the model that made it: see `answers.forecast_json`."""
        return answers.model_facts(served.name, served.model, self.limits)

    def forecast(self, call: Call, ticket: Ticket) -> bytes:
        """The answer to POST /v1/forecast. Raises: Refusal, TidegateError, Abandoned."""
        panel, columns, options, _ = self._read(call, FORECAST, ticket)
        served = chosen(self.models, options.pop("model"))
        horizon = options.pop("horizon")
        history, length = options.pop("history"), options.pop("history_length")
        steps = with_horizon(panel, horizon or served.model.horizon)[1]
        self.limits.check_panel(panel, steps, forecast_columns(options))
        if panel.size > LIGHT_SERIES or len(panel.values) > LIGHT_POINTS:
            ticket.become_heavy()
        forecast = api.forecast(panel, horizon, model=served.seen_by(ticket), progress=ticket.check, **options)
        return answers.forecast_bytes(call.form, forecast, self.told(served), length if history else None, columns)

    def backtest(self, call: Call, ticket: Ticket) -> bytes:
        """The answer to POST /v1/backtest. Raises: Refusal, TidegateError, Abandoned."""
        panel, _, options, reading = self._read(call, BACKTEST, ticket)
        names = options.pop("models")
        served = [chosen(self.models, name) for name in ([names] if isinstance(names, str) else names or [None])]
        horizon = options.pop("horizon")
        steps = with_horizon(panel, horizon or served[0].model.horizon)[1]
        self.limits.check_panel(panel, steps, len(served) * forecast_columns(options), max(options["windows"], 1))
        models = [one.seen_by(ticket) for one in served]
        result = backtesting.backtest(panel, horizon, models=models, progress=ticket.check, **options)
        # What the request said: the function was handed a panel and models, of which it would tell the files.
        settings = {**result.settings, **reading, "models": [one.name for one in served]}
        result = replace(result, settings={**settings, "command": backtesting.command_line(settings)})
        return result.json.encode() if call.form == answers.JSON else result.to_text("csv").encode()

    def _read(
        self, call: Call, options: Options, ticket: Ticket
    ) -> tuple[Panel, tuple[str, ...], dict[str, Any], dict[str, Any]]:
        """The series of a body, the names of all its columns, the options that are left, and those of reading."""
        with bodies.opened(call.kind, call.body, call.query, options, self.limits) as (data, (rows, columns), given):
            self.limits.check_options(given)
            reading = {name: given.pop(name) for name in READING}
            if columns > LIGHT_SERIES or rows > LIGHT_POINTS:
                ticket.become_heavy()
            table = open_table(data, decimal=reading["decimal"])
            if call.kind == bodies.PARQUET:
                table = replace(table, source="the table")  # not the name of a file of ours
            self.limits.check_table(table.rows, len(table.columns))
            try:
                panel = read_panel(bodies.counted(table, self.limits), **reading)
            except TidegateError as error:
                further = {"columns": list(table.names), "suggested": error.suggested, "alternatives": error.ways[1:]}
                raise Refusal.of(error, further) from error
        return panel, table.names, given, reading
