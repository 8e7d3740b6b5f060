"""Scenes in FLD's layout: Img/img/img_00000001.jpg, and a list each for boxes, landmarks and the split.

FLD's readme describes the lists: a line with the number of rows, one with their names, a row a picture. A picture is of
one garment, its subject: what else the wearer has on is drawn, and not annotated. There is no Anno/list_joints.txt: the
readme names neither the fourteen joints nor their order.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from hemline.datasets.synthetic.annotation import locate, look_at
from hemline.datasets.synthetic.camera import Camera
from hemline.datasets.synthetic.garment import Mark, Shape
from hemline.datasets.synthetic.photograph import chance, draw_long_side, photograph
from hemline.datasets.synthetic.plan import BOTTOMS, DRESSES, Picture, subject
from hemline.datasets.synthetic.scene import Scene, draw_scene
from hemline.datasets.synthetic.writer import SPLITS, SplitWriter, Written
from hemline.files import atomic_write
from hemline.wardrobe import Category, Wardrobe, wardrobe

FLD_WARDROBE = wardrobe("fld")
BOXES, LANDMARKS, PARTITION = "Anno/list_bbox.txt", "Anno/list_landmarks.txt", "Eval/list_eval_partition.txt"
HEADERS = {
    BOXES: "image_name x_1 y_1 x_2 y_2",
    LANDMARKS: "image_name clothes_type variation_type "
    + " ".join(
        f"landmark_visibility_{n} landmark_location_x_{n} landmark_location_y_{n}"
        for n in range(1, FLD_WARDROBE.longest + 1)
    ),
    PARTITION: "image_name evaluation_status",
}
STATUS = dict(zip(SPLITS, ("train", "val", "test"), strict=True))

# Where FLD's points lie on a drawn garment, by the names of its landmarks in DeepFashion2, without their side. The
# first that the garment has is taken; of several landmarks the middle.
PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "collar": (("neck shoulder point",),),  # where the neckline meets the shoulder seam
    "sleeve": (
        # The end of the sleeve: FLD has one point for the cuff, DeepFashion2 one for each of its ends.
        ("short sleeve cuff outer", "short sleeve cuff inner"),
        ("long sleeve cuff outer", "long sleeve cuff inner"),
        # Without sleeves the shoulder's end is where one would begin. The side of the body lies lower than the armhole.
        ("outer shoulder",),
        ("strap top",),  # a sling's shoulder is as wide as its strap; this is the outer edge
    ),
    "waistline": (
        ("waistband",),  # the ends of the band that a lower garment hangs from
        ("side waist",),  # of a dress: where its side is nearest the body's waist
    ),
    "hem": (
        ("leg bottom outer",),  # the outermost point of a leg's end, as the corner is of a hem
        ("hem corner",),  # of an open outwear, too: its side, not the front edge
    ),
}
TURNED, FAR_TURNED = (
    0.2,
    0.4,
)  # radians: three pictures in five are under the first, one in eight over the second
CUT_OFF = 0.34  # share of the landmarks: of six two are medium, three large


class FldWriter(SplitWriter):
    """One garment a picture. The long side is `size`'s; `vary_size`: some pictures have another shape."""

    wardrobe: ClassVar[Wardrobe] = FLD_WARDROBE
    usual_size: ClassVar[tuple[int, int]] = (384, 512)  # the long side is FLD's
    folders: ClassVar[tuple[str, ...]] = ("Img", "Anno", "Eval")

    def files(self, pictures: Sequence[Picture]) -> Iterator[Path]:
        """The pictures and the lists; without annotations of the lists the split's alone."""
        yield from (self.out / "Img" / _name(picture.number) for picture in pictures)
        yield from (self.out / name for name in self._lists)

    @classmethod
    def planned(cls, picture: Picture) -> tuple[int, ...]:
        """The category of the subject."""
        return (category_of(picture.items[subject(picture)].category_id).id,)

    def write(self, picture: Picture) -> Written:
        """Draw and write one picture; its annotation are its lines."""
        rng = chance(picture)
        place = subject(picture)
        size = draw_long_side(rng, self.size) if self.vary_size else self.size
        scene = draw_scene(picture, size, place)
        path = self.out / "Img" / _name(picture.number)
        path.write_bytes(photograph(scene.canvas, rng, picture.source))
        kind = category_of(picture.items[place].category_id)
        box, variation, points = annotate(scene, place, kind)
        lines = {
            BOXES: _row(box),
            LANDMARKS: f"{kind.id} {variation} " + " ".join(f"{v} {_row((x, y))}" for x, y, v in points),
            PARTITION: STATUS[self.split],
        }
        name = _name(picture.number)
        return Written((kind.id,), {key: f"{name} {line}" for key, line in lines.items()})

    def finish(self, written: Sequence[Written]) -> None:
        """Write the lists."""
        for name in self._lists:
            rows = [one.lines[name] for one in written]
            with atomic_write(self.out / name) as handle:
                handle.write("\n".join([str(len(rows)), HEADERS[name], *rows]) + "\n")

    @property
    def _lists(self) -> tuple[str, ...]:
        return (BOXES, LANDMARKS, PARTITION) if self.annotations else (PARTITION,)


def _name(number: int) -> str:
    return f"img/img_{number:08d}.jpg"


def _row(values: Sequence[int]) -> str:
    return " ".join(f"{value:03d}" for value in values)


def category_of(number: int) -> Category:
    """FLD's category of DeepFashion2's category `number`: upper, lower or full body."""
    word = "lower" if number in BOTTOMS else "full" if number in DRESSES else "upper"
    return FLD_WARDROBE.category(word)


def annotate(
    scene: Scene, place: int, kind: Category
) -> tuple[tuple[int, int, int, int], int, list[tuple[int, int, int]]]:
    """The box x1, y1, x2, y2, the variation type, and the landmarks x, y, visibility of the garment at `place`.

    Visibility is FLD's: 0 visible, 1 covered, 2 cut off by the frame, and then x and y are 0.
    """
    worn = scene.garments[place]
    landmarks = locate(scene, worn, marks(worn.shape, kind))
    box = look_at(scene, worn).box(landmarks)
    points = [(int(x), int(y), 2 - int(v)) for x, y, v in landmarks]
    return box, variation_type(scene.camera, float(np.mean(landmarks[:, 2] == 0))), points


def marks(shape: Shape, kind: Category) -> list[Mark]:
    """The places of FLD's landmarks on a drawn garment, in the order of the category `kind`."""
    return [_mark(shape, *landmark.name.split()) for landmark in kind.landmarks]


def _mark(shape: Shape, side: str, place: str) -> Mark:
    choices = [[f"{side} {name}" for name in names] for names in PLACES[place]]
    found = [
        shape.landmarks[name] for name in next(names for names in choices if names[0] in shape.landmarks)
    ]
    middle = np.mean([mark.place for mark in found], axis=0)
    return Mark(middle, found[0].parts, found[0].faces)


def variation_type(camera: Camera, cut_off: float) -> int:
    """FLD's variation: 1 normal, 2 medium, 3 large pose; 4 medium, 5 large zoom-in.

    FLD says no more than these names. Here a picture is zoomed in when the share `cut_off` of the subject's landmarks
    is not 0, and much so over CUT_OFF; else its pose goes by the wearer's turn, and seen from behind it is a large one.
    """
    if cut_off:
        return 5 if cut_off > CUT_OFF else 4
    turn = abs(camera.turn)
    return 3 if camera.back or turn > FAR_TURNED else 2 if turn > TURNED else 1
