"""Make the data files of the web page anew: `python src/tidegate/interfaces/web/make.py` (needs the extra "train").

Writes the samples (`samples/*.csv`, simulated but for the airline passengers, and `samples/index.json`) and the network
of the learn page (`learn.json`), all from fixed seeds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
HERE = Path(__file__).parent
AIRLINE = HERE.parents[3] / "examples" / "airline_passengers.csv"
SKETCH_POINTS = 64  # of the little picture beside a sample's name

SAMPLES: dict[str, tuple[str, str, dict[str, Any]]] = {  # file -> title, what is in it, options it is read with
    "airline_passengers.csv": ("Airline passengers", "Monthly, 12 years: the classic of Box and Jenkins", {}),
    "electricity_load.csv": ("Electricity load", "Hourly, 12 weeks: a day and a week in one series", {}),
    "shop_sales.csv": ("Shop sales", "Daily, 12 shops, some closed on Sundays", {"id": "shop", "target": "sales"}),
    "greenhouse_temperature.csv": ("Greenhouse", "Half-hourly, with gaps, written the German way", {}),
}


def wander(rng: np.random.Generator, length: int, *, steps: float) -> Floats:
    """(length,) of size about 1 that forgets itself in about `steps` steps (autoregressive of the first order)."""
    kept = np.exp(-1 / steps)
    values = rng.normal(0, 1, length)
    for step in range(1, length):
        values[step] = kept * values[step - 1] + np.sqrt(1 - kept**2) * values[step]
    return values


def electricity_load(rng: np.random.Generator) -> Iterable[str]:
    """12 weeks of hours: two daily peaks, quieter weekends, slow weather."""
    hours = np.arange(12 * 168)
    hour, working = hours % 24, (hours // 24) % 7 < 5
    morning, evening = np.exp(-(((hour - 9.5) / 3.2) ** 2)), np.exp(-(((hour - 19) / 2.6) ** 2))
    weather = wander(rng, hours.size, steps=72) * 25
    load = 840 + 90 * working + morning * (60 + 240 * working) + evening * (150 + 110 * working) + weather
    load += rng.normal(0, 6, hours.size)
    stamps = np.datetime64("2025-09-01T00", "h") + hours
    yield "time,load_mw"
    yield from (f"{str(at).replace('T', ' ')}:00,{value:.1f}" for at, value in zip(stamps, load, strict=True))


def shop_sales(rng: np.random.Generator) -> Iterable[str]:
    """A year and a half of days in 12 shops: counts with a week, a slow drift, and closed Sundays in some."""
    days = np.arange(540)
    dates = np.datetime64("2024-06-03") + days
    week = np.array([0.82, 0.86, 0.92, 1.0, 1.22, 1.45, 0.73])[days % 7]
    yield "shop,date,sales"
    towns = (
        "Aalen",
        "Bremen",
        "Celle",
        "Dessau",
        "Emden",
        "Fulda",
        "Gotha",
        "Husum",
        "Ilmenau",
        "Jena",
        "Kassel",
        "Lindau",
    )
    for place, town in enumerate(towns):
        size, drift = rng.uniform(25, 160), np.cumsum(rng.normal(0, 0.006, days.size))
        december = 1 + 0.35 * np.exp(-((((days - 195) % 365) / 14.0 - 0.5) ** 2))
        sales = rng.poisson(size * week * december * np.exp(drift))
        if place % 3 == 0:
            sales = np.where(days % 7 == 6, 0, sales)
        yield from (f"{town},{date},{count}" for date, count in zip(dates, sales, strict=True))


def greenhouse_temperature(rng: np.random.Generator) -> Iterable[str]:
    """Five weeks of half hours as a German logger writes them; a cable was loose for a few hours."""
    steps = np.arange(5 * 7 * 48)
    sun = np.clip(np.sin(2 * np.pi * (steps / 48 - 0.27)), 0, None) ** 1.3
    clouds = np.clip(0.8 + 0.12 * wander(rng, steps.size, steps=96), 0.3, 1)
    warmth = 12 + 13 * sun * clouds + 1.2 * wander(rng, steps.size, steps=240) + rng.normal(0, 0.12, steps.size)
    missing = (rng.random(steps.size) < 0.004) | ((steps > 900) & (steps < 909))
    yield "zeit;temperatur_c"
    for step, value, lost in zip(steps, warmth, missing, strict=True):
        at = (np.datetime64("2025-04-07T00:00", "m") + 30 * int(step)).item()
        yield f"{at:%d.%m.%Y %H:%M};" + ("" if lost else f"{value:.1f}".replace(".", ","))


def sketch(path: Path, options: dict[str, Any]) -> list[float]:
    """The last part of the first series as numbers from 0 to 1, for a picture of the size of a stamp."""
    from tidegate.series.reading import read_panel

    values = read_panel(path, **options)[0]
    values = values[np.isfinite(values)][-min(3 * SKETCH_POINTS, values.size) :]
    thinned = values[np.linspace(0, values.size - 1, min(values.size, 2 * SKETCH_POINTS)).astype(int)]
    low, high = thinned.min(), thinned.max()
    return [round(float(value), 3) for value in (thinned - low) / (high - low)]


def make_samples(folder: Path) -> None:
    """The sample files and what the page says of them."""
    shutil.copyfile(AIRLINE, folder / "airline_passengers.csv")
    for seed, simulated in enumerate((electricity_load, shop_sales, greenhouse_temperature)):
        lines = "\n".join(simulated(np.random.default_rng(seed)))
        (folder / f"{simulated.__name__}.csv").write_text(lines + "\n", encoding="utf-8")
    listed = [
        {"file": file, "title": title, "text": text, "options": options, "sketch": sketch(folder / file, options)}
        for file, (title, text, options) in SAMPLES.items()
    ]
    (folder / "index.json").write_text(compact(listed), encoding="utf-8")


def make_network(path: Path) -> None:
    """The tutorial's network, small enough to be looked at unit by unit, and a wave that it has not seen."""
    from tidegate.series.synthetic import sine_wave
    from tidegate.training.lessons import one_thread
    from tidegate.training.tutorial import TutorialPlan, new_network, train_epochs

    plan, period, noise, seed = TutorialPlan(hidden_size=8, epochs=60), 25, 0.05, 0
    network = new_network(plan, "lstm", seed)
    with one_thread():
        for _ in train_epochs(network, sine_wave(700, period=period, noise=noise, seed=seed), plan, seed):
            pass
    weights = {name: parameter.detach().tolist() for name, parameter in network.named_parameters()}
    cell = "recurrent.cell"
    biases = zip(weights[f"{cell}.bias_ih_l0"], weights[f"{cell}.bias_hh_l0"], strict=True)
    facts = {
        "about": "nn.LSTM(1, 8) and nn.Linear(8, 1) of the tutorial; gates stacked i, f, g, o as in torch; written by "
        "src/tidegate/interfaces/web/make.py",
        "weight_ih": [row[0] for row in weights[f"{cell}.weight_ih_l0"]],
        "weight_hh": weights[f"{cell}.weight_hh_l0"],
        "bias": [a + b for a, b in biases],
        "head_weight": weights["head.weight"][0],
        "head_bias": weights["head.bias"][0],
        "wave": sine_wave(160, period=period, noise=noise, phase=0.1, seed=seed + 1).round(4).tolist(),
    }
    path.write_text(compact(facts), encoding="utf-8")


def compact(value: Any) -> str:
    """JSON with short numbers: float32 needs nine digits at most."""
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(compact, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",\n".join(f"{json.dumps(name)}: {compact(one)}" for name, one in value.items()) + "}\n"
    return f"{value:.9g}" if isinstance(value, float) else json.dumps(value)


if __name__ == "__main__":
    make_samples(HERE / "samples")
    make_network(HERE / "learn.json")
