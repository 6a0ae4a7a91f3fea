"""The prior: seeded synthetic series of many kinds, ready to train on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tidegate.training.generators import paths, rhythms, shapes
from tidegate.training.generators.draws import Draws, standard
from tidegate.training.prior import Prior


@pytest.mark.parametrize(("length", "short"), [(576, False), (1088, False), (12, True), (120, True)])
def test_every_batch_is_finite_begins_observed_and_names_fitting_seasons(length: int, short: bool) -> None:
    batch = Prior(seed=4).sample(64, length, short=short)
    assert batch.values.shape == (64, length) and batch.values.dtype == torch.float64
    assert batch.seasons.shape == (64, 3) and batch.seasons.dtype == torch.int64
    observed = batch.values[~batch.values.isnan()]
    assert observed.isfinite().all()
    assert not batch.values[:, 0].isnan().any()
    assert (batch.seasons >= 0).all() and (batch.seasons * 1.5 <= max(length, 18)).all()


def test_a_seed_draws_the_same_series_and_another_seed_others() -> None:
    first, again, other = (Prior(seed).sample(16, 200) for seed in (7, 7, 8))
    assert torch.equal(first.values.nan_to_num(), again.values.nan_to_num())
    assert torch.equal(first.seasons, again.seasons)
    assert not torch.equal(first.values.nan_to_num(), other.values.nan_to_num())


def test_the_kinds_that_business_and_sensor_data_have_all_occur() -> None:
    batch = Prior(seed=1).sample(600, 300)
    values = batch.values
    whole = torch.where(values.isnan(), 0.0, values)
    shares = {
        "missing": values.isnan().any(1),
        "positive": (whole >= 0).all(1),
        "mixed sign": (whole < 0).any(1) & (whole > 0).any(1),
        "counts": (whole == whole.round()).all(1),
        "mostly zero": (whole == 0).double().mean(1) > 0.4,
        "with a season": batch.seasons[:, 0] > 0,
        "with two seasons": batch.seasons[:, 1] > 0,
        "no season": batch.seasons.sum(1) == 0,
    }
    assert {name: bool(kind.any()) for name, kind in shares.items()} == dict.fromkeys(shares, True)
    assert shares["missing"].double().mean() < 0.4


def test_given_seasons_are_in_the_series_more_often_than_chance() -> None:
    """Series told 12 correlate with themselves 12 steps earlier more than 9 steps earlier."""
    batch = Prior(seed=2).sample(1500, 240)
    told = batch.values[(batch.seasons[:, 0] == 12)].nan_to_num()
    changes = standard(told.diff(dim=1).float())
    at = [(changes[:, lag:] * changes[:, :-lag]).mean() for lag in (12, 9)]
    assert len(told) > 30
    assert at[0] > at[1] + 0.2


def test_standard_rows_have_unit_size_and_constants_become_zero() -> None:
    rows = standard(torch.tensor([[1.0, 2.0, 3.0, 6.0], [5.0, 5.0, 5.0, 5.0]]))
    torch.testing.assert_close(rows.mean(1), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(rows.std(1), torch.tensor([1.0, 0.0]))


PATHS = [
    *(paths.linear, paths.piecewise_linear, paths.damped, paths.exponential, paths.logistic, paths.epidemic),
    *(paths.walk, paths.persistent_walk, paths.smoothing, paths.smooth, paths.levels, paths.rough_walk),
    *(paths.cumulative, paths.tones, paths.product_of_paths, paths.white, paths.coloured, paths.autoregressive),
    paths.shots,
]


@pytest.mark.parametrize("make", PATHS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("length", [10, 300])
def test_every_path_is_finite_moves_and_differs_from_row_to_row(make: paths.Path, length: int) -> None:
    rows = make(Draws(1), length, 40)
    assert rows.shape == (40, length) and rows.isfinite().all()
    if make is not paths.linear:
        assert len(rows.unique(dim=0)) > 5
    assert (rows.std(1) > 0).any()


def test_no_rows_of_a_kind_is_no_error() -> None:
    assert paths.trend(Draws(0), 0, 50).shape == (0, 50)
    assert paths.noise(Draws(0), 0, 50).shape == (0, 50)


def test_running_totals_never_fall() -> None:
    assert (paths.cumulative(Draws(2), 200, 50).diff(dim=1) >= 0).all()


def test_autoregressive_noise_has_the_correlation_its_transfer_function_says() -> None:
    """Against the recursion itself: one root 0.8, x_t = 0.8 x_{t-1} + e_t, lag-one correlation 0.8."""
    draw = Draws(3)
    noise = paths.filtered(draw.normal(400, 2 * 500), 1 / (1 - 0.8 * paths.delay(draw, 500)))[:, 100:]
    noise = standard(noise)
    assert float((noise[:, 1:] * noise[:, :-1]).mean()) == pytest.approx(0.8, abs=0.03)


def test_fading_is_its_recursion() -> None:
    draw = Draws(4)
    steps, keep = draw.normal(6, 50), draw.uniform(6, 1, low=0.3, high=0.99)
    expected = torch.zeros(6)
    for t, found in enumerate(paths.fading(steps, keep).unbind(1)):
        expected = keep[:, 0] * expected + steps[:, t]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_exponential_smoothing_follows_its_state_equations() -> None:
    """The same draws through level and trend of ETS(A, Ad, N), one step at a time."""
    rows, length = 5, 30
    found, again = paths.smoothing(Draws(4), length, rows), Draws(4)
    alpha = again.uniform(rows, 1) ** 1.5
    beta = alpha * again.log_uniform(rows, 0.003, 0.5) * again.chance(0.7, rows)
    damping = 1 - again.log_uniform(rows, 0.5 / length, 0.3)
    shocks = again.normal(rows, length)
    drift = again.normal(rows, 1) * again.log_uniform(rows, 0.01, 0.5) * again.chance(0.6, rows)
    level, trend = torch.zeros(rows, 1), torch.zeros(rows, 1)
    for t in range(length):
        shock = shocks[:, t : t + 1]
        torch.testing.assert_close(found[:, t : t + 1], level + shock, atol=1e-4, rtol=1e-4)
        level = level + alpha * shock + damping * (trend + drift) * (t > 0)
        trend = damping * trend + beta * shock


def test_a_season_repeats_itself_where_nothing_drifts() -> None:
    """Most rows at a lag of one season differ less than at a lag of half a season."""
    seasons = torch.tensor([24] * 200)
    rows = rhythms.seasonal(Draws(5), seasons, 480)
    near = (rows[:, 24:] - rows[:, :-24]).abs().mean(1)
    far = (rows[:, 12:] - rows[:, :-12]).abs().mean(1)
    assert (near < 0.5 * far).double().mean() > 0.6
    assert (rhythms.seasonal(Draws(5), torch.zeros(3).long(), 50) == 0).all()


def test_days_of_a_week_are_steps_of_a_day() -> None:
    rows = rhythms.weekdays(Draws(6), torch.tensor([[24, 168]] * 20), 336)
    torch.testing.assert_close(rows[:, 168:], rows[:, :168])  # a week later the same
    assert ((rows.diff(dim=1).abs() > 1e-6).sum(1) <= 14).all()  # at most one jump a day
    assert (rhythms.weekdays(Draws(6), torch.tensor([[24, 0]]), 100) == 0).all()


def test_the_calendar_moves_daily_series_only() -> None:
    seasons = torch.tensor([[7, 365]] * 100 + [[24, 168]] * 100)
    rows = rhythms.calendar(Draws(7), seasons, 730)
    assert (rows[:100] != 0).any() and (rows[100:] == 0).all() and rows.isfinite().all()


def test_closed_times_repeat_with_the_season() -> None:
    mask = rhythms.closed(Draws(8), torch.tensor([7] * 300 + [0] * 50), 70)
    assert mask[:300].any() and not mask[300:].any()
    assert torch.equal(mask[:, 7:], mask[:, :-7])


def test_bent_series_are_what_they_are_called() -> None:
    values = standard(Draws(9).normal(2000, 60))
    bent = shapes.bend(Draws(10), values)
    assert bent.isfinite().all()
    whole = (bent == bent.round()).all(1)
    assert 0.05 < whole.double().mean() < 0.4  # counts, demand, rounded
    assert ((bent >= 0).all(1)).double().mean() > 0.3
    assert ((bent == bent.amin(1, keepdim=True)).double().mean(1) > 0.3).any()  # clipped below


def test_gaps_leave_the_first_value_and_most_series_alone() -> None:
    holed = shapes.gaps(Draws(11), torch.zeros(500, 80))
    assert not holed[:, 0].isnan().any()
    assert 0.05 < holed.isnan().any(1).double().mean() < 0.4


def test_row_quantiles_are_numpys_nearest() -> None:
    values, share = Draws(12).normal(30, 41), Draws(13).uniform(30, 1)
    expected = [
        np.quantile(row, level, method="nearest") for row, level in zip(values.numpy(), share[:, 0], strict=True)
    ]
    np.testing.assert_allclose(shapes.row_quantile(values, share)[:, 0], expected, rtol=1e-6)
