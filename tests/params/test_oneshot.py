"""The settings of one-shot networks: what of paper 003's networks and rows is refused, and how that is said."""

import pytest

from hemline.errors import HemlineError
from hemline.params import check_params, load_params, network_settings, read_values
from tests.oneshot.networks import DENSE, TYPES, any_type, dense
from tests.params.editing import put

ROW = {
    "page": "kgdet", "network": "x", "suppression": "nms", "flip_test": False, "scales": [1.0], "splits": ["validation"]
}  # fmt: skip


def demo_with(kind, **changes):
    """The demo's values with a small network `x` of a type, trained on page kgdet, and a row of it."""
    values = read_values("params/demo.yaml")
    section = values["oneshot"]
    section["networks"]["x"] = any_type(kind).model_dump(mode="json")
    page = "deepmark" if kind == "deepmark" else "kgdet"
    section["trained"]["x"] = {"page": page, "start": "hemline/training/pretrained.json"}
    section["rows"]["of-x"] = {**ROW, **changes}
    return values


@pytest.mark.parametrize("kind", DENSE)
def test_a_network_of_each_type_can_be_trained_and_run(kind):
    section = check_params(demo_with(kind), "demo").oneshot
    assert section.settings("x") == dense(kind) and section.page("x") == "kgdet"
    assert "of-x" in section.rows_of("kgdet") and "of-x" not in section.rows_of("deepmark")


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("kgdet", {"page": "deepmark"}, r"rows\.of-x: page 'deepmark' must be that of its network"),
        ("kgdet", {"network": "y"}, r"rows\.of-x needs 'y', which trained and finetuned lack"),
        ("kgdet", {"suppression": "none"}, r"rows\.of-x: suppression 'none'; with kgdet it must be nms"),
        ("fcos", {"suppression": "soft-nms"}, r"suppression 'soft-nms'; with fcos it must be nms"),
        ("deepmark", {"page": "deepmark"}, r"suppression 'nms'; with deepmark it must be none or soft-nms"),
        (
            "retinanet",
            {"scales": [0.75]},
            r"rows\.of-x: scales \[0\.75\]; with retinanet they must be \[1\.0\]",
        ),
        ("kgdet", {"scales": [1.0, 0.75]}, r"rows\.of-x: scales \[1\.0, 0\.75\]; with kgdet"),
        ("mask-rcnn", {"flip_test": True}, r"rows\.of-x: mask-rcnn has no flip test here"),
        ("reppoints-kp", {"flip_test": True}, r"rows\.of-x: reppoints-kp has no flip test here"),
    ],
)
def test_a_row_that_cannot_be_run_is_refused(kind, changes, message):
    with pytest.raises(HemlineError, match=message):
        check_params(demo_with(kind, **changes), "demo")


def test_kgdet_has_a_flip_test():
    assert check_params(demo_with("kgdet", flip_test=True), "demo").oneshot.rows["of-x"].flip_test


def test_only_deepmark_is_finetuned():
    values = demo_with("kgdet")
    values["oneshot"]["finetuned"]["x-64"] = {
        "page": "kgdet", "base": "x", "image_size": [64, 64], "epochs": 1, "lr": 0.1, "milestones": []
    }  # fmt: skip
    with pytest.raises(HemlineError, match=r"finetuned\.x-64: base 'x' must be of type deepmark"):
        check_params(values, "demo")


TWO = {"classification": [1, 1], "box": [1, 1], "landmark": [1, 1]}


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("fcos", {"levels": [3, 5]}, r"networks\.x: levels \[3, 5\] must follow one another, such as"),
        ("fcos", {"levels": [4, 3]}, r"networks\.x: levels \[4, 3\] must follow one another"),
        ("fcos", {"levels": [7, 8]}, r"networks\.x\.levels\.1 is 8"),
        ("fcos", {"levels": []}, r"networks\.x\.levels is \(\)"),
        ("mask-rcnn", {"levels": [6, 7]}, r"levels \[6, 7\] must begin at 5 or before"),
        ("kgdet", {"losses": {**TWO, "box": [1]}}, r"losses\.box \[1\.0\] must have 2 numbers, one a stage"),
        ("kgdet", {"losses": {**TWO, "visibility": [1, 1]}}, r"losses\.visibility .* must have 0 numbers"),
        ("kgdet", {"informative": "selection"}, r"losses\.visibility \[\] must have 2 numbers"),
        ("kgdet", {"stages": 3}, r"losses\.classification \[1\.0, 1\.0\] must have 3 numbers"),
        (
            "kgdet",
            {"informative": "selection", "points": [9, 25], "losses": {**TWO, "visibility": [1, 1]}},
            r"points \[9, 25\]: selection has one number, such as \[9\]",
        ),
        ("kgdet", {"points": [10]}, r"networks\.x\.points\.0 is 10"),
        ("fcos", {"warmup_steps": 1}, r"networks\.x\.warmup_steps is 1: one step can't rise"),
        ("retinanet", {"reach": 8}, r"networks\.x\.reach: unknown key"),
        ("reppoints", {"grouping": "aggregated"}, r"networks\.x\.grouping: unknown key"),
        (
            "fcos",
            {"backbone": {"type": "ResNeXt", "depth": 18, "base_channels": 8}},
            r"ResNeXt has no depth 18",
        ),
    ],
)
def test_a_bad_network_is_named_by_its_path(kind, changes, message):
    values = demo_with(kind)
    values["oneshot"]["networks"]["x"].update(changes)
    with pytest.raises(HemlineError, match=message):
        check_params(values, "demo")


def test_a_missing_key_is_named():
    values = demo_with("fcos")
    del values["oneshot"]["networks"]["x"]["reach"]
    with pytest.raises(HemlineError, match=r"demo: oneshot\.networks\.x\.reach: missing"):
        check_params(values, "demo")


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"init": "models/x/weights.pt"}, "init"), ({"backbone": "models/x/weights.pt"}, "backbone")],
)
def test_weights_to_start_from_must_be_made_before(changes, named):
    values = demo_with("fcos")
    network = values["oneshot"]["networks"]["x"]
    if "backbone" in changes:
        network["backbone"]["init"] = changes["backbone"]
    else:
        network.update(changes)
    with pytest.raises(
        HemlineError, match=rf"networks\.x\.{named}.* is 'models/x/weights\.pt': trained\.x\.start"
    ):
        check_params(values, "demo")
    values["oneshot"]["trained"]["x"]["start"] = "models/x"
    check_params(values, "demo")


def test_a_network_starts_from_a_detector_that_is_trained():
    values = demo_with("fcos")
    values["oneshot"]["trained"]["x"]["start"] = "models/detectors/yolo"
    with pytest.raises(HemlineError, match=r"oneshot\.trained\.x\.start is .*detector\.trained lacks"):
        check_params(values, "demo")


@pytest.mark.parametrize("kind", TYPES)
def test_settings_come_back_as_they_were_written(kind):
    settings = any_type(kind)
    assert network_settings(settings.model_dump(mode="json")) == settings


def test_mask_rcnn_without_masks_needs_no_weight_of_theirs(demo):
    """mmdet would ignore a garment without polygons, and train on none."""
    put(demo, "data.layout", "mmpose")
    put(demo, "detector.htc.masks", False)
    with pytest.raises(
        HemlineError, match=r"oneshot\.networks\.mask-rcnn\.mask_weight: .*mmpose has no masks"
    ):
        check_params(demo, "params.yaml")
    put(demo, "oneshot.networks.mask-rcnn.mask_weight", 0.0)
    assert check_params(demo, "params.yaml").data.layout == "mmpose"


def test_a_batch_may_be_shared_unevenly(demo):
    """Paper 001's 37 pictures on eight GPUs."""
    put(demo, "oneshot.networks.dla", {**demo["oneshot"]["networks"]["dla"], "batch_size": 37, "gpus": 8})
    network = check_params(demo, "demo").oneshot.settings("dla")
    assert network.passes == (5, 5, 5, 5, 5, 4, 4, 4)
    assert (network.pass_size, network.accumulation) == (5, 1)


@pytest.mark.parametrize("gpus, accumulation", [(1, 8), (2, 4), (4, 2), (8, 1)])
def test_an_uneven_batch_has_the_same_passes_on_any_number_of_gpus(gpus, accumulation):
    network = load_params("params/paper.yaml").oneshot.settings("dla").model_copy(update={"gpus": gpus})
    assert network.passes == (5, 5, 5, 5, 5, 4, 4, 4) and network.accumulation == accumulation


def test_a_batch_smaller_than_its_gpus_is_refused(demo):
    put(demo, "oneshot.networks.dla.gpus", 9)
    with pytest.raises(HemlineError, match=r"networks\.dla: batch_size 8 is too small for gpus 9"):
        check_params(demo, "demo")


def test_a_finetuned_network_is_its_base_but_for_what_it_says(demo):
    section = check_params(demo, "demo").oneshot
    base, changed = (section.settings(name).model_dump() for name in ("dla", "dla-64"))
    given = demo["oneshot"]["finetuned"]["dla-64"].keys() - {"page", "base", "milestones"}
    assert {key for key in base if base[key] != changed[key]} == given
