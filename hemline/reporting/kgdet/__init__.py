"""The page of KGDet and its baselines: paper 003's tables beside ours, and what landmarks do for finding garments.

In the order of the work: paper.py has the paper's numbers, evidence.py reads what earlier stages left, steps.py
compares rows, tables.py has the paper's tables, figures.py draws Figure 5, story.py says it in words, page.py writes;
report.py does it all.
"""

from hemline.reporting.kgdet.evidence import KGDetInputs
from hemline.reporting.kgdet.report import write_kgdet_report

__all__ = ["KGDetInputs", "write_kgdet_report"]
