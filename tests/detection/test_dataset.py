"""What the detectors learn from: labels, pictures left out, masks, padding."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from PIL import Image

from hemline.detection.training import training_config
from hemline.errors import HemlineError


def loader_of(settings, shop):
    init_default_scope("mmdet")
    return Runner.build_dataloader(
        training_config(settings, shop.wardrobe, shop.write(), shop.folder).train_dataloader
    )


def garments_by_picture(loader):
    """Image id -> ground truth as the network gets it."""
    samples = [sample for batch in loader for one in batch for sample in one["data_samples"]]
    return {sample.img_id: sample.gt_instances for sample in samples}


def test_labels_are_ids_less_one_also_where_categories_lack_garments(small, stocked):
    found = garments_by_picture(loader_of(small("cascade"), stocked))
    assert {key: sorted(value.labels.tolist()) for key, value in found.items()} == {
        1: [0, 7],
        2: [8],
        3: [0],
        4: [7, 8],
    }


@pytest.mark.parametrize("change", [lambda entries: entries[::-1], lambda entries: entries[:-1]])
def test_categories_in_another_order_or_missing_are_refused(small, stocked, change):
    stocked.categories = change(stocked.categories)
    with pytest.raises(HemlineError, match="categories"):
        loader_of(small("cascade"), stocked)


def test_pictures_without_garments_are_left_out(small, stocked):
    stocked.add((96, 128))
    assert set(garments_by_picture(loader_of(small("cascade"), stocked))) == {1, 2, 3, 4}


@pytest.mark.parametrize("box", [(20, 10, 0, 40), (20, 10, 0.5, 40), (200, 10, 20, 40)])
def test_so_are_pictures_of_garments_without_area_in_them(small, stocked, box):
    """They have no category to be balanced by."""
    stocked.add((96, 128))
    stocked._annotate(5, 1, box)
    assert set(garments_by_picture(loader_of(small("cascade", balance=0.02), stocked))) <= {1, 2, 3, 4}


def test_no_garment_at_all_is_said(small, shop):
    shop.add((96, 128))
    with pytest.raises(HemlineError, match="no picture with a garment"):
        loader_of(small("cascade"), shop)


def test_masks_are_the_polygons_at_the_picture_s_new_size(small, shop):
    shop.add((96, 128), (4, (24, 32, 48, 64)))
    found = garments_by_picture(loader_of(small("htc", flip=0.0, image_size=(64, 64)), shop))[1]
    wanted = np.zeros((64, 48), np.uint8)
    wanted[16:48, 12:36] = 1
    np.testing.assert_array_equal(found.masks.masks[0], wanted)
    assert found.masks.masks.dtype == np.uint8


@pytest.mark.parametrize("polygons", [None, [], [[1, 2, 3, 4]]])
def test_a_garment_without_an_outline_trains_no_mask(small, stocked, polygons):
    if polygons is None:
        del stocked.garments[0]["segmentation"]
    else:
        stocked.garments[0]["segmentation"] = polygons
    assert garments_by_picture(loader_of(small("htc"), stocked))[1].labels.tolist() == [7]
    assert sorted(garments_by_picture(loader_of(small("cascade"), stocked))[1].labels.tolist()) == [0, 7]


def test_masks_are_padded_with_their_pictures(small, shop):
    from hemline.detection import build_detector

    shop.add((96, 128), (1, (20, 20, 40, 40)))
    shop.add((100, 110), (2, (20, 20, 40, 40)))
    settings = small("htc")
    batch = next(iter(loader_of(settings, shop)))[0]
    ready = build_detector(settings, 13).data_preprocessor(batch, True)
    shapes = {tuple(ready["inputs"].shape[-2:])} | {
        s.gt_instances.masks.masks.shape[1:] for s in ready["data_samples"]
    }
    assert shapes == {(128, 128)}


def test_the_turn_that_exif_asks_for_is_ignored(small, shop):
    """Annotations are of pictures as stored."""
    path = shop.add((96, 128), (1, (20, 20, 40, 40)))
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.open(path).save(path.with_suffix(".jpg"), exif=turned)
    shop.images[0]["file_name"] = path.with_suffix(".jpg").name
    batch = next(iter(loader_of(small("cascade"), shop)))[0]
    assert batch["inputs"][0].shape[-2:] == (128, 96)
