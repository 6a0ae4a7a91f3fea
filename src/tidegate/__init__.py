"""Forecast time series with LSTM networks: `forecast` with the shipped model, `fit` one of your own, `backtest` them.

The public names are loaded when they are first used: `import tidegate` itself costs next to nothing.
"""

from typing import TYPE_CHECKING

from tidegate.errors import ConfigError, DataError, MissingExtra, ModelError, TidegateError

if TYPE_CHECKING:
    from tidegate.bulk.job import BulkForecast
    from tidegate.forecasting.result import Forecast
    from tidegate.forecasting.stream import Stream
    from tidegate.interfaces.api import Model, fit, forecast, load
    from tidegate.interfaces.backtesting import backtest
    from tidegate.interfaces.bulk import bulk_forecast

__version__ = "0.1.0"

__all__ = [
    "BulkForecast",
    "ConfigError",
    "DataError",
    "Forecast",
    "MissingExtra",
    "Model",
    "ModelError",
    "Stream",
    "TidegateError",
    "__version__",
    "backtest",
    "bulk_forecast",
    "fit",
    "forecast",
    "load",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    homes = {
        "BulkForecast": "tidegate.bulk.job",
        "Forecast": "tidegate.forecasting.result",
        "Stream": "tidegate.forecasting.stream",
        "backtest": "tidegate.interfaces.backtesting",
        "bulk_forecast": "tidegate.interfaces.bulk",
    }
    value = getattr(import_module(homes.get(name, "tidegate.interfaces.api")), name)
    globals()[name] = value  # asked for once only
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
