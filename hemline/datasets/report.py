"""The validation report: counted, written as JSON, shown as a table, and read back as a quarantine.

The same data give the same bytes: no dates, no absolute paths, everything in a fixed order.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from hemline.datasets.checks import NOTES, REASONS
from hemline.datasets.splits import Listing, Problem, Split, stem_of
from hemline.errors import HemlineError
from hemline.files import read_json, write_json
from hemline.wardrobe import Category

# Examples kept of each note and split: notes may concern every picture of a large data set.
NOTE_EXAMPLES = 10
# What the table shows of the lists; the JSON report has all.
SHOWN, LEAKS_SHOWN = 20, 5

VISIBILITIES = {2: "visible", 1: "occluded", 0: "unlabelled"}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing found. `file` is relative to the split's folder; `item` is None for the whole picture."""

    split: str
    file: str
    item: str | None
    reason: str
    detail: str

    @property
    def stem(self) -> str:
        """The picture's name in quarantines."""
        return stem_of(self.file)


@dataclass
class SplitReport:
    """One split's counts of what is usable, by keys such as ("garments", category id).

    The keys: pictures, without_annotation, without_garments, other_files, quarantined_pictures,
    quarantined_items, repeated_pictures; ("size", width, height); (attribute, value) of pictures; for each category id
    ("garments", id), ("without_landmarks", id), ("landmarks", id, visibility) and (attribute, id, value).
    """

    split: Split
    counts: Counter[Any]

    @property
    def name(self) -> str:
        """The split's name."""
        return self.split.name

    @property
    def annotated(self) -> bool:
        """Whether it has annotations."""
        return self.split.annotated

    @property
    def categories(self) -> tuple[Category, ...]:
        """The wardrobe's categories."""
        return self.split.wardrobe.categories

    def garments(self, category_id: int | None = None) -> int:
        """The usable garments, of one category or of all."""
        ids = [entry.id for entry in self.categories] if category_id is None else [category_id]
        return sum(self.counts["garments", number] for number in ids)

    def total(self, key: str) -> int:
        """The sum of a count over the categories."""
        return sum(self.counts[key, entry.id] for entry in self.categories)

    def to_json(self) -> dict[str, Any]:
        """The counts as a tree of JSON objects."""
        plain = ("pictures", "without_annotation", "without_garments", "other_files")
        return {
            "annotated": self.annotated,
            **{key: self.counts[key] for key in plain},
            "quarantined_pictures": self.counts["quarantined_pictures"],
            "quarantined_items": self.counts["quarantined_items"],
            "repeated_pictures": self.counts["repeated_pictures"],
            "garments": self.garments(),
            "garments_without_landmarks": self.total("without_landmarks"),
            **{attribute: self._values(attribute) for attribute in self.split.picture_attributes},
            "sizes": self._sizes(),
            "categories": self._categories() if self.annotated else {},
        }

    def _categories(self) -> dict[str, Any]:
        return {entry.name: self._category(entry.id) for entry in self.categories}

    def _category(self, number: int) -> dict[str, Any]:
        return {
            "garments": self.garments(number),
            "garments_without_landmarks": self.counts["without_landmarks", number],
            "landmarks": {name: self.counts["landmarks", number, v] for v, name in VISIBILITIES.items()},
            **{attribute: self._values(attribute, number) for attribute in self.split.garment_attributes},
        }

    def _values(self, *prefix: Any) -> dict[str, int]:
        length = len(prefix)
        found = {
            str(key[length]): count
            for key, count in self.counts.items()
            if isinstance(key, tuple) and len(key) == length + 1 and key[:length] == prefix
        }
        return dict(sorted(found.items()))

    def _sizes(self) -> dict[str, Any]:
        sizes = Counter(
            {key[1:]: n for key, n in self.counts.items() if isinstance(key, tuple) and key[0] == "size"}
        )
        common = sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
        return {
            "width": _spread(Counter(_sides(sizes, 0))),
            "height": _spread(Counter(_sides(sizes, 1))),
            "distinct": len(sizes),
            "most_common": {f"{width}x{height}": count for (width, height), count in common},
        }


def _sides(sizes: Counter[Any], axis: int) -> Counter[int]:
    sides: Counter[int] = Counter()
    for size, count in sizes.items():
        sides[size[axis]] += count
    return sides


def _spread(values: Counter[int]) -> dict[str, int] | None:
    """Smallest, median (the lower of two) and largest of counted values."""
    if not values:
        return None
    half, seen = (values.total() + 1) // 2, 0
    for value in sorted(values):
        seen += values[value]
        if seen >= half:
            return {"least": min(values), "median": value, "most": max(values)}
    raise AssertionError("the median lies among the values")


@dataclass
class Report:
    """What `validate` found.

    `quarantined` has one finding for each fault. `notes` maps split and note to how often it was met and some
    examples. `leakage` and `outwear` (deepfashion2/outwear.py; None for another wardrobe) are plain JSON.
    """

    splits: list[SplitReport]
    far_share: float
    quarantined: list[Finding]
    notes: dict[tuple[str, str], tuple[int, list[Finding]]]
    leakage: dict[str, list[dict[str, Any]]]
    outwear: dict[str, Any] | None

    @property
    def clean(self) -> bool:
        """Whether nothing was quarantined."""
        return not self.quarantined

    def to_json(self) -> dict[str, Any]:
        """The report for a file; `Quarantine.read` reads it back."""
        return {
            "clean": self.clean,
            "rules": {"far_share": self.far_share},
            "splits": {split.name: split.to_json() for split in self.splits},
            "reasons": {split.name: self.reasons(split.name) for split in self.splits},
            "quarantined": [asdict(finding) for finding in self.quarantined],
            "notes": [
                {"split": split, "note": note, "count": count, "examples": [asdict(one) for one in examples]}
                for (split, note), (count, examples) in sorted(self.notes.items())
            ],
            "leakage": self.leakage,
            **({"short_sleeve_outwear": self.outwear} if self.outwear else {}),
        }

    def write(self, path: Path) -> None:
        """Write the report as JSON; the same data give the same bytes."""
        write_json(path, self.to_json())

    def metrics(self) -> dict[str, dict[str, int]]:
        """The numbers worth recording, by split."""
        kept = ("pictures", "without_annotation", "quarantined_pictures", "quarantined_items")
        return {
            **{
                s.name: {"garments": s.garments(), **{key: s.counts[key] for key in kept}}
                for s in self.splits
            },
            "leakage": {kind: len(found) for kind, found in self.leakage.items()},
        }

    def reasons(self, split: str) -> dict[str, int]:
        """How often each reason was found in a split, in the order of REASONS."""
        counted = Counter(finding.reason for finding in self.quarantined if finding.split == split)
        return {reason: counted[reason] for reason in REASONS if counted[reason]}

    def quarantine(self) -> "Quarantine":
        """What `convert` is to leave out."""
        return Quarantine([split.name for split in self.splits], self.quarantined)

    def table(self) -> str:
        """The report as text for a terminal."""
        parts = [self._split_table(), self._category_table(), *self._lists()]
        return "\n\n".join(part for part in parts if part)

    def _split_table(self) -> str:
        head = [
            "split",
            "pictures",
            "garments",
            "no landmark",
            "no garment",
            "no annotation",
            "repeated",
            "quarantined",
        ]
        rows = [
            [
                split.name,
                split.counts["pictures"],
                split.garments(),
                split.total("without_landmarks"),
                split.counts["without_garments"],
                split.counts["without_annotation"],
                split.counts["repeated_pictures"],
                f"{split.counts['quarantined_pictures']} pictures, {split.counts['quarantined_items']} items",
            ]
            for split in self.splits
        ]
        return _aligned([head, *rows])

    def _category_table(self) -> str:
        splits = [split for split in self.splits if split.annotated]
        if not splits:
            return ""
        head = ["garments (landmarks visible/occluded/unlabelled)", *(split.name for split in splits)]
        rows = [
            [entry.name, *(_category_cell(split, entry.id) for split in splits)]
            for entry in splits[0].categories
        ]
        return _aligned([head, *rows])

    def _lists(self) -> list[str]:
        return [
            self._size_lines(),
            self._reason_lines(),
            self._finding_lines(),
            self._note_lines(),
            self._leak_lines(),
            f"Short sleeve outwear, landmarks 2 and 4: {self.outwear['finding']}" if self.outwear else "",
        ]

    def _size_lines(self) -> str:
        sizes = [(split.name, split.to_json()["sizes"]) for split in self.splits]
        sides = [[name, *(_range(size[side]) for side in ("width", "height"))] for name, size in sizes]
        return _aligned([["split", "width (median)", "height (median)"], *sides])

    def _reason_lines(self) -> str:
        rows = [
            [split.name, reason, count, REASONS[reason]]
            for split in self.splits
            for reason, count in self.reasons(split.name).items()
        ]
        return _aligned([["split", "reason", "times", "meaning"], *rows]) if rows else "Nothing quarantined."

    def _finding_lines(self) -> str:
        if not self.quarantined:
            return ""
        return "\n".join(["Quarantined:", *finding_lines(self.quarantined)])

    def _note_lines(self) -> str:
        rows = [[split, note, count, NOTES[note]] for (split, note), (count, _) in sorted(self.notes.items())]
        return _aligned([["split", "note", "times", "meaning"], *rows]) if rows else ""

    def _leak_lines(self) -> str:
        pictures, pairs = self.leakage["pictures"], self.leakage["pairs"]
        lines = [
            f"The same picture in several splits: {len(pictures)}; the same garment pair: {len(pairs)}.",
            *(f"  {', '.join(group['files'])}" for group in pictures[:LEAKS_SHOWN]),
            *(_pair_line(pair) for pair in pairs[:LEAKS_SHOWN]),
        ]
        return "\n".join(lines)


def finding_lines(findings: list[Finding]) -> list[str]:
    """The first findings as indented text, and how many more there are."""
    lines = [
        f"  {one.split}/{one.file}{' ' + one.item if one.item else ''}: {one.reason}: {one.detail}"
        for one in findings[:SHOWN]
    ]
    more = len(findings) - SHOWN
    return [*lines, f"  ... and {more} more"] if more > 0 else lines


def finding(split: str, file: str, key: str | None, problem: Problem) -> Finding:
    """A finding whose text can be printed, whatever bytes a file name or a key is made of."""
    item = None if key is None else _printable(key)
    return Finding(split, _printable(file), item, problem.reason, _printable(problem.detail))


def listing_findings(split: Split, listing: Listing) -> list[Finding]:
    """What is wrong with files that speak of many pictures."""
    return [finding(split.name, file, None, problem) for file, problem in listing.problems]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _range(spread: dict[str, int] | None) -> str:
    return f"{spread['least']} to {spread['most']} ({spread['median']})" if spread else "-"


def _pair_line(pair: dict[str, Any]) -> str:
    where = ", ".join(f"{name} {entry['garments']} times" for name, entry in pair["splits"].items())
    return f"  pair {pair['pair_id']} style {pair['style']}: {where}"


def _category_cell(split: SplitReport, number: int) -> str:
    marks = "/".join(str(split.counts["landmarks", number, v]) for v in VISIBILITIES)
    return f"{split.garments(number)} ({marks})"


def _aligned(rows: list[list[Any]]) -> str:
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(str(cell).ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


class Quarantine:
    """The pictures and items to leave out, by split.

    Findings name them in characters that can be printed (`finding`), so that they are looked up by these.
    """

    def __init__(self, splits: Iterable[str], findings: Iterable[Finding] = ()) -> None:
        self.splits = tuple(splits)
        self._items: dict[tuple[str, str], set[str | None]] = {}
        for finding in findings:
            self._items.setdefault((finding.split, finding.stem), set()).add(finding.item)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a report's file. HemlineError when it is no validation report."""
        report = read_json(path)
        try:
            findings = [Finding(**entry) for entry in report["quarantined"]]
            return cls(list(report["splits"]), findings)
        except (KeyError, TypeError, AttributeError):
            raise HemlineError(f"{path}: no validation report: write one with `hemline validate`") from None

    def require(self, split: str) -> None:
        """HemlineError unless the report was made of a split of this name."""
        if split not in self.splits:
            raise HemlineError(
                f"the quarantine report covers {', '.join(self.splits)}, not {split}: validate that split, or"
                " name the one it was with --split"
            )

    def picture(self, split: str, stem: str) -> bool:
        """Whether the whole picture is to be left out."""
        return None in self._items.get((split, _printable(stem)), ())

    def item(self, split: str, stem: str, key: str) -> bool:
        """Whether the item is to be left out."""
        return _printable(key) in self._items.get((split, _printable(stem)), ())
