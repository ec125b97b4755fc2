"""Rows of the lake: what it keeps of each log event, as JSON.

The columns are those of the table `api_gateway_logs`. What is counted of a call, and under which key, is
decided by :func:`metering.calls.access_log.call_of` here as in the stream processor, so that lake and
counters cannot disagree; the fields that describe the call are taken as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from xxhash import xxh64_intdigest

from metering.billing_rule import DENIALS, HIGHEST_STATUS, LOWEST_STATUS, BillingRule
from metering.calls.access_log import (
    MAX_BYTES,
    MAX_CLOCK_DIFFERENCE_MS,
    MAX_LATENCY_MS,
    AccessLogLine,
    read_event,
)
from metering.calls.delivery import LogEvent
from metering.calls.doubts import AFTER_REST, REST_BEGIN, is_certain, is_denied
from metering.calls.event_id import HASH_MASK
from metering.calls.fast_keys import usual_keys
from metering.calls.notes import SUSPECT
from metering.line_format.absent_number import Absent
from metering.outcome import Outcome
from metering.period import LATEST_MS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_MS: Final = 1000
_MILLISECONDS: Final = tuple(f".{millisecond:03d}" for millisecond in range(_SECOND_MS))
_CUT: Final = re.compile(r"…\[\d+ characters\]…", re.ASCII)

LONGEST_TEXT: Final = 1024
"""A text of a row has so many characters at most. Callers choose some, and their rows share an answer of
Lambda with everybody's.
"""
LONGEST_RAW: Final = 16_384
"""A message that could not be read is kept for reading it again: more than API Gateway takes for headers."""


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
    """Bytes; 0 where it is not known, so that sums have no holes."""
    responsesize: int | None = None
    """Bytes, likewise."""
    requestsizeknown: bool | None = None
    responsesizeknown: bool | None = None
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
    reason: str | None = None
    """Why the line is malformed; or what of it could not be taken as it is: see
    :mod:`metering.calls.notes`.
    """
    raw: str | None = None
    """The message where it is malformed, or where a caller may have tried to write fields of it."""
    denied: bool | None = None
    """True where the quota authorizer denied the call; else None."""


COLUMNS: Final[tuple[str, ...]] = LakeRow.__struct_fields__

_encode_lines: Final = msgspec.json.Encoder().encode_lines


def encode_rows(rows: Sequence[LakeRow]) -> bytes:
    """The rows as JSON, each ended by a line feed."""
    return _encode_lines(rows)


def time_text(time_ms: int) -> str:
    """A time in epoch milliseconds as :attr:`LakeRow.eventtime` writes it."""
    return _second_text(time_ms // _SECOND_MS) + _MILLISECONDS[time_ms % _SECOND_MS]


def epoch_ms(time: str) -> int:
    """What :func:`time_text` has made of a time."""
    return (datetime.fromisoformat(time).replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def shorten(rows: Iterable[LakeRow]) -> None:
    """Cut messages like any other text, where there is no room for them."""
    for row in rows:
        if row.raw is not None:
            row.raw = cut(row.raw)


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S")


def lake_row(event: LogEvent, rule: BillingRule) -> LakeRow:
    """The row of a log event."""
    call, line, notes, explanation = read_event(event, rule)
    row = LakeRow(
        eventid=_well_formed(call.event_id),
        eventhash=call.event_hash,
        eventtime=time_text(call.time_ms),
        apikeyid=call.key,
        outcome=call.outcome.value,
        billable=call.billable,
        requestsize=call.request_bytes or 0,
        responsesize=call.response_bytes or 0,
    )
    if notes:
        row.reason = cut(_well_formed(f"{', '.join(notes)}{': ' if explanation else ''}{explanation}"))
    if line is None or not SUSPECT.isdisjoint(notes):
        row.raw = cut(_well_formed(event.message), LONGEST_RAW)
    if line is not None:
        _describe(row, line)
    return row


def _describe(row: LakeRow, line: AccessLogLine) -> None:
    """Add what a line says of a call beside what is counted."""
    row.status = line.status
    row.denied = line.is_denied or None
    row.requestsizeknown = line.request_length is not None
    row.responsesizeknown = line.response_length is not None
    row.responselatency = line.response_latency
    row.requestid = _text(line, "requestId")
    row.apiid = _text(line, "apiId")
    row.stage = _text(line, "stage")
    row.httpmethod = _text(line, "httpMethod") or line.event_type
    row.resourcepath = _text(line, "resourcePath") or _text(line, "routeKey")
    row.path = _text(line, "path")
    row.sourceip = _text(line, "sourceIp")
    row.useragent = _text(line, "userAgent")


def _text(line: AccessLogLine, name: str) -> str | None:
    """A value that describes a call; what is no text is kept as its JSON."""
    value = line.fields.text(name)
    return None if value is None else cut(value)


def cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text of at most so many characters: of a longer one the beginning and the end, and its length."""
    if len(text) <= longest:
        return text
    mark = f"…[{len(text)} characters]…"
    end = (longest - len(mark)) // 2
    return text[: longest - len(mark) - end] + mark + text[-end:]


def is_cut(text: str) -> bool:
    """Whether a text may be one that :func:`cut` made shorter."""
    return len(text) in (LONGEST_TEXT, LONGEST_RAW) and _CUT.search(text) is not None


def _well_formed(text: str) -> str:
    """The text with question marks for lone surrogates: UTF-8 has none, and the event hash does the same."""
    return text.encode("utf-8", "replace").decode()


# The fast path, for lines as API Gateway writes them nearly always. It leaves every other line to `lake_row`;
# a property test holds the two equal.


_Name = Annotated[str, Meta(min_length=2, max_length=LONGEST_TEXT)]
"""Neither empty nor `-`, nor to be cut."""
_Bytes = Annotated[int, Meta(ge=0, le=MAX_BYTES)] | Absent
_Latency = Annotated[int, Meta(ge=0, le=MAX_LATENCY_MS)] | Absent | None


class _UsualLine(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """The fields in the order of the exported format: so the decoder finds each where it looks first."""

    path: _Name | None = None
    user_agent: _Name | None = None
    request_id: _Name | None = None
    authorizer_key_id: str | None = None
    request_length: _Bytes = Absent.DASH
    extended_request_id: _Name
    api_id: _Name | None = None
    stage: _Name | None = None
    api_key_id: str
    request_time_epoch: Annotated[int, Meta(ge=0, le=LATEST_MS)]
    http_method: _Name | None = None
    resource_path: _Name | None = None
    route_key: _Name | None = None
    status: Annotated[int, Meta(ge=LOWEST_STATUS, le=HIGHEST_STATUS)]
    response_length: _Bytes = Absent.DASH
    response_latency: _Latency = None
    source_ip: _Name | None = None


_decode_usual: Final = msgspec.json.Decoder(_UsualLine, strict=False).decode
_METERED: Final = Outcome.METERED.value


def lake_rows(events: Iterable[LogEvent], rule: BillingRule) -> list[LakeRow]:
    """The row of each log event: what :func:`lake_row` gives, in a fraction of its time."""
    known, billed, dash = usual_keys.get, rule.billed, Absent.DASH
    rest, after_rest = REST_BEGIN, AFTER_REST
    earliest_ms, latest_ms = -MAX_CLOCK_DIFFERENCE_MS, MAX_CLOCK_DIFFERENCE_MS
    decode = _decode_usual if rule.fields.is_default else _refuse
    second_ms, second = -_SECOND_MS, ""
    rows: list[LakeRow] = []
    for event in events:
        text = event.message
        try:
            line = decode(text)
        except (ValueError, RecursionError):
            rows.append(lake_row(event, rule))
            continue
        key = known(line.api_key_id) or usual_keys.learn(line.api_key_id)
        time_ms = line.request_time_epoch
        if not earliest_ms <= time_ms - event.timestamp <= latest_ms:
            time_ms *= _SECOND_MS  # as HTTP APIs write it
            if not earliest_ms <= time_ms - event.timestamp <= latest_ms or time_ms > LATEST_MS:
                key = None
        if key is None or not (rest <= text < after_rest or is_certain(text, line.api_key_id)):
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
        billable, denied = True, None
        if not billed[status]:
            denied = (status in DENIALS and is_denied(text, event_id)) or None
            billable = not rule.exempts(status, denied=denied is not None)
        rows.append(
            LakeRow(
                event_id,
                xxh64_intdigest(event_id.encode()) & HASH_MASK,
                second + _MILLISECONDS[millisecond],
                key,
                _METERED,
                billable,
                status,
                request_size or 0,
                response_size or 0,
                request_size is not dash,
                response_size is not dash,
                None if latency is dash else latency,
                line.request_id,
                line.api_id,
                line.stage,
                line.http_method,
                line.resource_path or line.route_key,
                line.path,
                line.source_ip,
                line.user_agent,
                denied=denied,
            )
        )
    return rows


def _refuse(_text: str) -> _UsualLine:
    """Where a line has its values elsewhere, none is usual."""
    raise ValueError
