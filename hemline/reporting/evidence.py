"""What the report knows: read from the files of earlier stages, checked, in one frozen object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.params import GIVEN_BOXES, Boxes, Params
from hemline.reporting import paper
from hemline.wardrobe import Category, Wardrobe

# Counts of a data set that may differ from the paper's by this share and still be called the paper's data: a
# few bad annotations are quarantined.
SAME_DATA = 0.01
ENSEMBLE = "ensemble"  # its name among evaluate.rows


@dataclass(frozen=True)
class ReportInputs:
    """The files that a report is made of. The defaults are where the stages put them.

    `pictures` is the image/ folder of the validation split. `provenance` is shown as it is: what produced the
    results (commit, params' hash, versions, device). `submissions` and `models` may be missing.
    """

    params: Params
    pictures: Path
    metrics: Path = Path("metrics/evaluate")
    results: Path = Path("results/landmarks")
    truth: Path = Path("data/coco/validation-independent.json")
    validation: Path = Path("data/validation.json")
    submissions: Path | None = Path("submissions/check.json")
    models: Path | None = Path("models")
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A row of Table 2 as measured. `setting` is None for the ensemble, `paper_ap` if the paper has no such row.

    The mappings go from a category's name to its AP, None where validation has no such garment.
    """

    name: str
    boxes: Boxes
    setting: paper.Setting | None
    paper_ap: float | None
    ap: Estimate
    box_ap: Estimate
    visible_ap: Estimate | None
    categories: Mapping[str, Estimate | None]
    box_categories: Mapping[str, Estimate | None]

    @property
    def title(self) -> str:
        """The row in words: "HTC, aggregated, finetuned, flip test"."""
        return ENSEMBLE if self.setting is None else describe(self.setting)


@dataclass(frozen=True)
class Counts:
    """Pictures and usable garments of a split; `categories` has the garments by category name."""

    pictures: int
    garments: int
    quarantined: int
    categories: Mapping[str, int]


@dataclass(frozen=True)
class Basis:
    """What all rows stand on: the params and the data."""

    params: Params
    train: Counts
    validation: Counts
    shared_pictures: int

    @property
    def wardrobe(self) -> Wardrobe:
        """The data set's categories and landmarks."""
        return self.params.wardrobe

    @property
    def data_set(self) -> str:
        """The wardrobe's name in a sentence: "DeepFashion2", "FLD"."""
        return self.wardrobe.title

    @property
    def paper_wardrobe(self) -> bool:
        """Whether a garment is what it is in papers 000 and 001, so that their numbers may stand beside ours."""
        return has_paper_wardrobe(self.params)

    @property
    def paper_data(self) -> bool:
        """Whether validation is DeepFashion2's, by its garments of each category."""
        return self.paper_wardrobe and all(
            abs(self.validation.categories[entry.name] - entry.validation) <= SAME_DATA * entry.validation
            for entry in paper.CATEGORIES
        )

    @property
    def data(self) -> str:
        """The data in the user's words (params.yaml, report.data), without a full stop."""
        return self.params.report.data.rstrip(". ")


@dataclass(frozen=True)
class Evidence(Basis):
    """All that tables, sentences and figures are made from.

    `without_expert` names the categories that the aggregated estimator serves in finetuned rows.
    """

    rows: tuple[Row, ...]
    without_expert: tuple[str, ...]

    @property
    def stand_in(self) -> Boxes | None:
        """The boxes that stand for the paper's two detectors; None of two detectors.

        Those of one detector, where no row has another's; whole pictures, where no row has a detector's.
        """
        boxes = {row.boxes for row in self.rows}
        found = boxes - set(GIVEN_BOXES) or boxes & {"whole"}
        return found.pop() if len(found) == 1 else None

    @property
    def main_boxes(self) -> Boxes:
        """The boxes of the later rows: HTC's, as in the paper, or those that stand in for them."""
        return self.stand_in or paper.HTC.boxes

    def ours(self, setting: paper.Setting) -> paper.Setting:
        """A setting of the paper in our boxes, with the second look that some rows take in them."""
        passes = [row.setting.passes for row in self.rows if row.setting and row.boxes == self.stand_in]
        return setting.of(self.stand_in, max(passes, default=1))

    def find(self, setting: paper.Setting | None) -> Row | None:
        """The first row of a setting of the paper (None: the ensemble) in our boxes, or None."""
        wanted = None if setting is None else self.ours(setting)
        return next((row for row in self.rows if row.setting == wanted), None)

    @property
    def has_paper_ensemble(self) -> bool:
        """Whether our ensemble has the members of the paper's, in our boxes."""
        return has_paper_ensemble(self.params, tuple(map(self.ours, paper.MEMBERS)))

    @property
    def submitted(self) -> Row:
        """The row that stands for the run: the submission's, else the last one."""
        return next((row for row in self.rows if row.name == self.params.package.row), self.rows[-1])


DETECTORS: Mapping[str, str] = {
    "cascade": "Cascade R-CNN",
    "htc": "HTC",
    "ground-truth": "annotated boxes",
    "whole": "whole pictures",
}


def whose(boxes: Boxes) -> str:
    """Boxes in the possessive, without the word: "HTC's"; "whole pictures" have none."""
    return DETECTORS[boxes] if boxes in GIVEN_BOXES else f"{DETECTORS[boxes]}'s"


def describe(setting: paper.Setting) -> str:
    """A setting in words, as in Table 2's columns."""
    parts = [DETECTORS[setting.boxes], "aggregated" if setting.aggregated else "independent"]
    marks = {"finetuned": setting.finetuned, "flips in training": setting.hflip_train}
    marks |= {"flip test": setting.hflip_test, "two passes": setting.passes == 2}
    return ", ".join([*parts, *(name for name, on in marks.items() if on)])


def gather(inputs: ReportInputs) -> Evidence:
    """Read everything. HemlineError names the file and the key that is missing or odd."""
    rows = tuple(read_row(inputs, name, boxes) for name, boxes in inputs.params.evaluate.rows.items())
    if not rows:
        raise HemlineError("params.yaml: evaluate.rows is empty; the report needs at least one row")
    basis = read_basis(inputs)
    return Evidence(
        **vars(basis),
        rows=rows,
        without_expert=tuple(
            entry.name for entry in basis.wardrobe.categories if not _has_expert(inputs, entry, basis.train)
        ),
    )


def read_basis(inputs: ReportInputs) -> Basis:
    """The params, and what the validation stage counted."""
    report, wardrobe = read_json(inputs.validation), inputs.params.wardrobe
    return Basis(
        params=inputs.params,
        train=_counts(report, "train", inputs.validation, wardrobe),
        validation=_counts(report, "validation", inputs.validation, wardrobe),
        shared_pictures=_shared(report, inputs.validation),
    )


def _has_expert(inputs: ReportInputs, entry: Category, train: Counts) -> bool:
    """By the expert's own folder if it is there, which gives a reason for none; else by data and params."""
    variants = {row.experts for row in inputs.params.ablations.values() if row.experts != "none"}
    for variant in sorted(variants):
        settings = (inputs.models or Path()) / "experts" / variant / entry.slug / "settings.json"
        if inputs.models is not None and settings.is_file():
            return "reason" not in read_json(settings)
    listed = entry.slug in inputs.params.finetune.categories and train.categories[entry.name] > 0
    return listed or not variants


def read_row(inputs: ReportInputs, name: str, boxes: Boxes) -> Row:
    """A row of `evaluate.rows`, from its metrics. HemlineError names the file and the key that is missing or odd."""
    path = inputs.metrics / f"{name}.json"
    metrics = read_json(path)
    block = get(metrics, "landmarks", path)
    setting, wardrobe = _setting(inputs.params, name), inputs.params.wardrobe
    return Row(
        name=name,
        boxes=boxes,
        setting=setting,
        paper_ap=paper_ap(inputs.params, name),
        ap=needed(block, path, "landmarks"),
        box_ap=needed(get(metrics, "boxes", path), path, "boxes"),
        visible_ap=estimate(get(metrics, "visible_only", path), path, "visible_only"),
        categories=by_category(block, path, "landmarks", wardrobe),
        box_categories=by_category(get(metrics, "boxes", path), path, "boxes", wardrobe),
    )


def paper_ap(params: Params, name: str) -> float | None:
    """The paper's landmark AP of a row of params.yaml, the ensemble included.

    None if it has no such row, or no number of such garments.
    """
    setting = _setting(params, name)
    if not has_paper_wardrobe(params):
        return None
    if setting is None:
        return paper.ENSEMBLE_AP if has_paper_ensemble(params) else None
    return paper.ap_of(setting)


def has_paper_wardrobe(params: Params) -> bool:
    """Whether the data set has the categories and landmarks of papers 000 and 001: DeepFashion2's."""
    return params.wardrobe.name == paper.WARDROBE


def _setting(params: Params, name: str) -> paper.Setting | None:
    if name == ENSEMBLE:
        return None
    if name not in params.ablations:
        raise HemlineError(
            f"params.yaml: evaluate.rows has {name!r}, ablations has not; add it there or take it out"
        )
    row = params.ablations[name]
    return paper.Setting(
        boxes=row.boxes,
        aggregated=row.estimator == "aggregated",
        finetuned=row.experts != "none",
        hflip_train=row.experts == "hflip",
        hflip_test=row.flip_test,
        passes=row.passes,
    )


def has_paper_ensemble(params: Params, members: tuple[paper.Setting, ...] = paper.MEMBERS) -> bool:
    """Whether our ensemble has the members of the paper's, or the same in other boxes."""
    known = [name for name in params.ensemble.members if name in params.ablations]
    return {_setting(params, name) for name in known} == set(members)


def needed(block: Mapping[str, Any], path: Path, where: str) -> Estimate:
    """AP of a block of metrics; HemlineError where validation has nothing to measure it on."""
    found = estimate(block, path, where)
    if found is None:
        raise HemlineError(f"{path}: {where}.AP is -1: validation has no garment to measure it on")
    return found


def estimate(block: Mapping[str, Any], path: Path, where: str, name: str = "AP") -> Estimate | None:
    """A number of a block of metrics with its interval; None where validation has nothing to measure it on."""
    value = get(block, name, path, where)
    interval = get(get(block, "intervals", path, where), name, path, f"{where}.intervals")
    return (
        None if value == -1 else _make(value, interval, path, f"{where}.{name}")
    )  # COCO's -1: there is none


def _make(value: Any, interval: Any, path: Path, where: str) -> Estimate | None:
    if value is None:
        return None
    try:
        low, high = interval
        return Estimate(float(value), float(low), float(high))
    except (TypeError, ValueError):
        raise HemlineError(
            f"{path}: {where} is {value!r} with the interval {interval!r}; a number and [low, high] are expected:"
            " evaluate the row again"
        ) from None


def by_category(
    block: Mapping[str, Any], path: Path, where: str, wardrobe: Wardrobe
) -> dict[str, Estimate | None]:
    """AP of each category in a block of metrics; None where validation has no such garment."""
    values = get(block, "per_category", path, where)
    intervals = get(get(block, "intervals", path, where), "per_category", path, f"{where}.intervals")
    return {
        entry.name: _make(values.get(entry.name), intervals.get(entry.name), path, f"{where} of {entry.name}")
        for entry in wardrobe.categories
    }


def _counts(report: Any, split: str, path: Path, wardrobe: Wardrobe) -> Counts:
    block = get(get(report, "splits", path), split, path, "splits")
    categories = get(block, "categories", path, f"splits.{split}")
    return Counts(
        pictures=int(get(block, "pictures", path, f"splits.{split}")),
        garments=int(get(block, "garments", path, f"splits.{split}")),
        quarantined=int(block.get("quarantined_items", 0)) + int(block.get("quarantined_pictures", 0)),
        categories={
            entry.name: int(categories.get(entry.name, {}).get("garments", 0))
            for entry in wardrobe.categories
        },
    )


def _shared(report: Any, path: Path) -> int:
    """The number of pictures that stand both in train and in validation."""
    groups = get(get(report, "leakage", path), "pictures", path, "leakage")
    splits = ({file.split("/")[0] for file in group["files"]} for group in groups)
    return sum({"train", "validation"} <= found for found in splits)


def get(block: Any, key: str, path: Path, where: str = "") -> Any:
    """A key of a block of a file; HemlineError, which names both, where it is missing."""
    if not isinstance(block, Mapping) or key not in block:
        name = f"{where}.{key}" if where else key
        raise HemlineError(
            f"{path}: no key {name!r}; was the file written by an earlier version? Run its stage"
        )
    return block[key]
