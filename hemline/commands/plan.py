"""`hemline plan`: what the trainings of a params set will take, before any runs."""

import argparse
import json
import math
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from hemline.commands.params import PARAMS, set_file
from hemline.commands.table import aligned
from hemline.errors import HemlineError
from hemline.params import load_params

COLUMNS = (
    "training", "samples", "batch", "precision", "iterations/epoch", "epochs", "iterations", "GiB/GPU", "GPU hours",
)  # fmt: skip

if TYPE_CHECKING:
    from hemline.planning.samples import Samples
    from hemline.planning.trainings import Training


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--params", metavar="SET", help=f"a set of params/ (default: {PARAMS})")
    parser.add_argument(
        "--tflops",
        type=float,
        help="what a GPU keeps up in training, 10^12 operations a second (default: 5.5, a V100 in fp32)",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    from hemline.planning.samples import CONVERTED, samples_of
    from hemline.planning.trainings import V100_TFLOPS, trainings_of

    tflops = V100_TFLOPS if arguments.tflops is None else arguments.tflops
    if not 0 < tflops < math.inf:
        raise HemlineError(f"--tflops: {tflops} is not a speed; give what your GPU keeps up, such as 5.5")
    current = load_params(PARAMS)
    params = current if arguments.params is None else load_params(set_file(arguments.params))
    # data/coco holds what params.yaml's data was converted to; other sets may number their pictures alike
    samples = samples_of(params, CONVERTED if params.data == current.data else None)
    trainings = list(trainings_of(params, samples))
    if arguments.json:
        print(json.dumps(_content(params.params_set, samples, trainings, tflops), indent=1))
    else:
        print(_text(params.params_set, samples, trainings, tflops))
    return 0


def _content(name: str, samples: "Samples", trainings: "Sequence[Training]", tflops: float) -> dict[str, Any]:
    return {
        "params_set": name,
        "samples": {"pictures": samples.pictures, "garments": samples.garments, "source": samples.source},
        "trainings": [training.to_dict(tflops) for training in trainings],
        "gpu_hours": round(sum(training.gpu_hours(tflops) for training in trainings), 2),
        "tflops": tflops,
        "rests_on": _basis(tflops),
    }


def _basis(tflops: float) -> str:
    from hemline.planning.trainings import UNSEEN_MEMORY, V100_TFLOPS

    speed = "a V100's in fp32, from mmpose's published training of HRNet-w48"
    return (
        "Estimates, measured on no GPU. Hours: 6 x the multiply-adds of a sample's forward pass at full input size x "
        f"samples x epochs, at {tflops:g} TFLOPS ({speed if tflops == V100_TFLOPS else 'as given'}); loading, "
        "evaluation and prediction not included. Memory of each GPU: weights, gradients, optimiser and what a pass "
        f"keeps for its gradients, x {UNSEEN_MEMORY} for what that misses. Derivations: docs/models.md."
    )


def _text(name: str, samples: "Samples", trainings: "Sequence[Training]", tflops: float) -> str:
    garments = sum(samples.garments.values())
    total = sum(training.gpu_hours(tflops) for training in trainings)
    memory = max(training.gpu_memory for training in trainings)
    variants = any(training.stage.startswith("finetune@") for training in trainings)
    return "\n".join(
        [
            f"{name}: {samples.pictures:,} pictures, {garments:,} garments to train on ({samples.source})\n",
            *aligned(COLUMNS, [_row(list(group), tflops) for _, group in groupby(trainings, key=_alike)]),
            f"\n{len(trainings)} trainings: {_hours(total)} GPU hours in all, on GPUs of {memory:.1f} GiB and more"
            + (" (plain and hflip share a row: iterations of each, hours of both)" if variants else ""),
            "\nlearning rate at the end of each epoch:",
            *_rate_lines(trainings),
            f"\n{_basis(tflops)}",
        ]
    )


def _alike(training: "Training") -> tuple[Any, ...]:
    """Variants of an expert differ in their augmentation alone, and share a row."""
    expert = training.stage.startswith("finetune@")
    return training.stage.rsplit("-", 1)[0] if expert else training.stage, training.iterations


def _row(group: "list[Training]", tflops: float) -> list[str]:
    first = group[0]
    stage = first.stage
    if len(group) > 1:
        variants = ",".join(training.stage.rsplit("-", 1)[1] for training in group)
        stage = f"{stage.rsplit('-', 1)[0]}-{{{variants}}}"
    return [
        stage,
        f"{first.samples:,}",
        first.batch,
        first.settings.precision,
        f"{first.iterations_per_epoch:,}",
        str(first.settings.epochs),
        f"{first.iterations:,}",
        f"{first.gpu_memory:.1f}",
        _hours(sum(training.gpu_hours(tflops) for training in group)),
    ]


def _rate_lines(trainings: "Sequence[Training]") -> list[str]:
    """A line for each course of the rate, with the trainings that take it."""
    from hemline.planning.rates import compact

    stages: dict[str, list[str]] = {}
    for training in trainings:
        steps = training.settings.warmup_steps
        rising = f" (rising to it over the first {steps} iterations)" if steps else ""
        stages.setdefault(compact(training.rates) + rising, []).append(training.stage)
    return [f"  {_named(names)}: {course}" for course, names in stages.items()]


def _named(stages: list[str]) -> str:
    kinds = ("finetune@", "finetune_network@")
    named = [stage for stage in stages if not stage.startswith(kinds)]
    for kind in kinds:
        experts = [stage for stage in stages if stage.startswith(kind)]
        named += [f"{len(experts)} of {kind}*"] if len(experts) > 2 else experts
    return ", ".join(named)


def _hours(hours: float) -> str:
    if hours < 0.005:
        return "<0.01"
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2f}"
