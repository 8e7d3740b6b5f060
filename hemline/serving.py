"""The shipped model as MLflow loads it: pictures in, garments with landmarks out.

MLflow runs this file as the model's code (models from code): nothing is pickled, and weights execute nothing.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext


class GarmentModel(PythonModel):
    """Rows with a picture's file (JPEG, PNG, ...) as bytes in the column `image`; a list with one record a row.

    A record has width, height and garments: category, box (x, y, width, height), score, landmarks (name, x, y, score),
    in pixels of the upright picture. The param `threshold` is the least score of a garment.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Load the weights of the model's artifacts."""
        from hemline.inference.shipped import Shipped, load

        what = Shipped.model_validate_json(Path(context.artifacts["settings"]).read_bytes())
        self.predictor = load(what, context.artifacts)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Garments, picture by picture. HemlineError, with its row, for one that can't be read."""
        threshold = float((params or {}).get("threshold", 0.3))
        return [
            self._one(number, image, threshold) for number, image in enumerate(model_input["image"], start=1)
        ]

    def _one(self, number: int, image: bytes, threshold: float) -> dict[str, Any]:
        from hemline.inference.predictor import decode_upright, describe

        picture = decode_upright(image, f"row {number}: image")
        garments = self.predictor.predict(picture, threshold).garments
        height, width = picture.shape[:2]
        return {"width": width, "height": height, "garments": [describe(garment) for garment in garments]}


mlflow.models.set_model(GarmentModel())
