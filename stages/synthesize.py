"""synthesize@SPLIT: the synthetic wardrobe, in the layout of the data set that it stands for."""

from pathlib import Path

from hemline.datasets.synthetic import synthesize as draw
from hemline.params import load_params
from stages.stage import main, recorded


def synthesize(split: str) -> None:
    """Draw one split. The test split comes without annotations, as the real ones do; FLD's alone has them."""
    params = load_params()
    settings, layout = params.synthesize, params.data.layout
    one = getattr(settings, split)
    read = {
        "data": {"layout": layout},
        "synthesize": {"size": settings.size, "temper": settings.temper, split: one.model_dump()},
    }
    with recorded(f"synthesize@{split}", read, split=split) as run:
        counts = draw(
            Path("data/wardrobe") / split,
            one.images,
            one.seed,
            layout=layout,
            split=split,
            size=settings.size,
            temper=settings.temper,
            annotations=split != "test" or layout == "fld",
        )
        run.log({"images": counts.images, "garments": counts.garments})


if __name__ == "__main__":
    main(synthesize)
