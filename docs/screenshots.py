"""The pictures in docs/images/ of Prefect's UI, made from a real run of the tests' small project.

    pip install playwright            # which is not in the project's environment; and chromium on PATH
    python -m docs.screenshots        # a minute or two

A server and a worker as `make ui` starts them, deployments as `make deploy`, a run, a run with a failed expert.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from pipelines.serve import PORT
from pipelines.server import answers
from tests.pipelines.project import ROOT, Project

IMAGES = ROOT / "docs" / "images"
SITE = f"http://127.0.0.1:{PORT}"
# MLflow opens a chat beside its pages at the first visit.
NO_ASSISTANT = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
DRAWING_SECONDS = 10  # what it shows is fetched and laid out after that, and fades in


def main() -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as name:
        project = Project(Path(name) / "project")
        os.environ |= {"PREFECT_HOME": name, "HEMLINE_LEASES": f"{name}/leases", "PYTHONPATH": str(ROOT)}
        os.environ["HEMLINE_ROOT"] = str(project.root)
        services = subprocess.Popen([sys.executable, "-m", "pipelines.serve"], cwd=project.root)
        try:
            shoot(Shot(f"{SITE}/{address}", picture) for address, picture in _pages(project).items())
        finally:
            services.send_signal(signal.SIGTERM)
            services.wait()


def _pages(project: Project) -> dict[str, str]:
    """Addresses and the pictures that they are for, after two runs."""
    answers(f"{SITE}/api", threading.Event())
    while (
        httpx.get(f"{SITE}/api/work_pools/gpu").status_code != 200
    ):  # the worker's, made after the server is up
        time.sleep(0.5)
    os.environ["PREFECT_API_URL"] = f"{SITE}/api"
    subprocess.run([sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"], cwd=ROOT, check=True)
    project.run()
    project.params["rate"]["c"] = 2
    project.write()
    project.order("c", "fail rate.c is too high")
    project.run()
    runs = httpx.post(f"{SITE}/api/flow_runs/filter", json={"sort": "START_TIME_DESC"}).json()
    failed, passed = (
        next(run["id"] for run in runs if run["state_type"] == kind) for kind in ("FAILED", "COMPLETED")
    )
    deployments = httpx.post(f"{SITE}/api/deployments/filter", json={}).json()
    (whole,) = [entry["id"] for entry in deployments if entry["name"] == "pipeline"]
    return {
        f"runs/flow-run/{passed}": "prefect-run.png",
        f"runs/flow-run/{failed}": "prefect-failed.png",
        f"deployments/deployment/{whole}": "prefect-schedule.png",
        f"deployments/deployment/{whole}/run": "prefect-form.png",
    }


@dataclass(frozen=True)
class Shot:
    """A page, the file in docs/images/ that it becomes, and how: its window, pixels, or all of the page.

    `clicks` are what is clicked before, as playwright's locators.
    """

    address: str
    picture: str
    width: int = 1400
    height: int = 1000
    seconds: float = DRAWING_SECONDS
    whole: bool = False
    clicks: tuple[str, ...] = ()


def shoot(shots: Iterable[Shot]) -> None:
    """Open each page in chromium, and keep what is seen."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("error: chromium is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for shot in shots:
            page = chromium.new_page(viewport={"width": shot.width, "height": shot.height})
            page.add_init_script(NO_ASSISTANT)
            page.goto(shot.address, wait_until="load")
            page.wait_for_timeout(1000 * shot.seconds)
            for place in shot.clicks:
                page.locator(place).first.click()
                page.wait_for_timeout(1000)
            page.screenshot(path=IMAGES / shot.picture, full_page=shot.whole)
            page.close()
            print(IMAGES / shot.picture)


if __name__ == "__main__":
    main()
