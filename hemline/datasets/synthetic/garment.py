"""What a drawn garment is made of: parts with outlines, and landmarks by their names in the wardrobe."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hemline.datasets.synthetic.body import SIDES
from hemline.datasets.synthetic.curves import Points, mirror
from hemline.datasets.synthetic.fabric import Fabric
from hemline.wardrobe import Category

BACK, INNER, FRONT = -1, 0, 1  # which way a part faces: how it shifts when the body turns


@dataclass(frozen=True)
class Design:
    """What stays the same when a garment is worn again: its cut and its cloth. Lengths in heads."""

    category: Category
    fabric: Fabric
    neckline: str = "round"
    neck_width: float = 0.34
    neck_depth: float = 0.5
    back_depth: float = 0.16
    strap: float = 0.3  # width at the shoulder of what has no sleeves
    ease: float = 0.15  # how far the sides stand off the body
    flare: float = 0.0  # how much wider the hem is
    hem: float = 2.9  # height of the hem below the neck
    hem_curve: float = 0.05
    sleeve: float = 0.4  # length over the arm's
    sleeve_width: float = 0.2  # half width over the upper arm
    cuff: float = 0.2  # half width at the cuff
    waist: float = 2.1  # top of trousers, shorts, skirts; seam of dresses
    leg: float = 1.0  # length over the leg's
    thigh: float = 0.34
    bottom: float = 0.2  # half width of a leg's end
    gap: float = 0.15  # half the opening of an outwear at its top
    gap_hem: float = 0.3  # and at its hem
    collar: str = ""
    extras: tuple[str, ...] = ()
    seed: int = 0

    @property
    def sleeves(self) -> str:
        """short, long, or nothing."""
        word = self.category.name.split()[0]
        return word if word in ("short", "long") else ""

    @property
    def is_dress(self) -> bool:
        """Whether the category is one of the four dresses."""
        return self.category.name.endswith("dress")

    @property
    def is_outwear(self) -> bool:
        """Whether the category is open in front."""
        return self.category.name.endswith("outwear")

    @property
    def is_bottom(self) -> bool:
        """Whether it hangs from the waist: shorts, trousers, skirt."""
        return self.category.name in ("shorts", "trousers", "skirt")


@dataclass(frozen=True)
class Part:
    """One piece of cloth: its outline (n, 2) in heads; `grain` (2, 2): from where to where its thread runs down."""

    name: str
    outline: Points
    faces: int
    grain: Points
    details: tuple["Detail", ...] = ()


@dataclass(frozen=True)
class Detail:
    """A line or a patch on a part: seam, button, collar, pocket.

    `tone` scales the cloth's colour; only what is `free` may reach over the part's outline.
    """

    line: Points
    tone: float = 0.72
    filled: bool = False
    width: float = 0.02
    faces: int = FRONT
    free: bool = False


class Mark(NamedTuple):
    """A place (2,) in heads on a garment, the names of the parts that can show it, and which way it faces."""

    place: np.ndarray
    parts: tuple[str, ...]
    faces: int


@dataclass
class Shape:
    """A garment in a pose: its parts, and landmarks by their names: all of its category's, and what others need."""

    design: Design
    parts: list[Part] = field(default_factory=list)
    landmarks: dict[str, Mark] = field(default_factory=dict)

    def mark(self, name: str, place: ArrayLike, *shown_by: str, faces: int = FRONT) -> None:
        """Set landmark `name` at `place` (2,)."""
        self.landmarks[name] = Mark(np.asarray(place, dtype=np.float64), shown_by, faces)

    def mark_both(self, name: str, place: ArrayLike, *shown_by: str, faces: int = FRONT) -> None:
        """Set "left ..." and "right ..." at a place described outward; {} in a part's name is the side."""
        for side, sign in SIDES.items():
            parts = tuple(part.format(side) for part in shown_by)
            self.mark(f"{side} {name}", np.asarray(place) * (sign, 1.0), *parts, faces=faces)

    def ordered(self) -> list[Mark]:
        """The landmarks in the category's order."""
        return [self.landmarks[landmark.name] for landmark in self.design.category.landmarks]


def sided(side: str, curve: Points) -> Points:
    """A curve described outward, placed on its side."""
    return mirror(curve) if SIDES[side] < 0 else np.asarray(curve, dtype=np.float64)
