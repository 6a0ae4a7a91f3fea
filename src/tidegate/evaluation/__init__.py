"""Metrics, baselines and rolling-origin tests of forecasters."""
