"""The OpenAPI document as a page to read. It is made from the document, needs no script, and has nothing from
another host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from markupsafe import Markup, escape

NAME: Final = "reference.html"
"""Among the page's assets."""

_TEMPLATE: Final = Path(__file__).resolve().parent / "templates" / NAME

_CODE: Final = re.compile(r"`([^`]+)`")
_STRONG: Final = re.compile(r"\*\*([^*]+)\*\*")
_REFERENCE: Final = "#/components/schemas/"

Json = Mapping[str, Any]


class Parameter(NamedTuple):
    """A parameter of a request."""

    name: str
    place: str
    """`path` or `query`."""
    is_required: bool
    meaning: Markup


class ResponseLine(NamedTuple):
    """What a request may return: a status, and the content that comes with it."""

    status: str
    meaning: Markup
    contents: tuple[tuple[str, Markup], ...]
    """Media types, each with the type of its values."""


class RequestEntry(NamedTuple):
    """A request."""

    name: str
    """Its id in the document."""
    method: str
    path: str
    example: str
    """The path with an example of each of its parameters."""
    summary: Markup
    parameters: tuple[Parameter, ...]
    responses: tuple[ResponseLine, ...]
    """Those that not every request of its group has."""


class Group(NamedTuple):
    """The requests of a tag: who makes them, and what all of them may return."""

    name: str
    meaning: Markup
    credentials: tuple[Markup, ...]
    operations: tuple[RequestEntry, ...]
    responses: tuple[ResponseLine, ...]


class Field(NamedTuple):
    """A field of a JSON object."""

    name: str
    kind: Markup
    meaning: Markup


class Schema(NamedTuple):
    """A JSON object, or a text of a few values."""

    name: str
    meaning: Markup
    values: tuple[str, ...]
    fields: tuple[Field, ...]


def reference(document: Json, page: str = "Usage meter") -> str:
    """The page of an OpenAPI document. `page` is the name of the page that leads to it."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - slow to load, rarely needed

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        page=page,
        title=document["info"]["title"],
        paragraphs=[prose(one) for one in document["info"]["description"].strip().split("\n\n")],
        groups=[_group(document, tag) for tag in document["tags"]],
        schemas=[_schema(name, one) for name, one in sorted(document["components"]["schemas"].items())],
    )


def prose(text: str) -> Markup:
    """A text of the document: escaped, with `code` and **stress** as markup."""
    with_code = _CODE.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(_STRONG.sub(r"<strong>\1</strong>", with_code))  # noqa: S704 - escaped above


def _group(document: Json, tag: Json) -> Group:
    found = [one for one in _operations(document) if tag["name"] in one[2]["tags"]]
    shared = _shared([one["responses"] for _, _, one in found])
    names = sorted({name for _, _, one in found for scheme in one["security"] for name in scheme})
    schemes = document["components"]["securitySchemes"]
    return Group(
        tag["name"],
        prose(tag["description"]),
        tuple(_credential(schemes[name]) for name in names),
        tuple(_operation(path, method, one, shared) for path, method, one in found),
        tuple(_response(status, one) for status, one in sorted(shared.items())),
    )


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            yield path, method, operation


def _shared(responses: list[Json]) -> Json:
    """The responses that all of these have, in the same words and with the same content."""
    first, *others = responses
    return {status: one for status, one in first.items() if all(other.get(status) == one for other in others)}


def _credential(scheme: Json) -> Markup:
    return Markup("<code>{}</code>: {}").format(scheme["name"], prose(scheme["description"]))


def _operation(path: str, method: str, one: Json, shared: Json) -> RequestEntry:
    parameters = one.get("parameters", ())
    example = path
    for parameter in parameters:
        if parameter["in"] == "path":
            example = example.replace(f"{{{parameter['name']}}}", str(_examples(parameter)[0]))
    return RequestEntry(
        one["operationId"],
        method.upper(),
        path,
        example,
        prose(one["summary"]),
        tuple(map(_parameter, parameters)),
        tuple(
            _response(status, response)
            for status, response in sorted(one["responses"].items())
            if status not in shared
        ),
    )


def _examples(parameter: Json) -> list[object]:
    found: list[object] = parameter["schema"].get("examples", [])
    return found


def _parameter(one: Json) -> Parameter:
    schema = one["schema"]
    examples = Markup(" or ").join(Markup("<code>{}</code>").format(value) for value in _examples(one))
    sentences = [prose(one["description"])]
    if bounds := [f"{word} {schema[name]}" for name, word in _BOUNDS.items() if name in schema]:
        sentences.append(Markup("{}.").format(" ".join(bounds).capitalize()))
    if "$ref" in schema:
        sentences.append(Markup("One of {}.").format(_kind(schema)))
    if "default" in schema:
        sentences.append(Markup("Without it <code>{}</code>.").format(schema["default"]))
    if examples:
        sentences.append(Markup("Example: {}.").format(examples))
    return Parameter(one["name"], one["in"], one.get("required", False), Markup(" ").join(sentences))


_BOUNDS: Final = {"minimum": "from", "maximum": "to"}


def _response(status: str, one: Json) -> ResponseLine:
    contents = tuple(
        (media_type, _kind(content["schema"])) for media_type, content in one.get("content", {}).items()
    )
    return ResponseLine(status, prose(one["description"]), contents)


def _schema(name: str, one: Json) -> Schema:
    fields = tuple(
        Field(field, _kind(of), prose(of.get("description", "")))
        for field, of in one.get("properties", {}).items()
    )
    return Schema(name, prose(one.get("description", "")), tuple(map(str, one.get("enum", ()))), fields)


def _kind(schema: Json) -> Markup:
    """The type of a value in words; one with a name is a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if several := schema.get("anyOf"):
        return Markup(" or ").join(map(_kind, several))
    if schema.get("type") == "array":
        return Markup("list of {}").format(_kind(schema["items"]))
    if "const" in schema:
        return Markup("<code>{}</code>").format(str(schema["const"]).lower())
    if values := schema.get("enum"):
        return Markup(" or ").join(Markup("<code>{}</code>").format(value) for value in values)
    return escape(schema.get("format") or schema.get("type", "any value"))
