"""The picture of docs/prior.md: samples of the prior beside real series, so that a person can judge the prior.

python benchmarks/prior_gallery.py --data DIR [-o docs/prior.png] [--seed 1]

Nothing is chosen among the samples: they are the first ones that the seed gives. The real series are the airline
passengers of examples/ and 23 series of DIR whose sources state a licence that lets a picture of them be shown.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from real_series import FILES
from tasks import TASKS, load

from tidegate.series.reading import read_panel
from tidegate.training.prior import Prior

ROOT = Path(__file__).parent.parent
STEPS = 576  # what most of the training batches have, and the most that is shown of a real series
SHORT = (24, 48, 96, 192)
ROWS, LONG_COLUMNS, SHORT_COLUMNS, REAL_COLUMNS = 8, 4, 2, 3
MADE, REAL, INK = "#1f6f8b", "#b3541e", "#26323f"

# Sets of tasks.py (with the place of a series) and files of real_series.py, in the order shown, down the columns.
SETS = {"tourism_yearly": 3, "tourism_quarterly": 5, "tourism_monthly": 11, "nn5_daily": 2}
SHOWN = (
    "us_retail_sales",
    "aus_retail_victoria",
    "monthly_milk_incomplete",
    "us_gasoline_weekly_descending",
    "peyton_manning_views",
    "pedestrians_covid_daily",
    "bitcoin_transactions_daily",
    "saugeen_river_flow",
    "melbourne_pedestrians",
    "metro_traffic_volume_2016_2018",
    "ercot_dam_price_unsorted",
    "sf_hospital_load_no_dates",
    "vic_elec",
    "birmingham_parking",
    "nab_nyc_taxi",
    "nab_travel_time_387",
    "nab_machine_temperature",
    "nab_elb_request_count",
    "nab_twitter_volume_aapl",
)


@dataclass(frozen=True)
class Example:
    """One small chart: its title and the (n,) values, NaN where missing."""

    title: str
    values: NDArray[np.float64]


def samples(seed: int) -> list[Example]:
    """The first samples: long ones, then short business series."""
    prior = Prior(seed)
    batches = [prior.sample(ROWS * LONG_COLUMNS, STEPS)]
    each = ROWS * SHORT_COLUMNS // len(SHORT)
    batches += [prior.sample(each, length, short=True) for length in SHORT]
    examples = []
    for batch in batches:
        for values, seasons in zip(batch.values.numpy(), batch.seasons.tolist(), strict=True):
            told = " and ".join(str(season) for season in seasons if season)
            examples.append(Example(f"{len(values)} steps, " + (f"season {told}" if told else "no season"), values))
    return examples


def real_series(folder: Path) -> list[Example]:
    """The last STEPS values of each."""
    found = [Example("airline_passengers", read_panel(ROOT / "examples" / "airline_passengers.csv")[0])]
    for task in TASKS:
        if task.dataset in SETS:
            dataset, place = load(task, folder), SETS[task.dataset]
            whole = np.concatenate([dataset.histories[place], dataset.actuals[place]])
            found.append(Example(f"{task.dataset} {place}", whole))
    files = {file.name: file for file in FILES}
    found += [Example(name, files[name].read(folder / "csv")[0]) for name in SHOWN]
    return [Example(example.title.replace("_", " "), example.values[-STEPS:]) for example in found]


def draw(made: list[Example], real: list[Example]) -> Any:
    """A matplotlib figure: the samples to the left, the real series to the right."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(17, 9.4))
    columns = LONG_COLUMNS + SHORT_COLUMNS
    grid = figure.add_gridspec(
        ROWS,
        columns + REAL_COLUMNS + 1,
        width_ratios=[1] * columns + [0.12] + [1] * REAL_COLUMNS,
        left=0.008, right=0.992, top=0.925, bottom=0.012, wspace=0.09, hspace=0.42,
    )  # fmt: skip
    for examples, first, color in ((made, 0, MADE), (real, columns + 1, REAL)):
        for place, example in enumerate(examples):
            axes = figure.add_subplot(grid[place % ROWS, first + place // ROWS])
            few = len(example.values) <= 60
            axes.plot(
                example.values, color=color, linewidth=1.0 if few else 0.7, marker="." if few else "", markersize=3
            )
            axes.set_title(example.title, fontsize=6.5, color=INK, loc="left", pad=2.5)
            axes.set(xticks=[], yticks=[])
            axes.margins(x=0.01, y=0.06)
            for side in axes.spines.values():
                side.set(color="#d5dae0", linewidth=0.6)
        text = (
            f"{len(made)} samples of the prior, as drawn"
            if first == 0
            else f"{len(real)} real series, at most {STEPS} steps"
        )
        box = grid[0, first].get_position(figure)
        figure.text(box.x0, 0.965, text, fontsize=13, fontweight="bold", color=color)
    return figure


def save(figure: Any, path: Path) -> None:
    """A PNG of few colours: a third of the size, and no difference to the eye."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor="white")
    Image.open(buffer).convert("RGB").quantize(48).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "prior.png")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    save(draw(samples(arguments.seed), real_series(arguments.data)), arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
