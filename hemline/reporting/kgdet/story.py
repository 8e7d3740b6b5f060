"""The sentences and small numbers that stand round the tables and figures of paper 003's page."""

from hemline.reporting.kgdet import paper
from hemline.reporting.kgdet.evidence import Evidence, Row
from hemline.reporting.numbers import fixed, interval, whole
from hemline.reporting.oneshot.tables import milliseconds
from hemline.reporting.pictures import SHOWN_SCORE
from hemline.reporting.story import measure


def title(evidence: Evidence) -> str:
    """The page's."""
    if evidence.wardrobe.name == paper.WARDROBE:
        return "Finding garments by their landmarks: KGDet's tables and ours"
    return f"Finding garments by their landmarks: KGDet's experiments on {evidence.data_set}"


def lead(evidence: Evidence) -> str:
    """What the page is about."""
    train, validation = evidence.train, evidence.validation
    return (
        f"The networks of “{paper.TITLE}” ({paper.AUTHOR}), which finds garments by their landmarks, and the detectors"
        f" that it is compared with, with the parameter set “{evidence.params.params_set}” on {evidence.data}:"
        f" {whole(train.garments)} garments in {whole(train.pictures)} training pictures and"
        f" {whole(validation.garments)} garments in {whole(validation.pictures)} validation pictures. Box AP is COCO's,"
        f" the mean over categories and IoU thresholds .50 to .95. Landmark {measure(evidence)}; beside milliseconds"
        " they hold quartiles."
    )


def caveats(evidence: Evidence) -> tuple[str, ...]:
    """What a reader must know before comparing any number with the paper's."""
    notes = []
    if evidence.wardrobe.name == paper.TABLE_3_WARDROBE:
        notes.append(
            "Of FLD the paper has the boxes of Table 3 alone. Its other numbers are DeepFashion2's, which has other"
            " categories and landmarks, so that none of them stands here."
        )
    elif evidence.wardrobe.name != paper.WARDROBE:
        notes.append(
            f"The paper's numbers are DeepFashion2's and FLD's. {evidence.data_set} has other categories and landmarks,"
            " so that none of them stands here."
        )
    if not evidence.paper_data and evidence.wardrobe.name in (paper.WARDROBE, paper.TABLE_3_WARDROBE):
        notes.append(
            f"The paper's numbers come from {evidence.data_set}, ours from {evidence.data}. Compare the differences"
            " between rows, never one column with the other."
        )
    if evidence.shared_pictures:
        notes.append(
            f"{evidence.shared_pictures} of {evidence.validation.pictures} validation pictures are also training"
            " pictures: these numbers show what was learnt by heart, not how it generalises."
        )
    if evidence.speeds.rows and evidence.wardrobe.name == paper.WARDROBE:
        notes.append(
            f"The paper's milliseconds are of {paper.MACHINE}, ours of {evidence.speeds.machine}: compare them within a"
            " column only."
        )
    return tuple(notes)


def facts(evidence: Evidence) -> tuple[tuple[str, str, str], ...]:
    """A few numbers: name, value, interval. The best row, and the best of those that know no landmarks."""
    best = evidence.best
    numbers = [_box_ap(best)]
    if best.ap is not None:
        numbers.append(("landmark AP, the same row", fixed(best.ap.value), interval(best.ap)))
    numbers += _speed(evidence, best)
    without = [row for row in evidence.rows if row.setting.type in paper.WITHOUT_LANDMARKS]
    if without and best.setting.type not in paper.WITHOUT_LANDMARKS:
        other = max(without, key=lambda row: row.box_ap.value)
        numbers += [_box_ap(other), *_speed(evidence, other)]
    return tuple(numbers)


def _box_ap(row: Row) -> tuple[str, str, str]:
    return f"box AP, {row.title}", fixed(row.box_ap.value), interval(row.box_ap)


def _speed(evidence: Evidence, row: Row) -> list[tuple[str, str, str]]:
    speed = evidence.speeds.rows.get(row.name)
    if speed is None:
        return []
    quartiles = f"[{milliseconds(speed.low)}, {milliseconds(speed.high)}]"
    return [("milliseconds a picture, the same row", milliseconds(speed.milliseconds), quartiles)]


def notes(evidence: Evidence) -> tuple[str, ...]:
    """What the page lacks, and why."""
    found = []
    if not evidence.speeds.rows:
        found.append("No speeds: the stage speed_kgdet has not run (metrics/speed/kgdet.json).")
    if not any(row.setting.type == "kgdet" for row in evidence.rows):
        found.append("No rows of KGDet: params.yaml has none (oneshot.rows).")
    return tuple(found)


def whole_note(row: Row) -> str:
    """What the whole pictures show."""
    return (
        f"Pictures drawn by lot; everything found with a score of {SHOWN_SCORE} or more is shown (row: {row.title},"
        " of those with landmarks the one with the highest box AP)."
    )
