"""report_oneshot@deepmark: paper 001's tables beside ours, Figure 1, both systems side by side; a page of its own."""

from pathlib import Path

from hemline.reporting.oneshot import OneShotInputs, write_oneshot_report
from stages.page import make_page
from stages.stage import main

OUT = Path("reports/deepmark")


def report_oneshot() -> None:
    """Write reports/deepmark/: index.html, tables.md, the tables as JSON, pictures."""
    make_page(
        "report_oneshot@deepmark", OUT, lambda shared, out: write_oneshot_report(OneShotInputs(shared), out)
    )


if __name__ == "__main__":
    main(report_oneshot)
