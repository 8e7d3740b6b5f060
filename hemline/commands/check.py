"""`hemline check`: a submission is read back and checked."""

import argparse
import json

from hemline.commands.wardrobe import add_wardrobe, chosen_wardrobe
from hemline.submission import Report, check

# A broken file may break in every record: more than this nobody reads on a screen.
SHOWN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("submission", metavar="FILE", help="a zip file; of FashionAI a csv file")
    parser.add_argument(
        "--images", metavar="GT.json", help="COCO-style file: the split's images, to check ids and sizes"
    )
    parser.add_argument(
        "--boxes",
        metavar="BOXES.json",
        help="boxes that say the category of each picture, for FashionAI's csv",
    )
    add_wardrobe(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, with every violation")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 if the format is violated."""
    report = check(arguments.submission, chosen_wardrobe(arguments), arguments.images, arguments.boxes)
    print(json.dumps(report.to_json(), indent=1) if arguments.json else _text(report))
    return 1 if report.violations else 0


def _text(report: Report) -> str:
    lines = [f"{report.file}: {report.size:,} bytes"]
    lines += [f"  {name:<22}{text}" for name, text in (report.facts() | report.per_category).items()]
    lines += [f"warning: {finding}" for finding in report.warnings]
    lines += [f"violation: {finding}" for finding in report.violations[:SHOWN]]
    if len(report.violations) > SHOWN:
        lines.append(f"... and {len(report.violations) - SHOWN} violations more; --json lists them all")
    lines.append(f"{len(report.violations)} violations" if report.violations else "The submission is fine.")
    return "\n".join(lines)
