"""Requests as events of a REST API: which route they are for, and what is wrong with their parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final
from urllib.parse import quote, unquote

from metering.period import is_hour
from metering.usage import Metric
from usage_api.problems import BadRequest

Event = Mapping[str, Any]

_SHOWN: Final = 80
"""How many characters of a value are repeated to its sender."""


_WANTED: Final = {
    "period": "write a month as 2026-11 or, where days are possible, a day as 2026-11-05",
    "from": "write a day as 2026-11-05",
    "to": "write a day as 2026-11-05",
    "metric": f"it is one of {', '.join(Metric)}",
    "limit": "it is a number from 1 to 100",
    "invoice": "give the name of an invoice from the list, such as 2026-10",
    "id": "a key's id is not empty, has no control characters, and is neither . nor ..",
    "find": "write 1 to 256 characters of a key's id, an account or its name",
    "next": "give the next of the previous answer",
}


def path_of(event: Event) -> str:
    """The path by which a route is found: that of the resource that API Gateway has found, and authorized,
    with each parameter in its place as one segment.

    The event's own path may begin with the base path of a custom domain; and routing by it anew could find
    another resource than the one that was authorized.
    """
    resource = str(event.get("resource") or "/")
    for name, value in (event.get("pathParameters") or {}).items():
        resource = resource.replace(
            f"{{{name}}}",
            quote(unquote(str(value), errors="surrogateescape"), safe="", errors="surrogateescape"),
        )
    return resource


def address_of_folder(event: Event) -> str | None:
    """The address of the page, relative to what was asked for, where that has no slash at its end: names of
    the page's files lead astray from there. None where all is well.
    """
    asked = str((event.get("requestContext") or {}).get("path") or "/")
    return None if asked.endswith("/") else f"{quote(asked.rpartition('/')[2])}/"


def refuse_unknown(event: Event, known: AbstractSet[str]) -> None:
    """Refuse a parameter that a route does not have: a mistake of the caller, who would take the answer for
    another. So is one that is given twice.

    Raises:
        BadRequest: there is one.
    """
    given = event.get("multiValueQueryStringParameters") or {}
    unknown = sorted(given.keys() - known)
    if unknown:
        takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise BadRequest(f"There is no query parameter {unknown[0][:_SHOWN]!r} here; {takes}.")
    for name, values in sorted(given.items()):
        if len(values) > 1:
            raise BadRequest(_repeated(name, values))


def faults_of(errors: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with parameters, of pydantic's errors: a sentence for each parameter."""
    by_name = {str(error["loc"][1]): error.get("input") for error in errors}
    return " ".join(_fault(name, given) for name, given in by_name.items())


def _fault(name: str, given: object) -> str:
    if isinstance(given, list):
        return _repeated(name, given)
    if name == "period" and isinstance(given, str) and is_hour(given) and "T" in given:
        return f"{given!r} is an hour: request its day, which shows the hours."
    shown = f"{given[:_SHOWN]!r} " if isinstance(given, str) else ""
    return f"{name}: {shown}cannot be taken; {_WANTED.get(name, 'see /openapi.json')}."


def _repeated(name: str, values: list[object]) -> str:
    return f"{name} is given {len(values)} times: give it once."
