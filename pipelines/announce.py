"""Say to Prefect that data have changed, which starts the pipeline (prefect.yaml: triggers).

    python -m pipelines.announce OLD_COMMIT NEW_COMMIT

For what sees a push arrive: a post-receive hook, or a CI job on main. An event is sent when a .dvc file differs.
"""

import subprocess
import sys
from pathlib import Path

from prefect.events import emit_event
from prefect.events.worker import EventsWorker

EVENT = "hemline.data.changed"


def changed_data(old: str, new: str, repository: Path = Path()) -> list[str]:
    """The .dvc files that differ between two commits."""
    command = ["git", "-C", str(repository), "diff", "-z", "--name-only", old, new, "--", "*.dvc"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]


def main() -> None:
    """Announce, and say what."""
    old, new = sys.argv[1:3]
    files = changed_data(old, new)
    if files:
        resource = {"prefect.resource.id": "hemline.data.main", "prefect.resource.name": "data"}
        emit_event(EVENT, resource=resource, payload={"commit": new, "files": files})
        EventsWorker.instance().drain()
    print(f"{len(files)} changed .dvc files{': ' + ', '.join(files) if files else ''}")


if __name__ == "__main__":
    main()
