"""Scenes in FashionAI's layout: Images/blouse/000001.jpg, and a csv with a row a picture.

A picture is of one garment, its subject: what else the wearer has on is drawn, and not annotated. Jumpsuits are not
drawn. Annotations are Annotations/SPLIT.csv; without them there is SPLIT.csv in the folder itself, of names and
categories, as the contest's test.csv.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import ClassVar

from hemline.datasets.fashionai.tables import ABSENT, PICTURE, points
from hemline.datasets.synthetic.annotation import locate
from hemline.datasets.synthetic.body import SIDES
from hemline.datasets.synthetic.garment import Mark, Shape
from hemline.datasets.synthetic.photograph import chance, draw_long_side, photograph
from hemline.datasets.synthetic.plan import DEEPFASHION2, DRESSES, OUTWEAR, TOPS, Picture, subject
from hemline.datasets.synthetic.scene import Scene, draw_scene
from hemline.datasets.synthetic.writer import SplitWriter, Written
from hemline.files import atomic_write
from hemline.wardrobe import Category, Wardrobe, wardrobe

FASHIONAI = wardrobe("fashionai")
COLUMNS = points(FASHIONAI)
_ANOTHER = 2**32  # no split has such a seed

# Where FashionAI's points lie on a drawn garment, by the names of its landmarks without their side; read off the
# figure of the contest's page, where left is the picture's. The first that the garment has is taken.
PLACES: dict[str, tuple[str, ...]] = {
    "neckline": ("neck shoulder point",),
    "center_front": ("front neckline centre",),  # outwear has none
    "shoulder": ("short sleeve shoulder tip", "long sleeve shoulder tip", "outer shoulder", "strap top"),
    "armpit": ("short sleeve armpit", "long sleeve armpit", "armhole bottom"),
    "waistline": ("side waist",),
    "cuff_in": ("short sleeve cuff inner", "long sleeve cuff inner"),  # what has no sleeves has no cuffs
    "cuff_out": ("short sleeve cuff outer", "long sleeve cuff outer"),
    "top_hem": ("hem corner",),  # of an open outwear, too: its side, not the front edge
    "hemline": ("hem corner",),
    "waistband": ("waistband",),
    "crotch": ("crotch",),
    "bottom_in": ("leg bottom inner",),
    "bottom_out": ("leg bottom outer",),
}


class FashionAIWriter(SplitWriter):
    """One garment a picture. The long side is `size`'s; `vary_size`: some pictures have another shape."""

    wardrobe: ClassVar[Wardrobe] = FASHIONAI
    usual_size: ClassVar[tuple[int, int]] = (512, 512)  # paper 004's input
    folders: ClassVar[tuple[str, ...]] = (".",)

    def files(self, pictures: Sequence[Picture]) -> Iterator[Path]:
        """The pictures and the csv."""
        yield from (self.out / _name(picture) for picture in pictures)
        yield self._table

    @classmethod
    def planned(cls, picture: Picture) -> tuple[int, ...]:
        """The category of the subject."""
        return (category_of(picture).id,)

    def write(self, picture: Picture) -> Written:
        """Draw and write one picture; its annotation is its row."""
        rng = chance(picture)
        size = draw_long_side(rng, self.size) if self.vary_size else self.size
        scene, found = draw(picture, size)
        name, kind = _name(picture), category_of(picture)
        (self.out / name).write_bytes(photograph(scene.canvas, rng, picture.source))
        values = [found.get(column, ABSENT) for column in COLUMNS] if self.annotations else []
        return Written((kind.id,), {self._table.name: ",".join([name, kind.name, *values])})

    def finish(self, written: Sequence[Written]) -> None:
        """Write the csv."""
        header = ",".join((*PICTURE, *COLUMNS) if self.annotations else PICTURE)
        rows = [one.lines[self._table.name] for one in written]
        with atomic_write(self._table) as handle:
            handle.write("\n".join([header, *rows]) + "\n")

    @property
    def _table(self) -> Path:
        return self.out / ("Annotations" if self.annotations else ".") / f"{self.split}.csv"


def _name(picture: Picture) -> str:
    return f"Images/{category_of(picture).name}/{picture.number:06d}.jpg"


def category_of(picture: Picture) -> Category:
    """FashionAI's category of the picture's subject."""
    kind = DEEPFASHION2.category(picture.items[subject(picture)].category_id)
    words = {TOPS: "blouse", OUTWEAR: "outwear", DRESSES: "dress"}
    above = [word for kinds, word in words.items() if kind.id in kinds]
    return FASHIONAI.category(above[0] if above else "skirt" if kind.name == "skirt" else "trousers")


def draw(picture: Picture, size: tuple[int, int]) -> tuple[Scene, dict[str, str]]:
    """The scene, and the points of its subject by column.

    Of the subject's poses and frames it is the first that has both points by whose distance the contest measures: a
    picture without them has no error.
    """
    place, kind = subject(picture), category_of(picture)
    needed = {landmark.name for landmark in kind.landmarks if landmark.normaliser}
    tries = (replace(picture, seed=picture.seed + again * _ANOTHER) for again in count())
    scenes = (draw_scene(one, size, place) for one in tries)
    found = ((scene, annotate(scene, place, kind)) for scene in scenes)
    return next((scene, points) for scene, points in found if needed <= points.keys())


def annotate(scene: Scene, place: int, kind: Category) -> dict[str, str]:
    """The points of the garment at `place` that the frame holds, by column: x_y_1 visible, x_y_0 covered."""
    worn = scene.garments[place]
    found = marks(worn.shape, kind)
    located = zip(found, locate(scene, worn, list(found.values())), strict=True)
    return {column: f"{x}_{y}_{v - 1}" for column, (x, y, v) in located if v}


def marks(shape: Shape, kind: Category) -> dict[str, Mark]:
    """The places of the category's points on a drawn garment, by column, without those that it hasn't."""
    drawn = {landmark.name: _drawn_names(landmark.name) for landmark in kind.landmarks}
    found = {column: [name for name in names if name in shape.landmarks] for column, names in drawn.items()}
    return {column: shape.landmarks[names[0]] for column, names in found.items() if names}


def _drawn_names(column: str) -> list[str]:
    """`"cuff_left_in"` -> "left short sleeve cuff inner", "left long sleeve cuff inner"."""
    words = column.split("_")
    side = [word for word in words if word in SIDES]
    place = "_".join(word for word in words if word not in SIDES)
    return [" ".join([*side, name]) for name in PLACES[place]]
