"""Signals that ask a training to stop: it ends after the batch it is in, with its state saved."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from mmengine.registry import FUNCTIONS

ASKING = (signal.SIGTERM, signal.SIGINT)


class Interrupted(SystemExit):
    """The training was asked to stop, and what it needs to go on is saved. Its code is 128 + the signal's number."""


class StopSignals:
    """While it is entered, SIGTERM and Ctrl-C are noted in `asked`; a second Ctrl-C interrupts at once.

    Python takes signals in the main thread alone: entered in another one, it changes nothing.
    """

    def __init__(self) -> None:
        self.asked = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in ASKING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        if number == self.asked == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = self.asked or number
        print("asked to stop: saving the state after this batch", file=sys.stderr, flush=True)


@FUNCTIONS.register_module()
def deaf_worker(_: int) -> None:
    """Leave signals to the whole group (a terminal's, an orchestrator's) to the training that a loader's worker serves.

    A worker that died of one would take the training with it, in the middle of a batch. SIGTERM by the training itself,
    which is how torch ends a worker, ends it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for_own, args=(os.getppid(),), daemon=True).start()


def _wait_for_own(training: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != training:
        pass
    os._exit(0)
