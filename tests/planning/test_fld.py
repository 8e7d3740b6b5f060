"""Plans of another data set's trainings: FLD's."""

from pathlib import Path

import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.estimation.garments import read_garments
from hemline.files import read_json
from hemline.params import Params, check_params, load_params, read_values, with_values
from hemline.planning import networks_of, step
from hemline.planning.samples import samples_of
from hemline.planning.trainings import trainings_of
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.wardrobes import landmarks, write_dataset

ROOT = Path(__file__).parents[2]
FLD = wardrobe("fld")
BOX = (30.0, 40.0, 80.0, 110.0)


def params(folder: Path) -> Params:
    """The demo's, of FLD's garments in `folder`."""
    changes = {
        "data.wardrobe": "fld",
        "data.train": str(folder),
        "synthesize.splits": [],
        "finetune.categories": ["upper-body", "full-body"],
    }
    return check_params(with_values(read_values(ROOT / "params/demo.yaml"), changes), "FLD")


def garments(category_ids):
    return [(n, one, BOX, landmarks(one, BOX, n, FLD)) for n, one in enumerate(category_ids, start=1)]


def test_networks_have_flds_categories_and_channels(tmp_path):
    channels = {network.name: network.channels for network in networks_of(params(tmp_path))}
    assert channels["cascade"] == channels["htc"] == 3
    assert (channels["independent"], channels["aggregated"], channels["expert"]) == (18, 8, 8)


def test_the_samples_are_those_of_the_converted_file(tmp_path):
    annotations = write_dataset(tmp_path, grouping(FLD, "aggregated"), garments([1, 1, 3]))
    found = samples_of(params(tmp_path), annotations)
    assert found.garments == {"upper-body": 2, "lower-body": 0, "full-body": 1}
    plan = {one.stage: one.samples for one in trainings_of(params(tmp_path), found)}
    assert plan["train_estimator@aggregated"] == 3
    assert plan["finetune@upper-body-plain"] == 2 and plan["finetune@full-body-hflip"] == 1


@pytest.mark.parametrize("changes", [{}, {"data.name": "DeepFashion2"}, {"synthesize.splits": ["train"]}])
def test_deepfashion2s_sizes_are_not_taken_for_flds(tmp_path, changes):
    values = with_values(params(tmp_path).model_dump(mode="json"), changes)
    with pytest.raises(HemlineError, match="whose size is not known"):
        samples_of(check_params(values, "FLD"), None)


def test_drawn_pictures_have_one_garment_each():
    found = samples_of(load_params(ROOT / "params/fld.yaml"), None)
    assert found.source.startswith("to be drawn") and sum(found.garments.values()) == found.pictures > 0
    assert list(found.garments) == [entry.slug for entry in FLD.categories]


@pytest.mark.parametrize("name", ["cascade", "aggregated"])
def test_a_network_of_flds_takes_a_step_and_predicts(tmp_path, name):
    chosen = params(tmp_path)
    (network,) = [one for one in networks_of(chosen) if one.name == name]
    trained = step._train(chosen, network, 2, tmp_path / "work")
    predicted = step._predict(chosen, network, 2, tmp_path / "work")
    assert (trained.does, predicted.does) == ("training step", "prediction")
    assert read_json(tmp_path / "work" / "model" / "settings.json")["wardrobe"] == "fld"


def test_drawn_garments_stand_in_for_flds(tmp_path):
    chosen = grouping(FLD, "aggregated")
    found = read_garments(step._draw(tmp_path, 6, (120, 160), chosen), tmp_path / "image", chosen)
    assert {garment["category_id"] for garment in found} <= {1, 2, 3}
    for garment in found:
        assert len(garment["landmarks"]) == FLD.category(garment["category_id"]).count
        assert np.isin(garment["landmarks"][:, 2], (0, 1, 2)).all()
