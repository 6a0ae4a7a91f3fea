"""What a fit tells about itself: notes for who asked for it, and the origin that the model file keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tidegate.training.choices import WORTHWHILE, FitPlan, least_gain
from tidegate.training.course import naive_mase
from tidegate.training.kinds import Kind
from tidegate.training.material import Material
from tidegate.training.selection import Candidate
from tidegate.training.trainings import Trainings


def chosen_note(best: Candidate, found: Sequence[Candidate], kinds: Sequence[Kind], material: Material) -> str:
    """One sentence: what is kept, and how much better it was."""
    rows, windows = len(material.selection.actual), int(material.windows.max())
    where = f"on {rows:,} validation window{'s' * (rows != 1)}, up to {windows} per series"
    if not any(best.blends.values()):
        values = material.known_values
        least = least_gain(values)
        few = (
            f" (at least {-math.expm1(-least):.1%} is required with only {values:,} values)"
            if least > WORTHWHILE
            else ""
        )
        return f"kept {kinds[0].name} unchanged: no trained network was reliably better{few} {where}"
    parts = []
    for place, share in best.blends.items():
        if not kinds[place].starts:
            way = ""
        elif not share:
            way = " (unchanged)"
        else:
            way = " (fine-tuned)" if share == 1 else f" ({share:.0%} fine-tuned)"
        parts.append(f"{kinds[place].name}{way}")
    kept = f"the mean of {' and '.join(parts)}" if len(parts) > 1 else parts[0]
    start = f"{found[0].mase:.3f} for {kinds[0].name} unchanged and " if kinds[0].starts else ""
    naive = f"{naive_mase(material.selection):.3f} for seasonal naive"
    return f"kept {kept}: MASE {best.mase:.3f} {where}, compared with {start}{naive}"


def again_note(members: int, plan: FitPlan, lacked: tuple[float, float] | None) -> str:
    """One sentence: what came of training once more.

    Args: members: that came to an end. lacked: seconds needed and left, where too few were.
    """
    if not members and plan.time_limit is None:
        return "retraining on all data did not finish: the validated networks are kept"
    if not members:
        why = "" if lacked is None else f" (it takes about {lacked[0]:.0f} s, and {lacked[1]:.0f} s were left)"
        return f"no time to retrain on all data{why}: the validated networks are kept"
    note, asked = "retrained on all data, to the same number of steps", plan.members or 1
    return note if members == asked else f"{note}; {members} of {asked} retrainings finished"


def seasons_note(seasons: Sequence[int], gain: float, judge: Kind) -> str:
    """One sentence: which season lengths all series have."""
    *others, last = map(str, seasons)
    return (
        f"seasons of {', '.join(others)} and {last} steps for every series: with these, {judge.name} forecast the "
        f"validation windows {-math.expm1(-gain):.1%} better, uncertainty subtracted, than with those that each series "
        "shows"
    )


def origin_of(trainings: Trainings, start: str, kept: dict[str, float]) -> dict[str, Any]:
    """What the model file tells of how it came about."""
    return {
        "made_by": "tidegate fit",
        "start": start,
        "plan": asdict(trainings.plan),
        "max_steps": trainings.plan.max_steps,
        "members": trainings.plan.members,
        "kept": kept,
        "data_until": data_until(trainings.material),
        "trainings": [{"of": one.name, "steps": one.step, "kept_step": one.kept_step} for one in trainings.courses],
        "seconds": round(trainings.clock.seconds, 1),
        **seasons_of(trainings.material),
    }


def origin_untrained(kind: Kind, material: Material, plan: FitPlan, start: str) -> dict[str, Any]:
    """The same where the start weights are kept without a training."""
    return {
        "made_by": "tidegate fit",
        "start": start,
        "plan": asdict(plan),
        "max_steps": plan.max_steps,
        "members": 0,
        "kept": {kind.name: 0.0},
        "data_until": None,
        **seasons_of(material),
    }


def data_until(material: Material) -> str | None:
    """The last stamp that was trained on, "1960-12-01T00:00:00": a backtest tells by it which windows are no test."""
    latest = material.panel.latest_stamp
    return None if latest is None else str(latest.astype("M8[s]"))


def seasons_of(material: Material) -> dict[str, Any]:
    """What a file tells of season lengths that are the same for all series: which, and of which frequency."""
    if material.season_length is None:
        return {}
    frequency = material.panel.timeline.frequency
    return {
        "season_length": list(material.season_length),
        "frequency": None if frequency is None else frequency.word,
    }
