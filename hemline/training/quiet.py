"""Silence for mmengine's, mmdet's and mmpose's start-up."""

import contextlib
import io
import warnings
from functools import cache
from importlib import import_module


@cache
def quiet() -> None:
    """Import mmdet and mmpose without their hundreds of lines, and keep them quiet from then on.

    Errors still come through; so do warnings of this project.
    """
    warnings.filterwarnings(
        "ignore", module=r"(mmengine|mmcv|mmdet|mmpose|torch|json_tricks|xtcocotools)(\..*)?"
    )
    warnings.filterwarnings("ignore", category=UserWarning, message=".*pkg_resources.*")
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in ("mmengine.runner", "mmdet.utils", "mmpose.utils"):
            import_module(module)
    MMLogger = import_module("mmengine.logging").MMLogger
    MMLogger.get_instance("hemline", logger_name="hemline", log_level="ERROR")
