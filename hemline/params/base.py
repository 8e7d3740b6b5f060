"""What all sections of params.yaml share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _plain(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(
            "a name becomes part of stages' names and of paths: letters, digits, - and _ alone, none of these two first"
        )
    return name


Name = Annotated[str, AfterValidator(_plain)]  # that the user gives to a network, a row, a sweep


class Settings(BaseModel):
    """A section of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
