"""The options of a request: those of `tidegate.forecast` and `tidegate.backtest`, read from their signatures.

Nothing is written a second time: names, types, defaults and descriptions come from the functions themselves, so that
what Python takes is what HTTP takes. Left out is what a request must not decide: data (the body), files to open,
training, threads.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from tidegate.errors import ConfigError
from tidegate.interfaces.api import forecast
from tidegate.interfaces.backtesting import backtest
from tidegate.series.reading import read_panel

READING = tuple(name for name in inspect.signature(read_panel).parameters if name != "data")
NOT_FOR_REQUESTS = {"data", "threads", "progress", "start", "time_limit", "refit"}
MODELS = {"model": (str | None, "the name of one of the models that /v1/models lists; left out, the first."),
          "models": (str | list[str] | None, "names of models that /v1/models lists; left out, the first.")}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """The options of one verb.

    Attributes:
        function: the public function they belong to.
        further: name -> (type, default, description) of what only HTTP has.
    """

    function: Callable[..., Any]
    further: Mapping[str, tuple[Any, Any, str]]

    @cached_property
    def model(self) -> type[BaseModel]:
        """What checks them: an unknown name, a wrong type or a number that is not finite is an error."""
        described = descriptions(self.function)
        hints = typing.get_type_hints(self.function)
        fields: dict[str, Any] = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            if name in NOT_FOR_REQUESTS:
                continue
            kind, text = MODELS.get(name, (hints[name], described.get(name, "")))
            default = None if name in MODELS else parameter.default
            fields[name] = (kind, Field(default, description=text))
        for name, (kind, default, text) in self.further.items():
            fields[name] = (kind, Field(default, description=text))
        settings = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())
        return create_model(f"{self.function.__name__.title()}Options", __config__=settings, **fields)

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options with their values. Raises: ConfigError naming the first that is wrong."""
        try:
            checked = self.model.model_validate(dict(given))
        except ValidationError as error:
            raise ConfigError(_sentence(error, self.model)) from error
        return {name: getattr(checked, name) for name in type(checked).model_fields}

    def from_text(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The options of a query string, where all values are text: numbers with commas between them are several."""
        return self.check({name: self._value(name, text) for name, text in given.items()})

    def _value(self, name: str, text: str) -> Any:
        found = self.model.model_fields.get(name)
        kinds = set() if found is None else _plain_kinds(found.annotation)
        if str in kinds or not kinds or text == "":
            several = found is not None and name == "baselines"
            return (tuple(filter(None, text.split(","))) if several else text) if text or str in kinds else ()
        if kinds == {bool}:
            return {"true": True, "false": False}.get(text.lower(), text)
        parts = [part.strip() for part in text.split(",")]
        return parts[0] if len(parts) == 1 else tuple(parts)


def descriptions(function: Callable[..., Any]) -> dict[str, str]:
    """argument -> what the docstring's "Args" says of it; "id, time, target: …" says it of all three."""
    found: dict[str, str] = {}
    doc = inspect.getdoc(function) or ""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)*)", doc, re.MULTILINE)
    for entry in re.split(r"\n    (?=\w)", "\n" + (section[1] if section else ""))[1:]:
        names, _, text = entry.partition(": ")
        found |= dict.fromkeys((name.strip() for name in names.split(",")), " ".join(text.split()))
    return found


def _plain_kinds(annotation: Any) -> set[Any]:
    """The types at the leaves of an annotation: float | Sequence[float] -> {float}."""
    parts = typing.get_args(annotation)
    if not parts:
        return set() if annotation in (type(None), Ellipsis) else {annotation}
    return set().union(*(_plain_kinds(part) for part in parts))


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "the options"
    if first["type"] == "extra_forbidden":
        return f"{name!r} is no option here: expected {', '.join(model.model_fields)}"
    wanted = "; ".join(
        dict.fromkeys(one["msg"] for one in error.errors(include_url=False) if one["loc"][:1] == first["loc"][:1])
    )
    return f"{name} {first['input']!r}: {wanted}"


HISTORY = {
    "history": (bool, False, "also answer with what was recognised and the end of each history, for a chart."),
    "history_length": (int, 2000, "values of each history at most, with history."),
}
FORECAST = Options(forecast, HISTORY)
BACKTEST = Options(backtest, {})
