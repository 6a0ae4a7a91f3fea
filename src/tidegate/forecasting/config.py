"""ModelConfig: all that is needed to rebuild a network; stored in the same file as its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tidegate.errors import ConfigError, ModelError

FORMAT_VERSION = 4  # of model files; 1: look-ups of single seasons; 2: no state in and out; 3: no sum of weights in it
READABLE_VERSIONS = (1, 2, 3, 4)  # for forecasting, where the graph says all
TRAINABLE_VERSIONS = (2, 3, 4)  # whose weights are those of the network of today
STREAMING_VERSIONS = (4,)  # whose state is what a stream of today carries
METADATA_KEY = "tidegate"  # where a model file keeps its facts: format_version, config, provenance
CELLS = ("lstm", "peephole", "rnn")
MADE_BY_FIT = "tidegate fit"  # `made_by` in the provenance of a file that fit wrote
INTERVALS = ("model", "conformal")  # widths of central intervals: as the network gives them, or by past errors
LOOKUP_SEASONS = 6  # that the look-ups go back
MIX_PARTS = 4  # the horizon is cut in so many parts, each with its own mix of look-ups
# What a stream carries of a history beside the recurrent state: its first value, the unit of the sums (a power of two),
# how many values were observed, and sums that fade: of ones, of the values, of their squares and of their moves, all
# counted from the first.
SUMS = ("first", "unit", "count", "weight", "total", "squares", "moves")
LONGEST_DILATION = 256  # steps; the network carries as many states of such a layer
SMOOTHING_WINDOW = 512  # values that an exponential smoothing reads, at most
DEFAULT_QUANTILE_LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)


@dataclass(frozen=True)
class Smoothing:
    """An exponential smoothing beside the network: damped trend and additive season, with the same constants for all.

    Quantiles are moved by a share of the way from their median to its forecast (`network.smoothing`).

    Attributes:
        share: of that way, more than 0 and at most 1.
        level, trend, season: how much the newest error counts for each, more than 0 and less than 1. The trend's is a
            share of the level's, the season's one of what the level leaves.
        damping: what the trend keeps from step to step, more than 0 and less than 1.
        season_length: in steps; 1: no season. Series that do not show this season are left to the network.
        logarithms: logarithms are smoothed. Series that are not positive are left to the network.
    """

    share: float
    level: float
    trend: float
    season: float
    damping: float
    season_length: int = 1
    logarithms: bool = False

    def __post_init__(self) -> None:
        constants = (self.level, self.trend, self.season, self.damping)
        if not 0 < self.share <= 1 or not all(0 < one < 1 for one in constants):
            raise ConfigError(f"{self}: expected a share up to 1 and constants below 1, all more than 0")
        if not isinstance(self.season_length, int) or self.season_length < 1:
            raise ConfigError(f"{self}: expected a season_length of a whole number of steps, 1 for none")


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a network. The defaults are those of the shipped weights.

    `ModelConfig.tutorial()` is the textbook's network: `nn.LSTM(1, hidden)` and `nn.Linear(hidden, 1)`, nothing else.
    """

    context_length: int = 1024  # L: a history of n steps is read from step L * max(0, n // L - 1) on
    patch_length: int = 16  # values read per step of the recurrent network
    horizon: int = 64  # values predicted at each step
    quantile_levels: tuple[float, ...] = DEFAULT_QUANTILE_LEVELS
    cell: str = "lstm"
    hidden_size: int = 224
    num_layers: int = 2
    embedding_size: int = 192  # 0: the cell reads the scaled values themselves
    head_size: int = 288  # 0: one linear layer on the cell's output
    season_slots: int = 3  # season lengths that can be looked up at once; 0: none
    scaling: bool = True  # causal location, scale and arcsinh
    half_life: int = 128  # steps after which a value counts half as much in the scale; 0: all count the same
    residual: bool = False  # each layer but the first adds its input to its output
    dilations: tuple[int, ...] = ()  # one per layer: how many steps back its state comes from; empty: 1 in all
    log_unit: float = 0.0  # arsinh(value / log_unit) is read: logarithms of what is larger; 0: values as they are
    smoothing: Smoothing | None = None  # what forecasts are moved towards; no weight depends on it

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ConfigError(f"cell {self.cell!r} is not known: use one of {', '.join(CELLS)}")
        for name in ("context_length", "patch_length", "horizon", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be at least 1")
        if self.half_life and self.half_life * 256 < self.context_length:  # sums grow by 2 ** (steps / half_life)
            raise ConfigError(
                f"half_life {self.half_life}: expected 0 or at least a 256th of context_length {self.context_length}"
            )
        if not 0 <= self.log_unit < math.inf:
            raise ConfigError(f"log_unit {self.log_unit}: expected 0 or a positive number in the unit of the series")
        if self.residual and self.num_layers < 2:
            raise ConfigError("residual=True adds a layer's input to its output from the second layer on: use 2 layers")
        for dilation in self.dilations:
            if not isinstance(dilation, int) or not 1 <= dilation <= LONGEST_DILATION:
                raise ConfigError(f"dilation {dilation!r}: expected a whole number of steps, 1 to {LONGEST_DILATION}")
        if len(self.dilations) not in (0, self.num_layers):
            raise ConfigError(
                f"dilations {self.dilations} are for {len(self.dilations)} layers, and there are {self.num_layers}: "
                "give one for each layer, or none"
            )
        if set(self.dilations) == {1}:  # one way to say it: a plain stack
            object.__setattr__(self, "dilations", ())
        if self.horizon % self.patch_length or self.context_length % self.patch_length:
            raise ConfigError(
                f"horizon {self.horizon} and context_length {self.context_length} must be multiples of "
                f"patch_length {self.patch_length}"
            )
        if self.smoothing is not None and 2 * self.smoothing.season_length > self.smoothing_window:
            raise ConfigError(f"{self.smoothing}: expected two seasons within {self.smoothing_window} steps")
        if self.smoothing is not None and self.smoothing.season_length > 1 and not self.season_slots:
            raise ConfigError("season_slots=0: a network that looks up no season smooths none either")
        if self.scaling and self.horizon % MIX_PARTS:
            raise ConfigError(f"horizon {self.horizon} must be a multiple of {MIX_PARTS}")
        if self.season_slots and not (self.scaling and self.embedding_size):
            raise ConfigError("season look-ups need scaling and an embedding: set season_slots=0 or switch both on")
        levels = self.quantile_levels
        if (
            not levels
            or list(levels) != sorted(set(levels))
            or not 0 < levels[0] <= levels[-1] < 1
            or 0.5 not in levels
        ):
            raise ConfigError(f"quantile_levels {levels} must increase, lie between 0 and 1 and contain 0.5")

    @classmethod
    def tutorial(cls, hidden_size: int = 32, cell: str = "lstm") -> ModelConfig:
        """One point in, one point out at every step: windows 1..k -> 2..k+1."""
        return cls(
            context_length=1024,
            patch_length=1,
            horizon=1,
            quantile_levels=(0.5,),
            cell=cell,
            hidden_size=hidden_size,
            num_layers=1,
            embedding_size=0,
            head_size=0,
            season_slots=0,
            scaling=False,
        )

    @property
    def horizon_limit(self) -> int:
        """The farthest step that can be forecast."""
        return max(4096, 8 * self.context_length)

    @property
    def median(self) -> int:
        """Index of the median among the quantile levels."""
        return self.quantile_levels.index(0.5)

    @property
    def smoothing_window(self) -> int:
        """Values that an exponential smoothing reads."""
        return min(SMOOTHING_WINDOW, self.context_length)

    @property
    def layer_dilations(self) -> tuple[int, ...]:
        """Of each layer."""
        return self.dilations or (1,) * self.num_layers

    @property
    def cell_parts(self) -> int:
        """Tensors that make up the state of a cell: h, or h and c."""
        return 1 if self.cell == "rnn" else 2

    @property
    def state_parts(self) -> int:
        """Rows of the state in a model file: layer by layer the hidden and, but for plain RNNs, the cell state; of a
        dilated layer those of as many steps as its dilation, the oldest first."""
        return sum(self.layer_dilations) * self.cell_parts

    @property
    def stack(self) -> str:
        """The recurrent layers in words, "lstm, 2 x 192"."""
        dilated = f", dilations {' '.join(map(str, self.dilations))}" if self.dilations else ""
        return f"{self.cell}, {self.num_layers} x {self.hidden_size}{dilated}{', residual' if self.residual else ''}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Back from JSON. Raises ModelError for a field this version does not know, or what makes no network."""
        if not isinstance(values, Mapping):
            raise ModelError(f"the model's configuration is {values!r}, expected its fields by name")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ModelError(
                f"the model's configuration has unknown fields {unknown}: it needs a newer version of tidegate"
            )
        values = {"half_life": 0, **values}  # files of before there was one
        for field in fields(cls):
            kinds = _KINDS.get(type(field.default), (type(field.default),))
            if not isinstance(found := values.get(field.name, field.default), kinds):
                raise ModelError(f"the model's configuration has {field.name} {found!r}, expected {kinds[-1].__name__}")
        tuples = {name: tuple(values.get(name, ())) for name in ("quantile_levels", "dilations")}
        try:
            smoothing = None if values.get("smoothing") is None else Smoothing(**values["smoothing"])
            return cls(**{**values, **tuples, "smoothing": smoothing})
        except (ConfigError, TypeError) as error:
            raise ModelError(f"the model's configuration makes no network: {error}") from error


# What JSON makes of the fields of a ModelConfig, by the type of their default. None: a Smoothing or nothing.
_KINDS: dict[type, tuple[type, ...]] = {float: (int, float), tuple: (tuple, list), type(None): (type(None), dict)}

# The networks that `tidegate pretrain` makes; the package holds the weights of the first.
SIZES = {"default": ModelConfig(), "large": ModelConfig(hidden_size=400, embedding_size=320, head_size=512)}
