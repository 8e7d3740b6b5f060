import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TAKE = "import pathlib\nfrom setup.holding import held\nwith held(pathlib.Path({folder!r})):\n    {body}"
# A set-up that is killed while the command that it started goes on for two seconds.
KILLED = (
    "import os, sys, threading; from setup import live; threading.Timer(0.5, os._exit, [9]).start(); "
    "live.run('x', [sys.executable, '-c', 'import time; time.sleep(2.5)'], pathlib.Path('{folder}', 'log'), "
    "os.environ, lambda *_: '')"
)


def start(folder: Path, body: str) -> "subprocess.Popen[str]":
    code = TAKE.format(folder=str(folder), body=body.format(folder=folder))
    return subprocess.Popen([sys.executable, "-u", "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_second_set_up_waits_for_the_first_and_says_so(tmp_path):
    first = start(tmp_path, "print('in'); import time; time.sleep(1.5)")
    assert first.stdout is not None and first.stdout.readline() == "in\n"
    began = time.monotonic()
    said, _ = start(tmp_path, "print('in')").communicate(timeout=30)
    assert said.splitlines() == [f"Another set-up is at work in {tmp_path}; waiting for it.", "in"]
    assert time.monotonic() - began > 0.5
    assert first.wait(timeout=30) == 0


def test_the_command_of_a_killed_set_up_keeps_the_next_one_waiting(tmp_path):
    killed = start(tmp_path, KILLED)
    assert killed.wait(timeout=30) == 9
    said, _ = start(tmp_path, "print('in')").communicate(timeout=30)
    assert said.splitlines() == [f"Another set-up is at work in {tmp_path}; waiting for it.", "in"]
