"""ensemble: the two best rows, averaged garment by garment (paper 000 sec. 3.2)."""

from pathlib import Path

from hemline.inference.ensemble import ensemble as combine
from hemline.inference.garments import read_results, write_results
from hemline.params import load_params
from stages.stage import main, recorded

FOLDER = Path("results/landmarks")


def ensemble() -> None:
    """Write results/landmarks/ensemble/{validation,test}.json, for the splits that both members have."""
    params = load_params()
    settings = params.ensemble
    first, second = (params.ablations[member].splits for member in settings.members)
    with recorded("ensemble", {"ensemble": settings.model_dump(mode="json")}, ablation="ensemble") as run:
        for split in (split for split in first if split in second):
            results = [
                read_results(FOLDER / member / f"{split}.json", params.wardrobe)
                for member in settings.members
            ]
            combined = combine(results, params.wardrobe, settings.weights)
            count = write_results(FOLDER / "ensemble" / f"{split}.json", combined)
            run.log({f"{split}.garments": count})


if __name__ == "__main__":
    main(ensemble)
