"""Trials without a network: what was said of each box is kept, and settled anew with other choices at test time."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from hemline.evaluation import read_truth
from hemline.evaluation.rating import Judged, Rater
from hemline.inference.ensemble import Ensemble
from hemline.inference.sightings import Sightings, cached
from hemline.params import Params
from hemline.wardrobe import wardrobe
from pipelines.sweeps.definition import TRUTH, Sweep
from pipelines.sweeps.identity import digest
from pipelines.sweeps.study import Claim
from stages.estimate import see
from stages.stage import kept_folder

# What is settled after the networks: sightings that differ in nothing else are the same.
SETTLED = ("estimate.score", "estimate.score_threshold", "estimate.box_exponent", "estimate.oks_nms")


class Settling:
    """AP of a row, or of the ensemble, on the validation pictures: that of the file that the stages would write."""

    slow = False

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.rater = Rater(read_truth(TRUTH, wardrobe(sweep.values["data"]["wardrobe"])))
        self._read = lru_cache(maxsize=16)(self._read_and_judge)  # a sampler goes back and forth between some

    def __call__(self, params: Params, claim: Claim) -> dict[str, float]:
        """Settle, and rate."""
        kind, _, row = self.sweep.settings.target.partition("@")
        return {"AP": float((self._ensemble(params) if kind == "ensemble" else self._row(params, row))["AP"])}

    def _row(self, params: Params, row: str) -> dict[str, Any]:
        sightings, judged = self._sightings(params, row)
        return judged.rate(*sightings.settle(params.estimate))

    def _ensemble(self, params: Params) -> dict[str, Any]:
        rows = [self._sightings(params, row)[0] for row in params.ensemble.members]
        tables = [sightings.table(params.estimate).as_written() for sightings in rows]
        return self.rater.rate(Ensemble(tables).merged(params.ensemble.weights))

    def _sightings(self, params: Params, row: str) -> tuple[Sightings, Judged]:
        """What the row's networks say with these params: kept from before, or asked now."""
        values = params.model_dump(mode="json")
        key = digest(self.sweep.stages[f"estimate@{row}"].entry(values, SETTLED))
        folder = kept_folder() / "sightings"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{key}.npz"
        if not path.is_file():
            with FileLock(f"{path}.lock"):  # another worker may be looking right now
                cached(folder, key, lambda: see(params, row, "validation"))
        return self._read(path)

    def _read_and_judge(self, path: Path) -> tuple[Sightings, Judged]:
        sightings = Sightings.read(path)
        return sightings, self.rater.judge(sightings)
