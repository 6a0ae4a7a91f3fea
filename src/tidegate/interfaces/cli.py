"""The command line: options in, api.py called, data to standard output, words to standard error."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate import __version__
from tidegate.errors import ConfigError
from tidegate.forecasting.config import CELLS, INTERVALS
from tidegate.interfaces.exits import FAILURE, Stopped, say
from tidegate.interfaces.options import (
    CALIBRATE,
    DEVICE,
    HORIZON,
    JSON,
    QUIET,
    SEASONS,
    SEED,
    Command,
    Numbers,
    reading_options,
)
from tidegate.interfaces.terminal import Bar, Raw, Stages, document, emit, table

if TYPE_CHECKING:
    from tidegate.forecasting.result import Forecast
    from tidegate.interfaces.api import Model
    from tidegate.training.fit import Epoch


def spare_waiting_threads() -> None:
    """Let threads that wait for others sleep, before torch is loaded.

    They spin otherwise, which makes a training beside another busy process up to 1.4 times as slow, and hardly any
    faster where there is none.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


EXAMPLES = """\b
Begin with:
  tidegate forecast sales.csv --plot forecast.html  # forecast and picture
  tidegate backtest sales.csv --report report.html  # can it be trusted?
"""


class InOrderOfUse(click.Group):
    """Help lists the commands in the order in which one comes to need them, not by their letters."""

    ORDER = ("forecast", "backtest", "fit", "serve", "stream", "demo", "info", "pretrain")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, first those that come first."""
        return sorted(self.commands, key=self.ORDER.index)


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=InOrderOfUse, epilog=EXAMPLES, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="tidegate", message="%(prog)s %(version)s")
def command_line() -> None:
    """Forecast time series with LSTM networks: with the built-in pretrained model or one you train yourself."""


@command_line.command("forecast")
@click.argument("data")
@HORIZON
@reading_options
@click.option("--model", metavar="FILE", help="A model file written by fit. Default: the built-in model.")
@click.option(
    "--levels", type=Numbers(float), default="80,95", show_default=True, help="Prediction intervals, in percent."
)
@click.option("--quantile-levels", type=Numbers(float), default="", help="Additional quantiles, for example 0.1,0.9.")
@SEASONS
@click.option("--lower", type=float, help="Lowest value the forecast may take.")
@click.option("--upper", type=float, help="Highest value the forecast may take.")
@click.option("--no-bounds", is_flag=True, help="Allow negative forecasts even if the history has none.")
@CALIBRATE
@click.option("--threads", type=int, metavar="N", help="Number of CPU threads. Default: all cores.")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="A .csv, .parquet or .json file, FOLDER/ for any number of series, or - for standard output.",
)
@click.option("--plot", metavar="PICTURE", help="Chart of the forecast: .html, or .svg or .png (needs the extra plot).")
@JSON
@QUIET
def forecast_command(
    data: str, output: str | None, plot: str | None, as_json: bool, quiet: bool, no_bounds: bool, **options: Any
) -> None:
    """Forecast every series in DATA.

    DATA is a CSV, Parquet or JSON file (also .gz), a glob pattern, or - for standard input.
    """
    from tidegate.interfaces import api

    if output and (output.endswith("/") or Path(output).is_dir()):
        if plot is not None:
            raise ConfigError(
                "--plot cannot draw a folder of forecasts: leave --plot out, or forecast fewer series into a file"
            )
        return _forecast_folder(data, output, as_json, quiet, bounds=not no_bounds, **options)
    if as_json and output == "-":
        raise ConfigError("--json and -o - both write to standard output: use only one of them")
    _check_outputs(data, output, plot)
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
    if output not in (None, "-"):
        result.save(str(output))
        say(f"forecast: {output}", quiet=quiet)
    if plot is not None:  # after the table, which is there then even if drawing fails
        result.plot(plot)
        say(f"picture: {plot}", quiet=quiet)
    if as_json:
        emit(_forecast_document(result, model))
    elif output == "-" or (output is None and not sys.stdout.isatty()):
        emit(result.to_text("csv"))
    elif output is None:
        emit(table(result.columns(text=True)))


def _forecast_folder(data: str, folder: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Any number of series, in bounded memory, to Parquet files in a folder."""
    from tidegate.interfaces.bulk import bulk_forecast

    stages = Stages(quiet=quiet)
    try:
        result = bulk_forecast(data, folder, progress=stages.report, **options)
    finally:
        stages.clear()
    kept = f" ({result.kept} already existed)" if result.kept else ""
    told = f"forecasts: {result.series:,} series, {result.rows:,} rows in {len(result.parts)} parts{kept} in {folder}"
    say(*result.notes, told, quiet=quiet)
    if as_json:
        parts = [str(part) for part in result.parts]
        emit(document(folder=folder, parts=parts, series=result.series, rows=result.rows, notes=result.notes))


def _check_outputs(data: str, output: str | None, plot: str | None) -> None:
    """Find out before the work what cannot be written after it, or would take the place of what it is done with."""
    from tidegate.forecasting.result import PICTURE_SUFFIXES
    from tidegate.forecasting.saving import TABLE_SUFFIXES, check_destination
    from tidegate.series.reading import find_files

    if output is not None and output != "-":
        check_destination(output, TABLE_SUFFIXES)
        target = Path(output)
        if target.exists() and data != "-" and any(target.samefile(file) for file in find_files(data)):
            raise ConfigError(f"cannot write {output!r}: it is a file of the data, and would be lost; name another one")
    if plot is not None and (suffix := check_destination(plot, PICTURE_SUFFIXES)) != ".html":
        from tidegate.charts.picture import check_extra

        check_extra(suffix)


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
@click.option("-o", "--output", metavar="MODEL.onnx", required=True, help="Model file to write.")
@click.option(
    "--start", default="auto", show_default=True, help="auto, scratch, default (the built-in model) or a model file."
)
@click.option("--cell", type=click.Choice(CELLS), help="Kind of network. Default: lstm.")
@click.option("--layers", type=int, help="Number of layers.")
@click.option("--hidden-size", type=int, help="Number of units per layer.")
@click.option("--residual/--no-residual", default=None, help="Add each layer's input to its output.")
@click.option(
    "--dilations", type=Numbers(int), metavar="LIST", help="How many steps back each layer reads its state: 1,2,4."
)
@click.option(
    "--time-limit",
    type=float,
    metavar="SECONDS",
    help="Time for the whole fit; it determines the number of training steps.",
)
@click.option("--max-steps", type=int, metavar="N", help="Training steps per network; makes a fit exactly repeatable.")
@click.option(
    "--members",
    type=int,
    metavar="N",
    help="How many times to retrain on all data; the results are averaged. 0: never. Default: 1 if time allows.",
)
@click.option(
    "--intervals",
    type=click.Choice(INTERVALS),
    default="model",
    show_default=True,
    help="How validation errors set interval widths: shrunk towards the model's own, or split conformal.",
)
@click.option("--resume", is_flag=True, help="Continue an interrupted fit to the same MODEL.")
@SEED
@DEVICE
@JSON
@QUIET
def fit_command(data: str, output: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Train a network on every series in DATA and write a model file. Needs the extra train."""
    from tidegate.forecasting.saving import check_destination
    from tidegate.interfaces import api
    from tidegate.interfaces.arguments import read
    from tidegate.series.reading import Reading

    spare_waiting_threads()
    check_destination(output, api.MODEL_SUFFIXES)
    bar, doing, checkpoint = Bar(quiet=quiet, lines=True), "training", Path(f"{output}.checkpoint")
    reading = Reading(**{each.name: options.pop(each.name) for each in fields(Reading)})
    panel, _ = read(data, reading)
    told = list(panel.notes)  # before minutes of training on the wrong column
    if options["resume"] and not checkpoint.exists():
        told.append(f"--resume: {checkpoint} does not exist, so this fit starts from the beginning")
    elif checkpoint.exists() and not options["resume"]:
        told.append(f"{checkpoint} of an interrupted fit will be replaced; use --resume to continue that fit instead")

    def report(epoch: Epoch | None, share: float) -> None:
        nonlocal doing
        while told:  # once all that was asked for has been checked
            say(told.pop(0), quiet=quiet)
        if epoch is not None:
            held_out = not math.isnan(epoch.validation_mase)
            found = f"validation MASE {epoch.validation_mase:.3f}" if held_out else "retraining on all data"
            doing = f"{epoch.training}: step {epoch.step}, {found}"
        bar.draw(share, doing)

    try:
        model = api.fit(panel, progress=report, checkpoint=checkpoint, keep_checkpoint=True, **options)
    except Stopped:
        bar.clear()
        if checkpoint.exists():
            say(f"stopped; to continue from {checkpoint}, repeat the command with --resume", quiet=quiet)
        raise
    finally:
        bar.clear()
    model.save(output)
    checkpoint.unlink(missing_ok=True)
    say(*model.notes[len(panel.notes) :], f"model: {output}", quiet=quiet)
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
@click.option("--step", type=int, metavar="STEPS", help="Distance between forecast origins. Default: the horizon.")
@click.option(
    "--refit",
    metavar="WHEN",
    default="false",
    show_default=True,
    help="With --model fit: train once (false), at every origin (true), or at every k-th (a number).",
)
@reading_options
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="default, a model file, or fit (trained at the origins). Can be repeated.",
)
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="NAME",
    help="Use instead of auto_theta and auto_ets, for example auto_arima; naive: add none. Can be repeated.",
)
@click.option(
    "--baseline-time",
    type=float,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time limit for each baseline of the extra stats.",
)
@click.option(
    "--prove", is_flag=True, help="Prove that no forecast saw the future: replace all later values and compare."
)
@click.option(
    "--align",
    default="auto",
    show_default=True,
    help="calendar: same dates for all series; ends: count back from the end of each series.",
)
@click.option(
    "--levels", type=Numbers(float), default="80,95", show_default=True, help="Prediction intervals, in percent."
)
@SEASONS
@click.option("--no-bounds", is_flag=True, help="Allow negative forecasts even if the history has none.")
@CALIBRATE
@click.option(
    "--intervals",
    default="model",
    show_default=True,
    metavar="WHOSE",
    help="model: the model's own intervals; conformal: scaled by the errors of all series in earlier windows.",
)
@click.option(
    "--start", default="auto", show_default=True, help="With --model fit: auto, scratch, default or a model file."
)
@click.option("--time-limit", type=float, metavar="SECONDS", help="With --model fit: time limit for each training.")
@SEED
@click.option("--threads", type=int, metavar="N", help="Number of CPU threads. Default: all cores.")
@click.option(
    "-o", "--output", metavar="OUT", help="Save all forecasts to a .parquet, .csv or .json file; - prints CSV."
)
@click.option("--report", metavar="REPORT.html", help="Write the full report as one HTML page.")
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
    """Test how well models forecast DATA.

    Forecasts from earlier origins and compares with the actual values and with baselines.
    """
    from tidegate.evaluation.report import REPORT_SUFFIXES
    from tidegate.forecasting.saving import check_destination
    from tidegate.interfaces.backtesting import backtest

    if as_json and output == "-":
        raise ConfigError("--json and -o - both write to standard output: use only one of them")
    _check_outputs(data, output, None)
    if report is not None:
        check_destination(report, REPORT_SUFFIXES)
    spare_waiting_threads()
    bar = Bar(quiet=quiet, lines=True)
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
        scores = result.score_columns()
        widths = [name for name in scores if name.startswith("width ")]
        dispensable = ["seconds", "OWA", "RMSSE", "scaled CRPS", *reversed(widths), "WQL", "bias"]
        emit(f"{verdict.sentence}\n\n{table(scores, dispensable)}")
    return FAILURE if result.proof is not None and not result.proof.holds else 0


def _refit(text: str) -> bool | int:
    words = {"false": False, "true": True}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return int(text)
    except ValueError as error:
        raise ConfigError(
            f"refit {text!r}: expected true, false, or a number k to train at every k-th window"
        ) from error


@command_line.command("stream")
@click.argument("history", required=False)
@HORIZON
@reading_options
@click.option("--model", metavar="FILE", help="A model file written by fit. Default: the built-in model.")
@click.option("--state", metavar="FILE.npz", help="Continue from this file if it exists, and save to it at the end.")
@click.option(
    "--levels", type=Numbers(float), default="80,95", show_default=True, help="Prediction intervals, in percent."
)
@SEASONS
@click.option(
    "--late",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="What to do with rows that come late.",
)
@click.option(
    "--unknown",
    type=click.Choice(["error", "skip", "start"]),
    help="What to do with rows of unknown series. Default: start without a history, otherwise error.",
)
@click.option("--keep-going", is_flag=True, help="If a line cannot be used, print its error and continue.")
@CALIBRATE
@click.option("--threads", type=int, metavar="N", help="Number of CPU threads. Default: all cores.")
@QUIET
def stream_command(history: str | None, **options: Any) -> None:
    """Forecast as rows arrive.

    Reads JSON lines from standard input and prints one JSON line per series. HISTORY is a file like those that forecast
    reads and holds the past of the series; without it, each series begins with its first row. A line is
    one row, {"id": "a", "time": "2024-05-01", "y": 3}, or a list of rows to add together.
    """
    from tidegate.interfaces.streaming import run

    run(history, sys.stdin.buffer, **options)


@command_line.command("info")
@click.argument("model", required=False)
@JSON
def info_command(model: str | None, as_json: bool) -> None:
    """Describe a model and what is installed. Default: the built-in model.

    Of the model: its network, its quantile levels and how it was made.
    """
    from tidegate.interfaces import api
    from tidegate.interfaces.arguments import installed_extras

    opened = api.load(model)
    networks = [one.to_dict() for one in opened.file.networks]
    levels = opened.file.config.quantile_levels
    for network in networks:
        del network["quantile_levels"]  # the same in all
    size = Path(opened.file.source).stat().st_size if not isinstance(opened.file.source, bytes) else 0
    extras = installed_extras()
    facts = {
        "model": opened.file.name,
        "bytes": size,
        "format_version": opened.file.metadata["format_version"],
        "horizon_limit": opened.file.horizon_limit,
    }
    if as_json:
        emit(
            document(
                tidegate=__version__,
                extras=extras,
                **facts,
                quantile_levels=levels,
                config=networks[0],
                networks=networks,
                provenance=opened.provenance,
            )
        )
        return
    told = ", ".join(f"{extra} {'installed' if there else 'not installed'}" for extra, there in extras.items())
    lines = [f"tidegate: {__version__}", f"extras: {told}", *(f"{name}: {value}" for name, value in facts.items())]
    lines.append("quantile levels: " + ", ".join(f"{level:g}" for level in levels))
    count = len(networks)
    titles = ["network"] if count == 1 else [f"network {number} of {count}" for number in range(1, count + 1)]
    for title, part in (*zip(titles, networks, strict=True), ("provenance", opened.provenance)):
        lines.append(f"{title}:")
        lines += [f"  {name}: {value}" for name, value in part.items()]
    emit("\n".join(lines) + "\n")


@command_line.command("pretrain")
@click.option(
    "--out",
    "-o",
    "folder",
    type=Path,
    required=True,
    metavar="FOLDER",
    help="Folder for checkpoints and the model file.",
)
@click.option("--size", default="default", show_default=True, help="Size of the network: default or large.")
@click.option("--steps", type=click.IntRange(min=1), help="Training steps. Default: as for the shipped weights.")
@click.option("--batch", type=click.IntRange(min=1), help="Series per step. Default: as for the shipped weights.")
@SEED
@DEVICE
@QUIET
def pretrain_command(folder: Path, quiet: bool, **options: Any) -> None:
    """Train the built-in network anew, on synthetic series only.

    Writes a checkpoint every few minutes and FOLDER/tidegate.onnx at the end. An interrupted run continues where it
    stopped. Needs the extra train.
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


def limit_options(command: Command) -> Command:
    """An option for each limit of a server, as `interfaces/server/limits.py` describes it."""
    from tidegate.interfaces.server.limits import Limits

    for name, default, help in reversed(Limits.described()):
        flag = f"--most-{name.replace('_', '-')}"
        command = click.option(flag, name, type=type(default), default=default, show_default=True, help=help)(command)
    return command


@command_line.command("serve")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; an address that other machines can reach needs a token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8321,
    show_default=True,
    help="Port to listen on; 0: any free port.",
)
@click.option("--token", envvar="TIDEGATE_TOKEN", help="Secret that every request must send; or set TIDEGATE_TOKEN.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="FILE",
    help="A model file to serve. Can be repeated. Default: the built-in model.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads per run of the network."
)
@limit_options
@QUIET
def serve_command(
    host: str, port: int, token: str | None, models: tuple[str, ...], threads: int, quiet: bool, **limits: Any
) -> None:
    """Serve forecasts over HTTP, with a web page at /. Needs the extra serve."""
    from tidegate.interfaces.arguments import needs_extra

    with needs_extra("serve", "tidegate serve"):
        from tidegate.interfaces.server.app import create_app
        from tidegate.interfaces.server.limits import Limits
        from tidegate.interfaces.server.security import check_address
        from tidegate.interfaces.server.serving import serve
    check_address(host, token)
    most = Limits(**limits)
    app = create_app(most, token, models or None, threads)
    serve(app, host, port, most, lambda address: say(f"listening on {address}; press Ctrl-C to stop", quiet=quiet))


@command_line.command("demo")
@click.option("-o", "--output", type=Path, metavar="PAGE.html", default=Path("tidegate-demo.html"), show_default=True)
@SEED
@QUIET
def demo_command(output: Path, seed: int, quiet: bool) -> None:
    """Run the LSTM tutorial, from a sine wave to a tested forecast.

    Prints a table and writes a page with charts. Needs the extra train.
    """
    from tidegate.interfaces.arguments import needs_extra

    with needs_extra("train", "tidegate demo"):
        from tidegate.interfaces import demo

        demo.run(output, seed=seed, quiet=quiet)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns: its exit code. Raises: whatever stopped it; interfaces/exits.py makes it one."""
    code = command_line.main(arguments, prog_name="tidegate", standalone_mode=False)
    return code if isinstance(code, int) else 0
