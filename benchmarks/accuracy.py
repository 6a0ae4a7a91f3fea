"""The README's accuracy table and sentence, made from zero_shot.csv and statistical.csv of results/ and published.csv.

So nobody types a figure into the README, and a test can compare it with the results without the data sets.
"""

from __future__ import annotations

import csv
import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

from record import RESULTS
from scoring import geometric_mean
from statistical import METHODS, TABLE
from tasks import TASKS

README = Path(__file__).parent.parent / "README.md"
PUBLISHED = Path(__file__).parent / "published.csv"  # MASE and sMAPE of single sets, on the split used here
MEANS = (
    Path(__file__).parent / "published_means.csv"
)  # relative to seasonal naive, over sets most of which are not here
SIZES = {"default": "Tidegate", "large": "Tidegate large"}
PUBLIC, UNSEEN = "public", "unseen"  # the parts of the benchmark
WORDS = {7: "seven", 8: "eight", 9: "nine", 10: "ten"}

Row = Mapping[str, str]


def read(path: Path) -> list[Row]:
    """All rows of a results file; none if it does not exist yet."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def latest(size: str, part: str) -> dict[str, Row]:
    """Newest row of each set of one part for a model that comes with the package."""
    rows = read(RESULTS / "zero_shot.csv")
    return {row["dataset"]: row for row in rows if row["model"] == size and row["part"] == part}


def peer_rows(title: str) -> dict[str, Row]:
    """What is known of another method, by set."""
    return {row["dataset"]: row for row in read(TABLE) if row["method"] == title}


def relative(rows: Iterable[Row], measure: str, to: Mapping[str, Row] | None = None) -> float:
    """Geometric mean over the sets of a measure relative to seasonal naive's (in the same row, or that of `to`)."""
    rows = list(rows)
    naive = [to[row["dataset"]] if to else row for row in rows]
    return geometric_mean(
        float(row[measure]) / float(reference[f"naive_{measure}"]) for row, reference in zip(rows, naive, strict=True)
    )


def sentence() -> str:
    """For the README's first screen."""
    rows = latest("default", PUBLIC)
    theta = peer_rows("AutoTheta")
    known = f". AutoTheta reaches {relative(theta.values(), 'mase', rows):.2f}" if len(theta) == len(rows) else ""
    return (
        f"on {WORDS.get(len(rows), len(rows))} public data sets that the model has never seen, its average error is\n"
        f"  **{relative(rows.values(), 'mase'):.2f} times that of seasonal naive**{known}"
    )


def table() -> str:
    """Markdown: one line per set, geometric means, where the figures come from, and the result on unseen kinds."""
    sizes = {size: rows for size in SIZES if (rows := latest(size, PUBLIC))}
    own = sizes["default"]
    peers = {title: peer_rows(title) for title in METHODS.values()}
    titles = ["set", "seasonal naive", *peers, *(f"**{SIZES[size]}**" for size in sizes)]
    titles += ["WQL", "sMAPE", "80 % band", "95 % band", "published elsewhere"]
    lines = [titles, ["---"] * len(titles)]
    for task in TASKS:
        row = own[task.dataset]
        mases = [by_set[task.dataset]["mase"] if task.dataset in by_set else "" for by_set in peers.values()]
        mases += [rows[task.dataset]["mase"] for rows in sizes.values()]
        cells = [task.dataset, *(f"{float(cell):.3f}" if cell else "-" for cell in (row["naive_mase"], *mases))]
        cells += [f"{float(row['wql']):.4f}", f"{float(row['smape']):.2f}"]
        cells += [f"{100 * float(row[f'coverage_{level}']):.1f} %" for level in (80, 95)]
        lines.append([*cells, published(task.dataset)])
    for measure, name in (("mase", "MASE"), ("wql", "WQL")):
        means = [
            f"{relative(by_set.values(), measure, own):.3f}" if len(by_set) == len(own) else "-"
            for by_set in peers.values()
        ]
        means += [f"**{relative(rows.values(), measure):.3f}**" for rows in sizes.values()]
        lines.append([f"{name} relative to seasonal naive, geometric mean", "1", *means, *[""] * 5])
    covered = [fmean(float(row[f"coverage_{level}"]) for row in own.values()) for level in (80, 95)]
    means = [f"{100 * share:.1f} %" for share in covered]
    lines.append(["mean over the sets", *[""] * (len(titles) - 4), *means, ""])
    return "\n".join("| " + " | ".join(cells).strip() + " |" for cells in lines) + "\n\n" + notes(own)


def published(dataset: str) -> str:
    """What others report on the same split: "N-BEATS 2.977 ³, Theta 3.015 ³"."""
    sources = list(dict.fromkeys(row["source"] for row in read(PUBLISHED)))
    texts = []
    for row in read(PUBLISHED):
        if row["dataset"] == dataset:
            smape = f" (sMAPE {row['smape']})" if row["smape"] else ""
            texts.append(f"{row['method']} {float(row['mase']):.3f}{smape} {'¹²³'[sources.index(row['source'])]}")
    return ", ".join(texts)


def notes(own: Mapping[str, Row]) -> str:
    """What a reader has to know about the figures."""
    sources = list(dict.fromkeys(row["source"] for row in read(PUBLISHED)))
    cut = sorted({(row["dataset"], int(row["last"])) for row in read(TABLE) if row["last"] != "all"})
    marks = ", ".join(f"{mark} {source}" for mark, source in zip("¹²³", sources, strict=False))
    sentences = [
        f"Sources of the published figures: {marks}.",
        "The two band columns show the share of actual values that lie inside the band.",
        "Seasonal naive has no bands, so its WQL is that of its point forecast.",
        "AutoTheta and AutoETS are those of statsforecast.",
    ]
    if cut:
        *others, last = (name for name, _ in cut)
        sets = f"{', '.join(others)} and {last}" if others else last
        sentences.append(f"On {sets}, they read only the last {cut[0][1]:,} values of each series.")
    text = textwrap.fill(" ".join(sentences), 120, break_on_hyphens=False)
    if unseen := latest("default", UNSEEN):
        mase, wql = (relative(unseen.values(), measure) for measure in ("mase", "wql"))
        more = (
            f"`benchmarks/unseen.py` simulates {len(unseen)} more kinds of series. The training uses none of its code. "
            f"On these series, the MASE of the shipped weights is {mase:.3f} times that of seasonal naive, and their "
            f"WQL is {wql:.3f} times."
        )
        text += "\n\n" + textwrap.fill(more, 120, break_on_hyphens=False)
    return text


def marked(text: str, name: str, content: str) -> str:
    """The text with what stands between the comments `<!-- name -->` and `<!-- end of name -->` replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"the page must have {begin} and {end} once each, to know where the figures go")
    return pattern.sub(lambda _: begin + content + end, text)


def updated(readme: str) -> str:
    """The README's text with its figures as the results have them."""
    readme = marked(readme, "accuracy sentence", sentence())
    return marked(readme, "accuracy table", f"\n\n{table()}\n\n")


def write_readme() -> None:
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
