"""What trainings left in their model folders: the epochs' records, the size of the model."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.files import read_json


@dataclass(frozen=True)
class Training:
    """One training: its folder's place under models/, its epochs' records in order, its number of parameters.

    What an older version of the training did not record is None.
    """

    place: tuple[str, ...]
    epochs: tuple[Mapping[str, Any], ...]
    parameters: int | None

    @property
    def group(self) -> str:
        """ "detectors htc", "estimators aggregated", "experts plain"."""
        return " ".join(self.place[:2])

    @property
    def losses(self) -> tuple[float, ...]:
        """The mean loss of each epoch."""
        return tuple(float(epoch["loss"]) for epoch in self.epochs)

    @property
    def judged(self) -> tuple[float, ...]:
        """AP on validation after each epoch, if the training looked at it (finetune.select: best)."""
        known = self._known("AP")
        return () if known is None else tuple(known)

    @property
    def seconds(self) -> float | None:
        """The time of all epochs."""
        known = self._known("seconds")
        return None if known is None else sum(known)

    @property
    def memory(self) -> float | None:
        """The most memory, MB: the process's on a CPU, what was allocated on a GPU."""
        known = self._known("peak_memory_mb")
        return None if known is None else max(known)

    def _known(self, name: str) -> list[float] | None:
        """A number of each epoch; None if an epoch lacks it."""
        known = [float(epoch[name]) for epoch in self.epochs if name in epoch]
        return known if len(known) == len(self.epochs) else None


def read_trainings(models: Path | None) -> tuple[Training, ...]:
    """All trainings under a folder, by name; none when there is no folder.

    Raises HemlineError naming the file and the line that is not a record of an epoch.
    """
    if models is None or not models.is_dir():
        return ()
    logs = sorted(models.glob("*/**/training.jsonl"))
    found = (Training(log.parent.relative_to(models).parts, _epochs(log), _parameters(log)) for log in logs)
    return tuple(training for training in found if training.epochs)


def those_at(trainings: Iterable[Training], places: Collection[tuple[str, ...]]) -> tuple[Training, ...]:
    """The trainings at some places: a folder of models may also hold what another params set has left in it."""
    return tuple(training for training in trainings if training.place in places)


def _epochs(log: Path) -> tuple[Mapping[str, Any], ...]:
    """An epoch that was run again after an interruption counts once."""
    epochs: dict[int, Mapping[str, Any]] = {}
    for number, record in enumerate(log.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            values = json.loads(record)
            float(values["loss"])
            epochs[int(values["epoch"])] = values
        except (ValueError, KeyError, TypeError) as error:
            raise HemlineError(f"{log}:{number}: not a record of an epoch ({error}); train again") from None
    return tuple(epochs[epoch] for epoch in sorted(epochs))


def _parameters(log: Path) -> int | None:
    model = log.parent / "model.json"
    return int(read_json(model)["parameters"]) if model.is_file() else None
