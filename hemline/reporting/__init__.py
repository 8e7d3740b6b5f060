"""The report: paper 000's tables beside ours, figures, pictures; as Markdown, as one HTML page, as JSON.

In the order of the work: evidence.py and trainings.py read what earlier stages left, differences.py compares rows,
errors.py measures landmarks, findings.py and story.py say it in words, tables.py, steps.py, cost.py and rerun.py make
the tables, pictures.py, figures.py, outlines.py and curves.py draw (labels.py puts names beside dots), plots.py leaves
the figures' numbers to DVC, markdown.py and page.py write. oneshot/, kgdet/ and networks/ are the pages of papers 001,
003, and 002 with 004, in the same look: frame.py is what they have in common.
"""

from hemline.reporting.evidence import ReportInputs
from hemline.reporting.markdown import readme_table
from hemline.reporting.report import write_report

__all__ = ["ReportInputs", "readme_table", "write_report"]
