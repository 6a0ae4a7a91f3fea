"""The command line: options in, api.py called, data to standard output, words to standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate import __version__
from tidegate.errors import ConfigError
from tidegate.interfaces.exits import FAILURE
from tidegate.interfaces.terminal import Bar, Raw, document, emit, say, table

if TYPE_CHECKING:
    from tidegate.forecasting.result import Forecast
    from tidegate.interfaces.api import Model
    from tidegate.training.fit import Epoch, FitPlan

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
            return tuple(int(number) if number == int(number) else self.kind(number) for number in numbers)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is not a list of numbers such as {'7,365' if self.kind is int else '80,95'}", param, ctx
            )


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
QUIET = click.option("--quiet", is_flag=True, help="Say nothing but errors.")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same result.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="tidegate", message="%(prog)s %(version)s")
def command_line() -> None:
    """Forecast time series with LSTM networks: at once with the model that is built in, or one of your own."""


@command_line.command("forecast")
@click.argument("data")
@HORIZON
@reading_options
@click.option("--model", metavar="FILE", help="A model file that fit wrote; left out, the one that is built in.")
@click.option("--levels", type=Numbers(float), default="80,95", show_default=True, help="Intervals, in percent.")
@click.option("--quantile-levels", type=Numbers(float), default="", help="Further quantiles, for example 0.1,0.9.")
@SEASONS
@click.option("--lower", type=float, help="Cut the forecast below this value.")
@click.option("--upper", type=float, help="Cut the forecast above this value.")
@click.option("--no-bounds", is_flag=True, help="Do not cut at 0 where the history never goes below it.")
@CALIBRATE
@click.option("--threads", type=int, metavar="N", help="Left out: all cores.")
@click.option("-o", "--output", metavar="OUT", help="A .csv, .parquet or .json file; - for standard output.")
@click.option("--plot", metavar="PICTURE", help="An .html page, or .svg or .png (with the extra plot).")
@JSON
@QUIET
def forecast_command(
    data: str, output: str | None, plot: str | None, as_json: bool, quiet: bool, no_bounds: bool, **options: Any
) -> None:
    """Forecast every series in DATA: a CSV, Parquet or JSON file (also .gz), a pattern, or - for standard input."""
    from tidegate.interfaces import api

    if as_json and output == "-":
        raise ConfigError("--json and -o - both write to standard output: give one of them")
    _check_outputs(output, plot)
    bar = Bar(quiet=quiet)
    try:
        model = api.load(options.pop("model"), threads=options["threads"])
        result = api.forecast(
            data,
            model=model,
            bounds=not no_bounds,
            progress=lambda done, total: bar.draw(done / total, f"{done:,} of {total:,} series"),
            **options,
        )
    finally:
        bar.clear()
    say(*result.notes, quiet=quiet)
    if plot is not None:
        result.plot(plot)
        say(f"picture: {plot}", quiet=quiet)
    if output not in (None, "-"):
        result.save(str(output))
        say(f"forecast: {output}", quiet=quiet)
    if as_json:
        emit(_forecast_document(result, model))
    elif output == "-" or (output is None and not sys.stdout.isatty()):
        emit(result.to_text("csv"))
    elif output is None:
        emit(table(result.columns(text=True)))


def _check_outputs(output: str | None, plot: str | None) -> None:
    """Find out before the work what cannot be written after it."""
    from tidegate.forecasting.result import PICTURE_SUFFIXES
    from tidegate.forecasting.saving import TABLE_SUFFIXES, check_destination

    if output not in (None, "-"):
        check_destination(str(output), TABLE_SUFFIXES)
    if plot is not None:
        check_destination(plot, PICTURE_SUFFIXES)


def _forecast_document(result: Forecast, model: Model) -> str:
    return document(
        forecast=Raw(result.to_text("json").strip()),
        horizon=result.horizon,
        notes=result.notes,
        model={"name": model.file.name, "version": __version__, "provenance": model.provenance},
    )


@command_line.command("fit")
@click.argument("data")
@HORIZON
@reading_options
@SEASONS
@click.option("-o", "--output", metavar="MODEL.onnx", required=True, help="Where to write the model file.")
@click.option("--start", default="auto", show_default=True, help="auto, scratch, or a model file to go on from.")
@click.option("--cell", type=click.Choice(["lstm", "peephole", "rnn"]), help="Kind of network; lstm if left out.")
@click.option("--layers", type=int, help="Layers of the network.")
@click.option("--hidden-size", type=int, help="Width of the network.")
@click.option("--time-limit", type=float, metavar="SECONDS", help="Stop training after so many seconds.")
@SEED
@DEVICE
@JSON
@QUIET
def fit_command(data: str, output: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Train a network on every series in DATA and write it to a model file. Needs the extra train."""
    from tidegate.forecasting.saving import check_destination
    from tidegate.interfaces import api

    check_destination(output, api.MODEL_SUFFIXES)
    bar = Bar(quiet=quiet)

    def report(epoch: Epoch, plan: FitPlan) -> None:
        share = epoch.step / (plan.max_epochs * plan.epoch_steps)
        if plan.time_limit is not None:
            share = max(share, min(1.0, epoch.seconds / plan.time_limit))
        bar.draw(share, f"step {epoch.step}, validation MASE {epoch.validation_mase:.3f}")

    try:
        model = api.fit(data, progress=report, **options)
    finally:
        bar.clear()
    model.save(output)
    say(*model.notes, f"model: {output}", quiet=quiet)
    if as_json:
        epochs = [vars(epoch) for epoch in model.history]
        emit(
            document(
                model=output, horizon=model.horizon, notes=model.notes, history=epochs, provenance=model.provenance
            )
        )


@command_line.command("backtest")
@click.argument("data")
@HORIZON
@click.option("--windows", type=int, default=5, show_default=True, help="Number of forecast origins.")
@click.option("--step", type=int, metavar="STEPS", help="From one origin to the next; left out, the horizon.")
@click.option(
    "--refit",
    metavar="WHEN",
    default="false",
    show_default=True,
    help="Train the model fit once (false), at every origin (true), or at every k-th (a number).",
)
@reading_options
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="default, a model file, or fit (trained at the origins); may be given several times.",
)
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="NAME",
    help="In place of auto_theta and auto_ets, for example auto_arima; naive, which always takes part: none.",
)
@click.option(
    "--baseline-time",
    type=float,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="For each of the extra stats.",
)
@click.option("--prove", is_flag=True, help="Prove that no forecast saw the future: replace it and compare.")
@click.option("--align", default="auto", show_default=True, help="Origins by calendar, or counted from the ends.")
@click.option("--levels", type=Numbers(float), default="80,95", show_default=True, help="Intervals, in percent.")
@SEASONS
@click.option("--no-bounds", is_flag=True, help="Do not cut at 0 where the history never goes below it.")
@CALIBRATE
@click.option(
    "--intervals",
    default="model",
    show_default=True,
    metavar="WHOSE",
    help="model: as it gives them; conformal: scaled by the errors of all series in earlier windows.",
)
@click.option("--start", default="auto", show_default=True, help="For fit: auto, scratch, or a model file.")
@click.option("--time-limit", type=float, metavar="SECONDS", help="For fit: stop each training after so many seconds.")
@SEED
@click.option("--threads", type=int, metavar="N", help="Left out: all cores.")
@click.option("-o", "--output", metavar="OUT", help="All forecasts: a .parquet, .csv or .json file; - for CSV.")
@click.option("--report", metavar="REPORT.html", help="The whole report as one page.")
@JSON
@QUIET
def backtest_command(
    data: str,
    output: str | None,
    report: str | None,
    as_json: bool,
    quiet: bool,
    no_bounds: bool,
    refit: str,
    models: tuple[str, ...],
    baselines: tuple[str, ...],
    **options: Any,
) -> int:
    """Is it any good on DATA? Forecast from rolling origins and compare with what came, beside baselines."""
    from tidegate.evaluation.report import REPORT_SUFFIXES
    from tidegate.forecasting.saving import check_destination
    from tidegate.interfaces.backtesting import backtest

    if as_json and output == "-":
        raise ConfigError("--json and -o - both write to standard output: give one of them")
    _check_outputs(output, None)
    if report is not None:
        check_destination(report, REPORT_SUFFIXES)
    bar = Bar(quiet=quiet)
    try:
        result = backtest(
            data,
            refit=_refit(refit),
            models=models or ("default",),
            baselines=baselines or None,
            bounds=not no_bounds,
            progress=bar.draw,
            **options,
        )
    finally:
        bar.clear()
    verdict = result.verdict
    lines = [*result.notes, *result.undefined, *(f"warning: {warning}" for warning in verdict.warnings)]
    lines += result.proof.lines if result.proof is not None else ()
    say(*lines, result.recommendation.sentence, quiet=quiet)
    if report is not None:
        result.report(report)
        say(f"report: {report}", quiet=quiet)
    if output not in (None, "-"):
        result.save(str(output))
        say(f"forecasts: {output}", quiet=quiet)
    if as_json:
        emit(result.json)
    elif output == "-":
        emit(result.to_text("csv"))
    else:
        emit(f"{verdict.sentence}\n\n{table(result.score_columns())}")
    return FAILURE if result.proof is not None and not result.proof.holds else 0


def _refit(text: str) -> bool | int:
    words = {"false": False, "true": True}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return int(text)
    except ValueError as error:
        raise ConfigError(f"refit {text!r}: expected true, false, or every how many windows") from error


@command_line.command("info")
@click.argument("model", required=False)
@JSON
def info_command(model: str | None, as_json: bool) -> None:
    """Tell what MODEL is, by default the one that is built in: network, quantile levels, how it came about."""
    from tidegate.interfaces import api

    opened = api.load(model)
    config = opened.file.config.to_dict()
    levels = config.pop("quantile_levels")
    size = Path(opened.file.source).stat().st_size if not isinstance(opened.file.source, bytes) else 0
    facts = {
        "tidegate": __version__,
        "model": opened.file.name,
        "bytes": size,
        "format_version": opened.file.metadata["format_version"],
        "horizon_limit": opened.file.horizon_limit,
    }
    if as_json:
        emit(document(**facts, quantile_levels=levels, config=config, provenance=opened.provenance))
        return
    lines = [f"{name}: {value}" for name, value in facts.items()]
    lines.append("quantile levels: " + ", ".join(f"{level:g}" for level in levels))
    for title, part in (("network", config), ("provenance", opened.provenance)):
        lines.append(f"{title}:")
        lines += [f"  {name}: {value}" for name, value in part.items()]
    emit("\n".join(lines) + "\n")


@command_line.command("pretrain")
@click.option("--out", "-o", "folder", type=Path, required=True, metavar="FOLDER", help="Checkpoints and model file.")
@click.option("--size", default="default", show_default=True, help="default or large.")
@click.option("--steps", type=click.IntRange(min=1), help="Training steps; left out, those of the shipped weights.")
@click.option("--batch", type=click.IntRange(min=1), help="Series per step; 128 if left out.")
@SEED
@DEVICE
@QUIET
def pretrain_command(folder: Path, quiet: bool, **options: Any) -> None:
    """Train the network that is built in, on synthetic series alone; goes on by itself where it was stopped.

    Needs the extra train. Writes FOLDER/tidegate.onnx at the end and a checkpoint every few minutes.
    """
    from tidegate.interfaces import api

    bar = Bar(quiet=quiet)

    def report(step: int, total: int, loss: float, seconds: float) -> None:
        text = f"step {step} of {total}, loss {loss:.4f}"
        bar.draw(step / total, text)
        if not bar.shown and step % 200 == 0:
            say(f"{text}, {seconds:.0f} s", quiet=quiet)

    try:
        path = api.pretrain(folder, progress=report, **options)
    finally:
        bar.clear()
    say(f"model: {path}", quiet=quiet)


@command_line.command("demo")
@click.option("-o", "--output", type=Path, metavar="PAGE.html", default=Path("tidegate-demo.html"), show_default=True)
@SEED
@QUIET
def demo_command(output: Path, seed: int, quiet: bool) -> None:
    """The tutorial from a sine wave to a tested forecast, as a table and a page with charts. Needs the extra train."""
    from tidegate.interfaces.api import needs_extra

    with needs_extra("train", "tidegate demo"):
        from tidegate.interfaces import demo

        demo.run(output, seed=seed, quiet=quiet)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns: its exit code. Raises: whatever stopped it; interfaces/exits.py makes it one."""
    code = command_line.main(arguments, prog_name="tidegate", standalone_mode=False)
    return code if isinstance(code, int) else 0
