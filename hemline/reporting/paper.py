"""The numbers of paper 000 as data.

Source of all of them: T.-H. Lin, "Aggregation and Finetuning for Clothes Landmark Detection", technical
report, 2020 (arXiv 2005.00419), Tables 1 to 3 and section 3.2. They are AP over OKS .50:.05:.95 on visible
and occluded landmarks of DeepFashion2.
"""

from dataclasses import dataclass, replace

from hemline.datasets.published import GARMENTS
from hemline.params import Boxes

TITLE = "Aggregation and Finetuning for Clothes Landmark Detection"
AUTHOR = "T.-H. Lin, 2020"
WARDROBE = "deepfashion2"  # whose categories and landmarks all its numbers are of


@dataclass(frozen=True)
class Method:
    """A row of Table 1. APs are strings, as printed; "" where the paper prints none."""

    name: str
    validation: str
    test: str


@dataclass(frozen=True)
class Setting:
    """What distinguishes the rows of Table 2; the paper looks once into each box, ours may look again (`passes`)."""

    boxes: Boxes
    aggregated: bool
    finetuned: bool
    hflip_train: bool
    hflip_test: bool
    passes: int = 1

    def of(self, boxes: Boxes | None, passes: int = 1) -> "Setting":
        """The setting with other boxes in the place of a detector's; as it is with None, or in annotated boxes."""
        if boxes is None or self.boxes == "ground-truth":
            return self
        return replace(self, boxes=boxes, passes=passes)


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
MEMBERS = (FINETUNED, HFLIP)  # of the ensemble

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

# Table 3; its numbers of garments stand with the data set's.
ALL = CategoryResult("all", sum(GARMENTS["train"]), sum(GARMENTS["validation"]), 0.764, 0.584, 0.612)
_APS = (  # of the boxes, of the landmarks before and after finetuning
    ("short sleeve top", 0.867, 0.734, 0.736),
    ("long sleeve top", 0.814, 0.660, 0.670),
    ("short sleeve outwear", 0.540, 0.382, 0.386),
    ("long sleeve outwear", 0.823, 0.605, 0.619),
    ("vest", 0.761, 0.590, 0.595),
    ("sling", 0.656, 0.470, 0.576),
    ("shorts", 0.784, 0.625, 0.655),
    ("trousers", 0.810, 0.560, 0.572),
    ("skirt", 0.818, 0.601, 0.627),
    ("short sleeve dress", 0.807, 0.689, 0.693),
    ("long sleeve dress", 0.659, 0.496, 0.509),
    ("vest dress", 0.812, 0.592, 0.634),
    ("sling dress", 0.773, 0.586, 0.686),
)
CATEGORIES = tuple(
    CategoryResult(name, train, validation, *aps)
    for (name, *aps), train, validation in zip(_APS, GARMENTS["train"], GARMENTS["validation"], strict=True)
)


@dataclass(frozen=True)
class Step:
    """A comparison of two rows that answers part of a research question (sec. 3.2).

    `what` is the step as the subject of a sentence, with {landmarks} and {groups} for the data set's numbers of them
    and {boxes} for whose boxes the later rows have; `after` None stands for the ensemble.
    """

    key: str
    what: str
    before: Setting
    after: Setting | None


STEPS = (
    Step(
        "aggregation", "aggregating the landmarks ({landmarks} to {groups} channels)", INDEPENDENT, AGGREGATED
    ),
    Step("detector", "HTC's boxes in place of Cascade R-CNN's", AGGREGATED, HTC),
    Step("flip-test", "the flip test", HTC, FLIP_TEST),
    Step("finetuning", "finetuning one expert for each category", FLIP_TEST, FINETUNED),
    Step("hflip", "horizontal flips while finetuning", FINETUNED, HFLIP),
    Step("ensemble", "the ensemble of both finetuned rows", HFLIP, None),
    Step("ground-truth", "the annotated boxes in place of {boxes}", HTC, GROUND_TRUTH),
)


def ap_of(setting: Setting) -> float | None:
    """The paper's landmark AP of a row of Table 2; None if it has no such row."""
    return next((result.ap for result in ABLATION if result.setting == setting), None)


def category_of(name: str) -> CategoryResult | None:
    """The paper's row of Table 3 of a category, or of "all"; None if it has no such row."""
    return next((entry for entry in (ALL, *CATEGORIES) if entry.name == name), None)


def box_ap_of(boxes: Boxes) -> float | None:
    """The paper's box AP of a detector, as in Table 2; None of boxes that it has not."""
    return next((result.box_ap for result in ABLATION if result.setting.boxes == boxes), None)
