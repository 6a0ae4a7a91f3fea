"""The state of a `fit` on disk: what is trained already, and the trainings that were under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from torch import Tensor

from tidegate.errors import ConfigError, ModelError
from tidegate.training.checkpoint import load_checkpoint, save_checkpoint
from tidegate.training.course import Clock, Course


@dataclass
class FitCheckpoint:
    """Written after every epoch, removed at the end. Without a path nothing is written.

    Attributes:
        path: the file. fingerprint: of the data, the options and the start weights it belongs to.
        tensors, facts: what is in it.
        members: how many last trainings of each kind an earlier sitting found time for; None: it did not come to that.
    """

    path: Path | None
    fingerprint: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    members: int | None = None
    lock: Lock = field(default_factory=Lock)

    @classmethod
    def open(cls, path: Path | None, fingerprint: str, *, resume: bool) -> FitCheckpoint:
        """Raises: ConfigError if the file is that of another fit; ModelError if it is damaged."""
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
        """Of earlier sittings."""
        return float(self.facts.get("seconds", 0.0))

    @property
    def max_steps(self) -> int | None:
        """What the first sitting settled on."""
        return self.facts.get("max_steps")

    def knows(self, key: str) -> bool:
        """Whether a training had begun."""
        return key in self.facts.get("trainings", {})

    def restore(self, key: str, course: Course) -> bool:
        """Put a training where it was; whether it had been finished."""
        if not self.knows(key):
            return False
        prefix = f"{key}/"
        with self.lock:  # another training may be adding its own
            mine = {name.removeprefix(prefix): each for name, each in self.tensors.items() if name.startswith(prefix)}
        facts = self.facts["trainings"][key]
        try:
            course.restore(mine, facts)
            return bool(facts["finished"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ModelError(
                f"{self.path} lacks data to continue a training from ({type(error).__name__}: {error}); start again "
                "without resume"
            ) from error

    def keep(self, key: str, course: Course, clock: Clock, max_steps: int, *, finished: bool) -> None:
        """Write the state of a training beside those of the others, which may run in other threads."""
        if self.path is None:
            return
        tensors, facts = course.state()
        with self.lock:
            self.tensors |= {f"{key}/{name}": tensor.cpu() for name, tensor in tensors.items()}
            trainings = {**self.facts.get("trainings", {}), key: {**facts, "finished": finished}}
            self._write(self.path, clock, max_steps, trainings)

    def settle(self, members: int, clock: Clock, max_steps: int) -> None:
        """Write how many last trainings of each kind there will be, and when that was decided."""
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
        """The model is complete."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
