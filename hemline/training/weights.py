"""Weights on disk: plain tensors, written atomically, loaded without executing anything."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import nn

from hemline.errors import HemlineError
from hemline.files import atomic_write


@dataclass(frozen=True)
class LoadReport:
    """What `load_weights` did: the keys taken, those skipped with the reason, those the file lacks."""

    taken: tuple[str, ...]
    skipped: dict[str, str]
    missing: tuple[str, ...]


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


def load_weights(model: nn.Module, path: Path, strict: bool = True) -> LoadReport:
    """Load a state_dict, or a checkpoint that holds one under `state_dict`, as mmengine's do.

    With `strict`, every key must be there and fit, else HemlineError. Otherwise keys that don't fit are
    skipped. Only tensors are unpickled (`weights_only=True`): a file that holds code is refused.
    """
    state = _read_state(path)
    report = compare(model.state_dict(), state)
    if strict and (report.skipped or report.missing):
        first = next(iter(report.skipped.items()), None) or (report.missing[0], "missing in the file")
        raise HemlineError(
            f"{path}: the weights don't fit this model: {len(report.skipped)} keys skipped, "
            f"{len(report.missing)} missing, such as {first[0]} ({first[1]})"
        )
    model.load_state_dict({key: state[key] for key in report.taken}, strict=False)
    return report


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise HemlineError(f"{path}: no such weights; run the stage that makes them") from None
    except UnpicklingError as error:
        raise HemlineError(
            f"{path}: refused, it holds more than tensors ({str(error).splitlines()[0]})"
        ) from None
    except (RuntimeError, EOFError) as error:
        raise HemlineError(f"{path}: not a weights file, or a damaged one ({error})") from None
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise HemlineError(f"{path}: no state_dict of tensors in it")
    return state


def compare(wanted: dict[str, torch.Tensor], given: dict[str, torch.Tensor]) -> LoadReport:
    taken, skipped = [], {}
    for key, value in given.items():
        if key not in wanted:
            skipped[key] = "not in the model"
        elif wanted[key].shape != value.shape:
            skipped[key] = f"shape {tuple(value.shape)} instead of {tuple(wanted[key].shape)}"
        else:
            taken.append(key)
    return LoadReport(tuple(taken), skipped, tuple(key for key in wanted if key not in given))
