"""evaluate@ABLATION: landmark AP, visible + occluded and visible only; box AP; per category; intervals."""

from pathlib import Path

from hemline.evaluation import evaluate_ablation
from hemline.files import write_json
from hemline.params import load_params
from stages.stage import main, recorded

COCO = Path("data/coco")


def evaluate(name: str) -> None:
    """Write metrics/evaluate/NAME.json."""
    settings = load_params().evaluate
    with recorded(f"evaluate@{name}", {"evaluate": settings.model_dump()}, ablation=name) as run:
        metrics = evaluate_ablation(
            COCO / "validation-independent.json",
            COCO / "validation-visible.json",
            Path("results/landmarks") / name / "validation.json",
            Path("results/boxes") / settings.rows[name] / "validation.json",
            resamples=settings.resamples,
            seed=settings.seed,
        )
        write_json(Path("metrics/evaluate") / f"{name}.json", metrics)
        run.log(metrics)


if __name__ == "__main__":
    main(evaluate)
