import os
import sys
from io import StringIO

import pytest

from setup import live
from setup.lock import SetupError


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (725.2, "12 min 05 s")]
)
def test_minutes(seconds, text):
    assert live.minutes(seconds) == text


def call(code: str, log, follow=lambda new, elapsed: "") -> float:
    return live.run("trial", [sys.executable, "-u", "-c", code], log, os.environ, follow)


def test_output_goes_to_the_log_and_is_followed_once(tmp_path, capsys):
    pieces = []
    code = "import time\nprint('first')\ntime.sleep(2.5)\nprint('second')"
    taken = call(code, tmp_path / "log", lambda new, elapsed: pieces.append(new) or "")
    assert (tmp_path / "log").read_text() == "first\nsecond\n"
    assert "".join(pieces) == "first\n"
    assert taken > 2
    assert capsys.readouterr().out.splitlines() == ["trial ...", f"trial: done, {live.minutes(taken)}"]


def test_a_failure_shows_the_errors_and_the_logs_name(tmp_path):
    code = "print('harmless')\nprint('ERROR: no such package')\nprint('bye')\nraise SystemExit(3)"
    with pytest.raises(SetupError) as caught:
        call(code, tmp_path / "log")
    assert "ERROR: no such package" in str(caught.value)
    assert "harmless" not in str(caught.value)
    assert str(tmp_path / "log") in str(caught.value)


def test_side_by_side_both_run_at_once_into_one_log(tmp_path):
    """Each waits for the other's file."""
    wait = "import os, time\nopen('{}', 'w')\nwhile not os.path.exists('{}'): time.sleep(0.01)\nprint('met')"
    codes = [wait.format(tmp_path / a, tmp_path / b) for a, b in (("one", "two"), ("two", "one"))]
    commands = [[sys.executable, "-u", "-c", code] for code in codes]
    live.run_side_by_side("trial", commands, tmp_path / "log", os.environ, lambda new, elapsed: "")
    assert (tmp_path / "log").read_text() == "met\nmet\n"


@pytest.mark.parametrize("order", [1, -1])
def test_side_by_side_a_failure_ends_the_others(tmp_path, order):
    codes = ["import time\ntime.sleep(300)", "print('ERROR: no such package')\nraise SystemExit(3)"]
    commands = [[sys.executable, "-u", "-c", code] for code in codes[::order]]
    with pytest.raises(SetupError, match="no such package"):
        live.run_side_by_side("trial", commands, tmp_path / "log", os.environ, lambda new, elapsed: "")


def test_without_errors_the_end_of_the_log_is_shown(tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(f"line {i}\n\n" for i in range(50)))
    assert live.errors_in(log, most=2) == "line 48\nline 49"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminals_line_is_rewritten_and_other_outputs_get_few_lines():
    terminal, file = Terminal(), StringIO()
    for stream in (terminal, file):
        line = live.Line(stream)
        line.show("one")
        line.show("two")
        line.close("end")
    assert terminal.getvalue() == "\r\033[Kone\r\033[Ktwo\r\033[Kend\n"
    assert file.getvalue() == "end\n"
