"""Shape problems in people's words: pydantic finds them, this tells them as ``expected X, was Y`` with a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from counterpoise.config.outlets import HIDDEN, is_hidden
from counterpoise.config.problems import Path, nearest, one_of
from counterpoise.config.reading import Document, Node, plain
from counterpoise.config.schema import description, kinds, known_keys
from counterpoise.config.units import Expected

M = TypeVar("M", bound=BaseModel)

_PLAIN: Mapping[str, str] = {
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "bool_type": "true or false",
    "string_type": "a text",
}


def validated(model: type[M], document: Document) -> M | None:
    """Return the file as a ``model``, None when its shape is wrong; why is added to the file's problems."""
    _refuse_empty(document, document.root, ())
    data = plain(document.root)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            _tell(document, data, one)
    return None


def _refuse_empty(document: Document, node: Node, path: Path) -> None:
    """A key without a value is half a thought: nobody knows which default was meant."""
    if node.value is None:
        what = description(path, plain(document.root))
        expected = f"a value ({what})" if what else "a value"
        document.complain(path, expected, hint="give it a value or remove the key")
    elif isinstance(node.value, dict):
        for key, child in node.value.items():
            _refuse_empty(document, child, (*path, key))
    elif isinstance(node.value, list):
        for i, child in enumerate(node.value):
            _refuse_empty(document, child, (*path, i))


def _tell(document: Document, data: Any, error: Any) -> None:
    kind: str = error["type"]
    if error["loc"] and error["loc"][-1] == "[key]":
        path = _path(document, error["loc"][:-1], missing=False)
        document.complain_of_key(path, _expected(error)[0], was=f"{path[-1]!r}")
        return
    path = _path(document, error["loc"], missing=kind == "missing")
    context = error.get("ctx", {})
    if kind == "missing":
        document.complain(path, description(path, data) or "a value")
    elif kind == "extra_forbidden":
        _unknown_key(document, data, path)
    elif kind in {"union_tag_not_found", "union_tag_invalid"}:
        _unknown_kind(document, data, path, context)
    elif kind in {"too_short", "missing_argument"}:
        document.complain(path, description(path, data) or "at least one")
    else:
        expected, hint = _expected(error)
        # a credential out of its place is not shown either
        was = HIDDEN if is_hidden(path) and _is_scalar(document, path) else None
        document.complain(path, expected, was=was, hint=hint or _meant(document, path, context))


def _is_scalar(document: Document, path: Path) -> bool:
    node = document.find(path)
    return node is not None and not isinstance(node.value, dict | list)


def _expected(error: Any) -> tuple[str, str]:
    """Return what was expected and what to do about it."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Expected):
        return cause.expected, cause.hint
    if error["type"] in {"literal_error", "enum"}:
        return one_of(_choices(error["ctx"])), ""
    return _PLAIN.get(error["type"], str(error["msg"])), ""


def _choices(context: Any) -> list[str]:
    listed = str(context.get("expected", "")).replace(" or ", ", ").split(", ")
    return [choice.strip("'") for choice in listed]


def _meant(document: Document, path: Path, context: Any) -> str:
    node = document.find(path)
    if node is None or not isinstance(node.value, str) or "expected" not in context:
        return ""
    near = nearest(node.value, _choices(context))
    return f"did you mean {near!r}?" if near else ""


def _unknown_key(document: Document, data: Any, path: Path) -> None:
    known = known_keys(path[:-1], data)
    near = nearest(str(path[-1]), known)
    expected = f"a known key (did you mean {near!r}?)" if near else f"one of {', '.join(known)}"
    document.complain_of_key(path, expected, was=f"{path[-1]!r}")


def _unknown_kind(document: Document, data: Any, path: Path, context: Any) -> None:
    key = str(context["discriminator"]).strip("'")
    node = document.find((*path, key))
    known = kinds(path, data)
    near = nearest(node.value, known) if node is not None and isinstance(node.value, str) else None
    document.complain((*path, key), one_of(known), hint=f"did you mean {near!r}?" if near else "")


def _path(document: Document, loc: tuple[str | int, ...], *, missing: bool) -> Path:
    """Return ``loc`` without the tags pydantic puts in for the member of a union."""
    path: Path = ()
    for i, part in enumerate(loc):
        if document.find((*path, part)) is not None or (missing and i == len(loc) - 1):
            path = (*path, part)
    return path
