"""The paper's research questions, answered from the numbers: nothing here knows how a comparison ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hemline.reporting import paper
from hemline.reporting.differences import Difference
from hemline.reporting.evidence import Basis, Estimate, Evidence, Row, whose
from hemline.reporting.numbers import between, change, joined, signed
from hemline.wardrobe import grouping

UNANSWERED = ("Not answered: params.yaml leaves out the rows that this needs.",)
EXTREMES = 4  # categories with the fewest and the most garments that are set against each other


@dataclass(frozen=True)
class Finding:
    """A step from one row to the next: the paper's difference of AP, None of another data set's, and ours."""

    step: paper.Step
    before: Row
    after: Row
    theirs: float | None
    ours: Difference


@dataclass(frozen=True)
class Answer:
    """A research question of paper 000 sec. 3, and sentences made from the numbers."""

    question: str
    sentences: tuple[str, ...]


def compare(evidence: Evidence, difference: Callable[[Row, Row], Difference]) -> tuple[Finding, ...]:
    """Every step of the paper whose two rows were measured. One detector, or none, leaves no step between two."""
    findings = []
    for step in paper.STEPS:
        before, after = evidence.find(step.before), evidence.find(step.after)
        other = step.after is None and not evidence.has_paper_ensemble
        if before is None or after is None or before is after or other:
            continue
        step = replace(step, what=_filled(step.what, evidence))
        findings.append(Finding(step, before, after, _theirs(before, after), difference(before, after)))
    return tuple(findings)


def _filled(what: str, evidence: Evidence) -> str:
    table = evidence.wardrobe
    return what.format(
        landmarks=len(table.landmarks),
        groups=grouping(table, "aggregated").size,
        boxes=whose(evidence.main_boxes),
    )


def _theirs(before: Row, after: Row) -> float | None:
    if before.paper_ap is None or after.paper_ap is None:
        return None
    return round(after.paper_ap - before.paper_ap, 3)


def sentence(finding: Finding) -> str:
    """What the step did, in words that follow from its interval, and the paper's number beside it."""
    subject = finding.step.what[0].upper() + finding.step.what[1:]
    values = f" ({finding.before.ap.value:.3f} to {finding.after.ap.value:.3f})"
    return f"{change(subject, 'AP', finding.ours.ap, values)}{_beside(finding)}."


def _beside(finding: Finding) -> str:
    ours, theirs = finding.ours.ap, finding.theirs
    if theirs is None:
        return ""
    text = f"; in the paper {signed(theirs)}"
    if ours.low > 0 or ours.high < 0:
        return text + (", the same direction" if theirs * ours.value > 0 else ", the other direction")
    inside = ours.low <= theirs <= ours.high
    return text + (", which the interval includes" if inside else ", which the interval excludes")


def answers(evidence: Evidence, findings: Sequence[Finding]) -> tuple[Answer, ...]:
    """The three research questions of paper 000 sec. 3, answered."""
    by_key = {finding.step.key: finding for finding in findings}
    return (
        Answer("RQ1: How does the method compare with others?", _standing(evidence)),
        Answer("RQ2: Is garment detection a bottleneck?", _bottleneck(evidence, by_key)),
        Answer("RQ3: How effective are aggregation and finetuning?", _training(evidence, by_key)),
    )


def _standing(evidence: Evidence) -> tuple[str, ...]:
    row = evidence.submitted
    theirs = row.paper_ap
    text = f"The submitted row ({row.title}) reaches AP {between(row.ap)}"
    if theirs is None:
        lacking = "no such row" if evidence.paper_wardrobe else f"no numbers of {evidence.data_set}"
        return (f"{text}. The paper has {lacking}.",)
    beside = f"; the paper's has {theirs:.3f} on DeepFashion2's validation split"
    if evidence.paper_data:
        return f"{text}{beside}.", "Both are of the same garments, by their numbers in each category."
    return f"{text}{beside}.", "The data differ, so the two numbers cannot be compared."


def _bottleneck(evidence: Evidence, findings: Mapping[str, Finding]) -> tuple[str, ...]:
    known = [sentence(findings[key]) for key in ("ground-truth", "detector") if key in findings]
    if "ground-truth" in findings:
        cause = "looking at whole pictures" if evidence.main_boxes == "whole" else "detection"
        known.append(_verdict(findings["ground-truth"].ours.ap, cause))
    return tuple(known) or UNANSWERED


def _verdict(gain: Estimate, cause: str) -> str:
    if gain.low > 0:
        return f"So on this data better boxes would raise AP: {cause} holds it back."
    if gain.high < 0:
        return f"So on this data the annotated boxes do worse: {cause} is not what holds AP back."
    return f"So on this data {cause} cannot be shown to hold AP back."


def _training(evidence: Evidence, findings: Mapping[str, Finding]) -> tuple[str, ...]:
    keys = ("aggregation", "finetuning", "flip-test", "hflip", "ensemble")
    sentences = [sentence(findings[key]) for key in keys if key in findings]
    if "finetuning" in findings:
        sentences += [_by_size(evidence, findings["finetuning"]), *_unserved(evidence)]
    return tuple(sentences) or UNANSWERED


def _by_size(evidence: Evidence, finding: Finding) -> str:
    """Does finetuning help where garments are few (paper 000 sec. 3.2)?"""
    changes = {
        name: change.value
        for name, change in finding.ours.categories.items()
        if change is not None and name not in evidence.without_expert
    }
    if len(changes) < 2 * EXTREMES:
        return f"Too few categories ({len(changes)}) to set the rare ones against the frequent ones."
    few, many = _extremes(changes, evidence.train.categories)
    gained = [name for name, value in changes.items() if value > 0]
    return (
        f"Finetuning raised AP in {len(gained)} of {len(changes)} categories with an expert; on average AP changed by"
        f" {signed(few)} in the {EXTREMES} with the fewest training garments and by {signed(many)} in the {EXTREMES}"
        f" with the most{_paper_by_size() if evidence.paper_wardrobe else ''}."
    )


def _paper_by_size() -> str:
    changes = {entry.name: entry.after - entry.before for entry in paper.CATEGORIES}
    few, many = _extremes(changes, {entry.name: entry.train for entry in paper.CATEGORIES})
    return f" (in the paper {signed(few)} and {signed(many)})"


def _extremes(changes: Mapping[str, float], sizes: Mapping[str, int]) -> tuple[float, float]:
    ordered = sorted(changes, key=lambda name: (sizes[name], name))
    few, many = ordered[:EXTREMES], ordered[-EXTREMES:]
    return sum(changes[name] for name in few) / EXTREMES, sum(changes[name] for name in many) / EXTREMES


def _unserved(evidence: Evidence) -> tuple[str, ...]:
    names = evidence.without_expert
    if not names:
        return ()
    verb, whom = ("has", "it") if len(names) == 1 else ("have", "them")
    return (f"{joined(names).capitalize()} {verb} no expert: the aggregated estimator serves {whom}.",)


def caveats(evidence: Evidence) -> tuple[str, ...]:
    """What a reader must know before comparing any number with the paper's."""
    if evidence.params.finetune.select != "best":
        return data_caveats(evidence)
    chosen = "Experts were selected by AP on the validation split that is reported, as in the paper."
    return (*data_caveats(evidence), chosen)


def data_caveats(basis: Basis) -> tuple[str, ...]:
    """What the data make of a comparison with a paper's numbers."""
    notes: list[str] = []
    if not basis.paper_wardrobe:
        notes.append(
            f"The paper's numbers are DeepFashion2's. {basis.data_set} has other categories and landmarks, so that none"
            " of them stands here."
        )
    elif not basis.paper_data:
        notes.append(
            f"The paper's numbers come from DeepFashion2, ours from {basis.data}. Compare the"
            " differences between rows, never one column with the other."
        )
    if basis.shared_pictures:
        notes.append(
            f"{basis.shared_pictures} of {basis.validation.pictures} validation pictures are also training"
            " pictures: these numbers show what was learnt by heart, not how it generalises."
        )
    return tuple(notes)
