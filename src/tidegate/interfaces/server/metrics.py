"""What the server did so far, as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
Gauge = tuple[str, str, str, Callable[[], float]]  # name, type, help, what it shows now


class Metrics:
    """Requests by route and status with their durations, and whatever gauges it was given. For one thread: the loop's.

    Args:
        gauges: read when asked for.
    """

    def __init__(self, gauges: Iterable[Gauge] = ()) -> None:
        self.gauges = tuple(gauges)
        self.requests: Counter[tuple[str, int]] = Counter()
        self.seconds: dict[str, list[int]] = {}
        self.sums: Counter[str] = Counter()

    def add(self, route: str, status: int, seconds: float) -> None:
        """One request that was answered."""
        self.requests[route, status] += 1
        counts = self.seconds.setdefault(route, [0] * (len(BUCKETS) + 1))
        counts[bisect_left(BUCKETS, seconds)] += 1
        self.sums[route] += seconds  # type: ignore[assignment]

    def text(self) -> str:
        """All of it."""
        lines = [
            "# HELP tidegate_requests_total Requests answered.",
            "# TYPE tidegate_requests_total counter",
        ]
        lines += [
            _sample("tidegate_requests_total", {"route": route, "status": str(status)}, count)
            for (route, status), count in sorted(self.requests.items())
        ]
        name = "tidegate_request_seconds"
        lines += [f"# HELP {name} From the start of a request to the end of its answer.", f"# TYPE {name} histogram"]
        for route, counts in sorted(self.seconds.items()):
            total = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                total += count
                lines.append(_sample(f"{name}_bucket", {"route": route, "le": bound}, total))
            lines += [_sample(f"{name}_sum", {"route": route}, self.sums[route])]
            lines += [_sample(f"{name}_count", {"route": route}, total)]
        for gauge, kind, explanation, value in self.gauges:
            lines += [f"# HELP {gauge} {explanation}", f"# TYPE {gauge} {kind}", _sample(gauge, {}, value())]
        return "\n".join(lines) + "\n"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inner = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{inner}}} {value:.10g}" if inner else f"{name} {value:.10g}"
