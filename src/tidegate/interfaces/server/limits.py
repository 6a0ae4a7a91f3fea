"""What one server takes on."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tidegate.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """Each is an option of `tidegate serve`: --most- and its name with dashes.

    Attributes:
        body_bytes: of one request.
        points: values of all series of one request, missing ones included.
        series: of one request.
        horizon: steps ahead.
        requests: accepted and not yet answered at one time.
        heavy_requests: of these, large ones and backtests.
        receive_seconds: for a request to arrive, and for a client to take its answer.
        seconds: from the moment a request has arrived to its answer.
    """

    body_bytes: int = 32 << 20
    points: int = 1_000_000
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
