"""What a fit reports: notes for the user, and the provenance that the model file stores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from tidegate.forecasting.config import MADE_BY_FIT
from tidegate.training.evidence import WORTHWHILE_GAIN, least_gain
from tidegate.training.fit_data import FitData
from tidegate.training.plan import FitPlan
from tidegate.training.selection import Candidate
from tidegate.training.starting_points import StartingPoint
from tidegate.training.training_run import naive_mase
from tidegate.training.trainings import Trainings


def chosen_note(best: Candidate, found: Sequence[Candidate], starts: Sequence[StartingPoint], data: FitData) -> str:
    """The note on what is kept and how much better it was."""
    rows, windows = len(data.selection_windows.actual), int(data.windows.max())
    where = f"on {rows:,} validation window{'s' * (rows != 1)}, up to {windows} per series"
    if not any(best.blends.values()) and best.smoothing is None:
        values = data.known_values
        least = least_gain(values)
        few = (
            f", which with only {values:,} values means by {percent(-math.expm1(-least), 1)} or more"
            if least > WORTHWHILE_GAIN
            else ""
        )
        own = "; start='scratch' (--start scratch) keeps a network of your own all the same" if len(starts) > 1 else ""
        return f"kept {starts[0].name} unchanged: {where}, no trained network was reliably better{few}{own}"
    parts = []
    for place, share in best.blends.items():
        if not starts[place].networks:
            way = ""
        elif not share:
            way = " (unchanged)"
        else:
            way = " (fine-tuned)" if share == 1 else f" ({percent(share)} fine-tuned)"
        parts.append(f"{starts[place].name}{way}")
    kept = f"the mean of {' and '.join(parts)}" if len(parts) > 1 else parts[0]
    if (smoothing := best.smoothing) is not None:
        season = f" with a season of {smoothing.season_length} steps" if smoothing.season_length > 1 else ""
        kept += f", moved {percent(smoothing.share)} of the way to an exponential smoothing{season}"
    untrained = f"{found[0].mase:.3f} for {starts[0].name} unchanged and " if starts[0].networks else ""
    naive = f"{naive_mase(data.selection_windows):.3f} for seasonal naive"
    return f"kept {kept}: MASE {best.mase:.3f} {where}, compared with {untrained}{naive}"


def percent(share: float, digits: int = 0) -> str:
    """As all of Tidegate writes it: "50 %"."""
    return f"{100 * share:.{digits}f} %"


def retraining_note(members: int, plan: FitPlan, lacked: tuple[float, float] | None) -> str:
    """The note on retraining on all data.

    Args:
        members: members that finished.
        lacked: seconds needed and seconds left, if there was too little time.
    """
    if not members and plan.time_limit is None:
        return "retraining on all data did not finish: the validated networks are kept"
    if not members:
        why = "" if lacked is None else f" (it takes about {lacked[0]:.0f} s, and {lacked[1]:.0f} s were left)"
        return f"no time to retrain on all data{why}: the validated networks are kept"
    note, asked = "retrained on all data, to the same number of steps", plan.members or 1
    return note if members == asked else f"{note}; {members} of {asked} retrainings finished"


def seasons_note(seasons: Sequence[int], gain: float, judge: StartingPoint) -> str:
    """The note on season lengths that were chosen for all series."""
    *others, last = map(str, seasons)
    better = percent(-math.expm1(-gain), 1)
    return (
        f"seasons of {', '.join(others)} and {last} steps for every series: with these, {judge.name} forecast the "
        f"validation windows {better} better, uncertainty subtracted, than with those that each series shows"
    )


def origin_of(trainings: Trainings, option: str, kept: dict[str, float]) -> dict[str, Any]:
    """The provenance that the model file stores."""
    return {
        **_origin(option, trainings.plan, kept),
        "data_until": data_until(trainings.data),
        "trainings": [{"of": one.name, "steps": one.step, "kept_step": one.kept_step} for one in trainings.runs],
        "seconds": round(trainings.clock.seconds, 1),
        **seasons_of(trainings.data),
    }


def origin_untrained(start: StartingPoint, data: FitData, plan: FitPlan, option: str) -> dict[str, Any]:
    """The provenance of start weights that were kept without training."""
    return {**_origin(option, replace(plan, members=0), {start.name: 0.0}), "data_until": None, **seasons_of(data)}


def _origin(option: str, plan: FitPlan, kept: dict[str, float]) -> dict[str, Any]:
    return {
        "made_by": MADE_BY_FIT,
        "start": option,
        "plan": asdict(plan),
        "max_steps": plan.max_steps,
        "members": plan.members,
        "kept": kept,
    }


def data_until(data: FitData) -> str | None:
    """The last timestamp trained on, "1960-12-01T00:00:00". A backtest warns about windows that are not after it."""
    latest = data.panel.timeline.latest(data.panel.lengths)
    return None if latest is None else str(latest.astype("M8[s]"))


def seasons_of(data: FitData) -> dict[str, Any]:
    """Season lengths that all series share, and the frequency that they belong to. Empty if each series has its own."""
    if data.season_length is None:
        return {}
    frequency = data.panel.timeline.frequency
    return {
        "season_length": list(data.season_length),
        "frequency": None if frequency is None else frequency.word,
    }
