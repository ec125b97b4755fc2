"""What an access-log line means, spelt out: slow, by the standard library, apart from the meter's code."""

from __future__ import annotations

import json
import re
from typing import Any

from metering.calls.call import Call, malformed
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.key_id import counted_key
from metering.line_format.absent_number import Absent

_DAY_MS = 24 * 60 * 60 * 1000
_YEAR_9999_MS = 253_370_764_800_000
_SECOND_MS = 1000
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
    sizes = {name: _amount(fields, name, highest) for name, highest in _HIGHEST.items()}
    time_ms = _time_ms(event, _number(fields, "requestTimeEpoch", 0, _YEAR_9999_MS - 1))
    extended_id, key_id, authorizer_key_id = (_text(fields, name) for name in _TEXTS)
    if status in (403, 429) and extended_id and _denied_place(event.message, extended_id):
        status = 429
    key = key_id or authorizer_key_id or "-"
    if key != "-":
        key = counted_key(key)
    event_id = extended_id or event.id
    return Call(
        event_id=event_id,
        event_hash=event_hash(event_id),
        time_ms=time_ms,
        key=key,
        billable=key != "-" and status not in exempt,
        is_error=status >= 400,
        response_bytes=Absent.DASH if sizes["responseLength"] is None else sizes["responseLength"],
        request_bytes=Absent.DASH if sizes["requestLength"] is None else sizes["requestLength"],
        latency_ms=sizes["responseLatency"] or 0,
    )


def _denied_place(text: str, extended_id: str) -> bool:
    """Whether the gateway, and nobody else, has written that the call was denied."""
    if text.startswith('{"path":"'):
        return f'"decision":"denied","extendedRequestId":"{extended_id}"' in text
    return text.startswith('{"userAgent":"') and f'"requestId":"{extended_id}","decision":"denied",' in text


def _time_ms(event: LogEvent, time: int | None) -> int:
    """Milliseconds, or seconds; without any, the time of logging."""
    if time is None:
        return event.timestamp
    for time_ms in (time, time * _SECOND_MS):
        if abs(time_ms - event.timestamp) <= _DAY_MS and time_ms < _YEAR_9999_MS:
            return time_ms
    raise _No


def _text(fields: dict[str, Any], name: str) -> str | None:
    """A text, or the JSON of what is none; None for an absent one."""
    value = fields.get(name)
    if value is None or (type(value) is str and value in ("", "-")):
        return None
    return str(value) if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _amount(fields: dict[str, Any], name: str, highest: int) -> int | None:
    """A length or a latency, which may have zeros before it; None: it is absent or cannot be read."""
    value = fields.get(name)
    if isinstance(value, str) and re.fullmatch("[0-9]+", value) and (type(value) is str or value[0] != "0"):
        fields = {name: value.lstrip("0") or "0"}
    try:
        return _number(fields, name, 0, highest)
    except _No:
        return None


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
