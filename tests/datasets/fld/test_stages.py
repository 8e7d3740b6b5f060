"""The stages take layout, wardrobe and the folder of pictures from params.yaml."""

from types import SimpleNamespace

from hemline.files import read_json
from hemline.params import DataSettings
from hemline.wardrobe import wardrobe
from stages import convert, validate
from tests.datasets.fld.conftest import BOXES, image_name


def test_validate_and_convert_of_one_folder(fld, tmp_path, monkeypatch, capsys):
    fld.change(BOXES, 2, "1 1 1 1")
    (fld.write() / "Img").rename(fld.root / "pictures")
    folder = str(fld.root)
    data = DataSettings(
        name="FLD",
        wardrobe="fld",
        layout="fld",
        images="pictures",
        train=folder,
        validation=folder,
        test=folder,
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.stage.ensure_follower", lambda records: None)
    for stage in (validate, convert):
        monkeypatch.setattr(
            stage, "load_params", lambda: SimpleNamespace(data=data, wardrobe=wardrobe("fld"))
        )
    validate.validate()
    convert.convert()
    assert f"train/{image_name(2)}: box-without-area" in capsys.readouterr().out
    train = read_json(tmp_path / "data" / "coco" / "train-independent.json")
    assert [image["id"] for image in train["images"]] == [1, 3]
    assert all((data.pictures("train") / image["file_name"]).is_file() for image in train["images"])
    assert len(read_json(tmp_path / "results" / "boxes" / "ground-truth" / "validation.json")) == 1
