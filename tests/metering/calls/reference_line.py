"""What an access-log line means, spelt out: slow, by the standard library, apart from the meter's code."""

from __future__ import annotations

import json
import re
from typing import Any

from metering.calls.call import Call, malformed
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash

_DAY_MS = 24 * 60 * 60 * 1000
_YEAR_9999_MS = 253_370_764_800_000
_HIGHEST = {"responseLength": 2**40, "requestLength": 2**40, "responseLatency": _DAY_MS}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TEXTS = ("extendedRequestId", "apiKeyId", "authorizerKeyId")


class _No(Exception):
    """No access-log line."""


class _Token(str):
    """A number as it is written."""

    __slots__ = ()


def reference_call(event: LogEvent, exempt: frozenset[int]) -> Call:
    """The call of a log event, by explicit rules."""
    try:
        return _call(event, _fields(event.message), exempt)
    except _No:
        return malformed(event.id, event.timestamp)


def _fields(text: str) -> dict[str, Any]:
    try:
        document = json.loads(
            text, parse_int=_Token, parse_float=_Token, parse_constant=_refuse, object_pairs_hook=_checked
        )
        json.dumps(text, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _No from error
    if not isinstance(document, dict):
        raise _No
    return document


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON."""
    raise _No(constant)


def _checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless a text in it has a lone surrogate."""
    for name, value in pairs:
        json.dumps([name, value], ensure_ascii=False).encode()
    return dict(pairs)


def _call(event: LogEvent, fields: dict[str, Any], exempt: frozenset[int]) -> Call:
    status = _number(fields, "status", 100, 599)
    if status is None:
        raise _No
    sizes = {name: _number(fields, name, 0, highest) or 0 for name, highest in _HIGHEST.items()}
    time_ms = _number(fields, "requestTimeEpoch", 0, _YEAR_9999_MS - 1)
    if time_ms is None:
        time_ms = event.timestamp
    elif abs(time_ms - event.timestamp) > _DAY_MS:
        raise _No
    extended_id, key_id, authorizer_key_id = (_text(fields, name) for name in _TEXTS)
    key = key_id or authorizer_key_id or "-"
    if key != "-" and not _can_be_a_key(key):
        raise _No
    event_id = extended_id or event.id
    return Call(
        event_id=event_id,
        event_hash=event_hash(event_id),
        time_ms=time_ms,
        key=key,
        billable=key != "-" and status not in exempt,
        is_error=status >= 400,
        response_bytes=sizes["responseLength"],
        request_bytes=sizes["requestLength"],
        latency_ms=sizes["responseLatency"],
    )


def _text(fields: dict[str, Any], name: str) -> str | None:
    """A text; None for an absent one."""
    value = fields.get(name)
    if value is not None and type(value) is not str:
        raise _No
    return None if value in (None, "", "-") else value


def _number(fields: dict[str, Any], name: str, lowest: int, highest: int) -> int | None:
    """An integer, quoted or not, however JSON may write it; None for an absent one."""
    value = fields.get(name)
    if value is None or (type(value) is str and (value in ("", "-") or value.lower() == "null")):
        return None
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise _No
    if re.fullmatch(r"-?[0-9]+", value):
        number = int(value) if len(value) < 30 else -1
    else:
        double = float(value)
        if not double.is_integer():
            raise _No
        number = int(double)
    if not lowest <= number <= highest:
        raise _No
    return number


def _can_be_a_key(key: str) -> bool:
    """At most 256 characters, none of them a control character, a line end or the mark of damaged text."""
    controls = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFFFD)]
    return len(key) <= 256 and not key.startswith("!") and not any(control in key for control in controls)
