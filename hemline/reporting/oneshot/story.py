"""The sentences and small numbers that stand round the tables and figures of the one-shot page."""

from collections.abc import Sequence

from hemline.reporting.findings import data_caveats
from hemline.reporting.numbers import fixed, interval, whole
from hemline.reporting.oneshot import paper
from hemline.reporting.oneshot.evidence import Evidence
from hemline.reporting.oneshot.grouping import Pair, heatmaps
from hemline.reporting.oneshot.systems import Contender, System, best
from hemline.reporting.oneshot.tables import milliseconds
from hemline.reporting.pictures import SHOWN_SCORE
from hemline.reporting.story import measure


def title(evidence: Evidence) -> str:
    """The page's."""
    where = "tables and ours" if evidence.paper_wardrobe else f"experiments on {evidence.data_set}"
    return f"One-shot clothes landmarks: DeepMark's {where}"


def lead(evidence: Evidence) -> str:
    """What the page is about."""
    train, validation = evidence.train, evidence.validation
    return (
        f"Networks that find garments and their landmarks at once, as in “{paper.TITLE}” ({paper.AUTHOR}), beside"
        " detectors followed by landmark estimators, with the parameter set"
        f" “{evidence.params.params_set}” on {evidence.data}: {whole(train.garments)} garments in"
        f" {whole(train.pictures)} training pictures and {whole(validation.garments)} garments in"
        f" {whole(validation.pictures)} validation pictures. {measure(evidence)}; beside milliseconds"
        " they hold quartiles."
    )


def caveats(evidence: Evidence) -> tuple[str, ...]:
    """What a reader must know before comparing any number with the paper's."""
    if not evidence.speeds.rows or not evidence.paper_wardrobe:
        return data_caveats(evidence)
    machines = (
        f"The paper's milliseconds are of {paper.MACHINE}, ours of {evidence.speeds.machine}: compare them within a"
        " column only."
    )
    return (*data_caveats(evidence), machines)


def facts(found: Sequence[Contender]) -> tuple[tuple[str, str, str], ...]:
    """A few numbers: name, value, interval. The best row of each system, and the fastest one-shot row."""
    numbers = []
    systems: tuple[System, ...] = ("one-shot", "two-stage")
    for system in systems:
        row = best(found, system)
        if row is not None:
            numbers.append((f"landmark AP, {system}: {row.title}", fixed(row.ap.value), interval(row.ap)))
            numbers += _speed(row)
    return tuple(numbers)


def _speed(row: Contender) -> list[tuple[str, str, str]]:
    if row.speed is None:
        return []
    quartiles = f"[{milliseconds(row.speed.low)}, {milliseconds(row.speed.high)}]"
    return [("milliseconds a picture, the same row", milliseconds(row.speed.milliseconds), quartiles)]


def notes(evidence: Evidence, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """What the page lacks, and why."""
    found = []
    if not evidence.speeds.rows:
        found.append("No speeds: the stage speed has not run (metrics/speed/deepmark.json).")
    if not evidence.others:
        found.append("No two-stage rows beside: none was evaluated (evaluate.rows, metrics/evaluate).")
    absent = [paper.BACKBONE_NAMES[name] for name in paper.BACKBONE_NAMES if not _has(evidence, name)]
    if absent:
        found.append(f"No rows with the paper's {' and '.join(absent)}: params.yaml has none (oneshot.rows).")
    if not pairs:
        landmarks, groups = heatmaps(evidence)
        found.append(
            f"No rows that differ in the grouping alone: {landmarks} and {groups} heatmaps are not compared."
        )
    return tuple(found)


def _has(evidence: Evidence, backbone: str) -> bool:
    return any(
        row.setting.backbone == backbone and paper.result_of(row.setting) is not None for row in evidence.rows
    )


def whole_note(evidence: Evidence) -> str:
    """What the whole pictures show."""
    return (
        f"Pictures drawn by lot; everything found with a score of {SHOWN_SCORE} or more is shown"
        f" (row: {evidence.best.title})."
    )
