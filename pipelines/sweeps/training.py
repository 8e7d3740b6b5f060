"""Trials that train a network of any kind, with AP on the validation pictures after each epoch."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hemline.params import Params
from pipelines.sweeps.definition import Sweep
from pipelines.sweeps.study import Claim, Study
from stages.stage import Attempt

Train = Callable[[Params, Attempt], None]
Judge = Callable[[Params, Any], float]  # of params and the network: AP


class Training:
    """Trains one trial. Its result is that of its last epoch, as in `select: last`."""

    slow = True

    def __init__(self, sweep: Sweep, study: Study) -> None:
        self.sweep, self.study = sweep, study
        kind, _, item = sweep.settings.target.partition("@")
        self.train, self.judge = {
            "train_detector": _detector,
            "train_estimator": _estimator,
            "finetune": _expert,
            "train_oneshot": _oneshot,
            "train_network": _network,
        }[kind](item)

    def __call__(self, params: Params, claim: Claim) -> dict[str, float] | None:
        """Train to the last epoch, or until the pruner has seen enough (None)."""
        out = self.study.folder / "trials" / str(claim.number + 1)
        epochs = dict(self.study.reported(claim))
        pruned = False

        def watch(run: Any, epoch: int, network: Any) -> bool:
            nonlocal pruned
            epochs[epoch] = self.judge(params, network)
            run.log({"AP": epochs[epoch]}, step=epoch)
            pruned = self.study.should_prune(claim, epoch, epochs[epoch])
            return pruned

        name = f"{self.sweep.name} trial {claim.number + 1}"
        tags = {"sweep": self.sweep.name, "trial": str(claim.number + 1)}
        tags["stage_hash"] = self.study.trials[claim.number].user_attrs["identity"]
        try:
            self.train(params, Attempt(name, out, title=name, tags=tags, watch=watch))
            return None if pruned else self._result(epochs, params, out)
        finally:
            # Its numbers are kept; its network can be trained again from its params.
            shutil.rmtree(out, ignore_errors=True)

    def _result(self, epochs: dict[int, float], params: Params, out: Path) -> dict[str, float]:
        result = {"AP": epochs[max(epochs)]}
        if "milliseconds" in self.sweep.settings.objectives:
            from hemline.estimation import Estimator
            from hemline.inference.timing import milliseconds

            result["milliseconds"] = milliseconds(Estimator.load(out), flip_test=False)
        return {name: result[name] for name in self.sweep.settings.objectives}


def _estimator(name: str) -> tuple[Train, Judge]:
    from stages import train_estimator
    from stages.selection import validation_ap

    return (
        lambda params, attempt: train_estimator.train(params, name, attempt),
        lambda params, estimator: validation_ap(params, None, estimator),
    )


def _expert(name: str) -> tuple[Train, Judge]:
    from stages import finetune
    from stages.selection import validation_ap

    slug, _, variant = name.rpartition("-")
    return (
        lambda params, attempt: finetune.train(params, slug, variant, attempt),
        lambda params, estimator: validation_ap(params, slug, estimator),
    )


def _detector(name: str) -> tuple[Train, Judge]:
    from stages import train_detector
    from stages.selection import validation_box_ap

    return (
        lambda params, attempt: train_detector.train(params, name, attempt),
        lambda params, detector: validation_box_ap(params, name, detector, getattr(params.detect, name)),
    )


def _oneshot(name: str) -> tuple[Train, Judge]:
    from stages import train_oneshot
    from stages.selection import validation_oneshot_ap

    return (
        lambda params, attempt: train_oneshot.train(params, name, attempt),
        lambda params, network: validation_oneshot_ap(params, name, network),
    )


def _network(name: str) -> tuple[Train, Judge]:
    from stages import train_network
    from stages.selection import validation_ap

    return (
        lambda params, attempt: train_network.train(params, name, attempt),
        lambda params, estimator: validation_ap(
            params, None, estimator, params.networks.trained[name].training.crops
        ),
    )
