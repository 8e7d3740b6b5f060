"""What the page of networks knows: read from the files of earlier stages, checked, in one frozen object."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.params import AblationSettings, CPNSettings, NetworkRow, NetworkSettings, NetworkTraining, Params
from hemline.params.networks import Boxes
from hemline.reporting.cost import NetworkSize
from hemline.reporting.evidence import (
    DETECTORS,
    ENSEMBLE,
    Basis,
    Estimate,
    ReportInputs,
    estimate,
    get,
    read_basis,
)
from hemline.reporting.networks import paper
from hemline.reporting.normalised import CONTEST, KEY
from hemline.wardrobe import Wardrobe

PICTURE = "NE"  # its name in the metrics: over the picture's width and height
OTHERS = "paper 000"  # whose rows stand beside the networks'


@dataclass(frozen=True)
class NetworksInputs:
    """The files that the page is made of. The defaults are where the stages put them.

    `shared` are those of the data and of paper 000's rows, whose metrics may be missing; `metrics`, `results` the
    networks' rows', `models` the folder of their models and experts. `sizes` are the networks' by name: what isn't in
    it is a dash.
    """

    shared: ReportInputs
    metrics: Path = Path("metrics/networks")
    results: Path = Path("networks/results")
    models: Path | None = Path("networks")
    sizes: Mapping[str, NetworkSize] = field(default_factory=dict)

    @property
    def params(self) -> Params:
        """params.yaml."""
        return self.shared.params


@dataclass(frozen=True)
class Kind:
    """What the papers tell networks apart by: a network's type, and of a CPN its backbone, "resnet", with its depth."""

    type: str
    backbone: str = ""
    depth: int = 0

    @property
    def title(self) -> str:
        """ "Hourglass", "CPN, ResNet-50"."""
        name = paper.NAMES[self.type]
        return f"{name}, {paper.BACKBONES[self.backbone]}-{self.depth}" if self.backbone else name

    def named(self, wanted: tuple[str, str]) -> bool:
        """Whether it is of a type, and has a backbone ("": any)."""
        return self.type == wanted[0] and wanted[1] in ("", self.backbone)


@dataclass(frozen=True)
class Setting:
    """How a row's network was trained and is run, whatever the network. `experts` are none, plain or hflip (flips)."""

    grouping: str
    experts: str
    flip_test: bool
    boxes: Boxes
    passes: int

    def words(self, usual: "Usual") -> tuple[str, ...]:
        """What is said of it in a row's title."""
        marks = {
            "independent": self.grouping == "independent",
            "experts": self.experts == "plain",
            "experts trained with flips": self.experts == "hflip",
            f"in {DETECTORS[self.boxes]}": self.boxes != usual[0],
            PASSES[self.passes]: self.boxes == "whole" and self.passes != usual[1],
            "flip test": self.flip_test,
        }
        return tuple(words for words, on in marks.items() if on)

    @property
    def look(self) -> str:
        """ "whole pictures, two passes"."""
        return f"{DETECTORS[self.boxes]}{', two passes' if self.passes == 2 else ''}"


Usual = tuple[Boxes, int]  # the boxes and passes that most rows have, which no title names
PASSES = {1: "one pass", 2: "two passes"}


@dataclass(frozen=True)
class Row:
    """A row as measured; `network` is its name under networks.trained, "" of paper 000's rows.

    `kind` and `setting` are None of paper 000's ensemble. `marks` are the setting's words, `title` tells all rows
    apart. `metrics` and `results` are its files. `errors` go from NE and NE_contest to the number, None where there is
    none; `shown` is the page's.
    """

    name: str
    network: str
    kind: Kind | None
    setting: Setting | None
    marks: tuple[str, ...]
    title: str
    metrics: Path
    results: Path
    shown: Estimate | None
    errors: Mapping[str, Estimate | None]
    ap: Estimate | None
    visible_ap: Estimate | None

    @property
    def type(self) -> str:
        """Its network's type, "" of the ensemble."""
        return "" if self.kind is None else self.kind.type

    @property
    def key(self) -> str:
        """Its name among all rows."""
        return self.name if self.network else f"{OTHERS}: {self.name}"


@dataclass(frozen=True)
class Evidence(Basis):
    """All that the page's tables, sentences and figures are made from. `others` are paper 000's rows."""

    rows: tuple[Row, ...]
    others: tuple[Row, ...]
    sizes: Mapping[str, NetworkSize]

    @property
    def error(self) -> str:
        """The name of the page's in the metrics."""
        return page_error(self.wardrobe)

    @property
    def papers_wardrobe(self) -> bool:
        """Whether a garment is what it is in papers 002 and 004."""
        return self.wardrobe.name == paper.WARDROBE

    @property
    def every(self) -> tuple[Row, ...]:
        """The networks' rows, then paper 000's."""
        return (*self.rows, *self.others)

    def of_types(self, types: Iterable[str]) -> list[Row]:
        """The networks' rows of some types, in the types' order."""
        return [row for kind in types for row in self.rows if row.type == kind]


def best(rows: Iterable[Row]) -> Row | None:
    """Of some rows that with the lowest error; None of none with one."""
    known = [(row.shown.value, row) for row in rows if row.shown is not None]
    return min(known, key=lambda one: one[0])[1] if known else None


def comparable(rows: Iterable[Row]) -> list[Row]:
    """Of each type of network among rows with an error one, in one setting where they can be: that of the most types.

    Of several such settings the first; of several rows the one with the lowest error.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.shown is not None:
            groups.setdefault(row.type, []).append(row)
    settings = Counter(
        one for group in groups.values() for one in dict.fromkeys(row.setting for row in group)
    )
    common = settings.most_common(1)[0][0] if settings else None
    found = (best(row for row in group if row.setting == common) or best(group) for group in groups.values())
    return [row for row in found if row is not None]


def page_error(wardrobe: Wardrobe) -> str:
    """The contest's where the wardrobe has what it is measured by, else the picture's: names in the metrics."""
    return CONTEST if wardrobe.normalised else PICTURE


def gather(inputs: NetworksInputs) -> Evidence:
    """Read everything. HemlineError names the file and the key that is missing or odd."""
    section = inputs.params.networks
    if not section.rows:
        raise HemlineError(
            "params.yaml: networks.rows is empty; the page needs one at least, or networks.pages: []"
        )
    return Evidence(
        **vars(read_basis(inputs.shared)),
        rows=tuple(_row(inputs, name, row) for name, row in section.rows.items()),
        others=tuple(_others(inputs)),
        sizes=inputs.sizes,
    )


def kind_of(network: NetworkSettings) -> Kind:
    """A network's kind, from its settings."""
    if isinstance(network, CPNSettings):
        return Kind(network.type, network.backbone, network.depth)
    return Kind(network.type)


def seedless(network: NetworkTraining) -> str:
    """All of a network's settings but its seeds: what networks that differ in chance alone share."""
    values = network.model_dump(mode="json")
    for training in (values["training"], values["finetuning"] or {}):
        training.pop("seed", None)
    return str(values)


def _row(inputs: NetworksInputs, name: str, row: NetworkRow) -> Row:
    network = inputs.params.networks.trained[row.network]
    setting = Setting(
        network.grouping, "plain" if row.experts else "none", row.flip_test, row.boxes, row.passes
    )
    kind = kind_of(network.network)
    marks = setting.words(_usual(inputs.params))
    return _read(
        inputs.metrics / f"{name}.json",
        page_error(inputs.params.wardrobe),
        name=name,
        network=row.network,
        kind=kind,
        setting=setting,
        marks=marks,
        title=", ".join((_network_title(inputs.params, row.network, kind), *marks)),
        results=inputs.results / name / "validation.json",
    )


def _network_title(params: Params, name: str, kind: Kind) -> str:
    """The kind's, with the network's name where there are several."""
    section = params.networks
    used = {row.network for row in section.rows.values()}
    alike = [one for one in used if kind_of(section.trained[one].network) == kind]
    return f"{kind.title} ({name})" if len(alike) > 1 else kind.title


def _usual(params: Params) -> Usual:
    rows = params.networks.rows.values()
    return Counter((row.boxes, row.passes) for row in rows).most_common(1)[0][0]


def _evaluated(params: Params) -> dict[str, AblationSettings]:
    """The rows of paper 000 that are evaluated, less the ensemble."""
    return {name: params.ablations[name] for name in params.evaluate.rows if name in params.ablations}


def _others(inputs: NetworksInputs) -> Iterable[Row]:
    """Paper 000's rows that were evaluated."""
    rows = _evaluated(inputs.params)
    for name in inputs.params.evaluate.rows:
        path = inputs.shared.metrics / f"{name}.json"
        if path.is_file():
            yield _other(inputs, path, name, rows.get(name))


def _other(inputs: NetworksInputs, path: Path, name: str, row: AblationSettings | None) -> Row:
    """One of paper 000's rows; `row` is None of the ensemble."""
    known: dict[str, Any] = {"kind": None, "setting": None, "marks": ()}
    title = f"{OTHERS}: {ENSEMBLE}"
    if row is not None:
        kind = kind_of(inputs.params.estimator.network)
        setting = Setting(row.estimator, row.experts, row.flip_test, row.boxes, row.passes)
        known = {"kind": kind, "setting": setting, "marks": setting.words(_usual(inputs.params))}
        title = ", ".join((f"{OTHERS}: {kind.title}", *known["marks"]))
    results = inputs.shared.results / name / "validation.json"
    error = page_error(inputs.params.wardrobe)
    return _read(path, error, name=name, network="", title=title, results=results, **known)


def _read(path: Path, error: str, **known: Any) -> Row:
    """A row from its metrics."""
    metrics = read_json(path)
    errors: dict[str, Estimate | None] = {PICTURE: None, CONTEST: None}
    block = get(metrics, KEY, path)
    if block is not None:
        errors = {name: estimate(block, path, KEY, name) for name in errors}
    return Row(
        **known,
        metrics=path,
        shown=errors[error],
        errors=errors,
        ap=estimate(get(metrics, "landmarks", path), path, "landmarks"),
        visible_ap=estimate(get(metrics, "visible_only", path), path, "visible_only"),
    )
