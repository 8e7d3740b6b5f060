"""One run recorded: JSON lines first, MLflow as their projection.

A stage appends to its own record and never speaks to MLflow, so that no server, slow or down, can hold it up. One
follower process per folder of records projects them while stages run, and ends by itself when nothing is left to
do; `hemline track replay` does the same at any time.

In the order of the work: records.py and system.py write a run's record, pipeline.py that of what is above the runs,
dvc.py adds DVC's hashes; follower.py reads them, projection.py says what they are in MLflow, store.py and registry.py
put it there.
"""

from hemline.tracking.follower import ensure_follower
from hemline.tracking.pipeline import PipelineRecorder
from hemline.tracking.records import Recorder, records_folder

__all__ = ["PipelineRecorder", "Recorder", "ensure_follower", "records_folder"]
