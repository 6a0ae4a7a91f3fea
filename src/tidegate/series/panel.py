"""Panel: many series as flat arrays; the one value the layers exchange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.series.dates.timeline import Timeline

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """Many time series, each on its own regular grid, stored one after the other.

    Attributes:
        values: (total,) observed values in the user's units, NaN where missing; never infinite.
        offsets: (series + 1,) where each series starts in `values`; series i is values[offsets[i]:offsets[i + 1]].
        timeline: when the steps are: frequency, first stamp of each series, how stamps are written.
        ids: id column name -> (series,) its value for each series, in the input's type; empty for one unnamed series.
        target: name of the column the values came from.
        notes: what was found, assumed and repaired while reading, one sentence each.
    """

    values: Floats
    offsets: Integers
    timeline: Timeline
    ids: Mapping[str, NDArray] = field(default_factory=dict)  # type: ignore[type-arg]
    target: str = "y"
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of series."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Integers:
        """(series,) number of grid steps of each series, missing ones included."""
        return self.offsets[1:] - self.offsets[:-1]

    @property
    def first_observed(self) -> Integers:
        """(series,) position in `values` of the first observed value of each series; its end where there is none."""
        return first_true(~np.isnan(self.values), self.offsets)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Floats:
        """(n,) the values of one series: a view, not a copy."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[Floats]:
        return (self[index] for index in range(self.size))

    def name(self, index: int) -> str:
        """How messages and charts call a series: its id, several joined by " · ", or the target's name."""
        return " · ".join(str(column[index]) for column in self.ids.values()) or self.target

    def head(self, lengths: Integers) -> Panel:
        """The same series, each cut to its first lengths[i] steps: what was known at an earlier origin."""
        kept = np.minimum(lengths, self.lengths)
        steps = np.arange(len(self.values)) - np.repeat(self.offsets[:-1], self.lengths)
        return replace(
            self,
            values=self.values[steps < np.repeat(kept, self.lengths)],
            offsets=np.concatenate([[0], np.cumsum(kept)]).astype(np.int64),
        )

    def select(self, series: Integers) -> Panel:
        """The panel of some of the series, in the order given."""
        lengths = self.lengths[series]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        index = np.repeat(self.offsets[series] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return replace(
            self,
            values=self.values[index],
            offsets=offsets,
            timeline=self.timeline.select(series),
            ids={name: column[series] for name, column in self.ids.items()},
        )


def stack(values: Floats, starts: Integers, stops: Integers, width: int | None = None) -> Floats:
    """(series, width) values[start:stop] of each series, right-aligned, NaN in front; no more than the last `width`.

    Args: width: left out, that of the longest.
    """
    if width is None:
        width = int((stops - starts).max())
    index = stops[:, None] + np.arange(-width, 0)
    inside = index >= starts[:, None]
    return np.where(inside, values[np.where(inside, index, 0)], np.nan)


def first_true(flags: NDArray[np.bool_], offsets: Integers) -> Integers:
    """(series,) position of the first True in each series; its end if there is none."""
    positions = np.append(np.flatnonzero(flags), len(flags))
    found = positions[np.searchsorted(positions, offsets[:-1])]
    return np.minimum(found, offsets[1:])
