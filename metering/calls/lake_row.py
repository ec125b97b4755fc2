"""Rows of the lake: what it keeps of each log event, as JSON.

The columns are those of the table `api_gateway_logs`. What is counted of a call, and under which key, is
decided by :func:`metering.calls.access_log.call_of` here as in the stream processor, so that lake and
counters cannot disagree; the fields that describe the call are taken as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from xxhash import xxh64_intdigest

from metering.billing_rule import HIGHEST_STATUS, LOWEST_STATUS, BillingRule
from metering.calls.access_log import (
    MAX_BYTES,
    MAX_CLOCK_DIFFERENCE_MS,
    MAX_LATENCY_MS,
    AccessLogLine,
    DescribedLine,
    call_of,
    number,
    read_line,
)
from metering.calls.call import Call, malformed
from metering.calls.delivery import LogEvent
from metering.calls.event_id import HASH_MASK
from metering.calls.fast_keys import usual_keys
from metering.errors import Malformed
from metering.outcome import Outcome
from metering.period import LATEST_MS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_MS: Final = 1000
_MILLISECONDS: Final = tuple(f".{millisecond:03d}" for millisecond in range(_SECOND_MS))


class LakeRow(msgspec.Struct, gc=False, omit_defaults=True):
    """A row of the lake. None, which its JSON leaves out: absent."""

    eventid: str
    eventhash: int
    eventtime: str
    """`yyyy-MM-dd HH:mm:ss.SSS` in UTC: a form that every version of Firehose's OpenX SerDe takes for a
    timestamp.
    https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
    """
    apikeyid: str
    """The key that the event is counted under: an API key id or one of the reserved keys."""
    outcome: str
    billable: bool
    status: int | None = None
    requestsize: int | None = None
    """Bytes."""
    responsesize: int | None = None
    """Bytes."""
    responselatency: int | None = None
    """Milliseconds."""
    requestid: str | None = None
    apiid: str | None = None
    stage: str | None = None
    httpmethod: str | None = None
    resourcepath: str | None = None
    """The route; HTTP APIs call it `routeKey`."""
    path: str | None = None
    sourceip: str | None = None
    useragent: str | None = None
    raw: str | None = None
    """The whole message where it is malformed."""


COLUMNS: Final[tuple[str, ...]] = LakeRow.__struct_fields__

_encode_lines: Final = msgspec.json.Encoder().encode_lines


def encode_rows(rows: Sequence[LakeRow]) -> bytes:
    """The rows as JSON, each ended by a line feed."""
    return _encode_lines(rows)


def time_text(time_ms: int) -> str:
    """A time in epoch milliseconds as :attr:`LakeRow.eventtime` writes it."""
    return _second_text(time_ms // _SECOND_MS) + _MILLISECONDS[time_ms % _SECOND_MS]


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S")


def lake_row(event: LogEvent, rule: BillingRule) -> LakeRow:
    """The row of a log event."""
    try:
        line = read_line(event.message, DescribedLine)
        row = _counted(call_of(event, line, rule), line)
    except Malformed:
        return _undescribed(event, rule)
    row.requestid = _text(line.request_id)
    row.apiid = _text(line.api_id)
    row.stage = _text(line.stage)
    row.httpmethod = _text(line.http_method)
    row.resourcepath = _text(line.resource_path) or _text(line.route_key)
    row.path = _text(line.path)
    row.sourceip = _text(line.source_ip)
    row.useragent = _text(line.user_agent)
    return row


def _undescribed(event: LogEvent, rule: BillingRule) -> LakeRow:
    """The row of an event that is malformed, or only describes itself in a way that cannot be read."""
    try:
        line = read_line(event.message, AccessLogLine)
        return _counted(call_of(event, line, rule), line)
    except Malformed:
        row = _row(malformed(event.id, event.timestamp))
        row.raw = _well_formed(event.message)
        return row


def _counted(call: Call, line: AccessLogLine) -> LakeRow:
    row = _row(call)
    row.status = line.status
    row.requestsize = number(line.request_length)
    row.responsesize = number(line.response_length)
    row.responselatency = number(line.response_latency)
    return row


def _row(call: Call) -> LakeRow:
    return LakeRow(
        eventid=_well_formed(call.event_id),
        eventhash=call.event_hash,
        eventtime=time_text(call.time_ms),
        apikeyid=call.key,
        outcome=call.outcome.value,
        billable=call.billable,
    )


def _text(value: Any) -> str | None:
    """A value that describes a call; what is no text is kept as its JSON."""
    if value is None or value in ("-", ""):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _well_formed(text: str) -> str:
    """The text with question marks for lone surrogates: UTF-8 has none, and the event hash does the same."""
    return text.encode("utf-8", "replace").decode()


# The fast path, for lines as API Gateway writes them nearly always. It leaves every other line to `lake_row`;
# a property test holds the two equal.


class _Absent(Enum):
    """What stands for a number that is absent."""

    DASH = "-"


_Name = Annotated[str, Meta(min_length=2)]
"""Neither empty nor `-`."""
_Bytes = Annotated[int, Meta(ge=0, le=MAX_BYTES)] | _Absent | None
_Latency = Annotated[int, Meta(ge=0, le=MAX_LATENCY_MS)] | _Absent | None


class _UsualLine(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """The fields in the order of the template's format: so the decoder finds each where it looks first."""

    request_id: _Name | None = None
    extended_request_id: _Name
    api_id: _Name | None = None
    stage: _Name | None = None
    api_key_id: str
    authorizer_key_id: str | None = None
    request_time_epoch: Annotated[int, Meta(ge=0, le=LATEST_MS)]
    http_method: _Name | None = None
    resource_path: _Name | None = None
    route_key: _Name | None = None
    path: _Name | None = None
    status: Annotated[int, Meta(ge=LOWEST_STATUS, le=HIGHEST_STATUS)]
    response_length: _Bytes = None
    request_length: _Bytes = None
    response_latency: _Latency = None
    source_ip: _Name | None = None
    user_agent: _Name | None = None


_decode_usual: Final = msgspec.json.Decoder(_UsualLine, strict=False).decode
_METERED: Final = Outcome.METERED.value


def lake_rows(events: Iterable[LogEvent], rule: BillingRule) -> list[LakeRow]:
    """The row of each log event: what :func:`lake_row` gives, in a fraction of its time."""
    known, exempt, dash = usual_keys.get, rule.exempt, _Absent.DASH
    earliest_ms, latest_ms = -MAX_CLOCK_DIFFERENCE_MS, MAX_CLOCK_DIFFERENCE_MS
    second_ms, second = -_SECOND_MS, ""
    rows: list[LakeRow] = []
    for event in events:
        try:
            line = _decode_usual(event.message)
        except (ValueError, RecursionError):
            rows.append(lake_row(event, rule))
            continue
        key = known(line.api_key_id) or usual_keys.learn(line.api_key_id)
        time_ms = line.request_time_epoch
        if key is None or not earliest_ms <= time_ms - event.timestamp <= latest_ms:
            rows.append(lake_row(event, rule))
            continue
        millisecond = time_ms - second_ms
        if not 0 <= millisecond < _SECOND_MS:  # calls that follow one another are mostly of one second
            millisecond = time_ms % _SECOND_MS
            second_ms = time_ms - millisecond
            second = _second_text(time_ms // _SECOND_MS)
        event_id, status = line.extended_request_id, line.status
        request_size, response_size = line.request_length, line.response_length
        latency = line.response_latency
        rows.append(
            LakeRow(
                event_id,
                xxh64_intdigest(event_id.encode()) & HASH_MASK,
                second + _MILLISECONDS[millisecond],
                key,
                _METERED,
                status not in exempt,
                status,
                None if request_size is dash else request_size,
                None if response_size is dash else response_size,
                None if latency is dash else latency,
                line.request_id,
                line.api_id,
                line.stage,
                line.http_method,
                line.resource_path or line.route_key,
                line.path,
                line.source_ip,
                line.user_agent,
            )
        )
    return rows
