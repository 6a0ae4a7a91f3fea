"""Accuracy of the shipped weights on series they have never seen: public data sets, then simulated kinds.

python benchmarks/zero_shot.py --data DIR [--model large|FILE] [--baselines] [--readme]

DIR holds the Parquet files that tasks.py describes. One window per series: the train part is read, the test part
forecast. MASE is scaled by the in-sample m-step difference and averaged over series; WQL is the pinball loss at 0.1 ..
0.9, doubled, over the sum of |actual|. Season lengths are those of each set's frequency, as for a user whose table has
dates. Beside it: seasonal naive, and AutoTheta and AutoETS as far as results/statistical.csv has them (--baselines
computes the rest, which takes long). Results of the weights that come with the package are added to
results/zero_shot.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import accuracy
import statistical
import unseen
from comparison import measure, show
from contender import Contender
from record import record
from tasks import TASKS, load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--model", help="a size that comes with the package, or a file; left out, the default size")
    parser.add_argument(
        "--baselines", action="store_true", help="compute AutoTheta and AutoETS where they are not known"
    )
    parser.add_argument("--readme", action="store_true", help="write the recorded figures into README.md")
    arguments = parser.parse_args()
    contender = Contender.open(arguments.model)
    public = [load(task, arguments.data) for task in TASKS]
    if arguments.baselines:
        for dataset in public:
            statistical.compute(dataset)
    found = show((measure(contender, dataset) for dataset in public), list(statistical.METHODS.values()))
    rows = [result.row(contender, accuracy.PUBLIC) for result in found]
    for known in accuracy.read(accuracy.MEANS):
        print(f"published for {known['sets']}, most of them others: {known['method']} {known['mase']}, {known['wql']}")
    print()
    found = show(measure(contender, dataset) for dataset in unseen.kinds())
    rows += [result.row(contender, accuracy.UNSEEN) for result in found]
    if contender.is_shipped:
        print(record("zero_shot", rows))
    if arguments.readme:
        accuracy.write_readme()
        print(accuracy.README)


if __name__ == "__main__":
    main()
