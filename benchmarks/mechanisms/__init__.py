"""Simulations of where series come from, NumPy only, for benchmarks/unseen.py: one file per field.

Every mechanism is a function (random, series, steps) -> (series, steps) float64, NaN where a reading is missing. They
follow the process, not its look: an epidemic has susceptibles, a wind farm has a power curve, a queue has servers. They
share no code, no parametrisation and no random stream with `tidegate.training.prior`, and must not: that is what makes
them a test of it.
"""
