"""The command line: `hemline VERB ...`, one module a verb."""

import argparse
import io
import sys
from collections.abc import Sequence
from importlib import import_module

from hemline import __version__
from hemline.errors import HemlineError

# Modules are imported only when their verb is asked for, so that no verb waits for another's libraries.
VERBS = {
    "run": "bring the pipeline up to date; stages run side by side, as a Prefect flow",
    "landmarks": "list a data set's landmarks with sigmas, groups and flip partners",
    "synthesize": "draw a synthetic wardrobe, in DeepFashion2's own layout, FLD's or FashionAI's",
    "unpack": "unpack a data set's zip files, password-protected or not",
    "validate": "check every annotation of a data set",
    "convert": "a data set's own annotations to one COCO-style file",
    "evaluate": "landmark AP and normalised error of a result file",
    "package": "write the challenge's submission file",
    "check": "read a submission file back and check it",
    "predict": "garments and landmarks of pictures, by the models of the last run",
    "track": "bring MLflow up to date with the records of runs",
    "sweep": "search the best values of params.yaml's keys with Optuna",
    "weights": "list and fetch published weights that a training may start from",
    "register": "put the shipped model into MLflow's model registry",
    "models": "list every network of every params set: weights, GFLOPs, input size",
    "plan": "what the trainings will take: iterations, learning rates, GPU memory and hours",
    "params": "switch params.yaml to another set, or check it",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb. Returns its exit status; 2 for bad input, which is explained on stderr."""
    # A file's name may hold what the terminal's encoding has not: it is shown, and stops nothing.
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="hemline", description="Train, compare and ship clothes-landmark detectors."
    )
    parser.add_argument("--version", action="version", version=f"hemline {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    asked = next((word for word in given if word in VERBS), None)
    for verb, text in VERBS.items():
        subparser = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".")
        if verb == asked:
            import_module(f"hemline.commands.{verb}").add_arguments(subparser)
    parsed = parser.parse_args(given)
    try:
        return import_module(f"hemline.commands.{parsed.verb}").run(parsed)
    except HemlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except PermissionError as error:
        print(f"error: {error.filename}: {error.strerror}: you may not read or write this", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        sys.stderr.close()
        return 0
