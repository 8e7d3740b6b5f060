"""The schema of `oneshot`: networks that find garments and their landmarks at once, and the rows that they make."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hemline.params.base import Name, Positive, Rate, Settings, Share, settings_of
from hemline.params.deepmark import DeepMarkSettings
from hemline.params.dense import (
    FcosSettings,
    KGDetSettings,
    MaskRCNNSettings,
    RepPointsKpSettings,
    RepPointsSettings,
    RetinaNetSettings,
)

Page = Literal["deepmark", "kgdet"]

DenseNetworkSettings = (
    KGDetSettings
    | RepPointsKpSettings
    | MaskRCNNSettings
    | RepPointsSettings
    | RetinaNetSettings
    | FcosSettings
)
OneShotSettings = DeepMarkSettings | DenseNetworkSettings
AnyNetwork = Annotated[OneShotSettings, Field(discriminator="type")]


def network_settings(values: dict[str, Any]) -> OneShotSettings:
    """The settings of a network of any type, from what `model_dump` gave, also by way of JSON."""
    network: OneShotSettings = settings_of(AnyNetwork, values)
    return network


class OneShotFinetuning(Settings):
    """Another network finetuned at another input size, as in paper 001's Figure 1; all else is as `base` has it."""

    page: Page
    base: str
    image_size: tuple[Positive, Positive]
    epochs: Positive
    lr: Rate
    milestones: tuple[Positive, ...]
    rates: tuple[Rate, ...] = ()


class DeepMarkFind(Settings):
    """How DeepMark's maps become garments (CenterNet's multi_pose_decode).

    The `candidates` best peaks of the centre heatmaps are garments. Each landmark is the peak of its heatmap that is
    nearest to its coarse place, among the `candidates` best, if it scores over `peak_threshold`, lies in the box and no
    farther away than `reach` times the box's longer side; else it stays at the coarse place. Soft-NMS lowers scores by
    exp(-IoU^2 / `nms_sigma`) within a category. At most `max_per_image` garments are kept, that score over
    `score_threshold`.
    """

    candidates: Positive
    peak_threshold: Share
    reach: Rate
    nms_sigma: Rate
    score_threshold: Share
    max_per_image: Positive
    batch_size: Positive


class DenseFind(Settings):
    """How what paper 003's networks say at each point becomes garments (mmdet).

    Of each level the `candidates` points that score highest are looked at. A garment is kept with a score over
    `score_threshold`, unless one of its category with a better score overlaps it by `nms_threshold` (IoU), up to
    `max_per_image`.
    """

    candidates: Positive
    score_threshold: Share
    nms_threshold: Share
    max_per_image: Positive
    batch_size: Positive


class FindSection(Settings):
    """How what networks say becomes garments: DeepMark's maps, and the `dense` outputs of all others."""

    deepmark: DeepMarkFind
    dense: DenseFind


class OneShotRow(Settings):
    """A row of a paper's tables: a network of `trained` or `finetuned`, and how it is run and read.

    `page` is the report page that it stands on. DeepMark's garments are suppressed softly or not at all, those of other
    networks within a category by their overlap (`nms`). `scales` are those of the picture within DeepMark's input: 1
    fills it. With `flip_test` what the network says of a picture and of its mirror image is averaged.
    """

    page: Page
    network: str
    suppression: Literal["none", "soft-nms", "nms"]
    flip_test: bool
    scales: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)]
    splits: tuple[Literal["validation", "test"], ...]


class Pages(Settings):
    """The report's pages on one-shot networks: each its own name, or none. DeepMark's has the two-stage rows too."""

    deepmark: tuple[Literal["deepmark"], ...]
    kgdet: tuple[Literal["kgdet"], ...]


class Trained(Settings):
    """A network that the pipeline trains: the page that it stands on, and where its first weights come from.

    `start` is the folder of our own model that it starts from, which then is made before; of a network with published
    weights, or none, it is their list.
    """

    page: Page
    start: str


class OneShotSection(Settings):
    """The one-shot networks: those of `networks` that the pipeline trains, those finetuned from them, and the rows.

    What belongs to a page lies in a folder of its own.
    """

    trained: dict[Name, Trained]
    networks: dict[Name, AnyNetwork]
    finetuned: dict[Name, OneShotFinetuning]
    find: FindSection
    rows: dict[Name, OneShotRow]
    pages: Pages

    def settings(self, name: str) -> OneShotSettings:
        """The settings of a network of `trained` or `finetuned`."""
        if name in self.networks:
            return self.networks[name]
        changed = self.finetuned[name]
        update = changed.model_dump(exclude={"base", "page"})
        return network_settings({**self.networks[changed.base].model_dump(), **update, "init": None})

    def page(self, name: str) -> str:
        """The page of a network of `trained` or `finetuned`."""
        return (self.trained[name] if name in self.trained else self.finetuned[name]).page

    def rows_of(self, page: str) -> dict[str, OneShotRow]:
        """The rows that stand on a page, by name."""
        return {name: row for name, row in self.rows.items() if row.page == page}

    @model_validator(mode="after")
    def _known(self) -> "OneShotSection":
        for name in self.trained:
            if name not in self.networks:
                raise ValueError(f"trained: no network {name!r} in networks ({', '.join(self.networks)})")
        for name, one in self.finetuned.items():
            if one.base not in self.trained or name in self.networks:
                raise ValueError(
                    f"finetuned.{name}: base {one.base!r} must be one of trained, and its own name not one of networks"
                )
            if self.settings(one.base).type != "deepmark":
                raise ValueError(f"finetuned.{name}: base {one.base!r} must be of type deepmark")
            if one.page != self.trained[one.base].page:
                raise ValueError(f"finetuned.{name}: page {one.page!r} must be that of its base")
            self.settings(name)
        return self

    @model_validator(mode="after")
    def _starts_are_made_before(self) -> "OneShotSection":
        for name, one in self.trained.items():
            network = self.networks[name]
            backbone = getattr(network.backbone, "init", None)
            for key, init in (("init", network.init), ("backbone.init", backbone)):
                if init and init.startswith("models/") and Path(init).parent != Path(one.start):
                    raise ValueError(
                        f"networks.{name}.{key} is {init!r}: trained.{name}.start must be its folder, so that it is "
                        "made before"
                    )
        return self

    @model_validator(mode="after")
    def _pages_have_rows(self) -> "OneShotSection":
        for page in (*self.pages.deepmark, *self.pages.kgdet):
            if not self.rows_of(page):
                raise ValueError(
                    f"pages.{page} is ['{page}'], but no row has page {page!r}: add a row, or set pages.{page} to []"
                )
        return self

    @model_validator(mode="after")
    def _rows_can_be_run(self) -> "OneShotSection":
        for name, row in self.rows.items():
            if row.network not in (*self.trained, *self.finetuned):
                raise ValueError(f"rows.{name} needs {row.network!r}, which trained and finetuned lack")
            if row.page != self.page(row.network):
                raise ValueError(f"rows.{name}: page {row.page!r} must be that of its network")
            if "validation" not in row.splits:
                raise ValueError(
                    f"rows.{name}.splits is {list(row.splits)}: the row is evaluated on the validation pictures, add "
                    "'validation'"
                )
            self._check_way(name, row)
        return self

    def _check_way(self, name: str, row: OneShotRow) -> None:
        type = self.settings(row.network).type
        if (type == "deepmark") == (row.suppression == "nms"):
            wanted = "none or soft-nms" if type == "deepmark" else "nms"
            raise ValueError(f"rows.{name}: suppression {row.suppression!r}; with {type} it must be {wanted}")
        if type != "deepmark" and row.scales != (1.0,):
            raise ValueError(f"rows.{name}: scales {list(row.scales)}; with {type} they must be [1.0]")
        if row.flip_test and type not in ("deepmark", "kgdet"):
            raise ValueError(f"rows.{name}: {type} has no flip test here: set flip_test to false")
