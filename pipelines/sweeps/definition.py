"""A sweep: its settings, the params that its trials share, and what DVC would tell the trials by."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.params import Params, SweepSettings, check_params, check_sweeps, read_values, with_values
from hemline.tracking.dvc import stage_entry
from pipelines.graph import group
from pipelines.sweeps.identity import Identity, digest, identities

TRUTH = Path("data/coco/validation-independent.json")
TRAINING = ("train_detector", "train_estimator", "finetune", "train_oneshot", "train_network")
SETTLING = ("estimate", "ensemble")


@dataclass(frozen=True)
class Sweep:
    """A sweep of params.yaml: its settings, the params that all trials share, and the stages that a trial touches."""

    name: str
    settings: SweepSettings
    values: dict[str, Any]
    stages: Mapping[str, Identity]

    @property
    def origin(self) -> str:
        """What all trials share: stages, their data and code, params that are not searched, the ground truth."""
        entries = [stage.entry(self.values, tuple(self.settings.space)) for stage in self.stages.values()]
        return digest(entries, hashlib.sha256(TRUTH.read_bytes()).hexdigest())

    def identity(self, values: Mapping[str, Any]) -> str:
        """What DVC would tell a trial by: trials with the same one have the same result.

        Of a trial that trains it is the hash of the entry that dvc.lock would have (the tag `stage_hash` in MLflow).
        """
        hashes = [stage_entry(stage.entry(values))["stage_hash"] for stage in self.stages.values()]
        return str(hashes[0]) if len(hashes) == 1 else digest(hashes)


def read_sweep(name: str, trials: int | None = None, root: Path = Path()) -> Sweep:
    """A sweep of params.yaml, with its target's data in place.

    HemlineError: no such sweep, a key that the target doesn't read, data that is missing.
    """
    values = read_values(root / "params.yaml")
    settings = sweep_settings(values, name)
    if trials is not None:
        settings = settings.model_copy(update={"trials": trials})
    values = with_values(values, settings.fixed)
    stages = identities(root, touched(settings.target, check_params(values, "params.yaml")))
    for key in (*settings.space, *settings.fixed):
        if not any(stage.reads(key) for stage in stages.values()):
            raise HemlineError(
                f"params.yaml: sweeps.{name}: {settings.target} doesn't read {key}; all trials would be the same"
            )
    return Sweep(name, settings, values, stages)


def sweep_settings(values: Any, name: str) -> SweepSettings:
    """The settings of a sweep, from params.yaml's values. HemlineError names those that there are, or a bad key."""
    params = check_params(values, "params.yaml")
    if name not in params.sweeps:
        raise HemlineError(
            f"params.yaml: sweeps has no {name!r}; it has {', '.join(params.sweeps) or 'none'}"
        )
    check_sweeps(values, [name], "params.yaml")
    settings = params.sweeps[name]
    if group(settings.target) not in (*TRAINING, *SETTLING):
        raise HemlineError(
            f"params.yaml: sweeps.{name}.target is {settings.target!r}; trials can be of train_detector@..., "
            "train_estimator@..., finetune@..., train_oneshot@..., train_network@..., estimate@... or ensemble"
        )
    if "milliseconds" in settings.objectives and group(settings.target) not in (
        "train_estimator",
        "finetune",
        "train_network",
    ):
        raise HemlineError(
            f"params.yaml: sweeps.{name}.objectives: milliseconds are measured of estimators and experts alone, "
            f"not of {settings.target}"
        )
    return settings


def touched(target: str, params: Params) -> list[str]:
    """The stages whose work a trial does: the target, and the rows of an ensemble."""
    return (
        [target, *(f"estimate@{row}" for row in params.ensemble.members)]
        if target == "ensemble"
        else [target]
    )
