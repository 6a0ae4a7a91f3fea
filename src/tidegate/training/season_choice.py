"""The choice of season lengths: those that each series shows by itself, or one set for all series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from tidegate.series.seasons import SLOTS
from tidegate.training.evidence import WORTHWHILE_GAIN, careful_gain
from tidegate.training.fit_data import FitData
from tidegate.training.samples import HeldOut
from tidegate.training.selection import Group, ensemble_forecast
from tidegate.training.starting_points import StartingPoint
from tidegate.training.training_run import row_errors

Seasons = tuple[int, ...]


def sets_for_all(data: FitData, reach: int) -> list[Seasons]:
    """The sets to try: all calendar lengths; and the same with a neighbour of the longest, one shortest season longer.

    Looking up the neighbour as well halves the noise. Lengths are below `reach` steps and at most the longest history.
    """
    frequency = data.panel.timeline.frequency
    reach = min(reach, data.longest_history + 1)
    lengths = (
        () if frequency is None else tuple(length for length in frequency.season_candidates if length < reach)[:SLOTS]
    )
    if len(lengths) < 2:
        return []  # the shortest length is always looked up
    neighbour = lengths[0] + lengths[-1]
    return [lengths, *([(*lengths, neighbour)] if len(lengths) < SLOTS and neighbour < reach else [])]


def suited_seasons(part: HeldOut, judge: StartingPoint, sets: Sequence[Seasons]) -> tuple[Seasons, float] | None:
    """The set with which pretrained weights forecast the held-out windows best, and its log gain beyond doubt.

    Two noisy years of one series hardly show a yearly season. Those of a hundred series do.

    Args:
        judge: the pretrained weights.
    Returns: None if the lengths that each series shows by itself are as good.
    """

    def losses(part: HeldOut) -> torch.Tensor:
        return row_errors(ensemble_forecast(Group(judge, ()).at(0.0), part), judge.networks[0], part)[0].cpu()

    def gain(seasons: Seasons) -> float:
        padded = torch.tensor([*seasons, *[0] * (SLOTS - len(seasons))], device=part.seasons.device)
        now = losses(replace(part, seasons=padded.expand(len(part.actual), SLOTS)))
        return careful_gain(now.numpy(), before.numpy(), part.window.cpu().numpy(), part.series.cpu().numpy())

    before = losses(part)
    best, most = max(((lengths, gain(lengths)) for lengths in sets), key=lambda pair: pair[1])
    return (best, most) if most > WORTHWHILE_GAIN else None
