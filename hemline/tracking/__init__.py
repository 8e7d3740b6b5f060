"""One run recorded: JSON lines first, MLflow as their projection.

A stage appends to its own record and never speaks to MLflow, so that no server, slow or down, can hold it up. One
follower process per folder of records projects them while stages run, and ends by itself when nothing is left to
do; `hemline track replay` does the same at any time.
"""

from hemline.tracking.follower import ensure_follower
from hemline.tracking.records import Recorder, records_folder

__all__ = ["Recorder", "ensure_follower", "records_folder"]
