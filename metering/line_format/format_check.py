"""What an access-log format lacks for its calls to be metered fully, and the smallest extension of it.

The extension keeps the fields of the format and has three parts, as the formats that the stack puts out:
texts that callers write, then what an authorizer gives, then what the gateway itself knows. So of a field
that comes twice the last is the gateway's, whatever a caller writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from metering.line_format.format_extension import BEGIN, GATEWAYS, extended
from metering.line_format.stage_format import ApiType, FormatField, StageFormat, written

KEY_VARIABLE: Final = "claims.sub"
"""What names the customer of an HTTP API in its authorizer's context, as long as nothing else is said."""
LONGEST_FORMAT: Final = 1024
"""https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename.html"""

_UNKNOWN: Final = "-"


class Lack(NamedTuple):
    """A field that the format lacks, or that holds something else."""

    field: str
    value: str
    """What it has to hold."""
    instead: str
    """What it holds; empty: it is not there."""
    consequence: str


@dataclass(frozen=True, slots=True)
class FormatCheck:
    """What was found."""

    api_type: ApiType
    lacks: tuple[Lack, ...]
    faults: tuple[str, ...]
    extension: str
    """A format that is metered fully; the checked one itself where nothing is wrong with it."""

    @property
    def is_full(self) -> bool:
        """Whether calls are metered fully as it is."""
        return not self.lacks and not self.faults

    @property
    def is_long(self) -> bool:
        """Whether the extension may be longer than an HTTP or WebSocket API takes."""
        return self.api_type is not ApiType.REST and len(self.extension) > LONGEST_FORMAT


def check_format(
    given: StageFormat, api_type: ApiType | None = None, key_variable: str = KEY_VARIABLE
) -> FormatCheck:
    """Check a format of a type of API, by default of the one whose variables it has."""
    of_type = api_type or given.api_type
    needed = _needed(of_type, key_variable)
    lacks = tuple(_lacks(given, needed, of_type))
    faults = tuple(_faults(given))
    extension = extended(given.fields, needed | _as_good(given, needed, lacks), of_type)
    parts = extension.parts
    if not lacks and not faults:
        if _is_in_parts(given, parts, of_type):
            return FormatCheck(of_type, (), (), given.text)
        begin = BEGIN[of_type][0]
        faults = (
            (
                f"callers' texts have to come first, from {begin} on, then requestId and what an authorizer "
                "gives, then extendedRequestId and what the gateway knows, on one line and without spaces "
                "between: or a caller can write a field that counts"
            ),
        )
    return FormatCheck(of_type, lacks, faults, extension.text)


def _as_good(given: StageFormat, needed: Mapping[str, str], lacks: Iterable[Lack]) -> dict[str, str]:
    """What the needed fields of the format hold that are right as they are."""
    lacking = {lack.field for lack in lacks}
    return {
        field.name: field.value
        for field in given.fields
        if field.name in needed and field.name not in lacking and not field.is_secret
    }


def _needed(of_type: ApiType, key_variable: str) -> dict[str, str]:
    """The fields that are needed, in their order, and what each holds."""
    begin, text = BEGIN[of_type]
    web_socket = of_type is ApiType.WEB_SOCKET
    key = f"authorizer.{key_variable}" if of_type is ApiType.HTTP else "identity.apiKeyId"
    fields = {
        begin: text,
        "requestId": "$context.requestId",
        "authorizerKeyId": "$context.authorizer.authorizerKeyId",
        "decision": "$context.authorizer.decision",
        "requestLength": _UNKNOWN if web_socket else "$context.authorizer.requestLength",
        "apiKeyId": f"$context.{key}",
        "extendedRequestId": "$context.extendedRequestId",
        "requestTimeEpoch": "$context.requestTimeEpoch",
        "status": "$context.status",
        "responseLength": _UNKNOWN if web_socket else "$context.responseLength",
        "responseLatency": _UNKNOWN if web_socket else "$context.responseLatency",
    }
    return fields | ({"eventType": "$context.eventType"} if web_socket else {})


def _lacks(given: StageFormat, needed: Mapping[str, str], of_type: ApiType) -> Iterator[Lack]:
    found = {field.name: field for field in given.fields}
    for name, value in needed.items():
        field = found.get(name)
        if field is None or not _is_right(field, value, of_type):
            instead = "" if field is None else written([field])[1:-1].partition(":")[2]
            yield Lack(name, value, instead, _CONSEQUENCES[name])


_CONSEQUENCES: Final = {
    "path": "has to come first: it marks the line as one in which no caller's text decides",
    "userAgent": "has to come first: it marks the line as one in which no caller's text decides",
    "requestId": "fields after it are read even where a caller's text breaks the JSON",
    "authorizerKeyId": "a call that an authorizer denies counts under no key; a caller could write the field",
    "decision": "a call that the quota authorizer denies with status 403 is billed",
    "requestLength": "API Gateway has no variable for it: the authorizer measures it, else no size is known",
    "apiKeyId": "calls count under no key, and are not billed",
    "extendedRequestId": "the one id that no caller can choose: a line that is logged twice counts twice",
    "requestTimeEpoch": "the time of requestTime, to the second, or of logging counts in its place",
    "status": "the call is not counted",
    "responseLength": "no size of an answer is known",
    "responseLatency": "no latency is known",
    "eventType": "a call without a status is not counted",
}


def _is_right(field: FormatField, value: str, of_type: ApiType) -> bool:
    """Whether a field holds what it should, or something as good: an authorizer may call it otherwise."""
    if field.value == value or field.name in {"path", "userAgent"}:
        return isinstance(field.value, str)
    (variable,) = field.variables if len(field.variables) == 1 else ("",)
    if field.value != f"$context.{variable}":
        return field.name == "requestLength" and field.value == _UNKNOWN
    if field.name == "apiKeyId":
        return _is_of_authorizer(variable) or (
            of_type is not ApiType.HTTP and variable == "identity.apiKeyId"
        )
    return field.name in {"authorizerKeyId", "requestLength", "decision"} and _is_of_authorizer(variable)


def _is_of_authorizer(variable: str) -> bool:
    return variable.startswith("authorizer.") and variable not in GATEWAYS


def _faults(given: StageFormat) -> Iterator[str]:
    if given.form:
        yield f"it is {given.form}: the meter reads JSON"
    if given.quotes_itself:
        yield 'error.messageString comes with quotes, or as a bare hyphen: take "$context.error.message"'
    bare = [name for name in given.bare if name != "error.messageString"]
    if bare:
        yield (
            f"no quotes around {', '.join(bare)}: an absent value is a bare hyphen, which is no JSON, and "
            "a text breaks the line"
        )
    secrets = [field.name for field in given.fields if field.is_secret]
    if secrets:
        yield f"{', '.join(secrets)} logs the API key itself, a secret; its id is $context.identity.apiKeyId"


def _is_in_parts(given: StageFormat, parts: tuple[list[FormatField], ...], of_type: ApiType) -> bool:
    """Whether the format has these parts in their order, and is written as lines are looked through. What the
    gateway knows and does not count may stand among the callers' texts.
    """
    if "\n" in given.text or given.text != written(given.fields):
        return False
    callers, authorizers, gateways = ([field.name for field in part] for part in parts)
    names = [field.name for field in given.fields]
    place = names.index("requestId")
    begins, rest = set(names[:place]), names[place + len(authorizers) :]
    return (
        names[0] == BEGIN[of_type][0]
        and begins.issuperset(callers)
        and begins.isdisjoint({*authorizers, *_needed(of_type, "")} - {names[0]})
        and names[place : place + len(authorizers)] == authorizers
        and rest[:1] == ["extendedRequestId"]
        and set(gateways).issuperset(rest)
    )
