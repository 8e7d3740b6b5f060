"""convert: the data set's own annotations to COCO-style files, by grouping, split and category; boxes."""

from pathlib import Path

from hemline.datasets.conversion import convert_split
from hemline.datasets.layouts import Layout
from hemline.datasets.splits import Rules
from hemline.params import load_params
from stages.stage import main, recorded

OUT = Path("data/coco")


def convert() -> None:
    """Write data/coco, results/boxes/ground-truth and results/boxes/whole."""
    params = load_params()
    data = params.data
    with recorded("convert", {"data": data.folders | {"layout": data.layout}}) as run:
        for split, folder in data.folders.items():
            counts = convert_split(
                Path(folder),
                OUT,
                split,
                quarantine=Path("data/validation.json"),
                boxes=Path("results/boxes/ground-truth"),
                rules=Rules(follow_links=True),  # as in validate
                whole=Path("results/boxes/whole"),
                layout=Layout(data.layout, params.wardrobe, data.images),
            )
            run.log({split: counts})


if __name__ == "__main__":
    main(convert)
