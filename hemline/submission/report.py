"""What a check of a submission found."""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """Something wrong (a violation) or worth a look (a warning).

    `record` is the number of the record, or of the file's line, from 1; None is the file itself.
    """

    record: int | None
    key: str
    problem: str
    unit: Literal["record", "line"] = "record"

    def __str__(self) -> str:
        place = "file" if self.record is None else f"{self.unit} {self.record}"
        return f"{place}: {self.key}: {self.problem}"


@dataclass
class Report:
    """What every format's check finds; each adds its own. The file is fine if there is no violation.

    `records` are the garments, `images` their pictures and `images_listed` those of the split, `points` the landmarks.
    """

    file: str
    size: int = 0
    records: int = 0
    images: int = 0
    images_listed: int | None = None
    points: int = 0
    per_category: dict[str, int] = field(default_factory=dict)
    violations: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object; `ok` sums it up."""
        plain = {key: value for key, value in vars(self).items() if key not in ("violations", "warnings")}
        findings = {key: [vars(entry) for entry in getattr(self, key)] for key in ("violations", "warnings")}
        return {"ok": not self.violations} | plain | findings

    def facts(self) -> dict[str, str]:
        """What a person is shown, by name."""
        listed = "" if self.images_listed is None else f" of {self.images_listed}"
        return {
            "garments": str(self.records),
            "images": f"{self.images}{listed}",
            "landmarks": str(self.points),
        }
