"""What the one-shot page knows: read from the files of earlier stages, checked, in one frozen object."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.inference.speed import Speed
from hemline.params import DeepMarkSettings, OneShotRow, Params
from hemline.params.oneshot import Page
from hemline.reporting import evidence as two_stage
from hemline.reporting.evidence import (
    Basis,
    Estimate,
    ReportInputs,
    by_category,
    estimate,
    get,
    has_paper_wardrobe,
    needed,
    read_basis,
    read_row,
)
from hemline.reporting.oneshot import paper


@dataclass(frozen=True)
class OneShotInputs:
    """The files that the page is made of. The defaults are where the stages put them.

    `shared` are those of the two-stage system and of the data; `metrics`, `results`, `models` the one-shot rows'.
    `speed` and the two-stage rows' metrics may be missing.
    """

    shared: ReportInputs
    metrics: Path = Path("metrics/oneshot/deepmark")
    results: Path = Path("oneshot/results/deepmark")
    models: Path | None = Path("oneshot/models/deepmark")
    speed: Path = Path("metrics/speed/deepmark.json")

    @property
    def params(self) -> Params:
        """params.yaml."""
        return self.shared.params

    def landmarks(self, row: str) -> Path:
        """A row's landmarks on the validation pictures."""
        return self.results / row / "landmarks-validation.json"


@dataclass(frozen=True)
class Speeds:
    """What the stage `speed` measured: of each row by name, on which machine, on how many pictures."""

    rows: Mapping[str, Speed]
    machine: str = ""
    pictures: int = 0


Precisions = Mapping[str, Estimate | None]  # of paper.METRICS


@dataclass(frozen=True)
class Row:
    """A row as measured. `paper` is the paper's row of the same setting, None if it has none.

    `size` is the input's (width, height) if its network was finetuned to another, else None.
    `boxes`, `visible` and `landmarks` go from AP, AP50 and AP75 to the number; `visible` counts visible landmarks only.
    `categories` go from a category's name to its landmark AP, None where validation has no such garment.
    """

    name: str
    network: str
    setting: paper.Setting
    paper: paper.Result | None
    size: tuple[int, int] | None
    boxes: Precisions
    visible: Precisions
    landmarks: Precisions
    ap: Estimate
    box_ap: Estimate
    categories: Mapping[str, Estimate | None]

    @property
    def title(self) -> str:
        """The row in words: "Hourglass, fusion", "DLA at 128 × 128, single"."""
        return f"{self.network_title}, {self.strategy}"

    @property
    def network_title(self) -> str:
        """The network in words: "Hourglass", "DLA at 128 × 128", "DLA, aggregated"."""
        size = f" at {self.size[0]} × {self.size[1]}" if self.size else ""
        grouped = ", aggregated" if self.setting.grouping == "aggregated" else ""
        return f"{paper.BACKBONE_NAMES[self.setting.backbone]}{size}{grouped}"

    @property
    def strategy(self) -> str:
        """How its maps are made and read: "single", "fusion"."""
        return paper.strategy(self.setting)


@dataclass(frozen=True)
class Evidence(Basis):
    """All that the page's tables, sentences and figures are made from. `others` are the two-stage rows."""

    rows: tuple[Row, ...]
    others: tuple[two_stage.Row, ...]
    speeds: Speeds

    def find(self, setting: paper.Setting) -> Row | None:
        """The first row of a setting, of a network at the size that it was first trained at; or None."""
        return next((row for row in self.rows if row.setting == setting and row.size is None), None)

    @property
    def best(self) -> Row:
        """The row with the highest landmark AP."""
        return max(self.rows, key=lambda row: row.ap.value)

    @property
    def deepmark(self) -> Row:
        """The row that stands for the method: with the paper's best setting, else the best one."""
        return self.find(paper.HOURGLASS_FUSION) or self.best

    @property
    def submitted(self) -> two_stage.Row | None:
        """The two-stage row of the submission, else the last one; None if none was evaluated."""
        named = (row for row in self.others if row.name == self.params.package.row)
        return next(named, self.others[-1] if self.others else None)


def gather(inputs: OneShotInputs) -> Evidence:
    """Read everything. HemlineError names the file and the key that is missing or odd."""
    rows = rows_of(inputs.params, "deepmark")
    basis = read_basis(inputs.shared)
    evaluated = {
        name: boxes
        for name, boxes in inputs.params.evaluate.rows.items()
        if (inputs.shared.metrics / f"{name}.json").is_file()
    }
    return Evidence(
        **vars(basis),
        rows=tuple(_row(inputs, name, row) for name, row in rows.items()),
        others=tuple(read_row(inputs.shared, name, boxes) for name, boxes in evaluated.items()),
        speeds=read_speeds(inputs.speed),
    )


def rows_of(params: Params, page: Page) -> dict[str, OneShotRow]:
    """The rows of a page of params.yaml by name; HemlineError if there are none."""
    rows = params.oneshot.rows_of(page)
    if not rows:
        raise HemlineError(
            f"params.yaml: oneshot.rows has no row with page: {page}; the page needs one at least, or oneshot.pages."
            f"{page}: []"
        )
    return rows


def setting_of(params: Params, row: OneShotRow) -> paper.Setting:
    """What distinguishes a row of params.yaml, as the paper's tables have it; HemlineError for another network's."""
    network = params.oneshot.settings(row.network)
    if not isinstance(network, DeepMarkSettings):
        raise HemlineError(
            f"params.yaml: the network {row.network!r} is of type {network.type}, which the page deepmark has no place"
            " for; its page must be kgdet"
        )
    return paper.Setting(
        backbone=network.backbone.type,
        suppression="none" if row.suppression == "none" else "soft-nms",
        flip_test=row.flip_test,
        scales=tuple(sorted(row.scales, reverse=True)),
        grouping=network.grouping,
    )


def paper_result(params: Params, name: str) -> paper.Result | None:
    """The paper's row of the same setting as a row of params.yaml.

    None if it has no such row, or no number of such garments; of its networks at other sizes it prints none.
    """
    row = params.oneshot.rows[name]
    resized = row.network in params.oneshot.finetuned
    known = has_paper_wardrobe(params) and not resized
    return paper.result_of(setting_of(params, row)) if known else None


def _row(inputs: OneShotInputs, name: str, row: OneShotRow) -> Row:
    path = inputs.metrics / f"{name}.json"
    metrics = read_json(path)
    blocks = {key: get(metrics, key, path) for key in ("boxes", "visible_only", "landmarks")}
    sized = row.network in inputs.params.oneshot.finetuned
    return Row(
        name=name,
        network=row.network,
        setting=setting_of(inputs.params, row),
        paper=paper_result(inputs.params, name),
        size=inputs.params.oneshot.settings(row.network).image_size if sized else None,
        boxes=precisions(blocks["boxes"], path, "boxes"),
        visible=precisions(blocks["visible_only"], path, "visible_only"),
        landmarks=precisions(blocks["landmarks"], path, "landmarks"),
        ap=needed(blocks["landmarks"], path, "landmarks"),
        box_ap=needed(blocks["boxes"], path, "boxes"),
        categories=by_category(blocks["landmarks"], path, "landmarks", inputs.params.wardrobe),
    )


def precisions(block: Mapping[str, Any], path: Path, where: str) -> Precisions:
    """AP, AP50 and AP75 of a block of metrics."""
    return {name: estimate(block, path, where, name) for name in paper.METRICS}


def read_speeds(path: Path) -> Speeds:
    """What a speed stage wrote; no row is known where the file is missing. HemlineError for odd numbers."""
    if not path.is_file():
        return Speeds({})
    found = read_json(path)
    rows = get(found, "rows", path)
    threads = int(get(found, "threads", path))
    machine = f"{get(found, 'device', path)}, {threads} thread{'' if threads == 1 else 's'}"
    return Speeds(
        {name: _speed(entry, path, name) for name, entry in rows.items()},
        machine,
        get(found, "pictures", path),
    )


def _speed(entry: Any, path: Path, name: str) -> Speed:
    values = [get(entry, key, path, f"rows.{name}") for key in ("milliseconds", "low", "high")]
    try:
        speed = Speed(*map(float, values))
    except (TypeError, ValueError):
        speed = Speed(0, 0, 0)
    if speed.milliseconds <= 0:
        raise HemlineError(
            f"{path}: rows.{name} is {values}; milliseconds above 0 are expected: measure again"
        )
    return speed
