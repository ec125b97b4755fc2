"""The smallest extension of a stage's access-log format that has all the fields that the meter needs.

It keeps the stage's own fields and has three parts, as the formats that the stack puts out: texts that
callers write, then what an authorizer gives, then what the gateway itself knows. So of a field that comes
twice the last is the gateway's, whatever a caller writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from metering.line_format.stage_format import ApiType, FormatField, written

BEGIN: Final = {
    ApiType.REST: ("path", "$context.path"),
    ApiType.HTTP: ("userAgent", "$context.identity.userAgent"),
    ApiType.WEB_SOCKET: ("userAgent", "$context.identity.userAgent"),
}
GATEWAYS: Final = frozenset(
    {
        *(
            "accountId",
            "apiId",
            "stage",
            "deploymentId",
            "resourceId",
            "resourcePath",
            "routeKey",
            "protocol",
        ),
        *("httpMethod", "status", "requestId", "extendedRequestId", "requestTime", "requestTimeEpoch"),
        *("responseLength", "responseLatency", "dataProcessed", "identity.sourceIp", "identity.apiKeyId"),
        *("integrationLatency", "integrationStatus", "integration.latency", "integration.status"),
        *("integration.integrationStatus", "authorizer.latency", "authorizer.status", "wafResponseCode"),
        *("connectionId", "connectedAt", "eventType", "messageId", "messageDirection", "xrayTraceId"),
    }
)
"""Variables that hold nothing of a caller's."""


@dataclass(frozen=True, slots=True)
class FormatExtension:
    """A format that has the needed fields and those of the stage."""

    parts: tuple[list[FormatField], ...]
    """The callers' fields, the authorizer's, the gateway's."""
    renamed: Mapping[str, object]
    """Fields of the stage whose names the meter needs for other values: each is kept as `other_` and its
    name.
    """
    left_out: tuple[str, ...]
    """Fields of the stage that hold the API key itself, a secret."""

    @property
    def text(self) -> str:
        """The format, on one line."""
        return written(field for part in self.parts for field in part)


def extended(own: Iterable[FormatField], wanted: Mapping[str, str], of_type: ApiType) -> FormatExtension:
    """The fields of a stage, and what is wanted beside them."""
    fields = tuple(own)
    moved = {
        field.name: field.value for field in fields if not field.is_secret and renamed(field, wanted) != field
    }
    secrets = tuple(field.name for field in fields if field.is_secret)
    return FormatExtension(_in_parts(fields, wanted, of_type), moved, secrets)


def renamed(field: FormatField, wanted: Mapping[str, str]) -> FormatField:
    """A field under another name, if its own is wanted for something else."""
    is_taken = field.name in wanted and field.value != wanted[field.name]
    return FormatField(f"other_{field.name}", field.value) if is_taken else field


def _in_parts(
    own: Iterable[FormatField], wanted: Mapping[str, str], of_type: ApiType
) -> tuple[list[FormatField], ...]:
    """All fields: callers', authorizers', the gateway's. Of those of the stage a secret is left out, and one
    whose name is wanted for something else has another.
    """
    begin = BEGIN[of_type][0]
    kept = [renamed(field, wanted) for field in own if not field.is_secret]
    fields = {field.name: field for field in kept} | {
        name: FormatField(name, value) for name, value in wanted.items()
    }
    of_authorizer = [name for name in _authorizers(fields["apiKeyId"], of_type) if name in fields]
    callers = [
        name for name, field in fields.items() if name not in of_authorizer and not _is_gateways(field)
    ]
    taken = {begin, *callers, *of_authorizer, "extendedRequestId"}
    return (
        [fields[name] for name in (begin, *(name for name in callers if name != begin))],
        [fields[name] for name in of_authorizer],
        [fields[name] for name in ("extendedRequestId", *(name for name in fields if name not in taken))],
    )


def _authorizers(key: FormatField, of_type: ApiType) -> tuple[str, ...]:
    """The fields of the authorizer's part. A key from a token is its last, so that its end is certain; and
    the decision has a place that follows from an id which no caller knows: see :mod:`metering.calls.doubts`.
    """
    of_token = key.variables != ("identity.apiKeyId",)
    found = ("authorizerKeyId", "requestLength", *(("apiKeyId",) if of_token else ()))
    if of_type is ApiType.REST:
        return ("requestId", *found, "decision")
    return ("requestId", "decision", *found)


def _is_gateways(field: FormatField) -> bool:
    return set(field.variables) <= GATEWAYS
