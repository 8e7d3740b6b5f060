"""The challenge's submission file: written (writing.py), and read back and checked (checking.py).

The format is that of DeepFashion2's landmark challenge (evaluation/evaluation.md): one JSON list at the root of a zip
file. The name of the JSON file was never published, so it is a parameter. A data set without a challenge gets its
results in the same format, with its own number of landmarks: what another program can read and evaluate.
"""

from hemline.submission.checking import Report, check
from hemline.submission.writing import package

__all__ = ["Report", "check", "package"]
