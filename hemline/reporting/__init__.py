"""The report: paper 000's tables beside ours, figures, pictures; as Markdown, as one HTML page, as JSON.

In the order of the work: evidence.py reads what earlier stages left, differences.py compares rows, findings.py says
it in words, tables.py makes the tables, pictures.py and figures.py draw, markdown.py and page.py write.
"""

from hemline.reporting.evidence import ReportInputs
from hemline.reporting.markdown import readme_table
from hemline.reporting.report import write_report

__all__ = ["ReportInputs", "readme_table", "write_report"]
