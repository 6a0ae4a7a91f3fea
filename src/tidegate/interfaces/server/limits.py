"""What one server takes on, and the sentences that say so where it is more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigError
from tidegate.interfaces.server.refusals import Refusal

if TYPE_CHECKING:
    from tidegate.series.panel import Panel

QUANTILES = 50  # levels, or quantile levels, of one forecast
COLUMNS = 5  # of the usual forecast, the median and two intervals: so many numbers may stand for each of `points`


def _limit(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Limits:
    """Each is an option of `tidegate serve`: --most- and its name with dashes."""

    body_bytes: int = _limit(32 << 20, "Bytes per request, and cells per Parquet table.")
    points: int = _limit(2_000_000, "Values per request; its forecast may have as many rows of five columns.")
    series: int = _limit(10_000, "Series, or columns, per request.")
    horizon: int = _limit(4_096, "Steps to forecast.")
    requests: int = _limit(256, "Requests accepted but not yet answered.")
    heavy_requests: int = _limit(8, "How many of these may be large requests or backtests.")
    receive_seconds: float = _limit(15.0, "Seconds for a request to arrive, and for its answer to be collected.")
    seconds: float = _limit(60.0, "Seconds from a request's arrival to its answer.")

    @classmethod
    def described(cls) -> list[tuple[str, int | float, str]]:
        """Name, default and meaning of each."""
        return [(each.name, each.default, each.metadata["meaning"]) for each in fields(cls)]  # type: ignore[misc]

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
                f"the body has {size:,} bytes or more, but this server takes at most {self.body_bytes:,}: send fewer "
                "series, less history, or Parquet, or start it with a larger --most-body-bytes",
                close=True,
            )

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Before anything is read. Raises: Refusal."""
        self.check_count("horizon", "a horizon of {} steps", options.get("horizon") or 0)
        for name in ("levels", "quantile_levels"):
            if (found := _count(options.get(name))) > QUANTILES:
                raise Refusal(422, name, f"{found:,} {name}: this server takes {QUANTILES}; ask for fewer")

    def check_table(self, rows: int, columns: int) -> None:
        """Raises: Refusal if a table is too long or too wide."""
        self.check_count("points", "{} rows", rows)
        self.check_count("series", "{} columns", columns)

    def check_cells(self, cells: int) -> None:
        """Raises: Refusal if a packed table has more cells than a body that says each of them could have."""
        if cells > self.body_bytes:
            raise Refusal(
                422,
                "body-bytes",
                f"the table has {cells:,} cells: this server takes {self.body_bytes:,}, one for each byte of the "
                "largest body; send fewer columns or rows, or start it with a larger --most-body-bytes",
            )

    def check_panel(self, panel: Panel, horizon: int, columns: int, windows: int = 1) -> None:
        """Raises: Refusal if there are too many series or values, or too many to forecast.

        Args:
            columns: numbers of the answer for each step of a series, as `forecast_columns` counts them.
        """
        self.check_count("series", "{} series", panel.size)
        self.check_count("points", "{} values", len(panel.values))
        steps = panel.size * horizon * windows
        times = f" times {windows:,} windows" if windows > 1 else ""
        for found, most, more in (
            (steps, self.points, ""),
            (steps * columns, COLUMNS * self.points, f" times {columns:,} columns"),
        ):
            if found > most:
                raise Refusal(
                    422,
                    "points",
                    f"{panel.size:,} series times {horizon:,} steps{times}{more} are more than the {most:,} values "
                    "that this server forecasts at once: ask for fewer, or start it with a larger --most-points",
                )

    def check_count(self, name: str, what: str, found: int) -> None:
        """Raises: Refusal if `found` is above the limit of that name."""
        most = getattr(self, name)
        if found > most:
            option = name.replace("_", "-")
            raise Refusal(
                422,
                option,
                f"{what.format(f'{found:,}')}: this server takes {most:,} at most; send or ask for fewer, or start it "
                f"with a larger --most-{option}",
            )


def forecast_columns(options: Mapping[str, Any]) -> int:
    """How many numbers a forecast has for each step: the median, both ends of each interval, further quantiles."""
    return 1 + 2 * _count(options.get("levels")) + _count(options.get("quantile_levels"))


def _count(numbers: Any) -> int:
    """Of one number or several."""
    return len(numbers) if isinstance(numbers, Sequence) else int(numbers is not None)
