"""Which season lengths the networks of a panel look up: those that each series shows by itself, or one set for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from tidegate.series.seasons import SLOTS
from tidegate.training.choices import WORTHWHILE, careful_gain
from tidegate.training.course import row_errors
from tidegate.training.kinds import Kind
from tidegate.training.material import Material
from tidegate.training.samples import HeldOut
from tidegate.training.selection import Group, mixed

Seasons = tuple[int, ...]


def sets_for_all(material: Material, reach: int) -> list[Seasons]:
    """What is tried: all lengths of the calendar, and the longest with its neighbour one shortest season further back,
    which halves its noise. Only lengths below `reach` steps, and of which the longest history shows the last one."""
    frequency = material.panel.timeline.frequency
    reach = min(reach, material.longest_history + 1)
    lengths = () if frequency is None else tuple(one for one in frequency.season_candidates if one < reach)[:SLOTS]
    if len(lengths) < 2:
        return []  # the shortest is always looked up
    neighbour = lengths[0] + lengths[-1]
    return [lengths, *([(*lengths, neighbour)] if len(lengths) < SLOTS and neighbour < reach else [])]


def suited_seasons(part: HeldOut, judge: Kind, sets: Sequence[Seasons]) -> tuple[Seasons, float] | None:
    """Of some sets of season lengths the one with which weights that can forecast do best on the held-out windows, and
    the log of what it gains beyond doubt; None where those that each series shows by itself are as good.

    Two noisy years of one series hardly tell that there is a year; those of a hundred series do.
    """

    def losses(part: HeldOut) -> torch.Tensor:
        return row_errors(mixed(Group(judge, ()).at(0.0), part), judge.starts[0], part)[0].cpu()

    def gain(seasons: Seasons) -> float:
        padded = torch.tensor([*seasons, *[0] * (SLOTS - len(seasons))], device=part.seasons.device)
        told = losses(replace(part, seasons=padded.expand(len(part.actual), SLOTS)))
        return careful_gain(told.numpy(), before.numpy(), part.window.cpu().numpy(), part.series.cpu().numpy())

    before = losses(part)
    best, most = max(((one, gain(one)) for one in sets), key=lambda pair: pair[1])
    return (best, most) if most > WORTHWHILE else None
