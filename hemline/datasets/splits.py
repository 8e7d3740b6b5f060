"""What every layout gives: a split's pictures as a stream, each with its garments.

A layout (hemline/datasets/layouts.py) lists a split's pictures and reads their annotations. All else (pictures,
validation, conversion, reports) knows only what stands here: `Split`, `Entry`, `Garment` and what `Inspection` gathers.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NamedTuple, Protocol

from hemline.wardrobe import Wardrobe

SPLITS = ("train", "validation", "test")

Size = tuple[int, int]

# Ids are read back as 64-bit numbers by pycocotools' users; 18 digits always fit.
LONGEST_ID = 18


class Problem(NamedTuple):
    """A fault or a note: its code, and the value that shows it."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Rules:
    """What is let pass.

    `far_share`: a coordinate may lie outside the picture by this share of the picture's side, since
    annotators click past the edge (0.1 is our choice, no source states one). `follow_links`: links out of the
    split's folder are followed, as a data store needs it that links its cache into the working folder.
    """

    far_share: float = 0.1
    follow_links: bool = False


@dataclass(frozen=True)
class Entry:
    """One picture as its layout lists it.

    `id` is its number, None where its name has none. `image` is its file in the folder of pictures, `file` the name
    that stands for it in reports. `problems` spoil it whatever else its files hold. `category_id` is that of the one
    garment that the picture is of, where the data set says so even of pictures without landmarks (FashionAI).
    """

    id: int | None
    image: str
    file: str
    annotated: bool = True
    problems: tuple[Problem, ...] = ()
    category_id: int | None = None

    @property
    def stem(self) -> str:
        """Its name in quarantines."""
        return stem_of(self.file)


class Listing(Protocol):
    """Every picture of a split, in order; iterating again starts again, and holds a few numbers a picture.

    `others` counts files that are no picture or annotation of it. `problems` are those of files that speak of many
    pictures: the file and what is wrong with it.
    """

    @property
    def others(self) -> int: ...

    @property
    def problems(self) -> list[tuple[str, Problem]]: ...

    def __iter__(self) -> Iterator[Entry]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Picture:
    """A picture's facts. `size` is width, height in pixels, as stored (EXIF's turn is not applied).

    `digest` identifies the file's bytes; None when only the header was read.
    """

    size: Size
    turned: bool
    digest: bytes | None = None


@dataclass(frozen=True)
class Garment:
    """One usable garment.

    `box` is x1, y1, x2, y2; `landmarks` are x, y, v of its category's own, flat, with v 2 visible, 1 occluded and
    0 unlabelled; `polygons` are flat lists of x, y, none where the data set has no masks. Pixels, as in the data set's
    files. `attributes` are the known ones.
    """

    key: str
    category_id: int
    box: list[float]
    landmarks: list[float]
    polygons: list[list[float]]
    attributes: dict[str, Any]


@dataclass
class Inspection:
    """One picture's result.

    `problems` and `notes` are pairs of an item's key, or None for the whole picture, and what was found.
    """

    entry: Entry
    picture: Picture | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    garments: list[Garment] = field(default_factory=list)
    problems: list[tuple[str | None, Problem]] = field(default_factory=list)
    notes: list[tuple[str | None, Problem]] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether the picture can be used, perhaps without some of its garments."""
        return all(key is not None for key, _ in self.problems)

    @property
    def size(self) -> Size | None:
        """The picture's width and height, None when it could not be read."""
        return self.picture.size if self.picture else None

    def fault(self, reason: str, detail: str) -> None:
        """The whole picture cannot be used."""
        self.problems.append((None, Problem(reason, detail)))

    def note(self, reason: str, detail: str) -> None:
        """Worth telling of the whole picture; it is used all the same."""
        self.notes.append((None, Problem(reason, detail)))


@dataclass(frozen=True)
class Split(ABC):
    """One split: its name, the folder of its pictures, the table of its garments, whether they are annotated.

    A layout's own class adds where its annotations are. `picture_attributes` and `garment_attributes` are counted in
    reports.
    """

    name: str
    images: Path
    wardrobe: Wardrobe
    annotated: bool

    picture_attributes: ClassVar[tuple[str, ...]] = ()
    garment_attributes: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def listing(self) -> Listing:
        """Every picture of the split. HemlineError for files that cannot be read at all."""

    @abstractmethod
    def annotate(self, found: Inspection, rules: Rules) -> None:
        """Read the garments of `found.entry` into `found`, and what is wrong with them; raises nothing for bad data."""


def stem_of(file: str) -> str:
    """A picture's name in quarantines by a file of it: the file's own, but for DeepFashion2's two kinds of files.

    "annos/000123.json" and "image/000123.jpg" are "000123", FashionAI's "Images/dress/ab12.jpg" is itself.
    """
    return PurePosixPath(file).stem if file.startswith(("annos/", "image/")) else file


def plain_number(stem: str) -> int | None:
    """`"000123"` -> 123; None when the stem is not a plain decimal number (int() takes more than that)."""
    plain = stem.isascii() and stem.isdigit() and len(stem) <= LONGEST_ID
    return int(stem) if plain else None
