"""validate: every annotation checked; what is bad is quarantined with a reason."""

from pathlib import Path

from hemline.datasets.checks import Rules
from hemline.datasets.validation import validate as check
from hemline.params import load_params
from stages.stage import main, recorded


def validate() -> None:
    """Write data/validation.json, which `convert` obeys, and print the table."""
    folders = load_params().data.folders
    with recorded("validate", {"data": folders}) as run:
        # DVC may link its cache into the working folder, so that files rightly lie elsewhere.
        report = check({split: Path(folder) for split, folder in folders.items()}, Rules(follow_links=True))
        report.write(Path("data/validation.json"))
        print(report.table())
        run.log(report.metrics())


if __name__ == "__main__":
    main(validate)
