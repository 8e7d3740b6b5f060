"""report_kgdet@kgdet: paper 003's tables beside ours, Figure 5, predictions; a page of its own."""

from pathlib import Path

from hemline.reporting import ReportInputs
from hemline.reporting.kgdet import KGDetInputs, write_kgdet_report
from hemline.reporting.kgdet.evidence import setting_of
from hemline.reporting.kgdet.paper import network_of
from stages.page import make_page, network_sizes
from stages.stage import main

OUT = Path("reports/kgdet")


def report_kgdet() -> None:
    """Write reports/kgdet/: index.html, tables.md, the tables as JSON, pictures."""
    make_page("report_kgdet@kgdet", OUT, _write)


def _write(shared: ReportInputs, out: Path) -> None:
    """With the sizes of Table 1's networks."""
    rows = shared.params.oneshot.rows_of("kgdet").values()
    stages = {f"train_oneshot@{row.network}" for row in rows if network_of(setting_of(shared.params, row))}
    write_kgdet_report(KGDetInputs(shared, sizes=network_sizes(shared.params, stages)), out)


if __name__ == "__main__":
    main(report_kgdet)
