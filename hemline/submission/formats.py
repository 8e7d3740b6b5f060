"""Which data set is submitted in which format."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hemline.errors import HemlineError
from hemline.submission import deepfashion2, fashionai
from hemline.submission.report import Report
from hemline.wardrobe import Wardrobe

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Format:
    """How a submission is written, and how it is read back and checked; arguments as of `package` and `check` below.

    `file` names it, given the split and the name that params.yaml has for it (`package.validation`, `package.test`);
    `check_name` raises HemlineError for such a name that the format doesn't allow.
    """

    package: Callable[..., int]
    check: Callable[..., Report]
    file: Callable[[str, str], str]
    check_name: Callable[[str], None]


CHALLENGE = Format(
    deepfashion2.package, deepfashion2.check, lambda split, name: f"{split}.zip", deepfashion2.check_name
)
# By wardrobe; all others are written as for DeepFashion2's challenge.
FORMATS: Mapping[str, Format] = {
    "fashionai": Format(fashionai.package, fashionai.check, lambda split, name: name, fashionai.check_name)
}


def format_of(wardrobe: Wardrobe) -> Format:
    """The format of a data set's submission."""
    return FORMATS.get(wardrobe.name, CHALLENGE)


def package(
    results: Path,
    out: Path,
    wardrobe: Wardrobe,
    name: str | None = None,
    images: Path | None = None,
    boxes: Path | None = None,
) -> int:
    """Write the submission `out` of a result file, atomically. Returns the number of garments in it.

    `name` is that of the file inside, where the format packs one. `images` is a COCO-style file of the split's
    pictures, `boxes` one of boxes that says the category of each picture. HemlineError names the file, the record, the
    key and the value, or what the format needs; `out` is none of the files read.
    """
    for path in (results, images, boxes):
        if path is not None and os.path.realpath(path) == os.path.realpath(out):
            raise HemlineError(f"{out}: would be replaced by the submission made of it; choose another name")
    return format_of(wardrobe).package(results, out, wardrobe, name, images, boxes)


def check(path: Path, wardrobe: Wardrobe, images: Path | None = None, boxes: Path | None = None) -> Report:
    """Read a submission back and check it; `images` and `boxes` as in `package`.

    What is wrong in the submission is a violation, what can't be checked without them a warning. HemlineError only when
    a file can't be read at all.
    """
    return format_of(wardrobe).check(path, wardrobe, images, boxes)
