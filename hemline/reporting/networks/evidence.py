"""What the page of networks knows: read from the files of earlier stages, checked, in one frozen object."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hemline.files import read_json
from hemline.params import (
    AblationSettings,
    NetworkRow,
    Params,
)
from hemline.reporting.cost import NetworkSize
from hemline.reporting.evidence import (
    ENSEMBLE,
    Basis,
    Estimate,
    ReportInputs,
    estimate,
    get,
    read_basis,
)
from hemline.reporting.networks import paper
from hemline.reporting.networks.rows import OTHERS, PICTURE, Kind, Row, Setting, Usual, kind_of, seedless
from hemline.reporting.normalised import CONTEST, KEY
from hemline.wardrobe import Wardrobe


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

    @property
    def one_seed_each(self) -> "Evidence":
        """The same without a choice among seeds: of rows whose networks are equal but for theirs the first."""
        kept: dict[tuple[str, Setting | None], Row] = {}
        for row in self.rows:
            kept.setdefault((seedless(self.params.networks.trained[row.network]), row.setting), row)
        return replace(self, rows=tuple(kept.values()))

    @property
    def others_alike(self) -> list[Row]:
        """Paper 000's rows less those in boxes that no row of a network has: annotated ones make any network better."""
        boxes = {row.setting.boxes for row in self.rows if row.setting is not None}
        return [row for row in self.others if row.setting is None or row.setting.boxes in boxes]

    def of_types(self, types: Iterable[str]) -> list[Row]:
        """The networks' rows of some types, in the types' order."""
        return [row for kind in types for row in self.rows if row.type == kind]


def page_error(wardrobe: Wardrobe) -> str:
    """The contest's where the wardrobe has what it is measured by, else the picture's: names in the metrics."""
    return CONTEST if wardrobe.normalised else PICTURE


def gather(inputs: NetworksInputs) -> Evidence:
    """Read everything. HemlineError names the file and the key that is missing or odd."""
    section = inputs.params.networks
    return Evidence(
        **vars(read_basis(inputs.shared)),
        rows=tuple(_row(inputs, name, row) for name, row in section.rows.items()),
        others=tuple(_others(inputs)),
        sizes=inputs.sizes,
    )


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
