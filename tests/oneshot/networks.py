"""Small networks of every type, for any wardrobe."""

from typing import Any

from hemline.params import OneShotRow, OneShotSettings, load_params, network_settings
from tests.oneshot.baselines.sizes import OWN, OWN_SMALL, SMALL, TRAINING

POINTS = {"points": 9, "point_scale": 4, "positives": 1, "grouping": "aggregated"}
DENSE = {
    **{kind: {**OWN[kind], **OWN_SMALL.get(kind, {})} for kind in OWN},
    "reppoints-kp": {**POINTS, "connection": "parallel", "landmark_weight": 1.0},
    "kgdet": {
        **POINTS, "points": [9], "informative": "encoding", "stages": 2, "flip_fusion": "none",
        "losses": {"classification": [1, 1], "box": [1, 1], "landmark": [1, 1]},
    },
}  # fmt: skip
TYPES = ("deepmark", *DENSE)
DEMO = load_params("params/demo.yaml")


def dense(kind: str, **changes: Any) -> OneShotSettings:
    """A network of paper 003, for inputs of up to 96 pixels."""
    return network_settings({**TRAINING, **SMALL, **DENSE[kind], "type": kind, **changes})


def deepmark(grouping: str = "independent", **changes: Any) -> OneShotSettings:
    """The demo's smallest DeepMark of a grouping, still smaller."""
    base = DEMO.oneshot.networks["dla" if grouping == "independent" else "dla-aggregated"]
    small = {"image_size": (64, 64), "epochs": 8, "batch_size": 4, "warmup_steps": 0, "head_width": 8}
    return base.model_copy(update={**small, **changes})


def any_type(kind: str) -> OneShotSettings:
    """A small network of a type."""
    return deepmark() if kind == "deepmark" else dense(kind)


def row(page: str = "deepmark", **changes: Any) -> OneShotRow:
    """A row of a page, run once and plainly."""
    suppression = "none" if page == "deepmark" else "nms"
    plain = {"network": "x", "suppression": suppression, "flip_test": False, "scales": (1.0,), "splits": ()}
    return OneShotRow(**{"page": page, **plain, **changes})
