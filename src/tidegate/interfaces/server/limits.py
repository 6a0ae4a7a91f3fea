"""What one server takes on, and the sentences that say so where it is more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from tidegate.errors import ConfigError
from tidegate.interfaces.server.refusals import Refusal
from tidegate.series.panel import Panel

QUANTILES = 50  # columns of one forecast, each of its own level


@dataclass(frozen=True)
class Limits:
    """Each is an option of `tidegate serve`: --most- and its name with dashes.

    Attributes:
        body_bytes: of one request.
        points: values of all series of one request, missing ones included; and of its forecasts.
        series: of one request.
        horizon: steps ahead.
        requests: accepted and not yet answered at one time.
        heavy_requests: of these, large ones and backtests.
        receive_seconds: for a request to arrive, and for a client to take its answer.
        seconds: from the moment a request has arrived to its answer.
    """

    body_bytes: int = 32 << 20
    points: int = 2_000_000
    series: int = 10_000
    horizon: int = 4_096
    requests: int = 256
    heavy_requests: int = 8
    receive_seconds: float = 15.0
    seconds: float = 60.0

    def __post_init__(self) -> None:
        for each in fields(self):
            if not getattr(self, each.name) > 0:
                raise ConfigError(f"{each.name} {getattr(self, each.name)}: expected a number above 0")

    def check_body(self, size: int) -> None:
        """Raises: Refusal if a body has, or says it has, too many bytes."""
        if size > self.body_bytes:
            raise Refusal(
                413,
                "body-bytes",
                f"the body has {size:,} bytes or more, this server takes {self.body_bytes:,}: send fewer series, less "
                "history, or Parquet, or start it with a larger --most-body-bytes",
                close=True,
            )

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Before anything is read. Raises: Refusal."""
        self.check_count("horizon", "a horizon of {} steps", options.get("horizon") or 0)
        for name in ("levels", "quantile_levels"):
            given = options.get(name) or ()
            if not isinstance(given, int | float) and len(given) > QUANTILES:
                raise Refusal(422, name, f"{len(given):,} {name}: this server takes {QUANTILES}; ask for fewer")

    def check_table(self, rows: int, columns: int) -> None:
        """Raises: Refusal if a table is too long or too wide."""
        self.check_count("points", "{} rows", rows)
        self.check_count("series", "{} columns", columns)

    def check_panel(self, panel: Panel, horizon: int, windows: int = 1) -> None:
        """Raises: Refusal if there are too many series or values, or too many to forecast."""
        self.check_count("series", "{} series", panel.size)
        self.check_count("points", "{} values", len(panel.values))
        if panel.size * horizon * windows > self.points:
            times = f" times {windows:,} windows" if windows > 1 else ""
            raise Refusal(
                422,
                "points",
                f"{panel.size:,} series times {horizon:,} steps{times} are more than the {self.points:,} values this "
                "server forecasts at once: ask for fewer, or start it with a larger --most-points",
            )

    def check_count(self, name: str, what: str, found: int) -> None:
        """Raises: Refusal if `found` is above the limit of that name."""
        most = getattr(self, name)
        if found > most:
            option = name.replace("_", "-")
            raise Refusal(
                422,
                option,
                f"{what.format(f'{found:,}')}: this server takes {most:,} at most; send fewer, or start it with a "
                f"larger --most-{option}",
            )
