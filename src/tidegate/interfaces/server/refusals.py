"""Why a request is not answered: a status, a kind for programs, a sentence for people."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tidegate.errors import ConfigError, DataError, MissingExtra, ModelError, TidegateError

# What Tidegate raises on purpose -> status and kind. Anything else is a fault of ours: 500, and a traceback in the log.
KINDS: tuple[tuple[type[TidegateError], int, str], ...] = (
    (DataError, 422, "data"),
    (MissingExtra, 501, "extra"),
    (ModelError, 500, "model"),
    (ConfigError, 422, "options"),
)


class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP, 400 to 599.
        kind: a word for programs.
        message: what was found, what was expected, what to do.
        retry_after: seconds after which it may go better.
        close: part of the request may not have been read: the connection cannot go on.
        further: what else the answer holds under "error".
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        retry_after: int | None = None,
        close: bool = False,
        further: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.retry_after, self.close, self.further = retry_after, close, dict(further or {})

    @classmethod
    def of(cls, error: TidegateError, further: Mapping[str, object] | None = None) -> Refusal:
        """The refusal that an error of Tidegate's own becomes."""
        status, kind = next((status, kind) for one, status, kind in KINDS if isinstance(error, one))
        return cls(status, kind, str(error), further=further)

    def headers(self) -> dict[str, str]:
        """What the answer's head says besides."""
        found = {"connection": "close"} if self.close else {}
        if self.retry_after is not None:
            found["retry-after"] = str(self.retry_after)
        if self.status == 401:
            found["www-authenticate"] = "Bearer"
        return found

    def body(self) -> bytes:
        """{"error": {"kind": …, "message": …}} as JSON."""
        body = {"error": {"kind": self.kind, "message": self.message, **self.further}}
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
