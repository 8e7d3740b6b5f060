"""report_networks@networks: papers 002 and 004's tables beside ours, and paper 000's rows; a page of its own."""

from pathlib import Path

from hemline.reporting import ReportInputs
from hemline.reporting.networks import NetworksInputs, write_networks_report
from stages.page import make_page, network_sizes
from stages.stage import main

OUT = Path("reports/networks")


def report_networks() -> None:
    """Write reports/networks/: index.html, tables.md, the tables as JSON, pictures."""
    make_page("report_networks@networks", OUT, _write)


def _write(shared: ReportInputs, out: Path) -> None:
    stages = {f"train_network@{row.network}" for row in shared.params.networks.rows.values()}
    write_networks_report(NetworksInputs(shared, sizes=network_sizes(shared.params, stages)), out)


if __name__ == "__main__":
    main(report_networks)
