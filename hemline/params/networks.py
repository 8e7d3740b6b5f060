"""The schema of `networks`: landmark estimators compared by their networks (papers 002 and 004)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from hemline.errors import HemlineError
from hemline.params.base import Name, Settings
from hemline.params.estimator import EstimatorSettings, EstimatorTraining
from hemline.params.estimator_network import AnyEstimatorNetwork
from hemline.params.rows import EstimateRow, Splits


class NetworkFinetuning(EstimatorTraining):
    """How an expert is made of the network of all categories.

    With `new_outputs` the layers that make the last maps, or coordinates, start anew.
    """

    new_outputs: bool


class NetworkTraining(Settings):
    """A network trained on all categories, with a channel for each group of `grouping`, then perhaps its experts.

    `init` names weights to start from, of `hemline weights list` or a file's path; what fits of them is taken.
    """

    grouping: Literal["independent", "aggregated"]
    init: str | None
    network: AnyEstimatorNetwork
    training: EstimatorTraining
    finetuning: NetworkFinetuning | None = None

    @property
    def settings(self) -> EstimatorSettings:
        """Network and training of the one for all categories."""
        return EstimatorSettings(network=self.network, training=self.training)


def _with_validation(splits: Splits) -> Splits:
    if "validation" not in splits:
        raise ValueError("the row is evaluated on the validation pictures, add 'validation'")
    return splits


class NetworkRow(EstimateRow):
    """A row of a paper's table: a network of `trained`, or its experts."""

    splits: Annotated[Splits, AfterValidator(_with_validation)]
    network: str
    experts: bool

    @model_validator(mode="after")
    def _consistent(self) -> "NetworkRow":
        folder = f"networks/{'experts' if self.experts else 'models'}/{self.network}"
        if self.models != folder:
            raise ValueError(f"models is {self.models!r}; with experts {self.experts} it must be {folder!r}")
        return self


class NetworksSection(Settings):
    """Networks that are trained, which of them are `finetuned` to experts of `categories`, and the rows they make.

    `pages` is the report's page on them, or none.
    """

    trained: dict[Name, NetworkTraining]
    finetuned: tuple[str, ...]
    categories: tuple[str, ...]
    rows: dict[Name, NetworkRow]
    pages: tuple[Literal["networks"], ...]

    def finetuning(self, name: str) -> NetworkFinetuning:
        """How experts are made of the network `name`; HemlineError when it has none."""
        training = self.trained[name].finetuning if name in self.finetuned else None
        if training is None:
            raise HemlineError(
                f"networks.finetuned has no {name!r}; it has {', '.join(self.finetuned) or 'none'}"
            )
        return training

    @model_validator(mode="after")
    def _can_be_finetuned(self) -> "NetworksSection":
        if self.finetuned and not self.categories:
            raise ValueError("finetuned: categories names none to make experts of")
        for name in self.finetuned:
            if name not in self.trained:
                raise ValueError(f"finetuned: no network {name!r} in trained ({', '.join(self.trained)})")
            if self.trained[name].finetuning is None:
                raise ValueError(f"finetuned: trained.{name} doesn't say how (key finetuning)")
            if self.trained[name].grouping != "aggregated":
                raise ValueError(
                    f"finetuned: trained.{name}.grouping is {self.trained[name].grouping!r}; experts start from "
                    "aggregated channels, as a category's annotations have them"
                )
        return self

    @model_validator(mode="after")
    def _pages_have_rows(self) -> "NetworksSection":
        if self.pages and not self.rows:
            raise ValueError(
                f"pages is {list(self.pages)}, but rows names none to stand there: add a row, or set pages to []"
            )
        return self

    @model_validator(mode="after")
    def _rows_are_trained(self) -> "NetworksSection":
        for name, row in self.rows.items():
            if row.network not in self.trained:
                raise ValueError(f"rows.{name} needs {row.network!r}, which trained lacks")
            if row.experts and row.network not in self.finetuned:
                raise ValueError(f"rows.{name} has experts of {row.network!r}, which finetuned lacks")
        return self
