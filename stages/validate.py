"""validate: every annotation checked; what is bad is quarantined with a reason."""

from pathlib import Path

from hemline.datasets.validation import validate as check
from hemline.params import load_params
from stages.stage import main, recorded


def validate() -> None:
    """Write data/validation.json, which `convert` obeys, and print the table."""
    data = load_params().data
    with recorded("validate", {"data": data.model_dump()}) as run:
        report = check({split: Path(folder) for split, folder in data})
        report.write(Path("data/validation.json"))
        print(report.table())
        run.log(report.metrics())


if __name__ == "__main__":
    main(validate)
