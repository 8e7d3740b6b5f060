"""`hemline check`: a submission is read back and checked."""

import argparse
import json

from hemline.commands.wardrobe import add_wardrobe, chosen_wardrobe
from hemline.submission import Report, check

# A broken file may break in every record: more than this nobody reads on a screen.
SHOWN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("submission", metavar="OUT.zip")
    parser.add_argument(
        "--images", metavar="GT.json", help="COCO-style file: the split's images, to check ids and sizes"
    )
    add_wardrobe(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, with every violation")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 if the challenge's format is violated."""
    report = check(arguments.submission, chosen_wardrobe(arguments), arguments.images)
    print(json.dumps(report.to_json(), indent=1) if arguments.json else _text(report))
    return 1 if report.violations else 0


def _text(report: Report) -> str:
    listed = "" if report.images_listed is None else f" of {report.images_listed}"
    outside = "not known" if report.points_outside is None else f"{report.points_outside}"
    scores = (
        "none" if report.lowest_score is None else f"{report.lowest_score:.6g} to {report.highest_score:.6g}"
    )
    lines = [
        f"{report.file}: {report.size:,} bytes",
        f"  inside                {report.inner_name or 'nothing readable'}, {report.inner_size:,} bytes",
        f"  garments              {report.records}",
        f"  images                {report.images}{listed}",
        f"  landmarks             {report.points}, outside their picture: {outside}",
        f"  scores                {scores}",
    ]
    lines += [f"  {name:<22}{count}" for name, count in report.per_category.items()]
    lines += [f"warning: {finding}" for finding in report.warnings]
    lines += [f"violation: {finding}" for finding in report.violations[:SHOWN]]
    if len(report.violations) > SHOWN:
        lines.append(f"... and {len(report.violations) - SHOWN} violations more; --json lists them all")
    lines.append(f"{len(report.violations)} violations" if report.violations else "The submission is fine.")
    return "\n".join(lines)
