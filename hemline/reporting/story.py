"""The sentences and small numbers that stand round the tables and figures."""

import hashlib
from collections.abc import Mapping, Sequence

from hemline.reporting import paper
from hemline.reporting.errors import CategoryErrors
from hemline.reporting.evidence import DETECTORS, Basis, Evidence, ReportInputs, Row
from hemline.reporting.numbers import fixed, interval, joined, whole
from hemline.reporting.pictures import SHOWN_SCORE

WORST = 3  # landmarks that are named under each outline


def title(evidence: Evidence) -> str:
    """The page's."""
    where = "tables and ours" if evidence.paper_wardrobe else f"experiments on {evidence.data_set}"
    return f"Clothes landmarks: the paper's {where}"


def measure(basis: Basis) -> str:
    """What AP is, and the intervals."""
    constants = "" if basis.paper_wardrobe else f" with the OKS constants of our table of {basis.data_set},"
    return (
        f"AP is DeepFashion2's,{constants} the mean over categories and OKS"
        " thresholds .50 to .95, on visible and occluded landmarks unless said otherwise. Brackets hold 95 %"
        f" bootstrap intervals, from {whole(basis.params.evaluate.resamples)} resamples of the validation"
        " pictures"
    )


def lead(evidence: Evidence) -> str:
    """What the page is about."""
    train, validation = evidence.train, evidence.validation
    return (
        f"The experiments of “{paper.TITLE}” ({paper.AUTHOR}), run with the parameter set"
        f" “{evidence.params.params_set}” on {evidence.data}: {whole(train.garments)} garments in"
        f" {whole(train.pictures)} training pictures and {whole(validation.garments)} garments in"
        f" {whole(validation.pictures)} validation pictures. {measure(evidence)}."
    )


def facts(evidence: Evidence) -> tuple[tuple[str, str, str], ...]:
    """A few numbers: name, value, interval."""
    row = evidence.submitted
    found = [(f"landmark AP, {row.title}", fixed(row.ap.value), interval(row.ap))]
    annotated = next((one for one in evidence.rows if one.boxes == "ground-truth"), None)
    if annotated is not None:
        found.append(("landmark AP in annotated boxes", fixed(annotated.ap.value), interval(annotated.ap)))
    for boxes in ("cascade", "htc"):
        row_of = next((one for one in evidence.rows if one.boxes == boxes), None)
        if row_of is not None:
            found.append((f"box AP, {DETECTORS[boxes]}", fixed(row_of.box_ap.value), interval(row_of.box_ap)))
    return tuple(found)


def gallery_note(evidence: Evidence) -> str:
    """How the gallery's garments were picked."""
    return (
        f"Annotated on the left, predicted on the right (row: {evidence.submitted.title}). In each category the"
        " garments are picked at equal steps of its ranking by OKS, neither the best nor the worst: two are the"
        " quartiles. Hollow dots on thin lines are occluded where annotated, unsure where predicted."
    )


def whole_note(evidence: Evidence) -> str:
    """What the whole pictures show."""
    if evidence.submitted.boxes == "whole":
        return f"Pictures drawn by lot, with the landmarks found in each (row: {evidence.submitted.title})."
    return (
        f"Pictures drawn by lot; everything found with a box score of {SHOWN_SCORE} or more is shown"
        f" (row: {evidence.submitted.title})."
    )


def extremes_note(evidence: Evidence) -> str:
    """Among which predictions the worst and the best are."""
    row = evidence.submitted
    box = "" if row.boxes == "whole" else ", in a box that overlaps the annotated one by half or more"
    return (
        f"Of all garments of validation that were found{box} (row: {row.title}), those with the lowest and the highest"
        " OKS; annotated on the left."
    )


def errors_note(evidence: Evidence, row: Row) -> str:
    """What the outlines show, and of which row."""
    boxes = "in annotated boxes" if row.boxes == "ground-truth" else "of the garments that have a prediction"
    return (
        "Each landmark on the mean garment of its category: the larger and, on a light page, the darker its dot, the"
        " larger the median distance between predicted and annotated place, as a share of the square root of the box's"
        f" area. Visible and occluded landmarks, {boxes} (row: {row.title}). Numbers are {evidence.data_set}'s."
    )


def worst_landmarks(errors: CategoryErrors) -> str:
    """ "long sleeve top, 40 garments. Worst: 12 left cuff 8.1 %, ..."."""
    name = f"{errors.category.name}, {whole(errors.garments)} garment{'' if errors.garments == 1 else 's'}"
    worst = [
        f"{landmark.landmark} {landmark.name} {100 * value:.1f} %" for landmark, value in errors.worst(WORST)
    ]
    return f"{name}. Worst: {joined(worst)}." if worst else f"{name}: none predicted."


def overall_worst(errors: Sequence[CategoryErrors]) -> str:
    """The farthest off of all landmarks, in a sentence; "" without any."""
    ranked = sorted(
        ((value, one.category.name, landmark) for one in errors for landmark, value in one.worst(WORST)),
        key=lambda entry: -entry[0],
    )
    said = [f"{landmark.name} of {name} ({100 * value:.1f} %)" for value, name, landmark in ranked[:WORST]]
    return f"The farthest off: {joined(said)}." if said else ""


def provenance(inputs: ReportInputs, basis: Basis) -> Mapping[str, str]:
    """What produced the results: data, params, and what the stage says of code and machine."""
    params = basis.params
    seeds = {split: getattr(params.synthesize, split) for split in params.synthesize.splits}
    drawn = {
        f"synthetic wardrobe, {split}": f"{whole(one.images)} pictures, seed {one.seed}"
        for split, one in seeds.items()
    }
    given = {} if drawn else params.data.folders
    folders = {f"{split} folder": folder for split, folder in given.items()}
    quarantined = basis.train.quarantined + basis.validation.quarantined
    return {
        "params set": params.params_set,
        "data set": params.data.name,
        **drawn,
        **folders,
        "annotations left out as faulty": whole(quarantined),
        "validation annotations, sha256": data_digest(inputs),
        **inputs.provenance,
    }


def data_digest(inputs: ReportInputs) -> str:
    """The first 16 digits of the sha256 of the converted validation annotations: equal data, equal digits."""
    with open(inputs.truth, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()[:16]
