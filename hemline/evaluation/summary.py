"""COCO's numbers from matches, for the images as they are and for resamples of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemline.evaluation.matching import MatchTable
from hemline.evaluation.precision import average_precision
from hemline.progress import progress


@dataclass(frozen=True)
class Number:
    """What a name stands for: AP or AR, of garments in an area range, at one threshold or all ten."""

    recall: bool = False
    area: str = "all"
    threshold: int | None = None


# pycocotools' summarize, landmarks: areas are 32^2 to 96^2 (medium) and from 96^2 (large).
LANDMARK_NUMBERS: Mapping[str, Number] = {
    "AP": Number(),
    "AP50": Number(threshold=0),
    "AP75": Number(threshold=5),
    "APm": Number(area="medium"),
    "APl": Number(area="large"),
    "AR": Number(recall=True),
    "AR50": Number(recall=True, threshold=0),
    "AR75": Number(recall=True, threshold=5),
    "ARm": Number(recall=True, area="medium"),
    "ARl": Number(recall=True, area="large"),
}
BOX_NUMBERS: Mapping[str, Number] = {name: LANDMARK_NUMBERS[name] for name in ("AP", "AP50", "AP75", "AR")}

# Resamples are taken together until a category's running sums hold this many numbers (the cache's size).
NUMBERS_AT_ONCE = 1 << 20
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Columns:
    """Numbers by name and AP by category, one value a column of image weights; NaN where no garment is."""

    numbers: dict[str, np.ndarray]
    per_category: dict[str, np.ndarray]


def summarize(table: MatchTable, numbers: Mapping[str, Number], resamples: int, seed: int) -> dict[str, Any]:
    """The numbers by name, AP `per_category` and, with resamples, the 95 % `intervals` of all of them.

    As in pycocotools a number is -1 where the ground truth has no garment for it; a category's AP is None.
    AP is the mean over the categories that the ground truth has, all with the same weight. A resample that holds no
    garment of a category leaves it out of its mean, and out of the category's own interval.
    """
    columns = resample(table, numbers, resamples, seed)
    summary: dict[str, Any] = {name: _plain(values[0], -1.0) for name, values in columns.numbers.items()}
    summary["per_category"] = {name: _plain(values[0], None) for name, values in columns.per_category.items()}
    if resamples:
        intervals: dict[str, Any] = {name: interval(values[1:]) for name, values in columns.numbers.items()}
        intervals["per_category"] = {
            name: interval(values[1:]) for name, values in columns.per_category.items()
        }
        summary["intervals"] = intervals
    return summary


def resample(table: MatchTable, numbers: Mapping[str, Number], resamples: int, seed: int) -> Columns:
    """Column 0: on the images as they are; 1 to `resamples`: on draws of them with replacement.

    Equal seeds draw equal images, so that columns of several rows of the same images can be compared one by one.
    """
    parts = [_columns(table, numbers, np.ones((table.images, 1), dtype=np.int32))]
    batches = -(-resamples // _columns_at_once(table))
    drawn = draws(table.images, resamples, seed, _columns_at_once(table))
    for weights in progress(drawn, "bootstrap", batches, "batches") if resamples else ():
        parts.append(_columns(table, numbers, weights))
    return Columns(
        {name: np.concatenate([part.numbers[name] for part in parts]) for name in numbers},
        {
            entry.name: np.concatenate([part.per_category[entry.name] for part in parts])
            for entry in table.wardrobe.categories
        },
    )


def interval(values: np.ndarray) -> list[float] | None:
    """95 % percentile interval [low, high] of the resamples that have a value; None where none has."""
    values = values[~np.isnan(values)]
    return [float(value) for value in np.percentile(values, INTERVAL)] if values.size else None


def _columns_at_once(table: MatchTable) -> int:
    largest = max((cell.true.shape[1] for cell in table.cells.values()), default=0)
    return max(1, NUMBERS_AT_ONCE // max(largest, table.images, 1))


def draws(images: int, resamples: int, seed: int, at_once: int) -> Iterator[np.ndarray]:
    """Image weights (images, R) int32 by the batch: column by column, so that no batch size changes a draw."""
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, at_once):
        weights = np.empty((images, min(at_once, resamples - start)), dtype=np.int32)
        for column in weights.T:
            column[:] = np.bincount(generator.integers(images, size=images), minlength=images)
        yield weights


def _columns(table: MatchTable, numbers: Mapping[str, Number], weights: np.ndarray) -> Columns:
    categories, areas = table.wardrobe.categories, {number.area for number in numbers.values()}
    # (categories, 2, 10, R): AP and recall
    values = {
        area: np.stack([_cell(table, area, entry.id, weights) for entry in categories]) for area in areas
    }
    named = {name: _mean_over_categories(values[number.area], number) for name, number in numbers.items()}
    per_category = values["all"][:, 0].mean(axis=1)
    return Columns(named, {entry.name: per_category[place] for place, entry in enumerate(categories)})


def _cell(table: MatchTable, area: str, category_id: int, weights: np.ndarray) -> np.ndarray:
    matches = table.cells.get((area, category_id))
    if matches is None:
        return np.full((2, 10, weights.shape[1]), np.nan)
    return np.stack(average_precision(matches, weights))


def _mean_over_categories(values: np.ndarray, number: Number) -> np.ndarray:
    chosen = values[:, int(number.recall)]
    chosen = chosen.mean(axis=1) if number.threshold is None else chosen[:, number.threshold]
    present = ~np.isnan(chosen)
    total = np.where(present, chosen, 0.0).sum(axis=0)
    count = present.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _plain(value: float, missing: float | None) -> float | None:
    return missing if np.isnan(value) else float(value)
