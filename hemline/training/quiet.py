"""Silence for mmengine's, mmdet's and mmpose's start-up."""

import warnings
from functools import cache
from importlib import import_module

TALKATIVE = r"(mmengine|mmcv|mmdet|mmpose|torch|json_tricks|xtcocotools)(\..*)?"


@cache
def quiet() -> None:
    """Keep the mm* packages' warnings and logs of building and initialising to themselves from now on.

    Errors still come through, and so do this project's own warnings.
    """
    warnings.filterwarnings("ignore", module=TALKATIVE)
    warnings.filterwarnings("ignore", category=UserWarning, message=".*pkg_resources.*")
    # The newest of mmengine's loggers is the one that its packages log to: here it speaks of errors only.
    logger = import_module("mmengine.logging").MMLogger
    logger.get_instance("hemline", logger_name="hemline", log_level="ERROR")
