"""Training in several processes, one a GPU, by torchrun (torch.distributed.run)."""

import atexit
import os
import sys
from datetime import timedelta

import torch
from torch import distributed

from hemline.errors import HemlineError
from hemline.processes import launched

# Others wait while the first process judges an epoch on the validation pictures, which takes minutes at the paper's
# scale.
PATIENCE = timedelta(hours=2)


def launch(gpus: int) -> None:
    """Go on in `gpus` processes: this module (`python -m ...`) is run again by torchrun, in this process's place.

    Returns in each of them, and at once with one. On several machines, `HEMLINE_NODES` of them, the command is given on
    each, with `HEMLINE_RENDEZVOUS` (host:port of one of them).
    """
    if gpus == 1 or launched():
        return
    given = os.environ.get("HEMLINE_NODES", "1")
    if not given.isdigit() or not int(given) or gpus % int(given):
        raise HemlineError(
            f"HEMLINE_NODES is {given!r}: it must be the number of machines, among which gpus ({gpus}) are shared out"
        )
    nodes = int(given)
    module = sys.modules["__main__"].__spec__
    if module is None:
        raise HemlineError(
            f"gpus is {gpus}: only a stage (python -m stages.NAME) can be run in several processes"
        )
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        f"--nproc-per-node={gpus // nodes}",
        *_meet(nodes),
    ]
    sys.stdout.flush()
    os.execv(sys.executable, [*torchrun, "-m", module.name, *sys.argv[1:]])


def _meet(nodes: int) -> list[str]:
    """torchrun's words for where the processes find each other."""
    if nodes == 1:
        return ["--standalone"]
    place = os.environ.get("HEMLINE_RENDEZVOUS")
    if not place:
        raise HemlineError(
            f"HEMLINE_NODES is {nodes}: set HEMLINE_RENDEZVOUS to host:port of one of the machines"
        )
    return [f"--nnodes={nodes}", "--rdzv-backend=c10d", f"--rdzv-endpoint={place}", "--rdzv-id=hemline"]


def join() -> None:
    """Meet the other processes. Without GPUs they speak gloo; mmengine would reach for a GPU."""
    if not launched() or distributed.is_initialized():
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    atexit.register(distributed.destroy_process_group)
