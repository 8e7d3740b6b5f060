"""What a run takes of the machine, sampled by a thread, under the names of MLflow's tab "System metrics"."""

import contextlib
import csv
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import psutil

from hemline.processes import cores

SAMPLE_SECONDS = 10.0
NVIDIA_SMI_SECONDS = 10.0
MEGABYTE = 1e6  # as MLflow counts

Log = Callable[[dict[str, float], int], None]


class SystemMetrics:
    """Every ten seconds, and once at the end, logs CPU and memory of this process with its children, and its GPUs.

    The step is the run's seconds; `earlier` are those of the executions before this one. CPU is in percent of the
    cores that the process may use.
    """

    def __init__(self, log: Log, earlier: float = 0.0) -> None:
        self._log, self._earlier = log, earlier
        self._started = self._seen = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="system-metrics")
        self._busy = 0.0
        self.peak = 0.0  # megabytes

    def seconds(self) -> float:
        """The run's time so far."""
        return self._earlier + time.monotonic() - self._started

    def start(self) -> None:
        """Begin."""
        self._busy = _busy()
        self._thread.start()

    def stop(self) -> None:
        """Take the last sample and end the thread."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
        self._sample()
        self.peak = max(self.peak, own)

    def _run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        now, busy, memory = time.monotonic(), _busy(), _memory()
        share = max(0.0, busy - self._busy) / max(now - self._seen, 1e-3) / cores()
        self._seen, self._busy, self.peak = now, busy, max(self.peak, memory)
        values = {
            "cpu_utilization_percentage": 100 * share,
            "system_memory_usage_megabytes": psutil.virtual_memory().used / MEGABYTE,
            "process_memory_megabytes": memory,
            **dict(gpus(os.environ.get("CUDA_VISIBLE_DEVICES", ""))),
        }
        named = {f"system/{name}": round(value, 1) for name, value in values.items()}
        self._log(named, round(self.seconds()))


def _tree() -> list[psutil.Process]:
    own = psutil.Process()
    return [own, *own.children(recursive=True)]


def _busy() -> float:
    """Seconds of CPU of this process and its children, those that have ended included once they are waited for."""
    total = 0.0
    for one in _tree():
        with contextlib.suppress(psutil.Error):
            total += sum(one.cpu_times()[:4])  # user, system, and both of children
    return total


def _memory() -> float:
    total = 0
    for one in _tree():
        with contextlib.suppress(psutil.Error):
            total += one.memory_info().rss
    return total / MEGABYTE


def gpus(visible: str) -> Iterator[tuple[str, float]]:
    """Utilisation and memory of the GPUs that CUDA_VISIBLE_DEVICES names, by nvidia-smi, if that is there."""
    if not visible.strip() or visible.strip() == "-1" or shutil.which("nvidia-smi") is None:
        return
    query = "--query-gpu=utilization.gpu,memory.used"
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits", "-i", visible]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=NVIDIA_SMI_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return
    for number, row in enumerate(csv.reader(done.stdout.splitlines())):
        with contextlib.suppress(ValueError, IndexError):  # "[N/A]" for what a GPU does not tell
            yield f"gpu_{number}_utilization_percentage", float(row[0])
            yield f"gpu_{number}_memory_usage_megabytes", float(row[1]) * 2**20 / MEGABYTE
