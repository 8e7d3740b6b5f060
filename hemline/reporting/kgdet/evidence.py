"""What paper 003's page knows: read from the files of earlier stages, checked, in one frozen object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.params import (
    DeepMarkSettings,
    DenseNetworkSettings,
    KGDetSettings,
    OneShotRow,
    Params,
    RepPointsKpSettings,
)
from hemline.reporting.cost import NetworkSize
from hemline.reporting.evidence import (
    Basis,
    Estimate,
    ReportInputs,
    by_category,
    get,
    needed,
    read_basis,
)
from hemline.reporting.kgdet import paper
from hemline.reporting.oneshot.evidence import Precisions, Speeds, precisions, read_speeds, rows_of

PUBLISHED_DEPTHS = (50, 101)
FLIPS: Mapping[tuple[bool, bool], Literal["none", "training", "test", "both"]] = {  # in training, in testing
    (False, False): "none",
    (True, False): "training",
    (False, True): "test",
    (True, True): "both",
}


@dataclass(frozen=True)
class KGDetInputs:
    """The files that the page is made of. The defaults are where the stages put them.

    `shared` are those of the data; `metrics`, `results`, `models` the rows'. `speed` may be missing. `sizes` are the
    networks' by name: what isn't in it is a dash.
    """

    shared: ReportInputs
    metrics: Path = Path("metrics/oneshot/kgdet")
    results: Path = Path("oneshot/results/kgdet")
    models: Path | None = Path("oneshot/models/kgdet")
    speed: Path = Path("metrics/speed/kgdet.json")
    sizes: Mapping[str, NetworkSize] = field(default_factory=dict)

    @property
    def params(self) -> Params:
        """params.yaml."""
        return self.shared.params

    def landmarks(self, row: str) -> Path:
        """A row's landmarks on the validation pictures; networks that find boxes alone write none."""
        return self.results / row / "landmarks-validation.json"

    def boxes(self, row: str) -> Path:
        """A row's boxes on the validation pictures."""
        return self.results / row / "boxes-validation.json"


@dataclass(frozen=True)
class Row:
    """A row as measured.

    `backbone` and `levels` are ours in words. `landmarks` and `visible` (visible landmarks only) are None of a network
    that finds boxes alone. `categories` go from a category's name to its box AP, None where validation has no such
    garment.
    """

    name: str
    network: str
    setting: paper.Setting
    backbone: str
    levels: str
    boxes: Precisions
    box_ap: Estimate
    landmarks: Precisions | None
    visible: Precisions | None
    categories: Mapping[str, Estimate | None]

    @property
    def ap(self) -> Estimate | None:
        """AP of landmarks."""
        return None if self.landmarks is None else self.landmarks["AP"]

    @property
    def title(self) -> str:
        """The row in words: "RetinaNet", "KGDet, 83 points, 3 stages, P4–P7, flip"."""
        return ", ".join((paper.NAMES[self.setting.type], *_marks(self)))


def _marks(row: Row) -> tuple[str, ...]:
    """What distinguishes a row from others of its network's type, in words."""
    setting = row.setting
    flips = {"none": "", "training": "flip in training", "test": "flip test", "both": "flip"}
    marks = {
        "serial": setting.serial,
        f"{setting.points} points": setting.points,
        "selection": setting.informative == "selection",
        f"{setting.stages} stages": setting.stages,
        row.levels: setting.stages and setting.levels != paper.MODEL_4.levels,
        row.backbone: setting.deep,
        "no landmark loss": not setting.landmark_loss,
        flips[setting.flip]: setting.flip != "none",
    }
    return tuple(words for words, on in marks.items() if on)


@dataclass(frozen=True)
class Evidence(Basis):
    """All that the page's tables, sentences and figures are made from."""

    rows: tuple[Row, ...]
    speeds: Speeds
    sizes: Mapping[str, NetworkSize]

    @property
    def paper_data(self) -> bool:
        """Whether validation is the paper's: DeepFashion2's by its garments, FLD's by its pictures."""
        if self.wardrobe.name == paper.TABLE_3_WARDROBE:
            counts = {"train": self.train.pictures, "validation": self.validation.pictures}
            return all(counts[split] in wanted for split, wanted in paper.FLD_PICTURES.items())
        return super().paper_data

    def find(self, setting: paper.Setting) -> Row | None:
        """The first row of a setting, or None."""
        return next((row for row in self.rows if row.setting == setting), None)

    @property
    def best(self) -> Row:
        """The row with the highest box AP."""
        return max(self.rows, key=lambda row: row.box_ap.value)

    @property
    def drawn(self) -> Row | None:
        """The row with the highest box AP of those with landmarks; None without any."""
        known = (row for row in self.rows if row.landmarks is not None)
        return max(known, key=lambda row: row.box_ap.value, default=None)


def gather(inputs: KGDetInputs) -> Evidence:
    """Read everything. HemlineError names the file and the key that is missing or odd."""
    rows = rows_of(inputs.params, "kgdet")
    return Evidence(
        **vars(read_basis(inputs.shared)),
        rows=tuple(_row(inputs, name, row) for name, row in rows.items()),
        speeds=read_speeds(inputs.speed),
        sizes=inputs.sizes,
    )


def paper_aps(params: Params, name: str) -> tuple[str, float | None, float] | None:
    """The paper's table with a row of params.yaml, its AP of landmarks, if printed, and of boxes; None without any."""
    setting = setting_of(params, params.oneshot.rows[name])
    if params.wardrobe.name == paper.TABLE_3_WARDROBE:
        found = paper.fld_of(setting)
        return None if found is None else ("3", None, found.boxes["AP"])
    if params.wardrobe.name != paper.WARDROBE:
        return None
    model, network = paper.model_of(setting), paper.network_of(setting)
    if model is not None:
        return ("4" if model.key.startswith("#") else "2", model.landmarks.get("AP"), model.boxes["AP"])
    return None if network is None else ("1", None, network.boxes["AP"])


def setting_of(params: Params, row: OneShotRow) -> paper.Setting:
    """What distinguishes a row of params.yaml, as the paper's tables have it; HemlineError for DeepMark's."""
    network = _network(params, row)
    deep = _is_deep(params, network.backbone.depth)
    if not isinstance(network, KGDetSettings):
        serial = isinstance(network, RepPointsKpSettings) and network.connection == "serial"
        return paper.Setting(network.type, deep=deep, serial=serial)
    return paper.Setting(
        "kgdet",
        deep=deep,
        informative=network.informative,
        points=sum(network.points),
        stages=network.stages,
        levels=len(network.levels),
        landmark_loss=any(network.losses.landmark),
        flip=FLIPS[network.flip_fusion != "none", row.flip_test],
    )


def _network(params: Params, row: OneShotRow) -> DenseNetworkSettings:
    network = params.oneshot.settings(row.network)
    if isinstance(network, DeepMarkSettings):
        raise HemlineError(
            f"params.yaml: the network {row.network!r} is of type deepmark, which the page kgdet has no place for; its"
            " page must be deepmark"
        )
    return network


def _is_deep(params: Params, depth: int) -> bool:
    """Whether a backbone stands for the paper's ResNet-101: of smaller sets those that are not the shallowest do."""
    if depth in PUBLISHED_DEPTHS:
        return depth == PUBLISHED_DEPTHS[1]
    rows = rows_of(params, "kgdet").values()
    return depth > min(_network(params, row).backbone.depth for row in rows)


def _row(inputs: KGDetInputs, name: str, row: OneShotRow) -> Row:
    path = inputs.metrics / f"{name}.json"
    metrics, network = read_json(path), _network(inputs.params, row)
    boxes = get(metrics, "boxes", path)
    return Row(
        name=name,
        network=row.network,
        setting=setting_of(inputs.params, row),
        backbone=f"{network.backbone.type}-{network.backbone.depth}",
        levels=f"P{network.levels[0]}–P{network.levels[-1]}",
        boxes=precisions(boxes, path, "boxes"),
        box_ap=needed(boxes, path, "boxes"),
        landmarks=_landmarks(metrics, path, "landmarks"),
        visible=_landmarks(metrics, path, "visible_only"),
        categories=by_category(boxes, path, "boxes", inputs.params.wardrobe),
    )


def _landmarks(metrics: Mapping[str, Any], path: Path, name: str) -> Precisions | None:
    block = get(metrics, name, path)
    return None if block is None or block.get("AP") is None else precisions(block, path, name)
