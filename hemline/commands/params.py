"""`hemline params use SET`: switch params.yaml to a named, complete set and back; `check` reads it."""

import argparse
import difflib
from pathlib import Path

from hemline.errors import HemlineError
from hemline.files import atomic_write
from hemline.params import check_params, check_sweeps, load_params, of_other_types, read_values

PARAMS = Path("params.yaml")
SETS = Path("params")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    use = actions.add_parser(
        "use", help="put params/SET.yaml in the place of params.yaml; prints the difference"
    )
    use.add_argument("set", help=f"one of {', '.join(sets())}" if SETS.is_dir() else "the name of a set")
    use.add_argument(
        "--force", action="store_true", help="also when params.yaml has changes that no set holds"
    )
    check = actions.add_parser("check", help="check a params file against the schema")
    check.add_argument("file", nargs="?", type=Path, default=PARAMS)
    actions.add_parser("list", help="the sets, and which one params.yaml is")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    if arguments.action == "use":
        return _use(arguments.set, arguments.force)
    if arguments.action == "check":
        return _check(arguments.file)
    for name in sets():
        print(f"{'*' if _content(SETS / f'{name}.yaml') == _content(PARAMS) else ' '} {name}")
    return 0


def sets() -> list[str]:
    """The names of the sets, `params/NAME.yaml`."""
    return sorted(path.stem for path in SETS.glob("*.yaml"))


def set_file(name: str) -> Path:
    """The file of a set; HemlineError when there is none of this name."""
    path = SETS / f"{name}.yaml"
    if not path.is_file():
        raise HemlineError(f"{path}: no such params set; there are {', '.join(sets())}")
    return path


def _check(file: Path) -> int:
    values = read_values(file)
    params = check_params(values, str(file))
    others = of_other_types(values, params.sweeps)
    check_sweeps(values, [name for name in params.sweeps if name not in others], str(file))
    print(f"{file}: {params.params_set}, every key known and of its type")
    for said in others.values():
        print(f"{file}: warning: {said}; no stage depends on it")
    return 0


def _use(name: str, force: bool) -> int:
    wanted = set_file(name)
    load_params(wanted)
    old, new = _content(PARAMS), _content(wanted)
    if not force and old and old not in [_content(SETS / f"{one}.yaml") for one in sets()]:
        raise HemlineError(
            f"{PARAMS}: it has changes that no set in {SETS}/ holds. Keep them as a set of their own "
            f"(cp {PARAMS} {SETS}/mine.yaml) or give them up (--force)"
        )
    with atomic_write(PARAMS) as handle:
        handle.write(new)
    difference = difflib.unified_diff(
        old.splitlines(), new.splitlines(), "params.yaml", str(wanted), lineterm="", n=1
    )
    print("\n".join(difference) or f"{PARAMS} is {name} already")
    return 0


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
