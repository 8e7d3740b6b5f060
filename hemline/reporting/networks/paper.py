"""The numbers of papers 002 and 004 as data, and which networks and landmarks they are of."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A paper: its number here, its title, its authors."""

    number: str
    title: str
    author: str


CPN = Source(
    "002",
    "Clothes Keypoints Detection with Cascaded Pyramid Network",
    "C. Li and M. Zhao, 2020",
)
FPM = Source("004", "Fashion Pose Machine for Fashion Landmark Detection", "Y. Hu et al., 2018")

WARDROBE = "fashionai"  # whose categories and landmarks both papers' numbers are of

NAMES: Mapping[str, str] = {
    "hrnet": "HRNet",
    "cpn": "CPN",
    "cpm": "CPM",
    "hourglass": "Hourglass",
    "fpm": "FPM",
    "fashionnet": "FashionNet",
}
BACKBONES: Mapping[str, str] = {"resnet": "ResNet", "detnet": "DetNet", "se-resnet": "SE-ResNet"}

# Paper 002, Table 1 (sec. 2.2) and Table 2, whose values are images that no text has. All that it says in words
# is "normalized error about 5%-7%" of CPN (abstract, sec. 3), "CPN works best in three networks" (sec. 2.2), and that
# a backbone "plays an important role" (sec. 3). Its Table 2 has ResNet-50, DetNet and SE-ResNet-50.
CPN_TYPES = ("cpn", "cpm", "hourglass")
CPN_BACKBONE = "resnet"  # the main one: sec. 1.1.1
CPN_BACKBONES = ("resnet", "detnet", "se-resnet")
CPN_ERROR = (0.05, 0.07)
CATEGORIES = ("blouse", "outwear", "dress", "trousers", "skirt")  # the contest's

# Paper 004, Table 1: NE "in the normalized coordinate space", left and right together, of blouses, trousers and
# dresses (sec. 3.1). "Ave" is no mean of the columns (which is .1537 and .1139): it must weigh them by their landmarks.
# FashionNet's waistline and hem are both .1145, as printed.
FPM_TYPES = ("fashionnet", "fpm")
FPM_LANDMARKS = (
    "neckline",
    "center_front",
    "shoulder",
    "armpit",
    "waistline",
    "cuff_in",
    "cuff_out",
    "top_hem",
    "waistband",
    "hemline",
    "crotch",
    "bottom_in",
    "bottom_out",
)


@dataclass(frozen=True)
class Errors:
    """A row of paper 004's Table 1: NE by landmark, and "Ave"."""

    landmarks: Mapping[str, float]
    average: float


def _errors(average: float, *landmarks: float) -> Errors:
    return Errors(dict(zip(FPM_LANDMARKS, landmarks, strict=True)), average)


FPM_ERRORS: Mapping[str, Errors] = {
    "fashionnet": _errors(
        0.1636,
        *(0.0672, 0.0773, 0.0676, 0.1267, 0.1145, 0.2609, 0.2713),
        *(0.1927, 0.1682, 0.1145, 0.2551, 0.1401, 0.1416),
    ),
    "fpm": _errors(
        0.1226,
        *(0.0394, 0.0483, 0.0398, 0.0981, 0.0766, 0.2043, 0.2146),
        *(0.1648, 0.1332, 0.0771, 0.1791, 0.1025, 0.1028),
    ),
}


@dataclass(frozen=True)
class Claim:
    """One network is better than another: kinds as `Kind` has them, the backbone "" for any."""

    source: Source
    better: tuple[str, str]
    worse: tuple[str, str]


# 002 sec. 2.2; its better backbones ("contribute to locate keypoints precisely", sec. 3) are not said to be which.
# 004 sec. 3.3: "25% better".
CLAIMS = (
    Claim(CPN, ("cpn", CPN_BACKBONE), ("cpm", "")),
    Claim(CPN, ("cpn", CPN_BACKBONE), ("hourglass", "")),
    Claim(FPM, ("fpm", ""), ("fashionnet", "")),
)
