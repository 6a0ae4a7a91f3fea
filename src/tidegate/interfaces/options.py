"""The options that several commands share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class Numbers(click.ParamType[Any]):
    """Numbers with commas between them, "80,95"; nothing is an empty tuple."""

    def __init__(self, kind: type[int] | type[float]) -> None:
        self.kind = kind
        self.name = "LIST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            numbers = [float(part) for part in value.split(",") if part.strip()]
            if self.kind is int and not all(number.is_integer() for number in numbers):
                raise ValueError
            return tuple(int(number) if number.is_integer() else number for number in numbers)
        except ValueError:
            expected = "whole numbers such as 7,365" if self.kind is int else "numbers such as 80,95"
            self.fail(f"{value!r} is not a list of {expected}", param, ctx)


def reading_options(command: Command) -> Command:
    """Options that say how to read the data; their names and meaning are those of `series.reading.read_panel`."""
    options = [
        click.option("--id", metavar="COLUMN", help="Column that names the series; several with commas."),
        click.option("--time", metavar="COLUMN", help="Column of the stamps; several that make one: year,month,day."),
        click.option("--target", metavar="COLUMN", help="Column of the values; several make one series each."),
        click.option("--timezone", metavar="ZONE", help="Zone of local stamps, for example Europe/Berlin."),
        click.option("--date-format", metavar="FORMAT", help="How dates are written, for example %d/%m/%Y."),
        click.option("--every", metavar="STEP", help="Put irregular stamps on a grid, for example 10min."),
        click.option("--aggregate", metavar="HOW", help="mean, sum or last of the values in one step (with --every)."),
        click.option("--duplicates", metavar="HOW", help="mean, sum or last of values with the same stamp."),
        click.option("--drop-last", is_flag=True, help="Leave out the last, unfinished period."),
        click.option("--frequency", metavar="STEP", help="Distance of the stamps: h, D, W-FRI, MS, 30min …"),
        click.option("--decimal", metavar="MARK", help="Decimal mark of numbers, . or , where that cannot be seen."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


HORIZON = click.option("--horizon", type=int, metavar="STEPS", help="Steps ahead; left out, usual for the frequency.")
SEASONS = click.option(
    "--season-length", type=Numbers(int), metavar="LIST", help="Steps per season, for example 24,168; 1 for none."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document to standard output.")
CALIBRATE = click.option(
    "--calibrate/--no-calibrate", default=True, help="Scale intervals that past errors show far off."
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same result.")
