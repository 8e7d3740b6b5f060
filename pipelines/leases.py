"""Devices are leased, not counted: a stage holds a certain GPU or several, a share of one, or a certain CPU slot.

A lease is a lock on a file in a folder that all of the user's processes on the machine share. The kernel gives it back
however its holder ends, and a child that inherited the descriptors holds it too, until it ends as well. Files are
never removed: a second file of the same name would be a second lock.
"""

import bisect
import contextlib
import fcntl
import itertools
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import quote

from hemline.errors import HemlineError
from hemline.processes import cores as available_cores

Need = Literal["gpu", "share", "cpu"]  # whole GPUs, a part of one, no GPU

POLL_SECONDS = 0.2
MOST_SLOTS = 4  # not measured; chosen because the stages without a GPU are few, and memory is shared by all
NVIDIA_SMI_SECONDS = 30  # a driver that has to wake up takes several

_IDENTIFIER = re.compile(r"\d+|(GPU|MIG)-[\w/-]+")


class Cancelled(HemlineError):
    """The wait for a device was called off."""


@dataclass(frozen=True)
class Machine:
    """What there is to lease.

    `gpus` are named as CUDA_VISIBLE_DEVICES takes them, the same way in all processes (an index and a UUID would be
    two GPUs here); `slots` is how many stages run on the CPU side by side, `threads` what each of them gets; `shares`
    is how many small stages share one GPU.
    """

    gpus: tuple[str, ...]
    slots: int
    threads: int
    shares: int = 1
    cores: int = field(default_factory=available_cores)

    @property
    def side_by_side(self) -> int:
        """How many stages can run at once, if they ask for what there is."""
        return len(self.gpus) * self.shares or self.slots

    def gpu_threads(self, parts: int = 1) -> int:
        """CPU threads for one of the `parts` of a GPU: the cores divided among all GPUs, all in use."""
        return max(1, self.cores // (len(self.gpus) * parts))


def this_machine(environ: Mapping[str, str] = os.environ) -> Machine:
    """The machine that this process may use.

    GPUs: HEMLINE_GPUS, else CUDA_VISIBLE_DEVICES, else what nvidia-smi lists, else none. CPU slots: HEMLINE_SLOTS,
    else a core each, up to 4. Shares: HEMLINE_SHARES, else 1. HemlineError names a variable with a bad value.
    """
    cores = available_cores()
    slots = _count(environ, "HEMLINE_SLOTS", min(cores, MOST_SLOTS))
    shares = _count(environ, "HEMLINE_SHARES", 1)
    return Machine(_gpus(environ), slots, max(1, cores // slots), shares, cores)


def _count(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"0*[1-9]\d{0,3}", text.strip(), re.ASCII):
        raise HemlineError(f"{name} is {text!r}: give a whole number from 1, or unset it (default {default})")
    return int(text)


def _gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    if "HEMLINE_GPUS" in environ:
        return _identifiers("HEMLINE_GPUS", environ["HEMLINE_GPUS"])
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return _listed_gpus(environ)
    return () if visible.strip() == "-1" else _identifiers("CUDA_VISIBLE_DEVICES", visible)


def _identifiers(name: str, text: str) -> tuple[str, ...]:
    if not text.strip():
        return ()
    found = tuple(part.strip() for part in text.split(","))
    if len(set(found)) < len(found) or not all(map(_IDENTIFIER.fullmatch, found)):
        raise HemlineError(
            f"{name} is {text!r}: give different GPUs with commas between, each an index as 0 or an identifier "
            "as GPU-... or MIG-... (nvidia-smi -L lists them); an empty value means no GPU"
        )
    return found


def _listed_gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    program = shutil.which("nvidia-smi", path=environ.get("PATH", ""))
    if program is None:
        return ()
    command = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=NVIDIA_SMI_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    # With no GPU it may say so on stdout and succeed.
    return tuple(
        line.strip() for line in done.stdout.splitlines() if line.strip().isdigit() and not done.returncode
    )


def leases_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """HEMLINE_LEASES or else /tmp/hemline-leases-UID, made if it is missing. HemlineError if it isn't the user's."""
    folder = Path(environ.get("HEMLINE_LEASES") or f"/tmp/hemline-leases-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HemlineError(f"{folder}: can't make the leases' folder ({error}); set HEMLINE_LEASES") from None
    if folder.stat().st_uid != os.getuid():
        raise HemlineError(f"{folder} belongs to another user; set HEMLINE_LEASES to a folder of yours")
    return folder


@dataclass
class Lease:
    """A held device, or several GPUs. `label` is for people; a child that gets `fds` (`pass_fds`) holds it too."""

    label: str
    variables: Mapping[str, str]
    fds: tuple[int, ...]

    def environment(self) -> dict[str, str]:
        """What a process that uses this device, and no other, finds in its environment."""
        return dict(self.variables)

    def release(self) -> None:
        """Give it back; children that hold it too keep it. A second call does nothing."""
        fds, self.fds = self.fds, ()
        for descriptor in fds:
            os.close(descriptor)  # not LOCK_UN, which would take it from the children as well

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Leases:
    """Hands out one machine's devices. One instance a process: its waiters queue, other processes just compete.

    Whoever waits first among the other processes isn't known here, so a whole GPU can be waited for as long as other
    processes keep taking shares of it, and several as long as others keep taking single ones.
    """

    def __init__(self, machine: Machine, folder: Path | None = None) -> None:
        self.machine = machine
        self.folder = leases_folder() if folder is None else folder
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._changed = threading.Condition()
        self._tickets = itertools.count()
        self._queues: dict[str, list[tuple[float, int]]] = {"gpu": [], "cpu": []}

    def acquire(
        self,
        need: Need,
        stage: str,
        priority: float = 0.0,
        cancelled: threading.Event | None = None,
        gpus: int = 1,
    ) -> Lease:
        """Wait for a device; higher `priority` first, then who came first. `stage` is for people to read.

        `gpus` whole ones come together: a stage holds all of them or none, so that two which wait for each other's
        can't be. On a machine without GPUs its `gpus` processes share one CPU slot.

        Those that need a GPU, or part of one, wait in one queue, those that need a CPU slot in another. Only a queue's
        head looks for a device, so nobody is overtaken: not even a whole GPU's waiter by one that needs a share.
        Raises Cancelled within 0.2 seconds of `cancelled` being set.
        """
        queue = self._queue(need, stage, gpus)
        with self._changed:
            ticket = (-priority, next(self._tickets))
            bisect.insort(queue, ticket)
            try:
                while True:
                    if cancelled is not None and cancelled.is_set():
                        raise Cancelled(f"{stage}: cancelled while it waited for a {need}")
                    if queue[0] == ticket and (lease := self._take(need, stage, gpus)):
                        return lease
                    self._changed.wait(POLL_SECONDS)
            finally:
                queue.remove(ticket)
                self._changed.notify_all()

    def try_acquire(self, need: Need, stage: str, gpus: int = 1) -> Lease | None:
        """A device if one is free now and nobody in this process waits for its kind."""
        queue = self._queue(need, stage, gpus)
        with self._changed:
            return None if queue else self._take(need, stage, gpus)

    def _queue(self, need: Need, stage: str, gpus: int) -> list[tuple[float, int]]:
        if need not in get_args(Need):
            raise HemlineError(
                f"{stage} needs {need!r}: give gpu (a whole one), share (a part of one) or cpu"
            )
        if gpus > 1 and (need != "gpu" or 0 < len(self.machine.gpus) < gpus):
            raise HemlineError(
                f"{stage} needs {gpus} x {need!r}: several are whole GPUs; this machine has {len(self.machine.gpus)}"
            )
        return self._queues[self._kind(need)]

    def _kind(self, need: Need) -> str:
        return "cpu" if need == "cpu" or not self.machine.gpus else "gpu"

    def _take(self, need: Need, stage: str, gpus: int) -> Lease | None:
        if self._kind(need) == "cpu":
            found = self._slots(gpus)
        else:
            found = self._shares() if need == "share" else self._wholes(gpus)
        lease = next(found, None)
        if lease is not None:
            for descriptor in lease.fds[
                -gpus:
            ]:  # the last ones are its own; a share's first is also the others'
                _sign(descriptor, stage)
        return lease

    def _slots(self, processes: int) -> Iterator[Lease]:
        threads = max(1, self.machine.threads // processes)
        for slot in range(1, self.machine.slots + 1):
            descriptor = _lock(self.folder / f"cpu-{slot}", fcntl.LOCK_EX)
            if descriptor is not None:
                variables = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(threads)}
                yield Lease(f"cpu slot {slot}", variables, (descriptor,))

    def _wholes(self, count: int) -> Iterator[Lease]:
        """`count` GPUs at once. Short of that all are given back, so nobody waits while he holds one.

        Two processes that meet half-way both come away with nothing, and try again at moments of their own.
        """
        with contextlib.ExitStack() as held:
            found: dict[str, int] = {}
            for gpu in self.machine.gpus:
                descriptor = _lock(self._path(gpu), fcntl.LOCK_EX) if len(found) < count else None
                if descriptor is not None:
                    found[gpu] = descriptor
                    held.callback(os.close, descriptor)
            if len(found) < count:
                return
            held.pop_all()
        label = f"gpu{'s' if count > 1 else ''} {', '.join(found)}"
        yield Lease(label, self._on(",".join(found)), tuple(found.values()))

    def _shares(self) -> Iterator[Lease]:
        """Shares are filled up GPU by GPU, so that whole ones stay free.

        A share locks its GPU's file together with the other shares (LOCK_SH) and its own alone; a whole GPU locks
        the GPU's file alone. So taking a whole one is one step, with no half of it to hold, and it excludes shares
        even of a process whose HEMLINE_SHARES is another number.
        """
        shares = self.machine.shares
        for gpu, share in itertools.product(self.machine.gpus, range(1, shares + 1)):
            fds = _lock_both(self._path(gpu), self._path(gpu, share))
            if fds:
                label = f"gpu {gpu} (share {share} of {shares})" if shares > 1 else f"gpu {gpu}"
                yield Lease(label, self._on(gpu, shares), fds)

    def _path(self, gpu: str, share: int | None = None) -> Path:
        """A GPU's file, or one share's. A MIG device's identifier may hold slashes."""
        name = f"gpu-{quote(gpu, safe='')}"
        return self.folder / (name if share is None else f"{name}.share-{share}")

    def _on(self, gpus: str, parts: int = 1) -> dict[str, str]:
        """Threads are each process's, of which there is one a GPU."""
        return {"CUDA_VISIBLE_DEVICES": gpus, "OMP_NUM_THREADS": str(self.machine.gpu_threads(parts))}


def _lock(path: Path, how: int) -> int | None:
    """The descriptor that holds the file's lock, or None if another does. Not inherited unless a child is given it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock_both(shared: Path, alone: Path) -> tuple[int, int] | None:
    first = _lock(shared, fcntl.LOCK_SH)
    if first is None:
        return None
    second = _lock(alone, fcntl.LOCK_EX)
    if second is None:
        os.close(first)
        return None
    return first, second


def _sign(descriptor: int, stage: str) -> None:
    """Who holds it, for people who look. It stays after the lease; only the lock says whether one is held."""
    with contextlib.suppress(OSError):  # a full disk
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {stage}\n".encode(), 0)
