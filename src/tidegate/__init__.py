"""Forecast time series with LSTM networks: `forecast` with the shipped model, `fit` one of your own, `backtest` them.

The public names are loaded when they are first used: `import tidegate` itself costs next to nothing.
"""

from typing import TYPE_CHECKING

from tidegate.errors import ConfigError, DataError, MissingExtra, ModelError, TidegateError

if TYPE_CHECKING:
    from tidegate.forecasting.result import Forecast
    from tidegate.forecasting.stream import Stream
    from tidegate.interfaces.api import Model, fit, forecast, load
    from tidegate.interfaces.backtesting import backtest

__version__ = "0.1.0"

__all__ = [
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
    "fit",
    "forecast",
    "load",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    homes = {
        "Forecast": "tidegate.forecasting.result",
        "Stream": "tidegate.forecasting.stream",
        "backtest": "tidegate.interfaces.backtesting",
    }
    value = getattr(import_module(homes.get(name, "tidegate.interfaces.api")), name)
    globals()[name] = value  # asked for once only
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
