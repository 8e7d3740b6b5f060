"""The page of landmark estimators by their networks: papers 002 and 004's tables beside ours, and paper 000's rows.

In the order of the work: paper.py has the papers' numbers, rows.py says what a row is, evidence.py reads what earlier
stages left, errors.py measures rows on draws of the pictures, steps.py and seeds.py compare rows, tables.py has the
papers' tables, figures.py and gallery.py draw, story.py says it in words, page.py writes; report.py does it all.
"""

from hemline.reporting.networks.evidence import NetworksInputs
from hemline.reporting.networks.report import write_networks_report

__all__ = ["NetworksInputs", "write_networks_report"]
