"""The fast path of reading calls, for lines as API Gateway writes them nearly always.

It gives what :func:`metering.calls.access_log.read_call` gives for each log event, in a fraction of the time:
one decoder refuses most of what is not usual, the rest is a comparison each, and every line that is refused
is read by that clear path. A property test holds the two equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from xxhash import xxh64_intdigest

from metering.billing_rule import DENIALS, HIGHEST_STATUS, LOWEST_STATUS, BillingRule
from metering.calls.access_log import (
    FIRST_ERROR_STATUS,
    MAX_BYTES,
    MAX_CLOCK_DIFFERENCE_MS,
    MAX_LATENCY_MS,
    read_event,
)
from metering.calls.call import Call
from metering.calls.delivery import LogEvent
from metering.calls.doubts import AFTER_REST, REST_BEGIN, is_certain, is_denied
from metering.calls.event_id import HASH_MASK
from metering.calls.fast_keys import usual_keys
from metering.calls.notes import Note
from metering.line_format.absent_number import Absent
from metering.outcome import UNATTRIBUTED_KEY
from metering.period import LATEST_MS

_Bytes = Annotated[int, Meta(ge=0, le=MAX_BYTES)] | Absent
_Latency = Annotated[int, Meta(ge=0, le=MAX_LATENCY_MS)] | Absent


class UsualLine(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """The fields in the order of the exported format: so the decoder finds each where it looks first."""

    authorizer_key_id: str | None = None
    """It does not count where there is an API key."""
    request_length: _Bytes = Absent.DASH
    extended_request_id: Annotated[str, Meta(min_length=2)]
    """Neither empty nor `-`."""
    api_key_id: str
    request_time_epoch: Annotated[int, Meta(ge=0, le=LATEST_MS)]
    status: Annotated[int, Meta(ge=LOWEST_STATUS, le=HIGHEST_STATUS)]
    response_length: _Bytes = Absent.DASH
    response_latency: _Latency = 0


_decode: Final = msgspec.json.Decoder(UsualLine, strict=False).decode
_ABSENT: Final = ("-", "")
_SECOND_MS: Final = 1000
_IS_ERROR: Final = tuple(status >= FIRST_ERROR_STATUS for status in range(HIGHEST_STATUS + 1))


def read_calls(
    events: Sequence[LogEvent], rule: BillingRule, notes: Counter[Note] | None = None
) -> list[Call]:
    """The call of each log event. What is noted of the events is added to `notes`.

    This runs for every call. The key of calls without one is always the same object.
    """
    known, billed, is_error, unattributed = usual_keys.get, rule.billed, _IS_ERROR, UNATTRIBUTED_KEY
    rest, after_rest = REST_BEGIN, AFTER_REST
    earliest_ms, latest_ms = -MAX_CLOCK_DIFFERENCE_MS, MAX_CLOCK_DIFFERENCE_MS
    decode = _decode if rule.fields.is_default else _refuse
    calls: list[Call] = []
    for event in events:
        text = event.message
        try:
            line = decode(text)
        except (ValueError, RecursionError):
            calls.append(_closely(event, rule, notes))
            continue
        key, time_ms = known(line.api_key_id) or _key(line), line.request_time_epoch
        if not earliest_ms <= time_ms - event.timestamp <= latest_ms:
            time_ms *= _SECOND_MS  # as HTTP APIs write it
            if not earliest_ms <= time_ms - event.timestamp <= latest_ms or time_ms > LATEST_MS:
                key = None
        if key is None or not (rest <= text < after_rest or is_certain(text, line.api_key_id)):
            calls.append(_closely(event, rule, notes))
            continue
        event_id, status = line.extended_request_id, line.status
        calls.append(
            Call(
                event_id,
                xxh64_intdigest(event_id.encode()) & HASH_MASK,
                time_ms,
                key,
                key is not unattributed and (billed[status] or _is_billed(text, event_id, status, rule)),
                is_error[status],
                line.response_length,
                line.request_length,
                line.response_latency or 0,
            )
        )
    return calls


def _closely(event: LogEvent, rule: BillingRule, notes: Counter[Note] | None) -> Call:
    """The call by the clear path."""
    reading = read_event(event, rule)
    if notes is not None:
        notes.update(reading.notes)
    return reading.call


def _is_billed(text: str, event_id: str, status: int, rule: BillingRule) -> bool:
    denied = status in DENIALS and is_denied(text, event_id)
    return not rule.exempts(status, denied=denied)


def _refuse(_text: str) -> UsualLine:
    """Where a line has its values elsewhere, none is usual."""
    raise ValueError


def _key(line: UsualLine) -> str | None:
    """The key of a line whose API key is not known yet; None if it is to be looked at more closely."""
    if line.api_key_id in _ABSENT and (line.authorizer_key_id or "") in _ABSENT:
        return UNATTRIBUTED_KEY
    return usual_keys.learn(line.api_key_id)
