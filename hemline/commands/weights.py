"""`hemline weights list`, `hemline weights fetch NAME...`: published weights that a training may start from."""

import argparse
import json
from typing import Any

from hemline.training.pretrained import Pretrained, catalogue, fetch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    shown = actions.add_parser("list", help="the names, what they are, and which ones are here already")
    shown.add_argument("--json", action="store_true", help="for programs, with addresses and paths")
    wanted = actions.add_parser("fetch", help="download them into the user's cache; prints where they are")
    wanted.add_argument("names", nargs="+", metavar="NAME")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    if arguments.action == "fetch":
        for name in arguments.names:
            print(fetch(name), flush=True)
    elif arguments.json:
        print(json.dumps([_row(entry) for entry in catalogue().values()], indent=1))
    else:
        for entry in catalogue().values():
            print(f"{'*' if entry.path.is_file() else ' '} {entry.name:<27}{entry.what}")
        print("* is here already; `hemline weights fetch NAME` fetches others, as does a training")
    return 0


def _row(entry: Pretrained) -> dict[str, Any]:
    return {
        "name": entry.name,
        "what": entry.what,
        "cached": entry.path.is_file(),
        "path": str(entry.path),
        "url": entry.address,
        "sha256": entry.sha256,
        "bits": entry.bits,
        "source": entry.source,
    }
