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

from hemline.datasets.deepfashion2 import outwear
from hemline.datasets.layouts import DEEPFASHION2, Layout
from hemline.datasets.pictures import inspect
from hemline.datasets.report import (
    NOTE_EXAMPLES,
    Finding,
    Report,
    SplitReport,
    finding,
    listing_findings,
)
from hemline.datasets.splits import Entry, Garment, Inspection, Listing, Rules, Split
from hemline.errors import HemlineError
from hemline.processes import cores
from hemline.progress import progress

# Pictures handed to a process at a time; below a few of them, starting processes costs more than it saves.
CHUNK = 32
SERIAL_BELOW = 400


@dataclass
class _Result:
    """One picture's share of the report, as it comes back from a process."""

    image: str
    counts: Counter[Any] = field(default_factory=Counter)
    quarantined: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    digest: bytes | None = None
    pairs: list[tuple[int, int]] = field(default_factory=list)


def validate(
    splits: dict[str, Path],
    rules: Rules | None = None,
    workers: int | None = None,
    layout: Layout = DEEPFASHION2,
) -> Report:
    """Check every picture and annotation of the splits' folders.

    `splits` maps a split's name to its folder (Layout.find_splits makes it). `workers` is the number of
    processes, by default one a usable core. Faults end in `Report.quarantined`; HemlineError only for a
    missing folder.
    """
    rules = rules or Rules()
    opened = [layout.open_split(name, folder) for name, folder in splits.items()]
    collected = _Collection()
    for split in opened:
        listing = split.listing()
        collected.begin(split, listing)
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
    result = _Result(entry.image)
    result.quarantined = [finding(split.name, entry.file, key, fault) for key, fault in found.problems]
    result.notes = [finding(split.name, entry.file, key, note) for key, note in found.notes]
    if found.picture:
        result.digest = found.picture.digest
    _count_picture(result, split, found)
    if found.usable:
        for garment in found.garments:
            _count_garment(result.counts, garment, split)
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
    if not split.annotated:
        counts["pictures"] = 1
    elif not found.entry.annotated:
        counts["without_annotation"] = 1
    else:
        counts["pictures"] = 1
        counts["without_garments"] = int(not found.garments and not found.problems)
        for attribute in split.picture_attributes:
            counts[attribute, found.attributes.get(attribute, "unknown")] = 1


def _count_garment(counts: Counter[Any], garment: Garment, split: Split) -> None:
    number, landmarks = garment.category_id, garment.landmarks
    counts["garments", number] += 1
    counts["without_landmarks", number] += int(not any(landmarks[2::3]))
    for visibility in landmarks[2::3]:
        counts["landmarks", number, int(visibility)] += 1
    for attribute in split.garment_attributes:
        counts[attribute, number, garment.attributes.get(attribute, "unknown")] += 1
    if outwear.asked_of(split.wardrobe):
        outwear.count(counts, garment)


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

    def begin(self, split: Split, listing: Listing) -> None:
        self.splits.append(SplitReport(split, Counter(other_files=listing.others)))
        self.quarantined += listing_findings(split, listing)

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
            self._add_pair(pair, result.image)

    def _add_digest(self, result: _Result) -> None:
        if result.digest is None:
            return
        file = f"{self.splits[-1].name}/{result.image}"
        first = self._first_by_digest.setdefault(result.digest, file)
        if first != file:
            self._doubles.setdefault(result.digest, [first]).append(file)

    def _add_pair(self, pair: tuple[int, int], image: str) -> None:
        split = self.splits[-1].name
        seen = self._pairs.setdefault(pair, {}).setdefault(split, {"garments": 0, "first": image})
        seen["garments"] += 1

    def report(self, rules: Rules) -> Report:
        leaks = self._picture_leaks()
        return Report(
            splits=self.splits,
            far_share=rules.far_share,
            quarantined=self.quarantined,
            notes=self.notes,
            leakage={"pictures": leaks, "pairs": self._pair_leaks()},
            outwear=self._outwear(),
        )

    def _outwear(self) -> dict[str, Any] | None:
        asked = [report.counts for report in self.splits if outwear.asked_of(report.split.wardrobe)]
        return outwear.finding(sum(asked, Counter())) if asked else None

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
