"""The report as one HTML page that needs nothing else: pictures as data, figures inline, no script."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hemline.reporting.findings import Answer
from hemline.reporting.pictures import Picture
from hemline.reporting.tables import Column, Table

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SECTION = re.compile(r'<section id="([^"]+)">\s*<h2>(.*?)</h2>')


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
    values = fields_of(page)
    values["questions"] = [
        (answer, None if drawing is None else Markup(drawing))
        for answer, drawing in zip(page.answers, page.figures, strict=True)
    ]
    for name in ("errors", "curves"):
        values[name] = drawings(values[name])
    values["errors_scale"] = Markup(page.errors_scale)
    return fill("page.html", values)


def fields_of(page: "DataclassInstance") -> dict[str, Any]:
    """A page's fields by name, as they are."""
    return {field.name: getattr(page, field.name) for field in fields(page)}


def drawings(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, Markup]]:
    """Words with our own SVG, which is not escaped."""
    return [(words, Markup(drawing)) for words, drawing in pairs]


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A template of this package with its values, escaped."""
    environment = Environment(
        loader=PackageLoader("hemline.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["embedded"] = _embedded
    environment.filters["groups"] = _groups
    environment.filters["sections"] = _sections
    return environment.get_template(template).render(values)


def _embedded(picture: Picture) -> str:
    return f"data:image/jpeg;base64,{b64encode(picture.path.read_bytes()).decode('ascii')}"


def _groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """The groups over a table's columns with the number of their columns; "" stands over single columns."""
    return [
        (group, len(list(members))) for group, members in groupby(columns, key=lambda column: column.group)
    ]


def _sections(body: Markup) -> list[tuple[str, Markup]]:
    """The ids and headings of a page's sections, in order."""
    return [(place, Markup(heading)) for place, heading in SECTION.findall(body)]
