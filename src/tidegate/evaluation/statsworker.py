"""A worker process of statistical.py: one task per line on standard input, one answer (or null) per line out.

Before the first answer comes a line that says READY, as importing statsforecast takes seconds.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

ETS_SEASON = 24  # steps of the longest season that AutoETS takes


def models() -> dict[str, Any]:
    """name -> a function of the season length that makes the statsforecast model."""
    from statsforecast import models as sf

    return {
        "auto_theta": lambda m: sf.AutoTheta(season_length=m),
        "auto_ets": lambda m: sf.AutoETS(season_length=m if m <= ETS_SEASON else 1),
        "auto_arima": lambda m: sf.AutoARIMA(season_length=m),
        "croston": lambda m: sf.CrostonClassic(),
        "croston_optimized": lambda m: sf.CrostonOptimized(),
        "croston_sba": lambda m: sf.CrostonSBA(),
        # Teunter et al. (2011) leave the two constants open; 0.1 is their usual choice for slow demand.
        "tsb": lambda m: sf.TSB(alpha_d=0.1, alpha_p=0.1),
        "adida": lambda m: sf.ADIDA(),
        "imapa": lambda m: sf.IMAPA(),
    }


READY = "ready"
OWN_INTERVALS = ("auto_theta", "auto_ets", "auto_arima")  # those that give their own


def answer(model: Any, task: dict[str, Any]) -> dict[str, list[float]]:
    """mean, and lo-80, hi-80 … of one series."""
    values = np.array(task["values"], np.float64)
    levels = [int(level) if float(level).is_integer() else level for level in task["levels"]]
    if task["name"] in OWN_INTERVALS:
        found = model.forecast(y=values, h=task["horizon"], level=sorted(levels))
    else:
        found = model.forecast(y=values, h=task["horizon"])
        errors = np.sort(np.abs(values - found["mean"][0]))
        for level in levels:
            radius = errors[min(int(np.ceil((len(errors) + 1) * level / 100)), len(errors)) - 1]
            found |= {f"lo-{level}": found["mean"] - radius, f"hi-{level}": found["mean"] + radius}
    result = {"mean": np.asarray(found["mean"], np.float64).tolist()}
    for level in levels:
        result |= {f"{side}-{level:g}": np.asarray(found[f"{side}-{level}"]).tolist() for side in ("lo", "hi")}
    return result


def main() -> None:
    """Answer until standard input ends."""
    known = models()
    print(READY, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        try:
            reply: Any = answer(known[task["name"]](task["m"]), task)
        except Exception as error:  # whatever a model fails with, the series has no forecast and is counted as such
            print(f"{task['name']}: {error}", file=sys.stderr)
            reply = None
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
