"""What one trial of a sweep over the choices at test time takes: on what the networks said, kept, and without.

    python -m benchmarks.trials [FOLDER]

FOLDER is a project that has run (`make demo`), by default the working directory; nothing in it is written. The peers
make a trial the way that the stages do: networks, result file, evaluation; or only result file and evaluation. All try
the same settings, on the ensemble's second row and on both rows with weights; the peers, which are slow, only a few.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from hemline.evaluation import evaluate_landmarks, read_landmark_results, read_truth
from hemline.evaluation.rating import Rater
from hemline.inference.ensemble import Ensemble, ensemble
from hemline.inference.garments import read_results, write_results
from hemline.inference.pipeline import estimate_boxes
from hemline.inference.sightings import Sightings, cached
from hemline.params import EstimateSettings, Params, load_params
from stages.estimate import question, row_estimators, see

TRIALS, PEERS = 100, 2
TRUTH = Path("data/coco/validation-independent.json")

# Settings and the weights of the two rows.
Choice = tuple[EstimateSettings, tuple[float, float]]
Trial = Callable[[Choice], float]


def main() -> None:
    """Print seconds and milliseconds a trial, the ratio, and how far the two APs are apart."""
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else ".")
    params = load_params()
    choices = draw(params)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        for member in params.ensemble.members:
            cached(folder, member, lambda member=member: see(params, member, "validation"))
        print(f"networks, once: {time.perf_counter() - started:.1f} s for two rows")
        rows = [Sightings.read(folder / f"{member}.npz") for member in params.ensemble.members]
        rater = Rater(read_truth(TRUTH, params.wardrobe))
        judged = rater.judge(rows[1])

        def one(choice: Choice) -> float:
            return float(judged.rate(*rows[1].settle(choice[0]))["AP"])

        def both(choice: Choice) -> float:
            tables = [row.table(choice[0]).as_written() for row in rows]
            return float(rater.rate(Ensemble(tables).merged(choice[1]))["AP"])

        def written(choice: Choice) -> float:
            write_results(folder / "row.json", rows[1].garments(choice[0]))
            return evaluate(params, folder / "row.json")

        compare(
            "one row",
            choices,
            one,
            {"stages": lambda choice: peer_row(params, folder, choice), "file and evaluation": written},
        )
        compare(
            "two rows, weighted",
            choices,
            both,
            {"stages": lambda choice: peer_ensemble(params, folder, choice)},
        )
        tables = [row.table(params.estimate).as_written() for row in rows]
        prepared = Ensemble(tables)
        seconds, _ = timed(choices, lambda choice: float(rater.rate(prepared.merged(choice[1]))["AP"]))
        print(f"two rows, other weights only: {1000 * median(seconds):.1f} ms a trial")


def draw(params: Params) -> list[Choice]:
    """Settings that need no network."""
    generator = np.random.default_rng(0)
    return [
        (
            params.estimate.model_copy(
                update={
                    "score": str(generator.choice(["all", "category"])),
                    "score_threshold": float(generator.uniform(0, 0.4)),
                    "box_exponent": float(generator.uniform(0, 2)),
                    "oks_nms": float(generator.uniform(0.5, 1)),
                }
            ),
            (1.0, float(generator.uniform(0.2, 5))),
        )
        for _ in range(TRIALS)
    ]


def compare(title: str, choices: list[Choice], ours: Trial, peers: dict[str, Trial]) -> None:
    """Time all and print a line for each."""
    seconds, found = timed(choices, ours)
    quick = median(seconds)
    print(
        f"{title}: {1000 * quick:.1f} ms a trial (median of {TRIALS}, slowest {1000 * max(seconds):.1f} ms)"
    )
    for name, peer in peers.items():
        peer_seconds, expected = timed(choices[:PEERS], peer)
        slow = median(peer_seconds)
        apart = max(abs(one - other) for one, other in zip(found, expected, strict=False))
        print(
            f"  {name}: {slow:.2f} s (median of {PEERS}), {slow / quick:.0f} times; APs apart by {apart:.1g}"
        )


def timed(choices: list[Choice], trial: Trial) -> tuple[list[float], list[float]]:
    """Seconds and AP of each trial."""
    seconds, found = [], []
    for choice in choices:
        started = time.perf_counter()
        found.append(trial(choice))
        seconds.append(time.perf_counter() - started)
    return seconds, found


def write_row(params: Params, folder: Path, name: str, settings: EstimateSettings) -> Path:
    """A row's result file, as the stage `estimate` makes it."""
    asked = {**question(params, name, "validation"), "settings": settings}
    path = folder / f"{name}.json"
    write_results(path, estimate_boxes(**asked, estimators=row_estimators(params, name)))
    return path


def peer_row(params: Params, folder: Path, choice: Choice) -> float:
    """AP of the ensemble's second row by the stages `estimate` and `evaluate`."""
    return evaluate(params, write_row(params, folder, params.ensemble.members[1], choice[0]))


def peer_ensemble(params: Params, folder: Path, choice: Choice) -> float:
    """AP of both rows by the stages `estimate`, `ensemble` and `evaluate`."""
    paths = [write_row(params, folder, member, choice[0]) for member in params.ensemble.members]
    rows = [read_results(path, params.wardrobe) for path in paths]
    write_results(folder / "ensemble.json", ensemble(rows, params.wardrobe, choice[1]))
    return evaluate(params, folder / "ensemble.json")


def evaluate(params: Params, path: Path) -> float:
    """AP of a result file."""
    truth = read_truth(TRUTH, params.wardrobe)
    return float(evaluate_landmarks(truth, read_landmark_results(path, truth))["AP"])


if __name__ == "__main__":
    main()
