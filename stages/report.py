"""report: paper 000's Tables 1, 2 and 3 beside ours, the figures and the page."""

from pathlib import Path

from hemline.reporting import write_report
from stages.page import make_page
from stages.stage import main

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
    make_page("report", OUT, write_report, WRITTEN)


if __name__ == "__main__":
    main(report)
