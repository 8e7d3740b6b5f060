"""What every trained model's folder says of itself in settings.json, whatever network it holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.wardrobe import Wardrobe, wardrobe

# Folders from before there was another data set don't say it.
FIRST = "deepfashion2"


def wardrobe_of(settings: Mapping[str, Any], folder: Path) -> Wardrobe:
    """The wardrobe that the network of `folder` was trained on, of its settings.json; HemlineError: an unknown one."""
    try:
        return wardrobe(settings.get("wardrobe", FIRST))
    except HemlineError as error:
        raise HemlineError(f"{folder}/settings.json: {error}") from None
