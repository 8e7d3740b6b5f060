"""What writes a synthetic split: each layout has its own writer."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from hemline.datasets.synthetic.plan import Picture
from hemline.errors import HemlineError
from hemline.wardrobe import Wardrobe

SPLITS = ("train", "validation", "test")


class Written(NamedTuple):
    """What is on a written picture: its garments' categories, and its lines in the split's lists, by list."""

    categories: tuple[int, ...]
    lines: dict[str, str]


@dataclass(frozen=True)
class SplitWriter(ABC):
    """A split being written into the folder `out`; `size` is the usual width and height of a picture in pixels.

    `split` is train, validation or test. Without `annotations` there are pictures alone.
    """

    out: Path
    split: str
    size: tuple[int, int]
    vary_size: bool
    annotations: bool

    wardrobe: ClassVar[Wardrobe]
    usual_size: ClassVar[tuple[int, int]]
    folders: ClassVar[tuple[str, ...]]  # those that are this layout's own, `out`/FOLDER

    @abstractmethod
    def files(self, pictures: Sequence[Picture]) -> Iterator[Path]:
        """The files of a split of these pictures."""

    @classmethod
    @abstractmethod
    def planned(cls, picture: Picture) -> tuple[int, ...]:
        """The categories of the garments that are to be annotated on a picture, before it is drawn."""

    @abstractmethod
    def write(self, picture: Picture) -> Written:
        """Draw and write one picture, in any order and in any process."""

    def finish(self, written: Sequence[Written]) -> None:  # noqa: B027
        """Write what stands for the whole split; `written` is in the pictures' order."""

    def prepare(self, pictures: Sequence[Picture]) -> None:
        """Make the folders. HemlineError where a file of another split would be taken for a part of this one."""
        ours = set(self.files(pictures))
        for path in (path for folder in self.folders for path in (self.out / folder).rglob("*")):
            if path.is_file() and path not in ours:
                name = path.relative_to(self.out)
                raise HemlineError(f"{self.out}: already holds {name}; give an empty folder")
        for folder in {path.parent for path in ours}:
            folder.mkdir(parents=True, exist_ok=True)
