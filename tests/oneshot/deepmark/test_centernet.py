"""CenterNet's published weights, by their own keys and shapes: fetched by name, renamed, and what fits is taken."""

import warnings
from contextlib import ExitStack

import pytest
import torch
from torch import nn

from hemline.errors import HemlineError
from hemline.oneshot.deepmark.centernet import rename
from hemline.oneshot.network import bare_oneshot
from hemline.params import load_params
from hemline.training import Source, load_weights
from hemline.training.initial import initial_weights
from hemline.training.pretrained import catalogue, fetch
from hemline.training.weights import compare
from tests.oneshot.deepmark.published import dla_34, hourglass_104
from tests.training.files import serving

PAPER = load_params("params/paper.yaml")


def weightless(name):
    with torch.device("meta"):
        return bare_oneshot(PAPER.oneshot.networks[name], PAPER.wardrobe)


def published(shapes, prefix=""):
    """A checkpoint as CenterNet saves it, each tensor one stored number seen as many."""
    state = {f"{prefix}{key}": torch.full((), 0.25).expand(shape) for key, shape in shapes.items()}
    return {"epoch": 230, "state_dict": state}


def write(path, shapes, prefix="", zipped=False):
    torch.save(published(shapes, prefix), path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("base.level3.tree1.tree2.conv1.weight", "backbone.trunk.level3.tree1.tree2.conv1.weight"),
        ("dla_up.ida_1.proj_2.conv.weight", "backbone.joins.1.projections.1.0.weight"),
        (
            "dla_up.ida_2.node_3.conv.conv_offset_mask.bias",
            "backbone.joins.2.nodes.2.0.conv_offset.bias",
        ),
        ("ida_up.proj_1.actf.0.running_var", "backbone.last.projections.0.1.running_var"),
        ("ida_up.up_2.weight", "backbone.last.ups.1.weight"),
        ("hm.2.bias", "bbox_head.branches.centre.0.2.bias"),
        ("hm_hp.0.weight", "bbox_head.branches.heatmap.0.0.weight"),
        ("pre.0.bn.weight", "backbone.stem.0.bn.weight"),
        ("pre.1.skip.1.bias", "backbone.stem.1.0.downsample.1.bias"),
        ("kps.1.low2.low1.0.skip.0.weight", "backbone.hourglass_modules.1.low2.low1.0.downsample.0.weight"),
        ("inters.0.conv2.weight", "backbone.inters.0.conv2.weight"),
        ("inters_.0.1.bias", "backbone.conv1x1s.0.bn.bias"),
        ("cnvs_.0.0.weight", "backbone.remap_convs.0.conv.weight"),
        ("cnvs.1.conv.weight", "backbone.out_convs.1.conv.weight"),
        ("hps.1.0.conv.bias", "bbox_head.branches.coarse.1.0.bias"),
        ("hp_offset.0.1.weight", "bbox_head.branches.landmark_offset.0.2.weight"),
    ],
)
def test_names(theirs, ours):
    assert rename(theirs) == rename(f"module.{theirs}") == ours


@pytest.mark.parametrize("name", ["dla", "hourglass"])
def test_our_own_names_stay(name):
    assert all(rename(key) == key for key in weightless(name).state_dict())


CLASSES = {"weight": ((80, 256, 1, 1), (13, 256, 1, 1)), "bias": ((80,), (13,))}
LANDMARKS = ("coarse", "heatmap", "landmark_offset")
# what nothing goes through in CenterNet's trunk: ImageNet's classifier and two projections
IDLE = ("backbone.trunk.fc.", "backbone.trunk.level3.project.", "backbone.trunk.level4.project.")


@pytest.mark.parametrize(
    ("name", "shapes", "stacks", "skipped"), [("dla", dla_34, 1, 14), ("hourglass", hourglass_104, 2, 0)]
)
def test_what_is_taken_of_cocos_80_classes(name, shapes, stacks, skipped):
    """All but the landmarks' heads, of which COCO's detector has none, and the last layer of the categories' one."""
    given = {rename(key): torch.empty(shape, device="meta") for key, shape in shapes().items()}
    wanted = weightless(name).state_dict()
    report = compare(wanted, given)
    assert report.reshaped == {
        f"bbox_head.branches.centre.{stack}.2.{part}": CLASSES[part]
        for stack in range(stacks)
        for part in CLASSES
    }
    assert report.missing == tuple(
        key for key in wanted if key.startswith("bbox_head.") and key.split(".")[2] in LANDMARKS
    )
    assert len(report.skipped) == skipped and all(key.startswith(IDLE) for key in report.skipped)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """`mirror(content)` serves it as every published file."""
    monkeypatch.setenv("HEMLINE_WEIGHTS", str(tmp_path / "cache"))
    with ExitStack() as running:
        yield lambda content: monkeypatch.setenv(
            "HEMLINE_WEIGHTS_URL", running.enter_context(serving(content)).url
        )


def small():
    """The head of sizes alone."""
    branch = nn.Sequential(nn.Conv2d(64, 256, 3), nn.ReLU(), nn.Conv2d(256, 2, 1))
    branches = nn.ModuleDict({"size": nn.ModuleList([branch])})
    model = nn.Module()
    model.bbox_head = nn.Module()
    model.bbox_head.branches = branches
    return model


@pytest.mark.parametrize("zipped", [False, True])
def test_a_training_starts_from_them_by_name(tmp_path, mirror, capsys, zipped):
    """Files of PyTorch 0.4 too, and of several GPUs."""
    path = write(tmp_path / "ctdet.pth", dla_34(), prefix="module.", zipped=zipped)
    mirror(path.read_bytes())
    source = Source("centernet-dla34-coco", rename=rename)
    start = initial_weights(small, [source], seed=0, state=tmp_path, out=tmp_path / "out")
    assert all((value == 0.25).all() for value in torch.load(start).values())
    assert (tmp_path / "cache" / "ctdet_coco_dla_2x.pth").is_file()
    said = capsys.readouterr().err
    assert "0 bits of it are published" in said and "4 of the model's 4 keys taken" in said


def test_a_file_is_read_and_compared_whole(tmp_path):
    path = write(tmp_path / "ctdet.pth", dla_34())
    model = weightless("dla")
    with warnings.catch_warnings(action="ignore"):  # nothing can be put into weights without memory
        report = load_weights(model, path, strict=False, rename=rename)
    assert len(report.taken) == 384


PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"


def test_a_page_that_comes_instead_of_weights_is_refused(tmp_path, mirror):
    mirror(PAGE)
    with pytest.raises(HemlineError, match=r"centernet-dla34-coco: .* gave no weights, .*<!DOCTYPE html>"):
        fetch("centernet-dla34-coco")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_google_drive_is_asked_for_the_file_itself(monkeypatch):
    monkeypatch.delenv("HEMLINE_WEIGHTS_URL", raising=False)
    for name in ("centernet-dla34-coco", "centernet-hourglass-coco"):
        entry = catalogue()[name]
        assert entry.url.startswith("https://drive.usercontent.google.com/download?id=")
        assert entry.address == entry.url and entry.url.endswith("&export=download&confirm=t")
        assert entry.path.name.startswith("ctdet_coco_") and entry.bits == 0
