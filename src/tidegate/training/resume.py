"""The checkpoint of a fit: the state of all its trainings, finished or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from torch import Tensor

from tidegate.errors import ConfigError, ModelError
from tidegate.training.checkpoint import load_checkpoint, save_checkpoint
from tidegate.training.training_run import Clock, TrainingRun


@dataclass
class FitCheckpoint:
    """Written after each epoch and removed at the end. Without a path nothing is written.

    Attributes:
        path: the file.
        fingerprint: of the data, the options and the start weights, see `FitData.fingerprint`.
        tensors, facts: its contents.
        members: members to retrain, as decided before the stop; None: that was not decided yet.
    """

    path: Path | None
    fingerprint: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    members: int | None = None
    lock: Lock = field(default_factory=Lock)

    @classmethod
    def open(cls, path: Path | None, fingerprint: str, *, resume: bool) -> FitCheckpoint:
        """Raises: ConfigError if the file belongs to another fit; ModelError if it is damaged."""
        if path is None:
            if resume:
                raise ConfigError("resume needs a file to continue from: pass checkpoint=PATH as well")
            return cls(None, fingerprint)
        if not resume or not path.exists():
            return cls(path, fingerprint)
        tensors, facts = load_checkpoint(path)
        if facts.get("fingerprint") != fingerprint:
            raise ConfigError(
                f"{path} belongs to a fit with other data or options: repeat that fit, or start again without resume"
            )
        return cls(path, fingerprint, tensors, facts, facts.get("members"))

    @property
    def seconds(self) -> float:
        """Seconds that the fit took before the stop."""
        return float(self.facts.get("seconds", 0.0))

    @property
    def max_steps(self) -> int | None:
        """Steps of each training, as decided before the stop."""
        return self.facts.get("max_steps")

    def has(self, key: str) -> bool:
        """Whether the file holds this training."""
        return key in self.facts.get("trainings", {})

    def restore(self, key: str, run: TrainingRun) -> bool:
        """Restore a training. Returns: whether it was finished."""
        if not self.has(key):
            return False
        prefix = f"{key}/"
        with self.lock:  # another training may be adding its tensors
            tensors = {
                name.removeprefix(prefix): tensor for name, tensor in self.tensors.items() if name.startswith(prefix)
            }
        facts = self.facts["trainings"][key]
        try:
            run.restore(tensors, facts)
            return bool(facts["finished"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ModelError(
                f"{self.path} lacks data to continue a training from ({type(error).__name__}: {error}); start again "
                "without resume"
            ) from error

    def keep(self, key: str, run: TrainingRun, clock: Clock, max_steps: int, *, finished: bool) -> None:
        """Write the state of a training beside those of the others, which may run in other threads."""
        if self.path is None:
            return
        tensors, facts = run.state()
        with self.lock:
            self.tensors |= {f"{key}/{name}": tensor.cpu() for name, tensor in tensors.items()}
            trainings = {**self.facts.get("trainings", {}), key: {**facts, "finished": finished}}
            self._write(self.path, clock, max_steps, trainings)

    def settle(self, members: int, clock: Clock, max_steps: int) -> None:
        """Write how many members will be retrained, and when that was decided."""
        self.members = members
        if self.path is not None:
            self._write(self.path, clock, max_steps, self.facts.get("trainings", {}))

    def _write(self, path: Path, clock: Clock, max_steps: int, trainings: dict[str, Any]) -> None:
        self.facts = {
            "fingerprint": self.fingerprint,
            "max_steps": max_steps,
            "seconds": clock.seconds,
            "members": self.members,
            "trainings": trainings,
        }
        save_checkpoint(path, self.tensors, self.facts)

    def remove(self) -> None:
        """Delete the file, because the fit is complete."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
