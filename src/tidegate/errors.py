"""The few kinds of error Tidegate raises on purpose: each says what was found, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Mapping


class TidegateError(Exception):
    """Base of all errors that are about the input or the request, never about a fault of the program.

    Attributes:
        suggested: options with which the data may be read, such as {"target": "sales", "id": "shop"}. The message ends
            with them, too, as words of a command line.
    """

    def __init__(self, message: str, suggested: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.suggested = dict(suggested or {})


class DataError(TidegateError):
    """The data cannot be used as they are."""


class ConfigError(TidegateError, ValueError):
    """An option has a value that makes no sense, or options contradict each other."""


class ModelError(TidegateError):
    """A model file is damaged, of another format, or not a model."""


class MissingExtra(TidegateError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, extra: str, feature: str) -> None:
        super().__init__(
            f'{feature} needs the extra "{extra}", which is not installed: pip install "tidegate[{extra}]"'
        )
        self.extra = extra
