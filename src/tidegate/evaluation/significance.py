"""Whether one method's errors are smaller than another's by more than chance; no SciPy needed for these few lines."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
EXACT = 25  # pairs up to which the distribution of the signed-rank statistic is counted out
FEWEST = 3  # values that a mean is tested on
ALIKE = 1e-9  # of the largest: a spread that is rounding error


def wilcoxon(differences: Floats) -> float:
    """Two-sided p of the signed-rank test that paired differences are symmetric around 0.

    Zeros are dropped. Counted out exactly for up to EXACT pairs without ties, else normal with the tie correction and
    continuity correction. NaN without any pair that differs.
    Source: Wilcoxon (1945); Hollander & Wolfe (1999), "Nonparametric Statistical Methods", 3.1.
    """
    ranks = signed_ranks(differences)
    n = len(ranks)
    if n == 0:
        return math.nan
    counts = np.unique(np.abs(ranks), return_counts=True)[1]
    positive = float(ranks[ranks > 0].sum())
    smaller = min(positive, n * (n + 1) / 2 - positive)
    if n <= EXACT and len(counts) == n:
        ways = np.zeros(n * (n + 1) // 2 + 1)
        ways[0] = 1
        for rank in range(1, n + 1):
            ways[rank:] += ways[:-rank].copy()
        return min(1.0, 2 * float(ways[: int(smaller) + 1].sum()) / 2.0**n)
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((counts.astype(float) ** 3 - counts).sum()) / 48
    if variance <= 0:
        return 1.0
    z = (abs(positive - n * (n + 1) / 4) - 0.5) / math.sqrt(variance)
    return min(1.0, math.erfc(max(z, 0.0) / math.sqrt(2)))


def signed_ranks(differences: Floats) -> Floats:
    """Ranks of the sizes of differences that are not 0 (ties share their mean), each with its difference's sign."""
    kept = differences[np.isfinite(differences) & (differences != 0)]
    _, inverse, counts = np.unique(np.abs(kept), return_inverse=True, return_counts=True)
    return np.sign(kept) * (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def diebold_mariano(differences: Floats) -> float:
    """Two-sided p of the test that the loss differences of windows that do not overlap have mean 0.

    Overlapping windows are to be left out before: with the few windows of a backtest, a correction by autocovariances
    calls one in five pairs of equal methods significant.

    Args:
        differences: (n,) loss of one method minus that of the other in each window.
    Returns: NaN for fewer than 3 values, and where they are all alike, as there is no variance to test against; 1 if
        they are all 0.
    Source: Diebold & Mariano (1995); Harvey, Leybourne & Newbold (1997), whose small-sample correction makes it
        Student's t-test of the mean where forecasts do not overlap.
    """
    kept = differences[np.isfinite(differences)]
    n = len(kept)
    if n < FEWEST:
        return math.nan
    if all_alike(kept):
        return math.nan if kept.any() else 1.0
    kept = kept / np.abs(kept).max()  # so that no square is too large or too small for a float
    mean = float(kept.mean())
    return student_p(mean / math.sqrt(float(np.square(kept - mean).sum()) / (n * (n - 1))), n - 1)


def all_alike(differences: Floats) -> bool:
    """Whether values, NaN left out, are the same but for rounding errors."""
    kept = differences[np.isfinite(differences)]
    return not len(kept) or bool(np.ptp(kept) <= ALIKE * np.abs(kept).max())


def student_p(t: float, degrees: float) -> float:
    """Two-sided p of Student's t: I_x(degrees / 2, 1 / 2) at x = degrees / (degrees + t²) (DLMF 8.17)."""
    if math.isinf(t):
        return 0.0
    return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b): the continued fraction of DLMF 8.17.22 by Lentz's method."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    result, c, d = 1.0, 1.0, 0.0
    for step in range(200):
        m = step // 2
        if step == 0:
            part = 1.0
        elif step % 2 == 0:
            part = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            part = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + part * d or tiny)
        c = 1 + part / c or tiny
        result *= c * d
        if abs(1 - c * d) < 1e-14:
            break
    return front * (result - 1)


def sign_test(differences: Floats) -> float:
    """Two-sided p that a difference is as often above as below 0: exact up to 1,000 pairs, then normal."""
    kept = differences[np.isfinite(differences) & (differences != 0)]
    n, above = len(kept), int((kept > 0).sum())
    if n == 0:
        return math.nan
    fewer = min(above, n - above)
    if n > 1000:
        return min(1.0, math.erfc((abs(above - n / 2) - 0.5) / math.sqrt(n / 2)))
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / 2**n)
