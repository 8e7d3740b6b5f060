"""Training of any mmdet or mmpose model by mmengine's Runner: quiet, resumable, on the record."""

from hemline.training import loop, precision  # noqa: F401 (registers BatchLoop, Bfloat16OptimWrapper)
from hemline.training.fitting import fit
from hemline.training.initial import Source, initial_weights
from hemline.training.order import loader
from hemline.training.quiet import quiet
from hemline.training.watching import Judge, Watch, onlookers
from hemline.training.weights import LoadReport, device, load_weights, save_weights

__all__ = [
    "Judge",
    "LoadReport",
    "Source",
    "Watch",
    "device",
    "fit",
    "initial_weights",
    "load_weights",
    "loader",
    "onlookers",
    "quiet",
    "save_weights",
]
