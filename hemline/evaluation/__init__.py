"""How good results are: DeepFashion2's landmark AP, COCO's box AP, FLD's and FashionAI's normalised errors, intervals.

In the order of the work: truth.py and results.py read, matching.py matches (by pycocotools), precision.py
makes AP of matches, summary.py the named numbers and bootstrap intervals; labelled.py finds how far landmarks lie off,
normalised_error.py the errors that this makes; ablation.py evaluates a row of the ablation table.
"""

from hemline.evaluation.ablation import evaluate_ablation, evaluate_boxes, evaluate_landmarks
from hemline.evaluation.normalised_error import normalised_error
from hemline.evaluation.results import Result, read_box_results, read_landmark_results
from hemline.evaluation.truth import GroundTruth, as_garments, read_truth

__all__ = [
    "GroundTruth",
    "Result",
    "as_garments",
    "evaluate_ablation",
    "evaluate_boxes",
    "evaluate_landmarks",
    "normalised_error",
    "read_box_results",
    "read_landmark_results",
    "read_truth",
]
