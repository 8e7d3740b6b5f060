"""The `sweeps` of params.yaml: what is searched, and how. No stage depends on them."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hemline.params.base import Positive, Settings

Number = int | float


class Dimension(Settings):
    """The values that a key may take: from `low` to `high` (whole numbers if both are), or one of `choices`.

    `log` draws the logarithm evenly; `step` is the distance of neighbours; four digits of a fraction are used. `paper`
    is the paper's own value, inside of them, which is tried first.
    """

    low: Number | None = None
    high: Number | None = None
    log: bool = False
    step: Number | None = None
    choices: tuple[Any, ...] | None = None
    paper: Any | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Dimension":
        if self.choices is not None:
            if not self.choices or {self.low, self.high, self.step} != {None} or self.log:
                raise ValueError("choices is a list of values, and stands without low, high, step and log")
        elif self.low is None or self.high is None or not self.low < self.high:
            raise ValueError("low and high, low being the smaller, or choices are expected")
        elif self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low over 0, and no step")
        if self.paper is not None and not self.holds(self.paper):
            raise ValueError(f"paper is {self.paper!r}, which is not among the values that are searched")
        return self

    def holds(self, value: Any) -> bool:
        """Whether a value can be drawn (steps aside)."""
        if self.choices is not None:
            return value in self.choices
        assert self.low is not None and self.high is not None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high

    def probes(self) -> tuple[Any, ...]:
        """Values that the schema must allow if it is to allow all that can be drawn.

        The second whole number is one: 0 and 2 may be allowed where 1 is not (`WarmupSteps`).
        """
        if self.choices is not None:
            return self.choices
        if isinstance(self.low, int) and isinstance(self.high, int):
            return self.low, min(self.low + int(self.step or 1), self.high), self.high
        return self.low, self.high


class SweepSettings(Settings):
    """One study. `target` is the stage that a trial runs, with `fixed` and the values drawn from `space` in its params.

    A trial of `train_detector@...`, `train_estimator@...`, `finetune@...`, `train_network@...` or `train_oneshot@...`
    trains; one of `estimate@...` or `ensemble` re-uses what the networks said. `AP` is box AP for a detector, else
    landmark AP (of an estimator, network or expert: in ground-truth boxes), of the validation pictures; `milliseconds`
    is the time a garment takes. A `type` in `fixed` binds the sweep to networks of that type. `startup` trials are
    drawn at random before the sampler learns from them, and end before the pruner compares with them.
    """

    target: str
    objectives: tuple[Literal["AP", "milliseconds"], ...] = ("AP",)
    trials: Positive
    sampler: Literal["tpe", "random"] = "tpe"
    pruner: Literal["none", "median"] = "none"
    startup: Positive = 10
    seed: Annotated[int, Field(ge=0)] = 0
    fixed: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Dimension]

    @model_validator(mode="after")
    def _consistent(self) -> "SweepSettings":
        if not self.space:
            raise ValueError("space is empty: name at least one key of this file")
        if both := self.space.keys() & self.fixed.keys():
            raise ValueError(f"{min(both)} stands in fixed and in space")
        if len(self.objectives) != 1 and self.pruner != "none":
            raise ValueError("Optuna prunes studies of one objective alone: set pruner to none")
        if len(set(self.objectives)) != len(self.objectives) or not self.objectives:
            raise ValueError("objectives: AP, milliseconds, or both")
        return self
