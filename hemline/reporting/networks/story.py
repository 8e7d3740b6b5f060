"""The sentences and small numbers that stand round the tables and figures of the networks' page."""

from collections.abc import Sequence

from hemline.reporting import paper as aggregation
from hemline.reporting.networks import paper
from hemline.reporting.networks.errors import Measure, relative
from hemline.reporting.networks.evidence import Evidence
from hemline.reporting.networks.gallery import shown
from hemline.reporting.networks.numbers import PERCENT, percent, rounded_percent
from hemline.reporting.networks.rows import PICTURE, Row, best
from hemline.reporting.networks.seeds import Seeds
from hemline.reporting.networks.steps import alike
from hemline.reporting.networks.tables import error_name
from hemline.reporting.normalised import CONTEST
from hemline.reporting.numbers import fixed, interval, joined, whole

ERRORS = {
    CONTEST: "the contest's, the mean distance of visible landmarks over that between the armpits, of trousers and"
    " skirts over that between the ends of the waistband",
    PICTURE: "the mean distance of visible landmarks in a picture of width and height 1",
}


def title(evidence: Evidence) -> str:
    """The page's."""
    where = "papers 002 and 004's tables and ours" if evidence.papers_wardrobe else _experiments(evidence)
    return f"Networks for clothes landmarks: {where}"


def _experiments(evidence: Evidence) -> str:
    return f"the experiments of papers 002 and 004 on {evidence.data_set}"


def lead(evidence: Evidence) -> str:
    """What the page is about."""
    train, validation = evidence.train, evidence.validation
    beside = (
        f"; beside them paper 000, “{aggregation.TITLE}” ({aggregation.AUTHOR})," if evidence.others else ","
    )
    return (
        f"Landmark estimators by their networks, as in {_cited(paper.CPN)} and {_cited(paper.FPM)}{beside} with the"
        f" parameter set “{evidence.params.params_set}” on {evidence.data}:"
        f" {whole(train.garments)} garments in {whole(train.pictures)} training pictures and"
        f" {whole(validation.garments)} garments in {whole(validation.pictures)} validation pictures. The normalised"
        f" error NE is {ERRORS[evidence.error]}: lower is better. Brackets hold 95 % bootstrap intervals, from"
        f" {whole(evidence.params.evaluate.resamples)} resamples of the validation pictures."
    )


def _cited(source: paper.Source) -> str:
    return f"“{source.title}” ({source.author}; here paper {source.number})"


def caveats(evidence: Evidence) -> tuple[str, ...]:
    """What a reader must know before comparing any number with the papers'."""
    notes = []
    if not evidence.papers_wardrobe:
        notes.append(
            f"The papers' numbers are FashionAI's. {evidence.data_set} has other categories and landmarks, so that none"
            " of them stands here."
        )
    else:
        notes.append(
            f"The papers' numbers come from splits of FashionAI that neither names, ours from {evidence.data}. Compare"
            " the differences between rows, never one's number with the other's."
        )
    if evidence.shared_pictures:
        notes.append(
            f"{evidence.shared_pictures} of {evidence.validation.pictures} validation pictures are also training"
            " pictures: these numbers show what was learnt by heart, not how it generalises."
        )
    return tuple(notes)


def facts(evidence: Evidence, measure: Measure) -> tuple[tuple[str, str, str], ...]:
    """A few numbers: name, value, interval. The best row, the best CPN, paper 000's best, FPM against FashionNet.

    Paper 000's is in boxes that the networks were given too.
    """
    rows = (best(evidence.rows), best(evidence.of_types(["cpn"])), best(evidence.others_alike))
    named = {row.key: row for row in rows if row is not None}
    numbers = [_fact(evidence, row) for row in named.values()]
    worse, better = paper.FPM_TYPES
    for before, after in list(alike(evidence, (worse, ""), (better, "")))[:1]:
        change = relative(measure(before, PICTURE).all, measure(after, PICTURE).all)
        if change is not None:
            ends = f"[{rounded_percent(change.low)}, {rounded_percent(change.high)}]"
            numbers.append(
                (_against(evidence, before, after), rounded_percent(change.value), ends),
            )
    return tuple(numbers)


def _fact(evidence: Evidence, row: Row) -> tuple[str, str, str]:
    assert row.shown is not None  # best gives rows with an error
    value = percent(row.shown)
    words = f"{error_name(evidence)}: {row.title}"
    return words, fixed(value.value, PERCENT), interval(value, digits=PERCENT)


def _against(evidence: Evidence, before: Row, after: Row) -> str:
    """Paper 004's “25% better”, worked out from its averages."""
    words = f"NE of the picture: {after.title} against {before.title}"
    if not evidence.papers_wardrobe:
        return words
    start, end = (paper.FPM_ERRORS[kind].average for kind in paper.FPM_TYPES)
    return f"{words} (paper: {rounded_percent(end / start - 1)})"


def notes(evidence: Evidence, seeds: Sequence[Seeds]) -> tuple[str, ...]:
    """What the page lacks, and why."""
    found = []
    types = {row.type for row in evidence.rows}
    absent = [paper.NAMES[kind] for kind in (*paper.CPN_TYPES, *paper.FPM_TYPES) if kind not in types]
    if absent:
        found.append(f"No rows with {joined(absent)}: params.yaml has none (networks.rows).")
    if not evidence.others:
        found.append("No rows of paper 000 beside: none was evaluated (evaluate.rows, metrics/evaluate).")
    if not seeds:
        found.append(
            "Each network was trained once: the params set fashionai-seeds trains each from three seeds."
        )
    return tuple(found)


def figures_note(seeds: Sequence[Seeds]) -> str:
    """What the bars are."""
    first = "; of networks that are equal but for their seed the first" if seeds else ""
    return (
        "Bars with their 95 % intervals: of each network a row that is run as most of the others can be, of several"
        f" such rows the one with the lowest error{first}."
    )


def whole_note(evidence: Evidence) -> str:
    """How the gallery's garments were picked, and whose predictions they are."""
    rows = shown(evidence)
    first = rows[0].title if rows else ""
    return (
        f"Annotated, then predicted (rows: {'; '.join(row.title for row in rows)}). In each category the garments are"
        f" picked at equal steps of the ranking by OKS of the first row ({first}), neither the best nor the worst."
        " Hollow dots on thin lines are occluded where annotated, unsure where predicted."
    )
