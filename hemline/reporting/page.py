"""The report as one HTML page that needs nothing else: pictures as data, figures inline, no script."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from hemline.reporting.findings import Answer
from hemline.reporting.pictures import Picture
from hemline.reporting.tables import Column, Table


@dataclass(frozen=True)
class Page:
    """What the page shows, from top to bottom. `figures` has an SVG or None for each answer.

    `facts` are a few numbers with their names, `errors` and `curves` words with SVGs, `submission` lines on the checked
    submission, `provenance` names with values.
    """

    title: str
    lead: str
    caveats: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    tables: tuple[Table, ...]
    answers: tuple[Answer, ...]
    figures: tuple[str | None, ...]
    errors: Sequence[tuple[str, str]]
    errors_scale: str
    errors_notes: tuple[str, ...]
    whole: Sequence[Picture]
    whole_note: str
    gallery: Sequence[Picture]
    gallery_note: str
    worst: Sequence[Picture]
    best: Sequence[Picture]
    extremes_note: str
    cost: Table
    rerun: Table
    curves: Sequence[tuple[str, str]]
    submission: tuple[str, ...]
    provenance: Mapping[str, str]


def render(page: Page) -> str:
    """The page's HTML. Everything but our own SVG is escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["embedded"] = _embedded
    environment.filters["groups"] = _groups
    source = (files("hemline.reporting") / "page.html").read_text(encoding="utf-8")
    values: dict[str, Any] = {name: getattr(page, name) for name in page.__dataclass_fields__}
    values["questions"] = [
        (answer, None if drawing is None else Markup(drawing))
        for answer, drawing in zip(page.answers, page.figures, strict=True)
    ]
    for name in ("errors", "curves"):
        values[name] = [(words, Markup(drawing)) for words, drawing in values[name]]
    values["errors_scale"] = Markup(page.errors_scale)
    return environment.from_string(source).render(values)


def _embedded(picture: Picture) -> str:
    return f"data:image/jpeg;base64,{b64encode(picture.path.read_bytes()).decode('ascii')}"


def _groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """The groups over a table's columns with the number of their columns; "" stands over single columns."""
    return [
        (group, len(list(members))) for group, members in groupby(columns, key=lambda column: column.group)
    ]
