"""The page of the one-shot networks: paper 001's tables beside ours, and the two systems side by side.

In the order of the work: evidence.py reads what earlier stages left, tables.py has the paper's tables, grouping.py
compares 294 with 81 heatmaps, systems.py the two systems, figures.py draws Figure 1, story.py says it in words, page.py
writes; report.py does it all.
"""

from hemline.reporting.oneshot.evidence import OneShotInputs
from hemline.reporting.oneshot.report import write_oneshot_report

__all__ = ["OneShotInputs", "write_oneshot_report"]
