"""package: the data set's submission files (hemline/submission), written, read back and checked."""

from pathlib import Path

from hemline.errors import HemlineError
from hemline.files import write_json
from hemline.inference.shipped import digest, shipped
from hemline.params import Params, load_params
from hemline.submission import format_of
from hemline.tracking import Recorder
from stages.stage import main, recorded

IMAGES = {"validation": Path("data/coco/validation-independent.json"), "test": Path("data/coco/test.json")}
CATEGORIES = Path("results/boxes/whole")  # of the pictures, where the data set says them
OUT = Path("submissions")
MODELS = Path("models")


def package() -> None:
    """Write a file a split and check.json to submissions/; a file that fails its check stops the run."""
    params = load_params()
    settings, submission = params.package, format_of(params.wardrobe)
    with recorded("package", {"package": settings.model_dump()}) as run:
        reports = {}
        for split, images in IMAGES.items():
            results = Path("results/landmarks") / settings.row / f"{split}.json"
            name, boxes = getattr(settings, split), CATEGORIES / f"{split}.json"
            out = OUT / submission.file(split, name)
            submission.package(results, out, params.wardrobe, name, images, boxes)
            reports[split] = submission.check(out, params.wardrobe, images, boxes)
            run.artifact(out)
        write_json(OUT / "check.json", {split: report.to_json() for split, report in reports.items()})
        for report in reports.values():
            if report.violations:
                raise HemlineError(
                    f"{report.file}: {report.violations[0]} ({len(report.violations)} violations)"
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
