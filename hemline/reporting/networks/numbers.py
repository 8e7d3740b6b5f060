"""Errors as text: shares as the papers print them, percent (002) or four digits (004)."""

from dataclasses import replace

from hemline.reporting.evidence import Estimate
from hemline.reporting.numbers import MISSING, fixed, interval, signed
from hemline.reporting.tables import Cell

PERCENT = 2  # digits of an error in percent: the contest's leaders were a few hundredths apart
SHARE = 4  # paper 004's


def percent(estimate: Estimate) -> Estimate:
    """A share in percent."""
    return replace(estimate, value=100 * estimate.value, low=100 * estimate.low, high=100 * estimate.high)


def percent_cell(estimate: Estimate | None, sign: bool = False) -> Cell:
    """ "5.12" with "[5.02, 5.23]"; a dash for None."""
    return _cell(None if estimate is None else percent(estimate), PERCENT, sign)


def share_cell(estimate: Estimate | None) -> Cell:
    """ "0.1226" with its interval; a dash for None."""
    return _cell(estimate, SHARE)


def precision_cell(estimate: Estimate | None) -> Cell:
    """An AP: "0.612" with its interval; a dash for None."""
    return _cell(estimate, 3)


def _cell(estimate: Estimate | None, digits: int, sign: bool = False) -> Cell:
    if estimate is None:
        return Cell(MISSING)
    show = signed if sign else fixed
    return Cell(show(estimate.value, digits), interval(estimate, sign, digits))


def rounded_percent(share: float, digits: int = 0) -> str:
    """A share of change: "−25 %"."""
    return f"{signed(100 * share, digits)} %"
