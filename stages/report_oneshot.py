"""report_oneshot@deepmark: paper 001's tables beside ours, Figure 1, both systems side by side; a page of its own."""

from pathlib import Path

from hemline.params import load_params
from hemline.provenance import provenance
from hemline.reporting import ReportInputs
from hemline.reporting.oneshot import OneShotInputs, write_oneshot_report
from stages.stage import main, recorded

OUT = Path("reports/deepmark")


def report_oneshot() -> None:
    """Write reports/deepmark/: index.html, tables.md, the tables as JSON, pictures."""
    params = load_params()
    with recorded("report_oneshot@deepmark", {"report": params.report.model_dump()}) as run:
        shared = ReportInputs(
            params=params,
            pictures=params.data.pictures("validation"),
            provenance=provenance().to_dict(),
        )
        write_oneshot_report(OneShotInputs(shared), OUT)
        run.artifact(OUT)
    print(f"\n{(OUT / 'tables.md').read_text(encoding='utf-8')}\nThe page: {OUT / 'index.html'}")


if __name__ == "__main__":
    main(report_oneshot)
