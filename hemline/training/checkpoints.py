"""A checkpoint file read without executing anything, its keys in the names that our models have."""

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch

from hemline.errors import HemlineError

State = Mapping[str, torch.Tensor]

# What mmengine keeps beside the weights: arrays of the data set's description, the history of losses (whose methods are
# pickled as `getattr` of their class). An unpickler would call these; ours calls `Inert` in the place of each.
INERT = (
    "builtins.getattr",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
)

# How keys of published files begin, and what stands there in our models; in each row the first that matches.
RENAMES = (
    # mmpose 0.x
    (("keypoint_head.", "head."),),
    # files of one network without parts: the HRNet authors' pose_hrnet_*.pth, mmdet's ImageNet backbones
    (("final_layer.", "head.final_layer."), ("", "backbone.")),
    # torchvision's VGG
    (("classifier.", "head.hidden."), ("", "backbone.")),
)


class Inert:
    """Takes the place of an object that nobody asked for: accepts anything, keeps nothing, does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The state_dict in a file of torch.save's (zip or older), or that under `state_dict`, as mmengine's have.

    Only tensors are unpickled (`weights_only=True`), and what `INERT` names becomes `Inert`. HemlineError for a file
    that names any other code, isn't there, is damaged, or holds no tensors.
    """
    try:
        with torch.serialization.safe_globals([(Inert, name) for name in INERT]):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise HemlineError(f"{path}: no such weights; run the stage that makes them") from None
    except Exception as error:  # what is damaged, or of another kind, fails in many ways
        name = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, UnpicklingError) else None
        if name:
            raise HemlineError(
                f"{path}: refused, it holds more than tensors (it would call {name[1]})"
            ) from None
        raise HemlineError(f"{path}: not a weights file, or a damaged one ({_reason(error)})") from None
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise HemlineError(f"{path}: no state_dict of tensors in it")
    return state


def _reason(error: Exception) -> str:
    """What torch says, without its advice on how to load the file nevertheless."""
    said = str(error).rpartition("WeightsUnpickler error: ")[2].strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


def in_our_names(state: State, wanted: State) -> State:
    """The state with the row of `RENAMES` applied that makes most keys those of `wanted`; as it is if none makes more.

    Shapes don't matter here: a head for other classes is to be reported as such.
    """
    renamed = [{_rename(key, row): value for key, value in state.items()} for row in RENAMES]
    return max([state, *renamed], key=lambda candidate: len(candidate.keys() & wanted.keys()))


def _rename(key: str, row: tuple[tuple[str, str], ...]) -> str:
    for old, new in row:
        if key.startswith(old):
            return new + key.removeprefix(old)
    return key
