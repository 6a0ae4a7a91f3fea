"""Tests of significance beside SciPy's and tables; the few lines of our own need no SciPy."""

import math

import numpy as np
import pytest

from tidegate.evaluation.significance import all_alike, diebold_mariano, sign_test, student_p, wilcoxon


def test_signed_ranks_worked_by_hand() -> None:
    # six differences, all of one sign: 2 of 2^6 sign patterns are as extreme
    assert wilcoxon(np.array([1.0, 2, 3, 4, 5, 6])) == 2 / 64
    # ranks 1, 2, 3 with the first negative: rank sum 1; patterns with a sum of 0 or 1: 2 of 8, two sides
    assert wilcoxon(np.array([-1.0, 2, 3])) == 0.5
    assert math.isnan(wilcoxon(np.zeros(4)))


def test_student_table() -> None:
    # two-sided 5 % points of Student's t: 12.706 (1), 2.776 (4), 2.042 (30)
    for degrees, point in ((1, 12.7062), (4, 2.77645), (30, 2.04227)):
        assert student_p(point, degrees) == pytest.approx(0.05, abs=1e-6)
    assert student_p(0.0, 3) == 1.0 and student_p(math.inf, 3) == 0.0


@pytest.mark.parametrize("size", [5, 20, 30, 300])
def test_agreement_with_scipy(size: int) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy comes with the extra stats")
    rng = np.random.default_rng(size)
    differences = rng.normal(0.3, 1, size)
    method = "exact" if size <= 25 else "approx"
    assert wilcoxon(differences) == pytest.approx(stats.wilcoxon(differences, correction=True, method=method).pvalue)
    rounded = np.round(differences, 1)
    if size > 25:
        assert wilcoxon(rounded) == pytest.approx(stats.wilcoxon(rounded, correction=True, method="approx").pvalue)
    # with its correction and without overlap, Diebold-Mariano is the t-test of the mean
    assert diebold_mariano(differences) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    positive = int((differences > 0).sum())
    assert sign_test(differences) == pytest.approx(stats.binomtest(positive, size).pvalue)


def test_too_few_windows_say_nothing() -> None:
    assert math.isnan(diebold_mariano(np.array([1.0, 2.0])))
    assert diebold_mariano(np.zeros(5)) == 1.0


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_differences_may_be_of_any_size(unit: float) -> None:
    differences = np.array([1.0, 2.0, 4.0])
    assert diebold_mariano(differences * unit) == pytest.approx(diebold_mariano(differences))


def test_differences_that_are_all_alike_cannot_be_tested() -> None:
    # they have no variance, whatever their size: 0.3 - 0.2 is 0.1 but for a rounding error
    assert math.isnan(diebold_mariano(np.ones(3)))
    assert math.isnan(diebold_mariano(np.array([0.1, 0.3 - 0.2, 0.1])))
    assert all_alike(np.array([0.1, 0.3 - 0.2])) and not all_alike(np.array([1.0, 1.001]))


def test_chance_is_found_significant_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    for test in (wilcoxon, diebold_mariano):
        found = np.mean([test(rng.normal(0, 1, 15)) < 0.05 for _ in range(2000)])
        assert 0.03 < found < 0.07
