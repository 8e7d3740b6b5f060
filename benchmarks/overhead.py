"""What `hemline run` costs a stage, over plain `dvc repro`, in the same project.

    python -m benchmarks.overhead

Sixteen stages that take no time, one slot; both start from nothing and then again with nothing to do. A Prefect server
is up already, as with `make ui`. Best of three.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.server import OwnServer
from tests.pipelines.project import Project

TURNS = 3
STAGES = 16


def main() -> None:
    """Print seconds of both, and the difference a stage."""
    with tempfile.TemporaryDirectory() as name:
        os.environ |= {
            "PREFECT_HOME": f"{name}/prefect",
            "HEMLINE_LEASES": f"{name}/leases",
            "HEMLINE_SLOTS": "1",
        }
        server = OwnServer(Path(name) / "server.log")
        os.environ["PREFECT_API_URL"] = server.wait()
        ours = [both(Project(Path(name) / f"ours{turn}"), hemline) for turn in range(TURNS)]
        plain = [both(Project(Path(name) / f"plain{turn}"), dvc) for turn in range(TURNS)]
        server.stop()
    for label, place in (("from nothing", 0), ("nothing to do", 1)):
        run, repro = min(pair[place] for pair in ours), min(pair[place] for pair in plain)
        print(
            f"{label}: hemline run {run:.1f} s, dvc repro {repro:.1f} s, ratio {run / repro:.2f}, "
            f"{(run - repro) / STAGES:+.2f} s a stage"
        )


def both(project: Project, call: Callable[[Project], None]) -> tuple[float, float]:
    """Seconds of a first run and of a second one."""
    times = []
    for _ in range(2):
        started = time.monotonic()
        call(project)
        times.append(time.monotonic() - started)
    return times[0], times[1]


def hemline(project: Project) -> None:
    """The flow."""
    code, output = project.run()
    if code:
        sys.exit(output)


def dvc(project: Project) -> None:
    """Plain DVC."""
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=project.root, check=True)


if __name__ == "__main__":
    main()
