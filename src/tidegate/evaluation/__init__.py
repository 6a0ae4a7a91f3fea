"""How good forecasts are: metrics, baselines, backtests with rolling origins, and a report of them."""
