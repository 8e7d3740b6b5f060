"""What rows of landmark estimators have in common, paper 000's and those of compared networks."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hemline.params.base import Settings

Boxes = Literal["cascade", "htc", "ground-truth", "whole"]
GIVEN_BOXES: tuple[Boxes, ...] = ("ground-truth", "whole")  # known without a detector

Splits = Annotated[tuple[Literal["validation", "test"], ...], Field(min_length=1)]


class EstimateRow(Settings):
    """Which boxes of which splits landmarks are looked for in, and how.

    `boxes` are a detector's, the annotated ones, or the `whole` picture where its category is known. With two `passes`
    a second look goes to the box around what the first one found. `models` is the folder that serves the row.
    """

    boxes: Boxes
    models: str
    flip_test: bool
    splits: Splits
    passes: Literal[1, 2] = 1

    @model_validator(mode="after")
    def _boxes_that_there_are(self) -> "EstimateRow":
        """Boxes that a split hasn't, or that need no second pass, are refused."""
        if self.boxes == "ground-truth" and "test" in self.splits:
            raise ValueError("there is no ground truth of the test split: take 'test' out of splits")
        if self.passes == 2 and self.boxes != "whole":
            raise ValueError(
                f"passes is 2, but boxes are {self.boxes!r}: a second pass is for whole pictures"
            )
        return self
