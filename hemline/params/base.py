"""What all sections of params.yaml share."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _rising(steps: int) -> int:
    if steps == 1:
        raise ValueError(
            "one step can't rise: the rate would stay where it starts, far under lr, to the end; "
            "set 2 or more, or 0 where a warm-up may be left out"
        )
    return steps


WarmupSteps = Annotated[int, Field(ge=0), AfterValidator(_rising)]  # 0: no warm-up


def _plain(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(
            "a name becomes part of stages' names and of paths: letters, digits, - and _ alone, none of these two first"
        )
    return name


Name = Annotated[str, AfterValidator(_plain)]  # that the user gives to a network, a row, a sweep


class Settings(BaseModel):
    """A section of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def settings_of(kind: Any, values: Mapping[str, Any]) -> Any:
    """The settings of `kind`, a union by `type`, from what `model_dump` gave, also by way of JSON."""
    return _adapter(kind).validate_json(json.dumps(values))
