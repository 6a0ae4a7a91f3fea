"""The folder of results: parts that are whole or not there, and a manifest of what they are and where they are from."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tidegate.errors import ConfigError
from tidegate.forecasting.result import Forecast
from tidegate.forecasting.saving import replacing

MANIFEST = "manifest.json"
WORK = ".work"  # what is needed until the last part is written
LEFT = ".tmp-????????????.*"  # by a kill between writing aside and renaming (see `saving.replacing`)
FORMAT = 1
NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what disks answer that cannot lock a folder


@dataclass(frozen=True)
class Part:
    """One finished file.

    Attributes:
        name: of the file. series, rows: in it. bytes, sha256: of the whole file.
        state: of the rows it was made from (see `Bucket`). notes: what was found and assumed about its series.
    """

    name: str
    series: int
    rows: int
    bytes: int
    sha256: str
    state: str
    notes: tuple[str, ...]


@contextmanager
def taken(folder: Path) -> Iterator[None]:
    """The folder, made if there is none, for this job alone; a killed process leaves it free.

    Raises: ConfigError if another job is writing to it, or there is no directory to make it in; OSError if it cannot be
        made.
    """
    if not folder.parent.is_dir():
        raise ConfigError(f"cannot write to {folder}: there is no directory {folder.parent}; create it first")
    folder.mkdir(exist_ok=True)
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows has none
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"{folder} is being written to by another forecast: wait until it ends, or name another folder"
            ) from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield
    finally:
        os.close(handle)


class Ledger:
    """The finished parts of one job in its folder."""

    def __init__(self, folder: Path, job: Mapping[str, Any]) -> None:
        """Begin in the folder, or go on in it; parts that are not as the manifest says are forgotten, to be made again.

        Args:
            folder: `taken`.
            job: input, model and options, as JSON holds them.
        Raises: ConfigError if the folder is another job's, or holds anything else; OSError if it cannot be written to.
        """
        self.folder, self.job = folder, dict(job)
        self.parts: dict[str, Part] = {}
        self.complete = False
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "no permission to write in this directory", str(folder))
        left = set(folder.glob(LEFT))
        manifest = folder / MANIFEST
        if manifest.exists():
            self._go_on(manifest)
        elif found := sorted(entry.name for entry in set(folder.iterdir()) - left if entry.name != WORK):
            raise ConfigError(f"{folder} holds {found[0]} and is not a folder of forecasts: name an empty or a new one")
        for place in left:
            place.unlink()
        self.work.mkdir(exist_ok=True)
        self._write()

    @property
    def work(self) -> Path:
        return self.folder / WORK

    def _go_on(self, manifest: Path) -> None:
        try:
            known = json.loads(manifest.read_text(encoding="utf-8"))
            job, parts = known["job"], [Part(**{**part, "notes": tuple(part["notes"])}) for part in known["parts"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{manifest} is not a manifest of forecasts: name another folder") from error
        if job != self.job and not parts:  # nothing is lost
            return shutil.rmtree(self.work, ignore_errors=True)
        if job != self.job:
            names = [name for name in {**job, **self.job} if job.get(name) != self.job.get(name)]
            shown = "; ".join(
                f"{name}: {_short(job.get(name))}, now {_short(self.job.get(name))}" for name in names[:3]
            )
            raise ConfigError(
                f"{self.folder} holds forecasts of another job ({shown}): name another folder, or remove this one"
            )
        self.parts = {part.name: part for part in parts if self._is_whole(part)}

    def _is_whole(self, part: Part) -> bool:
        place = self.folder / part.name
        return place.is_file() and place.stat().st_size == part.bytes and _sha256(place) == part.sha256

    def keep(self, states: Mapping[str, str]) -> int:
        """Forget parts that were made from other rows than these (part -> state); their input has changed since."""
        self.parts = {name: part for name, part in self.parts.items() if states.get(name) == part.state}
        self.complete = False
        self._write()
        return len(self.parts)

    def add(self, name: str, state: str, forecast: Forecast) -> Part:
        """Write a part, then the manifest that knows it."""
        place = self.folder / name
        forecast.save(place)
        with place.open("rb+") as file:
            os.fsync(file.fileno())
        size = forecast.panel.size
        part = Part(name, size, size * forecast.horizon, place.stat().st_size, _sha256(place), state, forecast.notes)
        self.parts[name] = part
        self._write()
        return part

    def finish(self, names: Sequence[str]) -> None:
        """All parts are there: say so, and remove what was needed on the way."""
        self.parts = {name: self.parts[name] for name in names if name in self.parts}
        self.complete = True
        self._write()
        for place in self.folder.glob("part-*.parquet"):
            if place.name not in self.parts:
                place.unlink()
        shutil.rmtree(self.work)

    def _write(self) -> None:
        known = {
            "format": FORMAT,
            "complete": self.complete,
            "job": self.job,
            "series": sum(part.series for part in self.parts.values()),
            "rows": sum(part.rows for part in self.parts.values()),
            "parts": [asdict(part) for part in self.parts.values()],
        }
        # The name of a file may hold bytes that are no UTF-8, which JSON can escape.
        with (
            replacing(self.folder / MANIFEST) as temporary,
            temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
        ):
            json.dump(known, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
