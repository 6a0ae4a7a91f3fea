"""LSTMs of other libraries on the same data and machine: MASE after 60 and after 300 seconds of fitting.

python benchmarks/peers.py --data DIR [--methods neuralforecast] [--sets m4_hourly] [--seconds 60,300] [--seed 1]

Each library has a virtual environment of its own under .peers/ (made here when first asked for: about 2 GB and some
minutes each) and a program in benchmarks/neural/, whose settings are those its documentation starts from; the context
is CONTEXT, three seasons. Training is ended by Lightning's max_time, so `fit_s` is a little more than the seconds asked
for. What is forecast and how it is scored is as in fit.py. Rows are added to results/peers.csv.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from neural.exchange import Job
from record import record
from scoring import mean
from tasks import TASKS, Dataset, Task, load

from tidegate.evaluation import metrics

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / ".peers"
PROGRAMS = Path(__file__).parent / "neural"


@dataclass(frozen=True)
class Peer:
    """title: as rows call it. program: in benchmarks/neural. packages: what pip installs beside torch."""

    title: str
    program: str
    packages: tuple[str, ...]


PEERS = {
    "neuralforecast": Peer("neuralforecast LSTM", "neuralforecast_lstm.py", ("neuralforecast==3.3.0",)),
    "darts": Peer("darts BlockRNN", "darts_block_rnn.py", ("darts[torch]==0.48.1",)),
    "gluonts": Peer("GluonTS DeepAR", "gluonts_deepar.py", ("gluonts[torch]==0.17.0",)),
}
CONTEXT = {"m4_hourly": 72, "tourism_monthly": 36}


def torch_pin() -> str:
    """The same torch as Tidegate's own environment. Without a pin pip may choose one with several GB of CUDA."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("torch=="))


def environment(name: str) -> Path:
    """The Python of a library's own environment, made if it is not there."""
    folder = ENVIRONMENTS / name
    python, ready = folder / "bin" / "python", folder / "ready"
    wanted = " ".join((torch_pin(), *PEERS[name].packages))
    if not ready.is_file() or ready.read_text(encoding="utf-8") != wanted:
        print(f"making {folder} with {wanted} ...", flush=True)
        venv.create(folder, clear=True, with_pip=True, symlinks=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted.split()], check=True, stderr=subprocess.DEVNULL)
        ready.write_text(wanted, encoding="utf-8")
    return python


def job_of(dataset: Dataset, seconds: float, seed: int) -> Job:
    task, panel = dataset.task, dataset.panel
    if np.isnan(panel.values).any():
        raise SystemExit(f"{task.dataset} has missing values, which these libraries do not take")
    return Job(
        panel.values, panel.offsets, task.horizon, CONTEXT[task.dataset], task.m, str(task.frequency), seconds, seed
    )


def measure(name: str, task: Task, folder: Path, seconds: float, seed: int) -> dict[str, object]:
    """Fit one library on one set, in a process of its own, and score its forecasts."""
    peer, dataset, python = PEERS[name], load(task, folder), environment(name)
    with tempfile.TemporaryDirectory() as scratch:
        job, result = Path(scratch) / "job.npz", Path(scratch) / "result.npz"
        job_of(dataset, seconds, seed).save(job)
        done = subprocess.run(
            [str(python), str(PROGRAMS / peer.program), str(job), str(result)],
            cwd=scratch,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{peer.title} on {task.dataset} failed:\n{done.stderr[-3000:]}")
        with np.load(result) as found:
            forecasts, took, steps = found["forecasts"], float(found["seconds"]), int(found["steps"])
    actual = np.stack(dataset.actuals)
    return {
        "method": peer.title,
        "version": peer.packages[0].split("==")[1],
        "dataset": task.dataset,
        "context": CONTEXT[task.dataset],
        "seed": seed,
        "limit_s": seconds,
        "fit_s": round(took, 1),
        "steps": steps,
        "mase": round(mean(metrics.mase(actual, forecasts, metrics.absolute_scale(dataset.panel, task.m))), 4),
        "smape": round(mean(metrics.smape(actual, forecasts)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--methods", default=",".join(PEERS), help=f"with commas; left out, {', '.join(PEERS)}")
    parser.add_argument("--sets", default=",".join(CONTEXT), help=f"with commas; left out, {', '.join(CONTEXT)}")
    parser.add_argument("--seconds", default="60,300", help="of fitting, with commas; left out, 60,300")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--install", action="store_true", help="make the environments and do no more")
    arguments = parser.parse_args()
    names, sets = arguments.methods.split(","), arguments.sets.split(",")
    for given, known in ((names, PEERS), (sets, CONTEXT)):
        if unknown := [one for one in given if one not in known]:
            parser.error(f"{unknown[0]!r} is not known: expected one of {', '.join(known)}")
    if sys.platform == "win32":
        parser.error("made for Linux and macOS: environments have their Python elsewhere on Windows")
    for name in names:
        environment(name)
    if arguments.install:
        return
    for task in (task for task in TASKS if task.dataset in sets):
        for name in names:
            for seconds in map(float, arguments.seconds.split(",")):
                row = measure(name, task, arguments.data, seconds, arguments.seed)
                print(f"{row['method']:<20} {task.dataset:<16} {row['fit_s']:>6} s, {row['steps']:>6,} steps: MASE "
                      f"{row['mase']:.3f}, sMAPE {row['smape']:.2f}", flush=True)  # fmt: skip
                path = record("peers", [row])
    print(path)


if __name__ == "__main__":
    main()
