"""finetune@CATEGORY-VARIANT: an expert (paper 000 sec. 2.2)."""

from pathlib import Path

from hemline.estimation import finetune_expert
from hemline.params import EstimatorSettings, load_params
from stages.stage import main, recorded, state_folder


def finetune(slug: str, variant: str) -> None:
    """Write models/experts/VARIANT/CATEGORY, starting from models/estimators/aggregated."""
    params = load_params()
    training = params.finetune.for_category(slug, variant)
    settings = EstimatorSettings(network=params.estimator.network, training=training)
    annotations = Path(f"data/coco/categories/train-{slug}.json")
    start = Path("models/estimators/aggregated")
    shown = {"finetune": settings.model_dump()}
    name = f"finetune@{slug}-{variant}"
    with recorded(name, shown, category=slug, variant=variant) as run:
        finetune_expert(
            settings,
            slug,
            annotations,
            Path(params.data.train) / "image",
            start=start,
            out=Path("models/experts") / variant / slug,
            state=state_folder(name, shown, annotations, start / "weights.pt"),
            title=f"expert {slug} {variant}",
            record=run.epoch,
            validation=_validation(params, slug) if params.finetune.select == "best" else None,
        )


def _validation(params, slug: str) -> tuple[Path, Path]:
    return Path(f"data/coco/categories/validation-{slug}.json"), Path(params.data.validation) / "image"


if __name__ == "__main__":
    main(finetune)
