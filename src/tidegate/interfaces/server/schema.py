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
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from tidegate.errors import ConfigError
from tidegate.interfaces.api import forecast
from tidegate.interfaces.backtesting import backtest
from tidegate.series.reading import Reading

READING = tuple(field.name for field in fields(Reading))
SEVERAL = {"baselines", "models"}  # names of several things in one text; several columns are for `read_panel`
NOT_FOR_REQUESTS = {"data", "threads", "progress", "start", "time_limit", "refit"}
MODELS = {
    "model": (str | None, "name of a model that /v1/models lists; left out, the first."),
    "models": (str | list[str] | None, "names of models that /v1/models lists; left out, the first."),
}


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
        own = descriptions(self.function)
        described = descriptions(forecast) | {
            name: text for name, text in own.items() if "as in `forecast`" not in text
        }
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
        """The options of a query string as values for `check`, which also finds what is wrong with them."""
        return {name: self._value(name, text) for name, text in given.items()}

    def _value(self, name: str, text: str) -> Any:
        """Text stays text; numbers and names with commas between them are several, and nothing is none of them."""
        field = self.model.model_fields.get(name)
        if field is None:
            return text
        kinds = _leaves(field.annotation)
        if kinds == {bool}:
            return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
        if str in kinds and name not in SEVERAL:
            return text
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return parts[0] if len(parts) == 1 else parts


def descriptions(function: Callable[..., Any]) -> dict[str, str]:
    """argument -> what the docstring's "Args" says of it; "id, time, target: …" says it of all three."""
    found: dict[str, str] = {}
    doc = inspect.getdoc(function) or ""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)*)", doc, re.MULTILINE)
    for entry in re.split(r"\n    (?=\w)", "\n" + (section[1] if section else ""))[1:]:
        names, _, text = entry.partition(": ")
        found |= dict.fromkeys((name.strip() for name in names.split(",")), " ".join(text.split()))
    return found


def _leaves(annotation: Any) -> set[Any]:
    """The types that an annotation is made of: float | Sequence[float] -> {float}."""
    parts = typing.get_args(annotation)
    if not parts:
        return set() if annotation in (type(None), Ellipsis) else {annotation}
    return set().union(*map(_leaves, parts))


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    errors = error.errors(include_url=False, include_context=False)
    name = str(errors[0]["loc"][0])
    if errors[0]["type"] == "extra_forbidden":
        near = get_close_matches(name, model.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected {', '.join(model.model_fields)}"
        return f"there is no option {name!r} here: {hint}"
    wanted = dict.fromkeys(one["msg"].removeprefix("Input should be ") for one in errors if one["loc"][0] == name)
    wanted = dict.fromkeys(text.replace("greater than or equal to", "at least") for text in wanted)
    return f"{name}: found {errors[0]['input']!r:.100}, expected {' or '.join(wanted)}"


HISTORY = {
    "history": (bool, False, "also answer with what was recognised and the end of each history, for a chart."),
    "history_length": (Annotated[int, Field(ge=0)], 2000, "values of each history at most, with history."),
}
FORECAST = Options(forecast, HISTORY)
BACKTEST = Options(backtest, {})
