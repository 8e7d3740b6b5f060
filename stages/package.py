"""package: the challenge's submission files, written, read back and checked; other data sets' in the same format."""

from pathlib import Path

from hemline.errors import HemlineError
from hemline.files import write_json
from hemline.inference.shipped import digest, shipped
from hemline.params import Params, load_params
from hemline.submission import check
from hemline.submission import package as pack
from hemline.tracking import Recorder
from stages.stage import main, recorded

IMAGES = {"validation": Path("data/coco/validation-independent.json"), "test": Path("data/coco/test.json")}
OUT = Path("submissions")
MODELS = Path("models")


def package() -> None:
    """Write submissions/{validation,test}.zip and submissions/check.json; a file that fails its check stops the run."""
    params = load_params()
    settings = params.package
    with recorded("package", {"package": settings.model_dump()}) as run:
        reports = {}
        for split, images in IMAGES.items():
            results = Path("results/landmarks") / settings.row / f"{split}.json"
            archive = OUT / f"{split}.zip"
            pack(results, archive, params.wardrobe, getattr(settings, split))
            reports[split] = check(archive, params.wardrobe, images)
            run.artifact(archive)
        write_json(OUT / "check.json", {split: report.to_json() for split, report in reports.items()})
        for split, report in reports.items():
            if report.violations:
                raise HemlineError(
                    f"{OUT / split}.zip: {report.violations[0]} ({len(report.violations)} violations)"
                )
        _ship(run, params)


def _ship(run: Recorder, params: Params) -> None:
    """Have the model registered, where it is here: elsewhere than on one machine a row's results come without it."""
    try:
        what = shipped(params)
        key = digest(what, MODELS)
    except HemlineError as error:
        print(f"not registered in MLflow: {error}")
        return
    run.model({"settings": what.model_dump_json(), "models": str(MODELS), "digest": key})


if __name__ == "__main__":
    main(package)
