"""What one server takes on, and the sentences that say so where it is more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigError
from tidegate.interfaces.server.refusals import Refusal

if TYPE_CHECKING:
    from tidegate.series.panel import Panel

QUANTILES = 50  # columns of one forecast, each of its own level


def _limit(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Limits:
    """Each is an option of `tidegate serve`: --most- and its name with dashes."""

    body_bytes: int = _limit(32 << 20, "Bytes of one request.")
    points: int = _limit(2_000_000, "Values of all series of one request, and of its forecasts.")
    series: int = _limit(10_000, "Series of one request.")
    horizon: int = _limit(4_096, "Steps ahead.")
    requests: int = _limit(256, "Requests accepted and not yet answered.")
    heavy_requests: int = _limit(8, "Large ones of these, and backtests.")
    receive_seconds: float = _limit(15.0, "For a request to arrive, and for a client to take its answer.")
    seconds: float = _limit(60.0, "From a request's arrival to its answer.")

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
                f"{what.format(f'{found:,}')}: this server takes {most:,} at most; send or ask for fewer, or start it "
                f"with a larger --most-{option}",
            )
