"""report_networks@networks: papers 002 and 004's tables beside ours, and paper 000's rows; a page of its own."""

from pathlib import Path

from hemline.params import Params, load_params
from hemline.planning import networks_of, size_of
from hemline.provenance import provenance
from hemline.reporting import ReportInputs
from hemline.reporting.cost import NetworkSize
from hemline.reporting.networks import NetworksInputs, write_networks_report
from stages.stage import main, recorded

OUT = Path("reports/networks")


def report_networks() -> None:
    """Write reports/networks/: index.html, tables.md, the tables as JSON, pictures."""
    params = load_params()
    with recorded("report_networks@networks", {"report": params.report.model_dump()}) as run:
        shared = ReportInputs(
            params=params,
            pictures=params.data.pictures("validation"),
            provenance=provenance().to_dict(),
        )
        write_networks_report(NetworksInputs(shared, sizes=sizes(params)), OUT)
        run.artifact(OUT)
    print(f"\n{(OUT / 'tables.md').read_text(encoding='utf-8')}\nThe page: {OUT / 'index.html'}")


def sizes(params: Params) -> dict[str, NetworkSize]:
    """The size of each network that a row has, by name: counting one takes seconds."""
    stages = {f"train_network@{row.network}" for row in params.networks.rows.values()}
    found = {network.name: size_of(network) for network in networks_of(params) if network.stage in stages}
    return {name: NetworkSize(size.parameters, size.prediction) for name, size in found.items()}


if __name__ == "__main__":
    main(report_networks)
