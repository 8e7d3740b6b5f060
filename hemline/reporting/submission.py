"""What became of the submission files, in a sentence each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.reporting.numbers import whole


def submission_lines(check: Path | None) -> tuple[str, ...]:
    """One sentence for each file of submissions/check.json; none when there is no such file."""
    if check is None or not check.is_file():
        return ()
    try:
        return tuple(_line(split, report) for split, report in read_json(check).items())
    except (KeyError, TypeError, AttributeError) as error:
        raise HemlineError(f"{check}: no report of checked submissions ({error!r}); package again") from None


def _line(split: str, report: Mapping[str, Any]) -> str:
    amount = f"{whole(report['records'])} garments in {whole(report['images'])} pictures"
    violations, warnings = report["violations"], report["warnings"]
    state = f"{_count(violations, 'violation')}: {_say(violations[0])}" if violations else "no violation"
    hints = f"; {_count(warnings, 'warning')}: {_say(warnings[0])}" if warnings else ""
    return f"Submission of the {split} split, {Path(report['file']).name}: {amount}, {state}{hints}."


def _count(findings: Sequence[Any], what: str) -> str:
    """ "1 warning", "2 warnings, the first"."""
    return f"1 {what}" if len(findings) == 1 else f"{len(findings)} {what}s, the first"


def _say(finding: Mapping[str, Any]) -> str:
    place = "" if finding["record"] is None else f"{finding.get('unit', 'record')} {finding['record']}, "
    return f"{place}{finding['key']}: {finding['problem']}"
