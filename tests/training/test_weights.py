"""Published checkpoints, by their own keys and shapes: read without executing anything; what fits is taken."""

import copy
import os
import pickle
import warnings
from importlib import import_module

import numpy as np
import pytest
import torch
import torchvision
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.registry import DefaultScope

from hemline.detection.network import detector_config, import_mmdet
from hemline.errors import HemlineError
from hemline.estimation import build_estimator
from hemline.files import read_json
from hemline.params import FashionNetSettings, load_params
from hemline.training import Source, initial_weights, load_weights, quiet
from hemline.training.checkpoints import INERT, read_state

PAPER = load_params("params/paper.yaml")
HRNET = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w48_8xb32-210e_coco-384x288.py"
FASHIONNET = FashionNetSettings(
    type="fashionnet", base_channels=64, hidden=4096, dropout=0.5, visibility_weight=1.0,
    input_size=(224, 224), box_padding=1.0,
)  # fmt: skip
# What mmengine's checkpoints hold beside weights: COCO's description, the losses' history.
META = {
    "meta": {
        "epoch": 210,
        "cfg": "model = dict()",
        "dataset_meta": {"sigmas": np.full(17, 0.05, np.float32), "first": np.float64(1.5)},
    },
    "message_hub": {"log_scalars": {"train/loss": HistoryBuffer([0.5], [1])}},
}


def weightless(config, scope):
    """The model of a config, without memory for its weights."""
    with torch.device("meta"), DefaultScope.overwrite_default_scope(scope):
        return import_module(f"{scope}.registry").MODELS.build(config.model)


def published(name):
    """Keys and shapes of a published file's model, each tensor one stored number seen as many."""
    config = Config.fromstring(f"_base_ = [{name!r}]", ".py")
    config.model.backbone.init_cfg = None
    model = weightless(config, name.partition("::")[0])
    return {key: torch.full((), 0.25).expand(value.shape) for key, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def people():
    """The state_dict of mmpose's HRNet-w48 for COCO's 17 keypoints."""
    quiet()
    import_module("mmpose.models")
    return published(HRNET)


@pytest.fixture(scope="module")
def model():
    """The paper's estimator, 81 heatmaps."""
    return build_estimator(PAPER.estimator.network, 81)


HEAD = {"head.final_layer.weight": ((17, 48, 1, 1), (81, 48, 1, 1)), "head.final_layer.bias": ((17,), (81,))}


def check(report, model, before):
    assert report.reshaped == HEAD and not report.skipped and not report.missing
    state = model.state_dict()
    assert set(report.taken) == set(state) - set(HEAD)
    assert all((state[key] == 0.25).all() for key in report.taken if state[key].is_floating_point())
    assert all(torch.equal(state[key], before[key]) for key in HEAD)


@pytest.mark.parametrize("zipped", [True, False])
def test_hrnet_of_people_fits_but_for_its_heatmaps(tmp_path, people, model, zipped):
    path = tmp_path / "people.pth"
    torch.save({**META, "state_dict": people}, path, _use_new_zipfile_serialization=zipped)
    before = {key: model.state_dict()[key].clone() for key in HEAD}
    report = load_weights(model, path, strict=False)
    check(report, model, before)
    assert report.text().splitlines() == [
        "1752 of the model's 1754 keys taken",
        "  2 of another shape, left as they were: head.final_layer.weight (17, 48, 1, 1) -> (81, 48, 1, 1), "
        "head.final_layer.bias (17,) -> (81,)",
    ]


def test_older_names_are_understood(tmp_path, people, model):
    """mmpose 0.x: `keypoint_head`; the HRNet authors' own file: no `backbone`."""
    older = {key.replace("head.", "keypoint_head.", 1): value for key, value in people.items()}
    authors = {key.removeprefix("backbone.").removeprefix("head."): value for key, value in people.items()}
    for state in (older, authors):
        assert len(set(state) & set(people)) < len(people)
        torch.save(state, tmp_path / "old.pth")
        before = {key: model.state_dict()[key].clone() for key in HEAD}
        check(load_weights(model, tmp_path / "old.pth", strict=False), model, before)


@pytest.mark.parametrize(
    ("kind", "file", "heads"),
    [
        ("htc", "htc/htc_x101-64x4d_fpn_16xb1-20e_coco.py", ["bbox_head", "mask_head"]),
        ("cascade", "cascade_rcnn/cascade-rcnn_x101_64x4d_fpn_20e_coco.py", ["bbox_head"]),
    ],
)
def test_a_detector_of_80_classes_fits_but_for_its_class_layers(tmp_path, kind, file, heads):
    import_mmdet()
    state = published(f"mmdet::{file}")
    path = tmp_path / "coco.pth"
    torch.save(
        {"meta": {"CLASSES": ("person",)}, "state_dict": state}, path, _use_new_zipfile_serialization=False
    )
    model = weightless(
        detector_config(getattr(PAPER.detector, kind), len(PAPER.wardrobe.categories)), "mmdet"
    )
    with warnings.catch_warnings(action="ignore"):  # nothing can be put into weights without memory
        report = load_weights(model, path, strict=False)
    layers = {"bbox_head": ("fc_cls", 81, 14), "mask_head": ("conv_logits", 80, 13)}
    expected = {
        f"roi_head.{head}.{stage}.{layers[head][0]}.{name}": layers[head][1:]
        for head in heads
        for stage in range(3)
        for name in ("weight", "bias")
    }
    assert {key: (given[0], own[0]) for key, (given, own) in report.reshaped.items()} == expected
    assert not report.missing
    assert all(key.startswith("roi_head.semantic_head.") for key in report.skipped)
    assert bool(report.skipped) == (kind == "htc")
    assert set(report.taken) == set(model.state_dict()) - set(expected)
    assert "roi_head.bbox_head.*.fc_cls.weight (81, 1024) -> (14, 1024) (3 times)" in report.text()
    backbone = {
        key.removeprefix("backbone."): value for key, value in state.items() if key[:9] == "backbone."
    }
    torch.save(backbone | {"fc.weight": torch.zeros(1000, 2048)}, path)
    with warnings.catch_warnings(action="ignore"):
        report = load_weights(model, path, strict=False, part="backbone.")
    assert len(report.taken) == len(backbone) > 500 and not report.missing and not report.reshaped
    assert report.skipped == ("backbone.fc.weight",)


@pytest.mark.parametrize("size", [224, 256])
def test_torchvisions_vgg_fits_fashionnet_but_for_its_classes(tmp_path, size):
    """The convolutions at any size, what looks at the last maps of 7 x 7 at 224 alone."""
    with torch.device("meta"):
        model = build_estimator(FASHIONNET.model_copy(update={"input_size": (size, size)}), 24)
        state = torchvision.models.vgg16().state_dict()
    torch.save(
        {key: torch.full((), 0.25).expand(value.shape) for key, value in state.items()},
        tmp_path / "vgg16.pth",
    )
    with warnings.catch_warnings(action="ignore"):  # nothing can be put into weights without memory
        report = load_weights(model, tmp_path / "vgg16.pth", strict=False)
    first = {} if size == 224 else {"head.hidden.0.weight": ((4096, 7 * 7 * 512), (4096, 8 * 8 * 512))}
    assert report.reshaped == first
    assert report.skipped == ("head.hidden.6.weight", "head.hidden.6.bias")
    last = {f"head.{name}.{part}" for name in ("coordinates", "visibility") for part in ("weight", "bias")}
    assert set(report.missing) == last
    assert set(report.taken) == set(model.state_dict()) - last - set(first) and len(report.taken) == 30 - len(
        first
    )


class Trap:
    """Unpickling it would call something."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def test_what_stands_beside_the_weights_is_never_called(tmp_path, monkeypatch):
    weights = {"weight": torch.zeros(1)}
    torch.save({**META, "state_dict": weights}, tmp_path / "meta.pth")

    def called(*_):
        raise AssertionError("executed")

    before = set(torch.serialization.get_safe_globals())
    monkeypatch.setattr(HistoryBuffer, "__setstate__", called)
    monkeypatch.setattr(np._core.multiarray, "_reconstruct", called)
    assert list(read_state(tmp_path / "meta.pth")) == ["weight"]
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("call", [os.system, eval, np.load, copy.deepcopy, pickle.loads])
def test_all_other_code_is_refused(tmp_path, call, zipped):
    made = tmp_path / "executed"
    trap = Trap(call, f"touch {made}")
    torch.save(
        {"state_dict": {"weight": torch.zeros(1)}, "meta": trap},
        tmp_path / "evil.pth",
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(HemlineError, match=rf"evil\.pth: refused, .*{call.__name__}"):
        read_state(tmp_path / "evil.pth")
    assert not made.exists()


@pytest.mark.parametrize(
    "content", [b"", b"<html>404</html>", b"hello", b"PK\x03\x04 no archive", b'{"a": 1}']
)
def test_what_is_no_weights_file_is_said_to_be_none(tmp_path, content):
    """In torch's own words it could be loaded without `weights_only`: that advice is not handed on."""
    (tmp_path / "page.pth").write_bytes(content)
    with pytest.raises(HemlineError, match=r"page\.pth: not a weights file, or a damaged one") as caught:
        read_state(tmp_path / "page.pth")
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_is_cut_short_is_damaged_wherever_it_ends(tmp_path, zipped):
    torch.save({"weight": torch.ones(3)}, tmp_path / "whole.pth", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "whole.pth").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "part.pth").write_bytes(whole[:length])
        with pytest.raises(HemlineError, match=r"part\.pth: (not a weights file|refused)"):
            read_state(tmp_path / "part.pth")


def test_no_name_that_stands_in_is_of_a_module_that_matters():
    assert {name.partition(".")[0] for name in INERT} == {"builtins", "mmengine", "numpy"}
    assert [name for name in INERT if name.startswith("builtins")] == ["builtins.getattr"]


def small():
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))


def test_a_start_is_what_fits_over_seeded_random_weights(tmp_path, capsys):
    torch.save({"0.weight": torch.ones(3, 4), "1.bias": torch.ones(5)}, tmp_path / "own.pth")
    source = Source(str(tmp_path / "own.pth"))
    starts = [
        torch.load(initial_weights(small, [source], seed=seed, state=tmp_path / name, out=tmp_path / name))
        for name, seed in (("one", 1), ("again", 1), ("other", 2))
    ]
    one, again, other = starts
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert torch.equal(one["0.weight"], torch.ones(3, 4)) and not torch.equal(one["1.bias"], other["1.bias"])
    assert "own.pth: 1 of the model's 4 keys taken" in capsys.readouterr().err
    (listed,) = read_json(tmp_path / "one" / "initial.json")
    assert listed["taken"] == ["0.weight"] and listed["reshaped"] == {"1.bias": [[5], [2]]}
    assert len(listed["sha256"]) == 64
    assert initial_weights(small, [], seed=1, state=tmp_path, out=tmp_path) is None


def test_weights_of_which_nothing_fits_are_refused(tmp_path):
    torch.save({"else": torch.ones(1)}, tmp_path / "odd.pth")
    with pytest.raises(HemlineError, match=r"odd\.pth: none of its 1 keys fits"):
        initial_weights(small, [Source(str(tmp_path / "odd.pth"))], seed=0, state=tmp_path, out=tmp_path)
