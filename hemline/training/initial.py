"""What a training starts from: a new model, and in it all that fits of published or earlier weights."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hemline.errors import HemlineError
from hemline.files import write_json
from hemline.processes import is_first
from hemline.training.pretrained import resolve, sha256
from hemline.training.weights import load_weights, save_weights


@dataclass(frozen=True)
class Source:
    """Weights for a model: a name of the catalogue or a file's path, for keys that begin with `part` (all).

    `rename` turns the file's keys into the model's; those of `without` are not taken.
    """

    init: str
    part: str = ""
    rename: Callable[[str], str] = str
    without: frozenset[str] = frozenset()


def initial_weights(
    build: Callable[[], nn.Module], sources: Sequence[Source], *, seed: int, state: Path, out: Path
) -> Path | None:
    """Write `state`/init.pt, the whole model's weights for `fit(init=...)`; return its path, None without sources.

    `build` makes the model with random weights, drawn from `seed`; those that fit are taken from each source in turn,
    the rest stays. What was taken is printed in short, and listed key by key in `out`/initial.json. HemlineError when
    nothing of a source fits.
    """
    if not sources:
        return None
    torch.manual_seed(seed)
    model = build()
    write_json(out / "initial.json", [_take(model, source) for source in sources])
    save_weights(model, state / "init.pt")
    return state / "init.pt"


def _take(model: nn.Module, source: Source) -> dict[str, Any]:
    path = resolve(source.init)
    report = load_weights(
        model, path, strict=False, part=source.part, rename=source.rename, without=source.without
    )
    if not report.taken:
        raise HemlineError(f"{source.init}: none of its {len(report.skipped)} keys fits: {report.text()}")
    if is_first():
        print(f"{source.init}: {report.text()}", file=sys.stderr, flush=True)
    return {"init": source.init, "part": source.part, "sha256": sha256(path), **asdict(report)}
