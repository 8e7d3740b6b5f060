"""Numbers as text."""

from collections.abc import Sequence

from hemline.reporting.evidence import Estimate

MISSING = "–"
MINUS = "−"


def fixed(value: float | None, digits: int = 3) -> str:
    """ "0.612"; a dash for None."""
    # adding zero takes the sign of a negative zero away
    return MISSING if value is None else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """ "+0.028", "−0.028", "0.000"; a dash for None."""
    if value is None:
        return MISSING
    return ("+" if round(value, digits) > 0 else "") + fixed(value, digits)


def interval(estimate: Estimate, sign: bool = False, digits: int = 3) -> str:
    """ "[0.590, 0.634]"."""
    show = signed if sign else fixed
    return f"[{show(estimate.low, digits)}, {show(estimate.high, digits)}]"


def between(estimate: Estimate | None, digits: int = 3) -> str:
    """ "0.612 [0.590, 0.634]"; a dash for None."""
    if estimate is None:
        return MISSING
    return f"{fixed(estimate.value, digits)} {interval(estimate, digits=digits)}"


def change(subject: str, number: str, by: Estimate, values: str = "", digits: int = 3) -> str:
    """What a step did to a number, in words that follow from the interval, without a full stop.

    "Aggregation raised AP by 0.028 [0.010, 0.046] (0.4 to 0.428)"; `values` is the last part with a space before it.
    """
    if by.low > 0:
        return f"{subject} raised {number} by {between(by, digits)}{values}"
    if by.high < 0:
        lowered = Estimate(-by.value, -by.high, -by.low)
        return f"{subject} lowered {number} by {between(lowered, digits)}{values}"
    moved = f"{signed(by.value, digits)} {interval(by, sign=True, digits=digits)}"
    return f"{subject} changed {number} by {moved}{values}, no clear change"


def whole(value: int) -> str:
    """ "312,186"."""
    return f"{value:,}"


def joined(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
