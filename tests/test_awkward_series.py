"""What the shipped model makes of series that break others: constants, almost nothing, huge and tiny numbers, gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate
from tidegate.errors import DataError

RNG = np.random.default_rng(0)
SEASON = 10 * np.sin(np.arange(300) * 2 * np.pi / 12) + RNG.normal(size=300).cumsum()


def forecast(values: np.ndarray, horizon: int = 30, season_length: int = 12) -> np.ndarray:
    """(horizon, 3): 2.5 %, median, 97.5 % exactly as the network gives them."""
    columns = tidegate.forecast(values, horizon, season_length=season_length, bounds=False, levels=95).frame
    return np.stack([columns["lo-95"], columns["forecast"], columns["hi-95"]], axis=1)


def with_nan(values: np.ndarray, *where: slice) -> np.ndarray:
    values = values.copy()
    for part in where:
        values[part] = np.nan
    return values


AWKWARD = {
    "two values": np.array([1.0, 2.0]),
    "constant": np.full(100, 7.0),
    "constant but for the last": np.append(np.full(99, 7.0), 8.0),
    "zeros": np.zeros(50),
    "one sale": np.append(np.zeros(60), [1.0, 0.0, 0.0]),
    "trailing missing": with_nan(SEASON, slice(280, 300)),
    "leading missing": with_nan(SEASON, slice(0, 100)),
    "every second missing": with_nan(SEASON, slice(1, None, 2)),
    "a long gap": with_nan(SEASON, slice(50, 250)),
    "huge": SEASON * 1e30,
    "tiny": SEASON * 1e-30,
    "the largest there are": np.sign(SEASON) * 1e300,
    "an offset of a million scales": SEASON + 1e7,
    "an outlier of a million scales": np.where(np.arange(300) == 150, 1e7, SEASON),
    "exponential growth": np.exp(np.arange(300) / 3.0),
    "steps of one unit in the last place": 1.0 + np.arange(100) % 2 * 2.0**-52,
    "longer than the limit": np.tile(SEASON, 20),
    "two steps alternating": np.arange(200) % 2.0,
}


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("season_length", [1, 12, 200])
def test_the_forecast_is_finite_and_in_order(name: str, season_length: int) -> None:
    """Warnings are errors here, NumPy's among them."""
    for horizon in (1, 70):
        quantiles = forecast(AWKWARD[name], horizon, season_length)
        assert quantiles.shape == (horizon, 3) and np.isfinite(quantiles).all()
        assert (np.diff(quantiles, axis=1) >= 0).all()


@pytest.mark.parametrize("value", [7.0, 0.0, -3e-30, 1e30])
def test_a_constant_stays_that_constant(value: float) -> None:
    assert (forecast(np.full(80, value)) == value).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full(40, np.nan), "all 40 values of .* are missing"),
        (np.array([3.0]), "a single value .* expected at least 2"),
        (with_nan(SEASON, slice(0, 100), slice(101, None)), "a single value .* expected at least 2"),
    ],
)
def test_less_than_two_values_are_refused_in_a_sentence(values: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        tidegate.forecast(values, 5)


@settings(max_examples=30, deadline=None)
@given(exponent=st.floats(-30, 30), offset=st.floats(-1e6, 1e6), end=st.integers(20, 300))
def test_the_unit_and_the_zero_of_a_series_do_not_matter(exponent: float, offset: float, end: int) -> None:
    """forecast(a y + b) = a forecast(y) + b, within 1e-4 of the scale, for b up to a million scales."""
    series, unit = SEASON[:end], 10.0**exponent
    scale = series.std()
    expected = forecast(series)
    found = forecast(unit * (series + offset * scale)) / unit - offset * scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)


def test_a_forecast_beyond_what_a_number_can_be_is_refused_and_not_left_empty() -> None:
    """The largest float stands for a missing value in files of some instruments."""
    values = np.arange(60.0) % 7
    values[50] = np.finfo(float).max
    message = r'series "a" has values as large as 1\.8e\+308: nothing can be forecast .* stands for a missing value'
    rows = {"unique_id": ["a"] * 60 + ["b"] * 60, "y": np.concatenate([values, values[:50], values[51:], [3.0]])}
    with pytest.raises(DataError, match=message):
        tidegate.forecast(rows, 5)
    stream = tidegate.load().stream(rows, 5)
    with pytest.raises(DataError, match=message):
        stream.forecast()
    assert np.isfinite(stream.forecast(ids="b").quantiles).all()


def test_trailing_missing_values_are_forecast_over() -> None:
    """The forecast starts after the last step of the table, missing or not, and is wider for it."""
    known, late = forecast(SEASON[:280], 40), forecast(AWKWARD["trailing missing"], 20)
    assert np.abs(late[:, 1] - known[20:, 1]).mean() < 2 * SEASON.std()
    assert (late[:5, 2] - late[:5, 0]).mean() > (known[:5, 2] - known[:5, 0]).mean()
