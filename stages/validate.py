"""validate: every annotation checked; what is bad is quarantined with a reason."""

from pathlib import Path

from hemline.datasets.layouts import Layout
from hemline.datasets.splits import Rules
from hemline.datasets.validation import validate as check
from hemline.params import load_params
from stages.stage import main, recorded


def validate() -> None:
    """Write data/validation.json, which `convert` obeys, and print the table."""
    params = load_params()
    data, folders = params.data, {split: Path(folder) for split, folder in params.data.folders.items()}
    with recorded("validate", {"data": data.folders | {"layout": data.layout}}) as run:
        # DVC may link its cache into the working folder, so that files rightly lie elsewhere.
        rules, layout = Rules(follow_links=True), Layout(data.layout, params.wardrobe, data.images)
        report = check(folders, rules, layout=layout)
        report.write(Path("data/validation.json"))
        print(report.table())
        run.log(report.metrics())


if __name__ == "__main__":
    main(validate)
