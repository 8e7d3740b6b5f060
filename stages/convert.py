"""convert: raw annotations to COCO-style files, by grouping, split and category; ground-truth boxes."""

from pathlib import Path

from hemline.datasets.checks import Rules
from hemline.datasets.conversion import convert_split
from hemline.params import load_params
from stages.stage import main, recorded

OUT = Path("data/coco")


def convert() -> None:
    """Write data/coco and results/boxes/ground-truth."""
    folders = load_params().data.folders
    with recorded("convert", {"data": folders}) as run:
        for split, folder in folders.items():
            counts = convert_split(
                Path(folder),
                OUT,
                split,
                quarantine=Path("data/validation.json"),
                boxes=Path("results/boxes/ground-truth"),
                rules=Rules(follow_links=True),  # as in validate
            )
            run.log({split: counts})


if __name__ == "__main__":
    main(convert)
