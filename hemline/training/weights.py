"""Weights on disk: plain tensors, written atomically, loaded without executing anything."""

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hemline.errors import HemlineError
from hemline.files import atomic_write
from hemline.training.checkpoints import State, in_our_names, read_state

# A report names up to so many keys one by one, more of them by the part of the model that they are in.
FEW = 8


@dataclass(frozen=True)
class LoadReport:
    """What `load_weights` did, key by key, in the model's names.

    `taken` fitted; `skipped` are not in the model; `reshaped` have another shape: (the file's, the model's); `missing`
    are not in the file. The model keeps its own values of the last two.
    """

    taken: tuple[str, ...]
    skipped: tuple[str, ...]
    reshaped: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    missing: tuple[str, ...]

    def text(self) -> str:
        """A few lines: how many keys were taken, and which were not."""
        wanted = len(self.taken) + len(self.reshaped) + len(self.missing)
        shapes = [f"{_starred(key)} {given} -> {own}" for key, (given, own) in self.reshaped.items()]
        lines = [
            f"{len(self.taken)} of the model's {wanted} keys taken",
            *_line("of another shape, left as they were", shapes),
            *_line("missing in the file, left as they were", _parts(self.missing)),
            *_line("not in the model, skipped", _parts(self.skipped)),
        ]
        return "\n  ".join(lines)


def _line(title: str, names: Sequence[str]) -> list[str]:
    shown = [name if count == 1 else f"{name} ({count} times)" for name, count in Counter(names).items()]
    return [f"{len(names)} {title}: {', '.join(shown)}"] if names else []


def _starred(key: str) -> str:
    """`bbox_head.2.fc_cls.weight` -> `bbox_head.*.fc_cls.weight`: layers that are alike in one word."""
    return re.sub(r"\.\d+(?=\.)", ".*", key)


def _parts(keys: Sequence[str]) -> list[str]:
    return list(keys) if len(keys) <= FEW else [".".join(key.split(".")[:2]) + ".*" for key in keys]


def device() -> torch.device:
    """The device that models run on: the first visible GPU (`CUDA_VISIBLE_DEVICES`), else the CPU.

    HemlineError when there is a GPU but mmcv's operators were compiled without CUDA: they would fail later.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    from mmcv.ops import get_compiling_cuda_version  # takes seconds, and matters only here

    if get_compiling_cuda_version() == "not available":
        raise HemlineError(
            "there is a GPU, but mmcv's operators were compiled for the CPU alone: run FORCE_CUDA=1 make setup, "
            "or set CUDA_VISIBLE_DEVICES= to use the CPU"
        )
    return torch.device("cuda")


def save_weights(model: nn.Module, path: Path) -> None:
    """Write the model's state_dict, on the CPU, and nothing else."""
    state = OrderedDict((key, value.detach().cpu().contiguous()) for key, value in model.state_dict().items())
    with atomic_write(path, "wb") as handle:
        torch.save(state, handle)


def load_weights(
    model: nn.Module,
    path: Path,
    strict: bool = True,
    part: str = "",
    rename: Callable[[str], str] = str,
    without: Collection[str] = (),
) -> LoadReport:
    """Load a state_dict, or a checkpoint that holds one (see `read_state`: nothing in the file is executed).

    With `strict`, every key must be there and fit, else HemlineError. Otherwise keys that don't fit are left out, and
    the published names of `RENAMES` are understood. `part` is how the keys begin that are wanted at all. `rename`
    turns the file's keys into the model's first; those of `without` are then left out, as if the file lacked them.
    """
    wanted = {key: value for key, value in model.state_dict().items() if key.startswith(part)}
    named = {rename(key): value for key, value in read_state(path).items()}
    given = {key: value for key, value in named.items() if key not in without}
    state = given if strict else in_our_names(given, wanted)
    report = compare(wanted, state)
    if strict:
        _check_whole(report, path)
    model.load_state_dict({key: state[key] for key in report.taken}, strict=False)
    return report


def _check_whole(report: LoadReport, path: Path) -> None:
    if report.skipped or report.reshaped or report.missing:
        raise HemlineError(f"{path}: the weights don't fit this model: {report.text()}")


def compare(wanted: State, given: State) -> LoadReport:
    """What of the weights `given` fits a model whose own are `wanted`, by names and shapes."""
    return LoadReport(
        taken=tuple(
            key for key, value in given.items() if key in wanted and wanted[key].shape == value.shape
        ),
        skipped=tuple(key for key in given if key not in wanted),
        reshaped={
            key: (tuple(value.shape), tuple(wanted[key].shape))
            for key, value in given.items()
            if key in wanted and wanted[key].shape != value.shape
        },
        missing=tuple(key for key in wanted if key not in given),
    )
