"""report: paper 000's Tables 1, 2 and 3 beside ours, the figures and the page."""

from pathlib import Path

from hemline.params import load_params
from hemline.provenance import provenance
from hemline.reporting import ReportInputs, write_report
from stages.stage import main, recorded

OUT = Path("reports")
# What write_report writes, as dvc.yaml lists it: reports/deepmark is another stage's.
WRITTEN = (
    "index.html",
    "tables.md",
    "table1.json",
    "table2.json",
    "table3.json",
    "rows.json",
    "pictures",
    "plots",
)


def report() -> None:
    """Write reports/: index.html, tables.md, the tables as JSON, pictures, the figures' numbers."""
    params = load_params()
    with recorded("report", {"report": params.report.model_dump()}) as run:
        inputs = ReportInputs(
            params=params,
            pictures=params.data.pictures("validation"),
            provenance=provenance().to_dict(),
        )
        write_report(inputs, OUT)
        for name in WRITTEN:
            run.artifact(OUT / name)
    print(f"\n{(OUT / 'tables.md').read_text(encoding='utf-8')}\nThe page: {OUT / 'index.html'}")


if __name__ == "__main__":
    main(report)
