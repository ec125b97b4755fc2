"""Where each value stands in a line: the names of its field, for formats that people already have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from metering.line_format.json_text import JsonText, fields_of

_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "extendedRequestId": ("extendedRequestId",),
    "apiKeyId": ("apiKeyId", "identity.apiKeyId"),
    "authorizerKeyId": ("authorizerKeyId",),
    "requestTimeEpoch": ("requestTimeEpoch",),
    "requestTime": ("requestTime",),
    "status": ("status", "statusCode", "httpStatusCode"),
    "eventType": ("eventType",),
    "responseLength": ("responseLength",),
    "requestLength": ("requestLength",),
    "responseLatency": ("responseLatency",),
    "requestId": ("requestId",),
    "apiId": ("apiId",),
    "stage": ("stage",),
    "httpMethod": ("httpMethod",),
    "resourcePath": ("resourcePath",),
    "routeKey": ("routeKey",),
    "path": ("path",),
    "sourceIp": ("sourceIp", "ip", "identity.sourceIp"),
    "userAgent": ("userAgent", "identity.userAgent"),
}
"""The names of the exported formats, then those of AWS's own samples."""
COUNTED: Final = (
    *("extendedRequestId", "apiKeyId", "authorizerKeyId", "requestTimeEpoch", "requestTime", "status"),
    *("eventType", "responseLength", "requestLength", "responseLatency"),
)
"""What decides under which key, when and with which amounts a call counts."""
_NAME: Final = re.compile(r"[^\s,=|\"\\.]+(\.[^\s,=|\"\\.]+)*")


class FieldMap:
    """The names under which values are looked for: the first that a line has is taken."""

    def __init__(self, names: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Names of their own for some of the values; all others have those of the exported formats.

        Raises ValueError for a value that no line has.
        """
        own = dict(names or {})
        unknown = own.keys() - _NAMES.keys()
        if unknown:
            raise ValueError(f"{min(unknown)!r} is not a value of a call; the values are {', '.join(_NAMES)}")
        self._names = _NAMES | own
        self.is_default = not own

    def tops_of(self, value: str) -> frozenset[str]:
        """The fields at the top of a line in which a value may stand."""
        return frozenset(name.partition(".")[0] for name in self._names[value])

    def used(self, line: Mapping[str, JsonText]) -> dict[str, str]:
        """The fields at the top of a line that the counted values are taken from, and which value each is."""
        found: dict[str, str] = {}
        for value in COUNTED:
            for name in self._names[value]:
                if _at(name, line) is not None:
                    found[name if name in line else name.partition(".")[0]] = value
                    break
        return found

    def find(self, value: str, line: Mapping[str, JsonText]) -> JsonText | None:
        """The value in a line; None where it has no such field."""
        for name in self._names[value]:
            found = _at(name, line)
            if found is not None:
                return found
        return None


def parse_field_map(text: str) -> FieldMap:
    """Read `value=name` pairs with commas between them, such as
    `status=httpStatusCode,apiKeyId=identity.apiKeyId|key`: a dot leads into an object, and of several names
    the first counts that a line has. An empty text changes nothing.

    Raises ValueError for anything else.
    """
    return FieldMap(dict(_pairs(text)))


def _pairs(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for part in filter(None, (part.strip() for part in text.split(","))):
        value, equals, names = (each.strip() for each in part.partition("="))
        found = tuple(name.strip() for name in names.split("|"))
        if not equals or not all(_NAME.fullmatch(name) for name in found):
            raise ValueError(f"{part!r} is not a value and its field, such as status=httpStatusCode")
        yield value, found


def _at(name: str, line: Mapping[str, JsonText]) -> JsonText | None:
    """What a line holds under a name. A dot leads into an object, unless a field has that very name."""
    if name in line:
        return line[name]
    first, dot, rest = name.partition(".")
    return _at(rest, fields_of(line[first])) if dot and first in line else None


DEFAULT_FIELDS: Final = FieldMap()
