"""The body that wears the garments: measures, limbs, poses.

Lengths are in heads: one unit is the height of a head, y grows downward from the base of the neck, x is zero
on the body's middle. A side is described outward: x > 0 is away from the middle; the left side is its mirror.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from hemline.datasets.synthetic.curves import Points, points

SHOULDER, ARMPIT, WAIST, HIP, CROTCH, KNEE, ANKLE = 0.30, 1.0, 2.0, 2.85, 3.35, 5.0, 6.75
SIDES = {"left": -1.0, "right": 1.0}
UPPER_ARM, FOREARM = 1.32, 1.18


@dataclass(frozen=True)
class Limb:
    """An arm or a leg: three joints (3, 2), described outward. `at` 0 is the root, 1 the wrist or ankle."""

    joints: Points
    axis: Points = field(init=False, repr=False)
    normals: Points = field(init=False, repr=False)
    bend: float = field(init=False)

    def __post_init__(self) -> None:
        lengths = np.hypot(*np.diff(self.joints, axis=0).T)
        bend = float(lengths[0] / lengths.sum())
        at = np.linspace(-0.1, 1.1, 73)
        axis = np.stack([_extend(at, [0.0, bend, 1.0], self.joints[:, i]) for i in (0, 1)], axis=-1)
        kernel = np.hanning(11) / np.hanning(11).sum()  # rounds the elbow over a tenth of the limb
        smooth = np.stack([np.convolve(axis[:, i], kernel, "valid") for i in (0, 1)], axis=-1)
        slope = np.gradient(smooth, axis=0)
        slope /= np.hypot(*slope.T)[:, None]
        object.__setattr__(self, "axis", smooth)
        object.__setattr__(self, "normals", np.stack([slope[:, 1], -slope[:, 0]], axis=-1))
        object.__setattr__(self, "bend", bend)

    def edge(self, at: ArrayLike, offset: ArrayLike) -> Points:
        """Points (2,) or (n, 2) beside the limb at the fractions `at`, `offset` outward of its axis."""
        index = np.clip((np.asarray(at) + 0.1) * 60 - 5, 0, len(self.axis) - 1)
        low = np.minimum(index.astype(int), len(self.axis) - 2)
        part = (index - low)[..., None]
        axis = self.axis[low] * (1 - part) + self.axis[low + 1] * part
        normal = self.normals[low] * (1 - part) + self.normals[low + 1] * part
        return axis + np.asarray(offset)[..., None] * normal


def _extend(at: Points, knots: list[float], values: Points) -> Points:
    inner = np.interp(at, knots, values)
    first = (values[1] - values[0]) / (knots[1] - knots[0])
    last = (values[2] - values[1]) / (knots[2] - knots[1])
    return inner + np.minimum(at, 0.0) * first + np.maximum(at - 1.0, 0.0) * last


@dataclass(frozen=True)
class Body:
    """Half widths of the torso (heads), and the limbs by side name."""

    shoulder: float
    chest: float
    waist: float
    hip: float
    arms: dict[str, Limb]
    legs: dict[str, Limb]
    woman: bool

    def half_width(self, y: float) -> float:
        """Half the torso's width at height `y`; below the hip it stays."""
        heights = (SHOULDER, ARMPIT, 1.5, WAIST, 2.4, HIP)
        chest_waist = 0.6 * self.chest + 0.4 * self.waist
        widths = (self.shoulder, self.chest, chest_waist, self.waist, 0.5 * (self.waist + self.hip), self.hip)
        return float(np.interp(y, heights, widths))


ARM_POSES = {  # name: share, upper arm from the vertical (degrees, outward), elbow (degrees, outward)
    "hanging": (0.44, (6, 20), (-14, 4)),
    "away": (0.16, (20, 50), (-25, 10)),
    "akimbo": (0.14, (38, 55), (-105, -80)),
    "across": (0.12, (8, 20), (-120, -75)),
    "pocket": (0.10, (18, 32), (-52, -32)),
    "raised": (0.04, (95, 140), (10, 60)),
}
LAID_OUT = (28, 62), (-12, 12)  # a garment on a hanger or a bed: sleeves spread, almost straight


def draw_body(rng: np.random.Generator, worn: bool) -> Body:
    """A body in a random pose; when not `worn`, the pose in which a garment is hung or laid out."""
    woman = bool(rng.random() < 0.72)
    build = rng.normal(1.0, 0.06)
    shoulder = rng.uniform(0.80, 0.90) if woman else rng.uniform(0.92, 1.06)
    waist = rng.uniform(0.54, 0.64) if woman else rng.uniform(0.66, 0.76)
    hip = rng.uniform(0.74, 0.84) if woman else rng.uniform(0.70, 0.80)
    both = LAID_OUT if not worn else None
    laid = _arm(rng, shoulder * build, *both) if both else None
    arms = {side: laid or _posed_arm(rng, shoulder * build) for side in SIDES}
    chest = 0.86 * shoulder * build
    return Body(
        shoulder * build, chest, waist * build, hip * build, arms, _legs(rng, hip * build, worn), woman
    )


def _posed_arm(rng: np.random.Generator, shoulder: float) -> Limb:
    shares = np.array([share for share, _, _ in ARM_POSES.values()])
    _, upper, elbow = list(ARM_POSES.values())[rng.choice(len(shares), p=shares / shares.sum())]
    return _arm(rng, shoulder, upper, elbow)


def _arm(
    rng: np.random.Generator, shoulder: float, upper: tuple[float, float], elbow: tuple[float, float]
) -> Limb:
    first = np.radians(rng.uniform(*upper))
    second = first + np.radians(rng.uniform(*elbow))
    root = points((shoulder - 0.15, SHOULDER + 0.16))[0]
    bent = root + UPPER_ARM * np.array([np.sin(first), np.cos(first)])
    return Limb(points(root, bent, bent + FOREARM * np.array([np.sin(second), np.cos(second)])))


def _legs(rng: np.random.Generator, hip: float, worn: bool) -> dict[str, Limb]:
    spread = rng.uniform(2, 9) if worn else rng.uniform(4, 12)
    legs = {}
    for side in SIDES:
        first = np.radians(spread + rng.uniform(-2, 4))
        second = first - np.radians(rng.uniform(-2, 9) if worn else 0.0)
        root = points((0.5 * hip, HIP))[0]
        knee = root + (KNEE - HIP) * np.array([np.sin(first), np.cos(first)])
        legs[side] = Limb(
            points(root, knee, knee + (ANKLE - KNEE) * np.array([np.sin(second), np.cos(second)]))
        )
    return legs
