"""The numbers of paper 001 as data.

Source of all of them: A. Sidnev et al., "DeepMark: One-Shot Clothing Detection", ICCV workshops, 2019 (arXiv
1910.01225), Tables 2 to 6, as printed. All but those of the DeepFashion2 paper are of the released validation pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

TITLE = "DeepMark: One-Shot Clothing Detection"
AUTHOR = "A. Sidnev et al., 2019"

# Sec. 4: "8 GPU system with Nvidia GeForce RTX 2080ti", "35 ms per image on a single GPU".
MACHINE = "a single GPU (its authors trained on RTX 2080 Ti)"

METRICS = ("AP", "AP50", "AP75")
Numbers = Mapping[str, float]  # of METRICS; what the paper doesn't print is not in it
Backbone = Literal["dla", "hourglass"]


def _numbers(*values: float) -> Numbers:
    return dict(zip(METRICS, values, strict=False))


@dataclass(frozen=True)
class Setting:
    """What distinguishes the rows of Tables 4 to 6, and the grouping of landmarks, which the paper doesn't vary."""

    backbone: Backbone
    suppression: Literal["none", "soft-nms"] = "soft-nms"
    flip_test: bool = False
    scales: tuple[float, ...] = (1.0,)
    grouping: Literal["independent", "aggregated"] = "independent"


@dataclass(frozen=True)
class Method:
    """A method of Tables 2 and 3: box AP, landmark AP on visible landmarks only, on visible and occluded ones."""

    name: str
    data: str
    boxes: Numbers
    visible: Numbers
    landmarks: Numbers


@dataclass(frozen=True)
class Result:
    """A row of Tables 4 to 6. `table` has its landmark AP, `milliseconds` are those of a picture."""

    setting: Setting
    table: str
    boxes: Numbers
    visible: Numbers
    landmarks: Numbers
    milliseconds: float


# Tables 2 and 3. Table 2's second column is the baseline of the challenge's page, which has no box AP; the third
# method is Mask R-CNN trained on the data as they were before half of them were released (Table 1).
METHODS = (
    Method(
        "DeepMark",
        "DeepFashion2",
        boxes=_numbers(0.723, 0.827, 0.795),
        visible=_numbers(0.601, 0.793, 0.683),
        landmarks=_numbers(0.532, 0.784, 0.599),
    ),
    Method(
        "DeepFashion2 Challenge (Mask R-CNN)",
        "DeepFashion2",
        boxes={},
        visible=_numbers(0.605, 0.790, 0.684),
        landmarks=_numbers(0.529, 0.775, 0.596),
    ),
    Method(
        "DeepFashion2 paper (Mask R-CNN)",
        "DeepFashion2 before its release: twice the training pictures, other validation ones",
        boxes=_numbers(0.667, 0.814, 0.773),
        visible=_numbers(0.641, 0.820, 0.728),
        landmarks=_numbers(0.563, 0.805, 0.641),
    ),
)

FUSED = (1.0, 0.75)  # sec. 4: "original images; and images downscaled by 0.75"

PLAIN = Setting("hourglass", suppression="none")
HOURGLASS_SINGLE = Setting("hourglass")
FLIP_TEST = Setting("hourglass", flip_test=True)
HOURGLASS_FUSION = Setting("hourglass", flip_test=True, scales=FUSED)
DLA_SINGLE = Setting("dla")
DLA_FUSION = Setting("dla", flip_test=True, scales=FUSED)

# Table 4's rows in its order; those of "NMS" and of all three have their other numbers in Tables 5 and 6.
LADDER = (PLAIN, HOURGLASS_SINGLE, FLIP_TEST, HOURGLASS_FUSION)
# The columns of Tables 5 and 6 in their order.
BACKBONES = (DLA_SINGLE, DLA_FUSION, HOURGLASS_SINGLE, HOURGLASS_FUSION)

RESULTS = (
    Result(PLAIN, "4", _numbers(0.707), {}, _numbers(0.511), 73),
    Result(
        HOURGLASS_SINGLE,
        "6",
        boxes=_numbers(0.710, 0.821, 0.786),
        visible=_numbers(0.582, 0.784, 0.660),
        landmarks=_numbers(0.512, 0.774, 0.571),
        milliseconds=76,
    ),
    Result(FLIP_TEST, "4", _numbers(0.723), {}, _numbers(0.529), 165),
    Result(
        HOURGLASS_FUSION,
        "6",
        boxes=_numbers(0.723, 0.827, 0.795),
        visible=_numbers(0.601, 0.793, 0.683),
        landmarks=_numbers(0.532, 0.784, 0.599),
        milliseconds=315,
    ),
    Result(
        DLA_SINGLE,
        "6",
        boxes=_numbers(0.667, 0.788, 0.750),
        visible=_numbers(0.469, 0.730, 0.547),
        landmarks=_numbers(0.432, 0.716, 0.455),
        milliseconds=35,
    ),
    Result(
        DLA_FUSION,
        "6",
        boxes=_numbers(0.686, 0.802, 0.767),
        visible=_numbers(0.513, 0.746, 0.563),
        landmarks=_numbers(0.448, 0.730, 0.473),
        milliseconds=216,
    ),
)

BACKBONE_NAMES: Mapping[Backbone, str] = {"dla": "DLA", "hourglass": "Hourglass"}


def result_of(setting: Setting) -> Result | None:
    """The paper's row of a setting; None if it has no such row."""
    return next((result for result in RESULTS if result.setting == setting), None)


def strategy(setting: Setting) -> str:
    """How the maps are made and read, in the paper's words where it has them: "single", "fusion"."""
    if setting.suppression == "soft-nms" and setting.scales == (1.0,):
        return "flip test" if setting.flip_test else "single"
    if setting.suppression == "soft-nms" and setting.flip_test and setting.scales == FUSED:
        return "fusion"
    parts = ["no NMS"] if setting.suppression == "none" else []
    parts += ["flip test"] if setting.flip_test else []
    return ", ".join([*parts, *([] if setting.scales == (1.0,) else [scales_in_words(setting.scales)])])


def scales_in_words(scales: Sequence[float]) -> str:
    """ "scale 0.5", "scales 1 + 0.75"."""
    return f"scale{'s' if len(scales) > 1 else ''} {' + '.join(f'{scale:g}' for scale in scales)}"


def describe(setting: Setting) -> str:
    """A row of the paper in words: "Hourglass, fusion"."""
    return f"{BACKBONE_NAMES[setting.backbone]}, {strategy(setting)}"
