"""The few kinds of error Tidegate raises on purpose: each says what was found, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Mapping


class TidegateError(Exception):
    """Base of all errors that are about the input or the request, never about a fault of the program.

    Attributes:
        ways: each a set of options with which the data may be read, such as {"target": "sales", "id": "shop"}, the
            likeliest first. The message names them, too, as words of a command line.
    """

    def __init__(self, message: str, *ways: Mapping[str, str]) -> None:
        super().__init__(message)
        self.ways = tuple(map(dict, ways))

    @property
    def suggested(self) -> dict[str, str]:
        """The first of the ways; {} if there is none."""
        return self.ways[0] if self.ways else {}


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
