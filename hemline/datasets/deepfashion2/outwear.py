"""Which reading of short sleeve outwear's landmarks 2 and 4 the data support.

DeepFashion2's figure and its evaluation code disagree on which of them lies at the neck (docs/wardrobe.md): 2 belongs
with 6 (code) or with 26 (figure).
"""

from collections import Counter
from typing import Any

from hemline.datasets.checks import triplets
from hemline.datasets.splits import Garment
from hemline.wardrobe import Wardrobe, wardrobe

OUTWEAR = wardrobe("deepfashion2").category("short sleeve outwear")
_MAJORITY = 2 / 3


def asked_of(table: Wardrobe) -> bool:
    """Whether the question is one of this wardrobe's."""
    return table.name == "deepfashion2"


def count(counts: Counter[Any], garment: Garment) -> None:
    """Is landmark 2 as high as landmark 6 (both at the neck) or as landmark 26 (both on the collar)?"""
    if garment.category_id != OUTWEAR.id:
        return
    points = list(triplets(garment.landmarks))
    (_, two, v2), (_, six, v6), (_, twenty_six, v26) = points[1], points[5], points[25]
    if not (v2 and v6 and v26):
        counts["outwear", "without the landmarks"] += 1
    elif abs(two - six) == abs(two - twenty_six):
        counts["outwear", "undecided"] += 1
    else:
        counts["outwear", "6" if abs(two - six) < abs(two - twenty_six) else "26"] += 1


def finding(total: Counter[Any]) -> dict[str, Any]:
    """What the counts of all splits together say, as JSON."""
    near6, near26 = total["outwear", "6"], total["outwear", "26"]
    decided = near6 + near26
    result = {
        "garments": total["garments", OUTWEAR.id],
        "landmark_2_nearer_6": near6,
        "landmark_2_nearer_26": near26,
        "equally_near": total["outwear", "undecided"],
    }
    return {**result, **_reading(near6, near26, decided, total["garments", OUTWEAR.id])}


def _reading(near6: int, near26: int, decided: int, garments: int) -> dict[str, str | None]:
    if not garments:
        return {"reading": None, "finding": f"no {OUTWEAR.name} in this data"}
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
