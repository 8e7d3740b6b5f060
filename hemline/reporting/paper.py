"""The numbers of paper 000 as data.

Source of all of them: T.-H. Lin, "Aggregation and Finetuning for Clothes Landmark Detection", technical
report, 2020 (arXiv 2005.00419), Tables 1 to 3 and section 3.2. They are AP over OKS .50:.05:.95 on visible
and occluded landmarks of DeepFashion2.
"""

from dataclasses import dataclass
from typing import Literal

TITLE = "Aggregation and Finetuning for Clothes Landmark Detection"
AUTHOR = "T.-H. Lin, 2020"

Boxes = Literal["cascade", "htc", "ground-truth"]


@dataclass(frozen=True)
class Method:
    """A row of Table 1. APs are strings, as printed; "" where the paper prints none."""

    name: str
    validation: str
    test: str


@dataclass(frozen=True)
class Setting:
    """What distinguishes the rows of Table 2."""

    boxes: Boxes
    aggregated: bool
    finetuned: bool
    hflip_train: bool
    hflip_test: bool


@dataclass(frozen=True)
class Result:
    """A row of Table 2: AP of the boxes, AP of the landmarks."""

    setting: Setting
    box_ap: float
    ap: float


@dataclass(frozen=True)
class CategoryResult:
    """A row of Table 3. `train` and `validation` count garments."""

    name: str
    train: int
    validation: int
    box_ap: float
    before: float
    after: float


# Table 1. The first row is DeepFashion2's baseline as its authors retrained it on the released data (their
# README), the last one the ensemble of the two finetuned rows of Table 2 (sec. 3.2).
METHODS = (
    Method("DeepFashion2", "0.529", ""),
    Method("DeepMark", "0.532", ""),
    Method("MTLab, Meitu (2019, 1st)", "", "0.577591"),
    Method("SVIP Lab (2020, 3rd)", "", "0.577601"),
    Method("DeepMark (2020, 2nd)", "", "0.582274"),
    Method("Aggregation and Finetuning (2020, 1st)", "0.615", "0.589984"),
)

INDEPENDENT = Setting("cascade", aggregated=False, finetuned=False, hflip_train=False, hflip_test=False)
AGGREGATED = Setting("cascade", aggregated=True, finetuned=False, hflip_train=False, hflip_test=False)
HTC = Setting("htc", aggregated=True, finetuned=False, hflip_train=False, hflip_test=False)
FLIP_TEST = Setting("htc", aggregated=True, finetuned=False, hflip_train=False, hflip_test=True)
FINETUNED = Setting("htc", aggregated=True, finetuned=True, hflip_train=False, hflip_test=True)
HFLIP = Setting("htc", aggregated=True, finetuned=True, hflip_train=True, hflip_test=True)
GROUND_TRUTH = Setting("ground-truth", aggregated=True, finetuned=False, hflip_train=False, hflip_test=False)

# Table 2, in the paper's order.
ABLATION = (
    Result(INDEPENDENT, 0.707, 0.556),
    Result(AGGREGATED, 0.707, 0.559),
    Result(HTC, 0.764, 0.579),
    Result(FLIP_TEST, 0.764, 0.584),
    Result(FINETUNED, 0.764, 0.612),
    Result(HFLIP, 0.764, 0.614),
    Result(GROUND_TRUTH, 1.000, 0.652),
)
ENSEMBLE_AP = 0.615  # sec. 3.2 and Table 1: the ensemble of the .612 and .614 rows, validation

# Table 3.
ALL = CategoryResult("all", 312_186, 52_490, 0.764, 0.584, 0.612)
CATEGORIES = (
    CategoryResult("short sleeve top", 71_645, 12_556, 0.867, 0.734, 0.736),
    CategoryResult("long sleeve top", 36_064, 5_966, 0.814, 0.660, 0.670),
    CategoryResult("short sleeve outwear", 543, 142, 0.540, 0.382, 0.386),
    CategoryResult("long sleeve outwear", 13_457, 2_011, 0.823, 0.605, 0.619),
    CategoryResult("vest", 16_095, 2_113, 0.761, 0.590, 0.595),
    CategoryResult("sling", 1_985, 322, 0.656, 0.470, 0.576),
    CategoryResult("shorts", 36_616, 4_167, 0.784, 0.625, 0.655),
    CategoryResult("trousers", 55_387, 9_586, 0.810, 0.560, 0.572),
    CategoryResult("skirt", 30_835, 6_522, 0.818, 0.601, 0.627),
    CategoryResult("short sleeve dress", 17_211, 3_127, 0.807, 0.689, 0.693),
    CategoryResult("long sleeve dress", 7_907, 1_477, 0.659, 0.496, 0.509),
    CategoryResult("vest dress", 17_949, 3_352, 0.812, 0.592, 0.634),
    CategoryResult("sling dress", 6_492, 1_149, 0.773, 0.586, 0.686),
)


@dataclass(frozen=True)
class Step:
    """A comparison of two rows that answers part of a research question (sec. 3.2).

    `what` is the step as the subject of a sentence; `after` None stands for the ensemble.
    """

    key: str
    what: str
    before: Setting
    after: Setting | None


STEPS = (
    Step("aggregation", "aggregating the landmarks (294 to 81 channels)", INDEPENDENT, AGGREGATED),
    Step("detector", "HTC's boxes in place of Cascade R-CNN's", AGGREGATED, HTC),
    Step("flip-test", "the flip test", HTC, FLIP_TEST),
    Step("finetuning", "finetuning one expert for each category", FLIP_TEST, FINETUNED),
    Step("hflip", "horizontal flips while finetuning", FINETUNED, HFLIP),
    Step("ensemble", "the ensemble of both finetuned rows", HFLIP, None),
    Step("ground-truth", "the annotated boxes in place of HTC's", HTC, GROUND_TRUTH),
)


def ap_of(setting: Setting) -> float | None:
    """The paper's landmark AP of a row of Table 2; None if it has no such row."""
    return next((result.ap for result in ABLATION if result.setting == setting), None)


def box_ap_of(boxes: Boxes) -> float:
    """The paper's box AP of a detector, as in Table 2."""
    return next(result.box_ap for result in ABLATION if result.setting.boxes == boxes)
