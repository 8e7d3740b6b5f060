"""The schema of a ResNet or ResNeXt, which detectors and dense one-shot networks rest on."""

from typing import Literal

from pydantic import model_validator

from hemline.params.base import Positive, Settings

EXPANSION = 4  # a bottleneck's output channels over its planes; a basic block (depth 18 and 34) keeps them


class BackboneSettings(Settings):
    """A ResNet or ResNeXt. `groups` and `base_width` are ResNeXt's (64x4d: 64 and 4).

    `init` names pretrained weights of the backbone, of `hemline weights list` or a file; the stem, the first stage
    and all batch statistics stay frozen then. Null: from nothing, and everything learns.
    """

    type: Literal["ResNet", "ResNeXt"]
    depth: Literal[18, 34, 50, 101, 152]
    base_channels: Positive
    groups: Positive = 1
    base_width: Positive = 4
    init: str | None = None

    @model_validator(mode="after")
    def _known_depth(self) -> "BackboneSettings":
        if self.type == "ResNeXt" and self.depth < 50:
            raise ValueError(f"ResNeXt has no depth {self.depth}: choose 50, 101 or 152")
        return self

    @property
    def channels(self) -> list[int]:
        """What comes out of its four stages."""
        first = self.base_channels * (1 if self.depth < 50 else EXPANSION)
        return [first * 2**stage for stage in range(4)]
