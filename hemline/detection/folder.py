"""A detector's model folder: settings.json."""

import json
from pathlib import Path

from pydantic import ValidationError

from hemline.errors import HemlineError
from hemline.files import read_json, write_json
from hemline.params import DetectorSettings
from hemline.training.folders import wardrobe_of
from hemline.wardrobe import Wardrobe


def write_settings(folder: Path, settings: DetectorSettings, wardrobe: Wardrobe) -> None:
    """Write settings.json: what `Detector.load` needs beside the weights."""
    write_json(folder / "settings.json", {"wardrobe": wardrobe.name, **settings.model_dump(mode="json")})


def read_settings(folder: Path) -> tuple[DetectorSettings, Wardrobe]:
    """Read what `write_settings` wrote. HemlineError when it is missing, or not a detector's."""
    path = folder / "settings.json"
    values = read_json(path)
    own = {key: value for key, value in values.items() if key != "wardrobe"}
    try:
        settings = DetectorSettings.model_validate_json(json.dumps(own))
    except ValidationError as error:
        key, said = ".".join(map(str, error.errors()[0]["loc"])), error.errors()[0]["msg"]
        raise HemlineError(f"{path}: not a detector's settings ({key}: {said})") from None
    return settings, wardrobe_of(values, folder)
