"""What a run did, as Markdown: the artifact that a run leaves in Prefect."""

import os

from hemline.errors import without_password
from hemline.files import read_json
from hemline.provenance import experiment, pipeline_key
from hemline.tracking import records_folder
from pipelines.run import Run

# The stages that measure rows, and their files in metrics/, one-shot rows' in their page's folder; those that write
# pages, and these in reports/.
METRICS = {
    "evaluate": "evaluate/{}.json",
    "evaluate_oneshot": "oneshot/*/{}.json",
    "evaluate_network": "networks/{}.json",
}
PAGES = {
    "report": "index.html",
    "report_oneshot@deepmark": "deepmark/index.html",
    "report_kgdet@kgdet": "kgdet/index.html",
    "report_networks@networks": "networks/index.html",
}


def summary(run: Run, seconds: float) -> str:
    """States, times and devices stage by stage; the rows' AP; where the rest is."""
    parts = [_head(run, seconds), _stages(run), _metrics(run), _links(run)]
    return "\n\n".join(part for part in parts if part)


def _head(run: Run, seconds: float) -> str:
    ran = sum(done.ran for done in run.done.values())
    return (
        f"{ran} stages ran, {len(run.done) - ran} were up to date, {len(run.failed)} failed, "
        f"{len(run.skipped)} skipped; {seconds / 60:.1f} min."
    )


def _stages(run: Run) -> str:
    lines = ["| stage | state | seconds | device | why |", "| --- | --- | ---: | --- | --- |"]
    lines += [_row(run, name) for name in run.plan.planned if name not in run.done or run.done[name].device]
    return "\n".join(lines) if len(lines) > 2 else ""


def _row(run: Run, name: str) -> str:
    why = "; ".join(run.plan.planned[name].why[:3]).replace("|", "\\|")
    if name in run.done:
        done = run.done[name]
        return f"| {name} | {'ran' if done.ran else 'cached'} | {done.seconds:.0f} | {done.device} | {why} |"
    state, reason = (
        ("failed", run.failed[name]) if name in run.failed else ("skipped", run.skipped.get(name, ""))
    )
    return f"| {name} | {state} | | | {reason.replace('|', chr(92) + '|')} |"


def _metrics(run: Run) -> str:
    """The evaluated rows' AP; only what this run brought up to date."""
    lines = ["| row | AP landmarks | AP box |", "| --- | ---: | ---: |"]
    for name in run.plan.planned:
        stage, _, row = name.partition("@")
        if stage in METRICS and name in run.done:
            for path in (run.root / "metrics").glob(METRICS[stage].format(row)):
                numbers = read_json(path)
                lines.append(f"| {row} | {_ap(numbers.get('AP'))} | {_ap(numbers['AP_box'])} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _ap(value: float | None) -> str:
    """A dash for the landmarks of a network that finds boxes alone, and where there are no garments (-1)."""
    return "–" if value is None or value < 0 else f"{value:.3f}"


def _links(run: Run) -> str:
    lines = [f"Logs: {run.logs}"]
    for stage, file in PAGES.items():
        page = run.root / "reports" / file
        if stage in run.done and page.is_file():
            lines.append(f"Report: [{page}]({page.as_uri()})")
    if any(done.ran for done in run.done.values()) and any((run.root / records_folder()).glob("*.jsonl")):
        lines.append(_mlflow())
    return "\n\n".join(lines)


def _mlflow() -> str:
    """The parent run's page, on the tracking server or where `make mlflow` shows the embedded store.

    MLflow may be slow or down: that is no reason to fail, or to wait for the minutes that its client waits by default.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    from hemline.tracking.projection import find_parent
    from hemline.tracking.store import tracking_uri

    try:
        found = find_parent(pipeline_key(), experiment())
    except Exception as error:
        return f"MLflow: not reached ({type(error).__name__}); `hemline track replay` brings it up to date"
    if found is None:
        return "MLflow: the run is not there yet"
    uri = without_password(tracking_uri())
    site = uri if uri.startswith("http") else "http://localhost:5000"
    return f"MLflow: [the run that its stages are under]({site}/#/experiments/{found[0]}/runs/{found[1]})"
