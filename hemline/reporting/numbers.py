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


def interval(estimate: Estimate, sign: bool = False) -> str:
    """ "[0.590, 0.634]"."""
    show = signed if sign else fixed
    return f"[{show(estimate.low)}, {show(estimate.high)}]"


def between(estimate: Estimate | None) -> str:
    """ "0.612 [0.590, 0.634]"; a dash for None."""
    return MISSING if estimate is None else f"{fixed(estimate.value)} {interval(estimate)}"


def whole(value: int) -> str:
    """ "312,186"."""
    return f"{value:,}"


def joined(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
