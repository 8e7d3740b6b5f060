"""A row of the page of networks: which network it has, how that is run, what was measured."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hemline.params import Boxes, CPNSettings, NetworkSettings, NetworkTraining
from hemline.reporting.evidence import DETECTORS, Estimate
from hemline.reporting.networks import paper

PICTURE = "NE"  # its name in the metrics: over the picture's width and height
OTHERS = "paper 000"  # whose rows stand beside the networks'


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
