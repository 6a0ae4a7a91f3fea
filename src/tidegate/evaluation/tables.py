"""A backtest as data for other programs: all forecasts as columns, all scores as one JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.evaluation.backtest import Backtest
from tidegate.evaluation.scores import metric_table
from tidegate.forecasting.result import with_stamps

Columns = dict[str, NDArray[Any]]
SERIES_METRICS = ("mase", "rmsse", "smape", "wql", "scaled_crps", "mae", "bias")  # per series in the document
PART_METRICS = ("mase", "wql")  # per window and per step


def forecast_columns(backtest: Backtest, *, text: bool = False) -> Columns:
    """A row per contender, series, window and step: ids, stamps, window, origin, step, model, actual and forecasts.

    text: write datetime64 as text; all else stays as it is.
    Raises: ConfigError if an id or time column has the name of one of ours.
    """
    panel, horizon = backtest.panel, backtest.horizon
    scored = backtest.origins.scored.T
    series, windows = np.nonzero(scored)
    keys: Columns = {str(name): np.repeat(values[series], horizon) for name, values in panel.ids.items()}
    keys = with_stamps(keys, _stamps(backtest, series, windows, text))
    ours: Columns = {
        "window": np.repeat(windows + 1, horizon),
        "origin": np.repeat(_origins(backtest, series, windows), horizon),
        "ahead": np.tile(np.arange(1, horizon + 1), len(series)),
    }
    values: Columns = {"actual": backtest.actual[scored].ravel()}
    blocks: list[Columns] = []
    for name in backtest.contenders:
        block: Columns = {"model": np.full(len(values["actual"]), name, object), **values}
        block["forecast"] = backtest.at(name, 0.5)[scored].ravel()
        for level in backtest.levels:
            low, high = backtest.interval(name, level)
            block[f"lo-{level:g}"], block[f"hi-{level:g}"] = low[scored].ravel(), high[scored].ravel()
        blocks.append(block)
    count = len(backtest.contenders)
    columns = {name: np.tile(column, count) for name, column in (keys | ours).items()}
    columns |= {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    if taken := sorted(keys.keys() & (ours.keys() | blocks[0].keys())):
        raise ConfigError(
            f"the data have a column {taken[0]!r}, which is also a column of every backtest: rename it in the data"
        )
    return columns


def _stamps(backtest: Backtest, series: NDArray[np.int64], windows: NDArray[np.int64], text: bool) -> Columns:
    timeline, known = backtest.panel.timeline, backtest.origins.known
    cache: dict[tuple[Any, int], Columns] = {}  # most panels hold few different stretches
    blocks = []
    for one, window in zip(series.tolist(), windows.tolist(), strict=True):
        first = int(known[window, one])
        key = (timeline.starts[one], first)
        if key not in cache:
            found = timeline.stamp_columns(one, first, backtest.horizon)
            if text and any(stamps.dtype.kind == "M" for stamps in found.values()):
                found = {name: timeline.text(one, first, backtest.horizon) for name in found}
            cache[key] = found
        blocks.append(cache[key])
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _origins(backtest: Backtest, series: NDArray[np.int64], windows: NDArray[np.int64]) -> NDArray[np.object_]:
    """The stamp of the last step each forecast saw, as text."""
    timeline, known = backtest.panel.timeline, backtest.origins.known
    cache: dict[tuple[Any, int], str] = {}
    result = np.empty(len(series), object)
    for row, (one, window) in enumerate(zip(series.tolist(), windows.tolist(), strict=True)):
        key = (timeline.starts[one], int(known[window, one]))
        if key not in cache:
            cache[key] = timeline.describe(one, key[1] - 1)
        result[row] = cache[key]
    return result


def score_columns(backtest: Backtest) -> Columns:
    """A row per contender: the main metrics over all, and the seconds it took; then models with their own intervals,
    where the others are conformal."""
    table = metric_table(backtest.levels)
    main = ["mase", "rmsse", "smape", "owa", "wql", "scaled_crps"]
    main += [f"{what}_{level:g}" for level in backtest.levels for what in ("coverage", "width")]
    rows = [(backtest, who) for who in backtest.contenders]
    if (given := backtest.as_given) is not None:
        rows += [(given, who) for who in given.models]
    columns: Columns = {"method": np.array([who for _, who in rows], object)}
    for name in [*main, "bias"]:
        title = table[name].title if name in table else "OWA"
        unit = 100 if name.startswith("coverage") else 1
        columns[title] = np.array([unit * one.scores[who].get(name, math.nan) for one, who in rows])
    columns["seconds"] = np.array([one.seconds[who] for one, who in rows])
    return columns


def json_document(backtest: Backtest) -> str:
    """Verdict, warnings, scores over all, per window, step and series, and how it was made; NaN is null."""
    panel, verdict = backtest.panel, backtest.verdict
    names = [panel.name(index) for index in range(panel.size)]
    recommended = backtest.recommendation
    given = backtest.as_given
    by_series = {metric: backtest.score(metric) for metric in SERIES_METRICS}
    parts: dict[str, Any] = {
        "verdict": verdict.sentence,
        "warnings": verdict.warnings,
        "comparisons": [vars(one) for one in verdict.comparisons],
        "scores": backtest.scores,
        "scores_as_given": {} if given is None else {name: given.scores[name] for name in given.models},
        "by_window": {m: backtest.score(m, "window") for m in PART_METRICS},
        "by_step": {m: backtest.score(m, "step") for m in PART_METRICS},
        "by_series": {
            name: {m: {who: by_series[m][who][index] for who in backtest.contenders} for m in SERIES_METRICS}
            for index, name in enumerate(names)
        },
        "recommendation": {
            "sentence": recommended.sentence,
            "series": {name: recommended.chosen[index] for index, name in enumerate(names)},
        },
        "undefined": backtest.undefined,
        "origins": [backtest.origin_text(window) for window in range(backtest.windows)],
        "horizon": backtest.horizon,
        "step": backtest.step,
        "windows": backtest.windows,
        "series": panel.size,
        "seconds": backtest.seconds,
        "settings": backtest.settings,
        "proof": None if backtest.proof is None else vars(backtest.proof),
        "notes": backtest.notes,
    }
    return json.dumps(plain(parts), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def plain(value: Any) -> Any:
    """Numbers, lists and dicts that JSON knows: arrays as lists, what is not finite as None."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value if value is None or isinstance(value, str) else str(value)
