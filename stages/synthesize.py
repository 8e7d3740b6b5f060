"""synthesize@SPLIT: the synthetic wardrobe, in DeepFashion2's own layout."""

from pathlib import Path

from hemline.datasets.synthetic import synthesize as draw
from hemline.params import load_params
from stages.stage import main, recorded


def synthesize(split: str) -> None:
    """Draw one split; the test split comes without annotations, as DeepFashion2's does."""
    settings = load_params().synthesize
    one = getattr(settings, split)
    params = {"size": settings.size, "temper": settings.temper, split: one.model_dump()}
    with recorded(f"synthesize@{split}", {"synthesize": params}, split=split) as run:
        counts = draw(
            Path("data/wardrobe") / split,
            one.images,
            one.seed,
            size=settings.size,
            temper=settings.temper,
            annotations=split != "test",
        )
        run.log({"images": counts.images, "garments": counts.garments})


if __name__ == "__main__":
    main(synthesize)
