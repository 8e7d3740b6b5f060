"""DeepFashion2's landmark challenge (evaluation/evaluation.md): one JSON list at the root of a zip file.

The name of the JSON file was never published, so it is a parameter. A data set without a challenge gets its results in
this format, with its own number of landmarks: what another program can read and evaluate.
"""

from hemline.submission.deepfashion2.checking import check
from hemline.submission.deepfashion2.writing import check_name, package

__all__ = ["check", "check_name", "package"]
