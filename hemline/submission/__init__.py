"""A data set's submission file: written, and read back and checked by code that shares nothing with the writer.

Formats stand in formats.py: the zip file of DeepFashion2's challenge, which serves all data sets without a format of
their own, and the csv file of FashionAI's contest.
"""

from hemline.submission.formats import Format, check, format_of, package
from hemline.submission.report import Finding, Report

__all__ = ["Finding", "Format", "Report", "check", "format_of", "package"]
