"""What the networks said of a row's boxes, kept, so that a thousand settings can be tried in minutes.

Between the network and a result file stand choices that need no network: which boxes count, what a garment scores, what
is suppressed. They are made here, for the pipeline and for a sweep alike. Decoded landmarks are kept, not heatmaps: a
box's 81 heatmaps of 96 x 128 are 4 MB, and reading them back and decoding them is the slow part of a second look. So a
choice that changes heatmaps (`shift_heatmap`, which has two values, the flip test) or the crop (`box_scale`) needs
sightings of its own.
"""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from hemline.errors import HemlineError
from hemline.files import atomic_write
from hemline.inference.garments import Garment
from hemline.inference.suppression import Likeness
from hemline.inference.tables import GarmentTable, LandmarkTable
from hemline.params import EstimateSettings
from hemline.wardrobe import wardrobe


@dataclass(frozen=True, eq=False, kw_only=True)
class Sightings(LandmarkTable):
    """N boxes with what an estimator sees in each; a landmark's score is its heatmap's maximum.

    `maxima` (N, channels) float32 is every heatmap's maximum, those of other categories included, NaN where an
    estimator has fewer channels than another. `shift_heatmap`, `box_scale` and `box_score_threshold` are what they were
    seen with: boxes under that threshold are not here.
    """

    maxima: np.ndarray
    shift_heatmap: bool
    box_scale: float
    box_score_threshold: float

    def settle(self, settings: EstimateSettings) -> tuple[np.ndarray, np.ndarray]:
        """The places of the garments that count with these settings, ascending, and their scores; float64, both (K,).

        HemlineError when the settings need other heatmaps, other crops or more boxes than were seen.
        """
        self._refuse_unseen(settings)
        scores = self.box_score**settings.box_exponent * self.landmark_scores(settings)
        kept = self.box_score >= settings.box_score_threshold
        if settings.oks_nms is not None:
            kept = self._likeness.kept(scores, kept, settings.oks_nms)
        places = np.flatnonzero(kept)
        return places, scores[places]

    def table(self, settings: EstimateSettings) -> GarmentTable:
        """The garments that count with these settings, in the order of the boxes; errors as in `settle`."""
        places, scores = self.settle(settings)
        names = {field.name for field in fields(LandmarkTable)}
        columns = {name: column[places] for name, column in self.columns().items() if name in names}
        return GarmentTable(**columns, score=scores, wardrobe=self.wardrobe)

    def garments(self, settings: EstimateSettings) -> list[Garment]:
        """The same as a list."""
        return self.table(settings).garments()

    def landmark_scores(self, settings: EstimateSettings) -> np.ndarray:
        """(N,) float64: the mean of the heatmap maxima above `score_threshold`, 0 when none is.

        With `score` "all", over all channels, as the authors' code has it (lib/dataset: evaluate), although those of
        other categories carried no loss in training; with "category", over the garment's own (as SVIP's, the third
        place of the 2020 challenge).
        """
        own = self.landmarks[:, :, 2].astype(np.float32)
        return mean_above(self.maxima if settings.score == "all" else own, settings.score_threshold)

    @cached_property
    def _likeness(self) -> Likeness:
        return Likeness.of(self)

    def _refuse_unseen(self, settings: EstimateSettings) -> None:
        for name in ("shift_heatmap", "box_scale"):
            seen, asked = getattr(self, name), getattr(settings, name)
            if seen != asked:
                raise HemlineError(
                    f"sightings: {name} was {seen} when the boxes were seen; {asked} is asked for"
                )
        if settings.box_score_threshold < self.box_score_threshold:
            raise HemlineError(
                f"sightings: boxes under {self.box_score_threshold} were not seen; "
                f"box_score_threshold {settings.box_score_threshold} is asked for"
            )

    @classmethod
    def joined(cls, parts: Sequence["Sightings"]) -> "Sightings":
        """One after the other, at least one; all were seen with the same settings."""
        widest = max(part.maxima.shape[1] for part in parts)
        columns = [part.columns() | {"maxima": _widened(part.maxima, widest)} for part in parts]
        first = {field.name: getattr(parts[0], field.name) for field in fields(cls)}
        joined = {name: np.concatenate([own[name] for own in columns]) for name in columns[0]}
        return cls(**first | joined)

    def write(self, path: Path) -> None:
        """Write an .npz file, atomically."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        with atomic_write(path, "wb") as handle:
            np.savez(handle, **values | {"wardrobe": self.wardrobe.name})

    @classmethod
    def read(cls, path: Path) -> "Sightings":
        """Read what `write` wrote; nothing in it is unpickled. HemlineError when the file is missing or another's."""
        names = [field.name for field in fields(cls)]
        try:
            with np.load(path, allow_pickle=False) as arrays:
                columns = {name: arrays[name] for name in names}
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise HemlineError(f"{path}: cannot be read as sightings ({error})") from None
        values = {name: array if array.ndim else array.item() for name, array in columns.items()}
        return cls(**values | {"wardrobe": wardrobe(values["wardrobe"])})


def cached(folder: Path, key: str, see: Callable[[], Sightings]) -> Sightings:
    """The sightings under `key` in a cache folder; where there are none that can be read, those of `see`, kept.

    The key names what they came from (boxes, pictures, weights, flip test, settings): whoever makes it answers for
    that. It is part of a file name.
    """
    path = folder / f"{key}.npz"
    try:
        return Sightings.read(path)
    except HemlineError:
        sightings = see()
        sightings.write(path)
        return sightings


def mean_above(values: np.ndarray, threshold: float) -> np.ndarray:
    """(N,) float64: each row's mean of the values (N, n) float32 above a threshold, 0 when none is; NaN is not above.

    To the last digit what `row[row > threshold].mean()` is.
    """
    above = values > threshold
    counts = above.sum(axis=1)
    # A zero leads each row: numpy's reduceat then adds up the rest of it the way that `sum` does.
    ends = np.cumsum(counts + 1)
    chosen = np.zeros(int(ends[-1]) if len(ends) else 0, dtype=values.dtype)
    led = np.ones(len(chosen), dtype=bool)
    led[ends - counts - 1] = False
    chosen[led] = values[above]
    sums = np.add.reduceat(chosen, ends - counts - 1) if len(ends) else chosen
    return (sums / np.maximum(counts, 1).astype(values.dtype)).astype(np.float64)


def _widened(maxima: np.ndarray, channels: int) -> np.ndarray:
    missing = channels - maxima.shape[1]
    return np.pad(maxima, ((0, 0), (0, missing)), constant_values=np.nan)
