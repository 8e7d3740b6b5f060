"""report_kgdet@kgdet: paper 003's tables beside ours, Figure 5, predictions; a page of its own."""

from pathlib import Path

from hemline.params import Params, load_params
from hemline.planning import networks_of, size_of
from hemline.provenance import provenance
from hemline.reporting import ReportInputs
from hemline.reporting.cost import NetworkSize
from hemline.reporting.kgdet import KGDetInputs, write_kgdet_report
from hemline.reporting.kgdet.evidence import setting_of
from hemline.reporting.kgdet.paper import network_of
from stages.stage import main, recorded

OUT = Path("reports/kgdet")


def report_kgdet() -> None:
    """Write reports/kgdet/: index.html, tables.md, the tables as JSON, pictures."""
    params = load_params()
    with recorded("report_kgdet@kgdet", {"report": params.report.model_dump()}) as run:
        shared = ReportInputs(
            params=params,
            pictures=params.data.pictures("validation"),
            provenance=provenance().to_dict(),
        )
        write_kgdet_report(KGDetInputs(shared, sizes=sizes(params)), OUT)
        run.artifact(OUT)
    print(f"\n{(OUT / 'tables.md').read_text(encoding='utf-8')}\nThe page: {OUT / 'index.html'}")


def sizes(params: Params) -> dict[str, NetworkSize]:
    """The size of each network of Table 1, by name: counting one takes seconds."""
    rows = params.oneshot.rows_of("kgdet").values()
    stages = {f"train_oneshot@{row.network}" for row in rows if network_of(setting_of(params, row))}
    found = {network.name: size_of(network) for network in networks_of(params) if network.stage in stages}
    return {name: NetworkSize(size.parameters, size.prediction) for name, size in found.items()}


if __name__ == "__main__":
    main(report_kgdet)
