"""The part ``alerts.templates``: people's own words, by kind of alert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from counterpoise.config.problems import nearest
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape
from counterpoise.config.units import Expected
from counterpoise.domain.alert_fields import fields_of
from counterpoise.domain.categories import CATEGORIES
from counterpoise.domain.templates import COMMON, AlertTemplate, Template, template

_LONGEST = 2000
_KEYS = ("title", "text")


def kind(value: object) -> str:
    """Return a kind of alert."""
    if isinstance(value, str) and value in CATEGORIES:
        return value
    near = nearest(value, CATEGORIES) if isinstance(value, str) else None
    more = f"did you mean {near!r}?" if near else f"one of {', '.join(CATEGORIES)}"
    raise Expected(f"a kind of alert ({more})")


def words(value: object) -> Template:
    """Return words with ``{name}`` in them."""
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        raise Expected(f"a text of at most {_LONGEST} characters")
    try:
        return template(value)
    except ValueError as error:
        raise Expected(str(error)) from None


Kind = Annotated[str, PlainValidator(kind), WithJsonSchema({"type": "string"})]
Words = Annotated[
    Template,
    PlainValidator(words),
    WithJsonSchema({"type": "string"}),
]


class TemplateModel(Shape):
    """Words of your own for one kind of alert, with {name} for values; what is over keeps the standard ones."""

    title: Words | None = Field(
        default=None, description="the title: '{asset} hedged at {avg_price}'"
    )
    text: Words | None = Field(default=None, description="the text: '{text}. See our runbook'")


Templates = Annotated[
    dict[Kind, TemplateModel],
    Field(json_schema_extra={"propertyNames": {"enum": sorted(CATEGORIES)}}),
]


def check_templates(section: Section) -> None:
    """Complain of names that an alert of the kind never has, and of a kind without words."""
    for name in section.written(*CATEGORIES):
        part, known = section.at(name), (*COMMON, *fields_of(name))
        if part.is_mapping() and not any(part.has(key) for key in _KEYS):
            part.complain((), "a title, a text, or both")
        for key in _KEYS:
            made = part.read(words, key)
            for missing in made.names if made is not None else ():
                if missing not in known:
                    near = nearest(missing, known)
                    hint = f"did you mean {{{near}}}?" if near else f"there are {', '.join(known)}"
                    part.complain(
                        (key,), f"values that {name} has", was=f"{{{missing}}}", hint=hint
                    )


def templates(models: Mapping[str, TemplateModel]) -> Mapping[str, AlertTemplate]:
    """Return the words by kind of alert."""
    return {
        name: AlertTemplate(title=model.title, text=model.text) for name, model in models.items()
    }
