"""An estimator whose network says coordinates, not heatmaps."""

import numpy as np
import torch

from hemline.estimation.estimator import Estimator, Found


class CoordinateEstimator(Estimator):
    """An Estimator of FashionNet."""

    @torch.inference_mode()
    def outputs(self, crops: np.ndarray, flip_test: bool = False, shift_heatmap: bool = True) -> torch.Tensor:
        """(n, channels, 3) of crops (n, height, width, 3), on the model's device: x, y and a probability.

        x and y are over the crop's width and height, 0 in its middle; the probability is that of being visible or
        occluded. With `flip_test` they are averaged with those of the mirrored crops, mirrored back with channels
        swapped; there is nothing that `shift_heatmap` could move.
        """
        inputs = self._inputs(crops)
        seen = self._seen(inputs)
        if not flip_test:
            return seen
        mirrored = self._seen(inputs.flip(-1))[:, self.grouping.flip_index.tolist()]
        return (seen + mirrored * mirrored.new_tensor([-1, 1, 1])) / 2

    def _seen(self, inputs: torch.Tensor) -> torch.Tensor:
        seen: torch.Tensor = self.model.head.read(self._last(inputs))
        return seen

    def decode(self, output: torch.Tensor, category_id: int) -> Found:
        """Landmarks of one crop's output (channels, 3); they may lie out of the crop. `maxima` are probabilities."""
        seen = output.float().cpu().numpy()
        points, scores = self._codec.decode(seen[self.grouping.channels(category_id)])
        return Found(np.concatenate([points, scores[:, None]], axis=1), seen[:, 2])
