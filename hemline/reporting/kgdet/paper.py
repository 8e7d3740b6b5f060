"""The numbers of paper 003 as data.

Source of all of them: S. Qian et al., "KGDet: Keypoint-Guided Fashion Detection", AAAI 2021, Tables 1 to 4, where AP is
in per cent. They are of DeepFashion2's released validation pictures, those of Table 3 of FLD's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

TITLE = "KGDet: Keypoint-Guided Fashion Detection"
AUTHOR = "S. Qian, D. Lian et al., 2021"
WARDROBE, TABLE_3_WARDROBE = "deepfashion2", "fld"  # whose garments Tables 1, 2 and 4, and Table 3, are of
MACHINE = "a GPU that the paper doesn't name (its authors trained on Tesla P40)"  # "Training Details"
# "83K images for training, 19K for validation" ("Datasets").
FLD_PICTURES = {"train": range(83_000, 84_000), "validation": range(19_000, 20_000)}

METRICS = ("AP", "AP50", "AP75")
Numbers = Mapping[str, float]  # of METRICS; what the paper doesn't print is not in it
Type = Literal["mask-rcnn", "retinanet", "fcos", "reppoints", "reppoints-kp", "kgdet"]
NAMES: Mapping[Type, str] = {
    "mask-rcnn": "Match R-CNN",
    "retinanet": "RetinaNet",
    "fcos": "FCOS",
    "reppoints": "RepPoints",
    "reppoints-kp": "RepPoints-Kp",
    "kgdet": "KGDet",
}
WITHOUT_LANDMARKS = ("retinanet", "fcos", "reppoints")


def _numbers(*values: float) -> Numbers:
    return dict(zip(METRICS, values, strict=False))


@dataclass(frozen=True)
class Setting:
    """What distinguishes the rows of Tables 1 to 4. Only `type` and `deep` tell networks other than KGDet apart.

    `deep` stands for ResNet-101 in the place of ResNet-50; `points` counts all informative points, `levels` those of
    the pyramid; `flip` says where mirror images are fused. `serial` is a RepPoints-Kp that the paper hasn't.
    """

    type: Type
    deep: bool = False
    serial: bool = False
    informative: Literal["", "encoding", "selection"] = ""
    points: int = 0
    stages: int = 0
    levels: int = 0
    landmark_loss: bool = True
    flip: Literal["none", "training", "test", "both"] = "none"


@dataclass(frozen=True)
class Network:
    """A row of Table 1: box AP, millions of parameters, GFLOPs (multiply-adds, 10^9), milliseconds a picture."""

    setting: Setting
    boxes: Numbers
    parameters: float | None = None
    giga: float | None = None
    milliseconds: float | None = None


@dataclass(frozen=True)
class Model:
    """A row of Table 4, `key` its ID there, or of Table 2: AP of landmarks and of boxes."""

    key: str
    setting: Setting
    landmarks: Numbers
    boxes: Numbers


MODEL_4 = Setting("kgdet", informative="encoding", points=83, stages=3, levels=3)
MODEL_5 = replace(MODEL_4, deep=True)
MODEL_6 = replace(MODEL_4, flip="both")
MODEL_7 = replace(MODEL_6, levels=4)
MODEL_3 = replace(MODEL_4, stages=2)
MODEL_2, MODEL_1, MODEL_0 = (replace(MODEL_3, points=points) for points in (49, 25, 9))
WITHOUT_LOSS = replace(MODEL_4, landmark_loss=False)
# Table 2 says 9 points, not how many stages. Not two: Table 4's #0 has two and a box AP of .639, this one .658.
ENCODING = replace(MODEL_4, points=9)
SELECTION = replace(ENCODING, informative="selection")

# Table 1. Match R-CNN's are those of the page of DeepFashion2's authors (footnote 2).
NETWORKS = (
    Network(Setting("mask-rcnn"), _numbers(0.638, 0.789, 0.745)),
    Network(Setting("retinanet"), _numbers(0.632, 0.790, 0.736), 36.35, 209.67, 48.5),
    Network(Setting("fcos"), _numbers(0.641, 0.802, 0.747), 31.87, 197.21, 38.3),
    Network(Setting("reppoints"), _numbers(0.633, 0.797, 0.740), 36.61, 189.79, 55.2),
    Network(Setting("reppoints-kp"), _numbers(0.640, 0.801, 0.749), 38.09, 208.84, 67.6),
    Network(MODEL_4, _numbers(0.679, 0.809, 0.750), 59.13, 107.50, 44.6),
    Network(Setting("retinanet", deep=True), _numbers(0.657, 0.811, 0.753), 55.35, 285.74, 62.1),
    Network(Setting("fcos", deep=True), _numbers(0.659, 0.817, 0.757), 50.81, 273.28, 52.6),
    Network(Setting("reppoints", deep=True), _numbers(0.654, 0.808, 0.752), 55.60, 265.86, 69.0),
    Network(Setting("reppoints-kp", deep=True), _numbers(0.660, 0.813, 0.755), 57.08, 284.91, 81.3),
    Network(MODEL_5, _numbers(0.684, 0.823, 0.767), 78.13, 183.57, 58.5),
)

# Table 2. Its header is lost in the paper's text: boxes, then landmarks, as the values' sizes say.
MODULES = (
    Model("Table 2", ENCODING, _numbers(0.317, 0.654, 0.253), _numbers(0.658, 0.779, 0.721)),
    Model("Table 2", SELECTION, _numbers(0.295, 0.629, 0.233), _numbers(0.641, 0.753, 0.705)),
)

# Table 3: boxes on FLD, all with ResNet-50.
FLD = (
    Network(Setting("retinanet"), _numbers(0.693, 0.904, 0.778)),
    Network(Setting("fcos"), _numbers(0.687, 0.899, 0.780)),
    Network(Setting("reppoints"), _numbers(0.691, 0.913, 0.782)),
    Network(MODEL_4, _numbers(0.708, 0.902, 0.790)),
)

# Table 4. #0 has lost its tick under loss_kp in the paper's text: without that loss it had no landmark AP of .302.
MODELS = (
    Model("#0", MODEL_0, _numbers(0.302), _numbers(0.639)),
    Model("#1", MODEL_1, _numbers(0.308), _numbers(0.645)),
    Model("#2", MODEL_2, _numbers(0.316), _numbers(0.652)),
    Model("#3", MODEL_3, _numbers(0.327), _numbers(0.663)),
    Model("#4", MODEL_4, _numbers(0.338), _numbers(0.679)),
    Model("#5", MODEL_5, _numbers(0.359), _numbers(0.684)),
    Model("#6", MODEL_6, _numbers(0.356), _numbers(0.683)),
    Model("#7", MODEL_7, _numbers(0.368), _numbers(0.691)),
)
# "If we disable the supervision of keypoints, the AP_box of model #4 drops for 1.2%": .679 less .012.
UNSUPERVISED = Model("#4, no loss", WITHOUT_LOSS, {}, _numbers(0.667))


@dataclass(frozen=True)
class Step:
    """A comparison of two rows that says what one choice does to box AP; `what` is the subject of a sentence."""

    key: str
    what: str
    before: Setting
    after: Setting


STEPS = (
    Step("parallel", "a landmark head beside the box head", Setting("reppoints"), Setting("reppoints-kp")),
    Step("guided", "landmarks that guide the box (KGDet)", Setting("reppoints-kp"), MODEL_4),
    Step("loss", "the landmark loss", WITHOUT_LOSS, MODEL_4),
    Step("module", "encoding in the place of selection", SELECTION, ENCODING),
    Step("points-25", "25 informative points in the place of 9", MODEL_0, MODEL_1),
    Step("points-49", "49 in the place of 25", MODEL_1, MODEL_2),
    Step("points-83", "83 in three columns in the place of 49", MODEL_2, MODEL_3),
    Step("stages", "a third stage", MODEL_3, MODEL_4),
    Step("backbone", "the deeper backbone", MODEL_4, MODEL_5),
    Step("flip", "fusing mirror images", MODEL_4, MODEL_6),
    Step("level", "one finer level", MODEL_6, MODEL_7),
)


def network_of(setting: Setting) -> Network | None:
    """The paper's row of Table 1; None if it has no such row."""
    return next((one for one in NETWORKS if one.setting == setting), None)


def fld_of(setting: Setting) -> Network | None:
    """The paper's row of Table 3; None if it has no such row."""
    return next((one for one in FLD if one.setting == setting), None)


def model_of(setting: Setting) -> Model | None:
    """The paper's row of Table 4, the text or Table 2; None if it has no such row."""
    return next((one for one in (*MODELS, UNSUPERVISED, *MODULES) if one.setting == setting), None)


def box_ap_of(setting: Setting) -> float | None:
    """The paper's box AP on DeepFashion2, from whichever table has it; None if none does."""
    found = network_of(setting) or model_of(setting)
    return None if found is None else found.boxes["AP"]


def backbone(setting: Setting) -> str:
    """The paper's backbone: "ResNet-50"."""
    return "ResNet-101" if setting.deep else "ResNet-50"
