"""Every annotation of a data set checked, without one bad item stopping the rest.

Pictures are read and decoded by several processes; what comes back is small, so that memory grows only by a
digest for each picture and a count for each garment pair.
"""

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from hemline.datasets.checks import ATTRIBUTES, Rules, triplets
from hemline.datasets.pictures import Garment, Inspection, inspect
from hemline.datasets.raw import Entry, Listing, Split, open_split
from hemline.datasets.report import NOTE_EXAMPLES, Finding, Report, SplitReport, finding
from hemline.errors import HemlineError
from hemline.processes import cores
from hemline.progress import progress
from hemline.wardrobe import category

# Pictures handed to a process at a time; below a few of them, starting processes costs more than it saves.
CHUNK = 32
SERIAL_BELOW = 400

# Short sleeve outwear's landmarks 2 and 4: DeepFashion2's figure and its evaluation code disagree on which of
# them lies at the neck (docs/wardrobe.md). 2 belongs with 6 (code) or with 26 (figure).
_OUTWEAR = 3
_MAJORITY = 2 / 3


@dataclass
class _Result:
    """One picture's share of the report, as it comes back from a process."""

    stem: str
    counts: Counter[Any] = field(default_factory=Counter)
    quarantined: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    digest: bytes | None = None
    pairs: list[tuple[int, int]] = field(default_factory=list)


def validate(splits: dict[str, Path], rules: Rules | None = None, workers: int | None = None) -> Report:
    """Check every picture and annotation of the splits' folders.

    `splits` maps a split's name to its folder (raw.find_splits makes it). `workers` is the number of
    processes, by default one a usable core. Faults end in `Report.quarantined`; HemlineError only for a
    missing folder.
    """
    rules = rules or Rules()
    opened = [open_split(name, folder) for name, folder in splits.items()]
    collected = _Collection()
    for split in opened:
        collected.begin(split)
        listing = Listing(split)
        collected.counts["other_files"] = listing.others
        results = _results(split, listing, rules, workers or cores())
        for result in progress(results, f"validate {split.name}", total=len(listing), unit="pictures"):
            collected.add(result)
    return collected.report(rules)


def _results(split: Split, listing: Listing, rules: Rules, workers: int) -> Iterator[_Result]:
    check = partial(_check_chunk, split, rules)
    chunks = iter(partial(_next_chunk, iter(listing)), [])
    if workers == 1 or len(listing) < SERIAL_BELOW:
        return chain.from_iterable(map(check, chunks))
    return chain.from_iterable(_in_processes(check, chunks, workers))


def _next_chunk(entries: Iterator[Entry]) -> list[Entry]:
    return list(islice(entries, CHUNK))


def _in_processes(
    check: Callable[[list[Entry]], list[_Result]], chunks: Iterable[list[Entry]], workers: int
) -> Iterator[list[_Result]]:
    """Results in the chunks' order, with a bounded number of chunks under way."""
    # Processes are spawned: a fork of a process with threads, such as torch's, can hang.
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[list[_Result]]] = deque()
    with ProcessPoolExecutor(workers, context) as pool:
        try:
            for chunk in chunks:
                waiting.append(pool.submit(check, chunk))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise HemlineError("a checking process died (out of memory?): try fewer with --workers") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _check_chunk(split: Split, rules: Rules, entries: list[Entry]) -> list[_Result]:
    return [_result(split, inspect(split, entry, rules, decode=True)) for entry in entries]


def _result(split: Split, found: Inspection) -> _Result:
    entry = found.entry
    result = _Result(entry.stem)
    result.quarantined = [finding(split.name, entry, key, fault) for key, fault in found.problems]
    result.notes = [finding(split.name, entry, key, note) for key, note in found.notes]
    if found.picture:
        result.digest = found.picture.digest
    _count_picture(result, split, found)
    if found.usable:
        for garment in found.garments:
            _count_garment(result.counts, garment)
            style, pair = garment.attributes.get("style", 0), found.attributes.get("pair_id")
            if style and pair is not None:
                result.pairs.append((pair, style))
    return result


def _count_picture(result: _Result, split: Split, found: Inspection) -> None:
    counts = result.counts
    counts["quarantined_items"] = len({key for key, _ in found.problems if key is not None})
    if not found.usable:
        counts["quarantined_pictures"] = 1
        return
    assert found.picture is not None
    counts["size", *found.picture.size] = 1
    if split.annotations is None:
        counts["pictures"] = 1
    elif not found.entry.has_annotation:
        counts["without_annotation"] = 1
    else:
        counts["pictures"] = 1
        counts["without_garments"] = int(not found.garments and not found.problems)
        counts["source", found.attributes.get("source", "unknown")] = 1


def _count_garment(counts: Counter[Any], garment: Garment) -> None:
    number, landmarks = garment.item["category_id"], garment.item["landmarks"]
    counts["garments", number] += 1
    counts["without_landmarks", number] += int(not any(landmarks[2::3]))
    for visibility in landmarks[2::3]:
        counts["landmarks", number, int(visibility)] += 1
    for attribute in ATTRIBUTES:
        counts[attribute, number, garment.attributes.get(attribute, "unknown")] += 1
    if number == _OUTWEAR:
        _count_outwear(counts, landmarks)


def _count_outwear(counts: Counter[Any], landmarks: list[float]) -> None:
    """Is landmark 2 as high as landmark 6 (both at the neck) or as landmark 26 (both on the collar)?"""
    points = list(triplets(landmarks))
    (_, two, v2), (_, six, v6), (_, twenty_six, v26) = points[1], points[5], points[25]
    if not (v2 and v6 and v26):
        counts["outwear", "without the landmarks"] += 1
    elif abs(two - six) == abs(two - twenty_six):
        counts["outwear", "undecided"] += 1
    else:
        counts["outwear", "6" if abs(two - six) < abs(two - twenty_six) else "26"] += 1


class _Collection:
    """The report while it grows, picture by picture."""

    def __init__(self) -> None:
        self.splits: list[SplitReport] = []
        self.quarantined: list[Finding] = []
        self.notes: dict[tuple[str, str], tuple[int, list[Finding]]] = {}
        self._first_by_digest: dict[bytes, str] = {}
        self._doubles: dict[bytes, list[str]] = {}
        self._pairs: dict[tuple[int, int], dict[str, dict[str, Any]]] = {}

    @property
    def counts(self) -> Counter[Any]:
        """The current split's counts."""
        return self.splits[-1].counts

    def begin(self, split: Split) -> None:
        self.splits.append(SplitReport(split.name, split.annotations is not None, Counter()))

    def add(self, result: _Result) -> None:
        self.counts.update(result.counts)
        self.quarantined += result.quarantined
        for note in result.notes:
            count, examples = self.notes.get((note.split, note.reason), (0, []))
            if len(examples) < NOTE_EXAMPLES:
                examples.append(note)
            self.notes[note.split, note.reason] = (count + 1, examples)
        self._add_digest(result)
        for pair in result.pairs:
            self._add_pair(pair, result.stem)

    def _add_digest(self, result: _Result) -> None:
        if result.digest is None:
            return
        file = f"{self.splits[-1].name}/{result.stem}.jpg"
        first = self._first_by_digest.setdefault(result.digest, file)
        if first != file:
            self._doubles.setdefault(result.digest, [first]).append(file)

    def _add_pair(self, pair: tuple[int, int], stem: str) -> None:
        split = self.splits[-1].name
        seen = self._pairs.setdefault(pair, {}).setdefault(split, {"garments": 0, "first": f"{stem}.jpg"})
        seen["garments"] += 1

    def report(self, rules: Rules) -> Report:
        leaks = self._picture_leaks()
        return Report(
            splits=self.splits,
            far_share=rules.far_share,
            quarantined=self.quarantined,
            notes=self.notes,
            leakage={"pictures": leaks, "pairs": self._pair_leaks()},
            outwear=_outwear(self.splits),
        )

    def _picture_leaks(self) -> list[dict[str, Any]]:
        """Groups of equal files over several splits; what repeats inside a split is only counted."""
        groups = sorted(self._doubles.values())
        for split in self.splits:
            within = (sum(file.startswith(f"{split.name}/") for file in group) for group in groups)
            split.counts["repeated_pictures"] = sum(max(0, count - 1) for count in within)
        return [{"files": group} for group in groups if len({file.split("/")[0] for file in group}) > 1]

    def _pair_leaks(self) -> list[dict[str, Any]]:
        shared = sorted((pair, splits) for pair, splits in self._pairs.items() if len(splits) > 1)
        return [{"pair_id": pair[0], "style": pair[1], "splits": splits} for pair, splits in shared]


def _outwear(splits: list[SplitReport]) -> dict[str, Any]:
    """Which reading of short sleeve outwear's landmarks 2 and 4 the data support."""
    total: Counter[Any] = sum((split.counts for split in splits), Counter())
    near6, near26 = total["outwear", "6"], total["outwear", "26"]
    decided = near6 + near26
    result = {
        "garments": total["garments", _OUTWEAR],
        "landmark_2_nearer_6": near6,
        "landmark_2_nearer_26": near26,
        "equally_near": total["outwear", "undecided"],
    }
    return {**result, **_reading(near6, near26, decided, total["garments", _OUTWEAR])}


def _reading(near6: int, near26: int, decided: int, garments: int) -> dict[str, str | None]:
    name = category(_OUTWEAR).name
    if not garments:
        return {"reading": None, "finding": f"no {name} in this data"}
    if not decided:
        return {"reading": None, "finding": f"none of {garments} garments shows landmarks 2, 6 and 26"}
    counts = f"landmark 2 is as high as 6 in {near6} garments, as 26 in {near26}"
    if near6 >= _MAJORITY * decided:
        return {"reading": "corrected", "finding": f"{counts}: 2 and 6 are a pair, as Hemline has it"}
    if near26 >= _MAJORITY * decided:
        return {
            "reading": "figure",
            "finding": f"{counts}: 2 and 26 are a pair, as DeepFashion2's figure has it and Hemline has not",
        }
    return {"reading": None, "finding": f"{counts}: undecided"}
