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
        click.option("--id", metavar="COLUMN", help="Column with the series ids; several: store,item."),
        click.option(
            "--time", metavar="COLUMN", help="Column with the timestamps; several are joined: year,month,day."
        ),
        click.option(
            "--target", metavar="COLUMN", help="Column with the values to forecast; several become one series each."
        ),
        click.option("--timezone", metavar="ZONE", help="Time zone of local timestamps, for example Europe/Berlin."),
        click.option(
            "--date-format",
            metavar="FORMAT",
            help="Format of the dates, for example %d/%m/%Y; for numbers: unix, unix_ms, excel.",
        ),
        click.option("--every", metavar="STEP", help="Put irregular timestamps on a regular grid, for example 10min."),
        click.option("--aggregate", metavar="HOW", help="With --every: mean, sum or last of the values in each step."),
        click.option("--duplicates", metavar="HOW", help="How to merge repeated timestamps: mean, sum or last."),
        click.option("--drop-last", is_flag=True, help="Leave out the last period, because it is incomplete."),
        click.option("--frequency", metavar="STEP", help="Frequency of the series: h, D, W-FRI, MS, 30min …"),
        click.option("--decimal", metavar="MARK", help="Decimal mark, . or , if the numbers do not show it."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


HORIZON = click.option(
    "--horizon", type=int, metavar="STEPS", help="Steps to forecast. Default: depends on the frequency."
)
SEASONS = click.option(
    "--season-length", type=Numbers(int), metavar="LIST", help="Steps per season, for example 24,168; 1 for no season."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document to standard output.")
CALIBRATE = click.option(
    "--calibrate/--no-calibrate",
    default=True,
    help="Rescale intervals that past errors show to be far off. On by default.",
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
SEED = click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same result.")
