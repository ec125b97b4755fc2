"""The fields of a line, whatever a caller wrote into it.

The order in the exported formats is:

1. the callers' own texts, `path` and `userAgent`; for HTTP APIs the other way round,
2. `requestId`, and what an authorizer gave: `authorizerKeyId`, `requestLength`, `decision`, for HTTP APIs the
   `apiKeyId`,
3. `extendedRequestId`, and all else that the gateway itself knows.

A text of one part can repeat fields of a later one, but never comes after them: the last is the gateway's.
If it breaks the JSON, the later parts are still whole. Nobody can know the `extendedRequestId` of a call
before it is made, so that the end of part 2 is certain, and in lines of HTTP APIs, whose `requestId` is the
same, its beginning is, too: a key taken from a token is the value there, and nothing in it.

Whether an authorizer denied the call is part of 2 as well. It counts where only the gateway can have put it:
beside an `extendedRequestId`, or in lines of HTTP APIs beside the `requestId` that is the same.

In other formats a caller's text may come before the gateway's fields or after them. Of a field that repeats
with different values, the one before all texts of callers is the gateway's. Where there is none, it counts
what a caller gains nothing by: the lowest status, the largest amounts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from metering.calls.notes import Doubt, Reason, explained, form_of
from metering.errors import Malformed
from metering.line_format.field_map import FieldMap
from metering.line_format.json_text import JsonText, is_text, occurrences, plain, read_object, text_of

REST_BEGIN: Final = '{"path":"'
"""So lines of REST APIs begin, and of no other."""
AFTER_REST: Final = '{"path":#'
"""The first text that is greater than all that begin so: two comparisons are quicker than `startswith`."""
HTTP_BEGIN: Final = '{"userAgent":"'
"""So lines of HTTP and WebSocket APIs begin, whose keys may be taken from a token."""
COUNTED_NAMES: Final = (
    *("extendedRequestId", "apiKeyId", "authorizerKeyId", "requestTimeEpoch", "status"),
    *("responseLength", "requestLength", "responseLatency"),
)
"""The fields that decide what is counted in nearly every line."""

_AMOUNTS: Final = frozenset({"responseLength", "requestLength", "responseLatency"})
_FREE_TEXTS: Final = ("path", "userAgent")
_AUTHORIZERS_PART: Final = ',"requestId":"'
_GATEWAYS_PART: Final = ',"extendedRequestId":"'
_AUTHORIZERS_KEY: Final = ',"authorizerKeyId":"'
_KEY: Final = ',"apiKeyId":"'
_FORMER_BEGIN: Final = '{"requestId":"'
_FORMER_TEXTS: Final = ',"path":"'
_WRITTEN: Final = {"status": re.compile(r', ?"status":("[1-5][0-9][0-9]")')} | {
    name: re.compile(rf', ?"{name}":("[0-9]{{1,15}}")') for name in sorted(_AMOUNTS)
}
"""The former formats were written on several lines, and came out with a space behind some commas."""
_STATUS: Final = re.compile(rb'"?[1-5][0-9][0-9]"?')
_BARE_DASH: Final = re.compile(r'(?<=":)[ \t]*-(?=[ \t]*[,}])')
"""An absent value in a format that does not quote its numbers."""
_KEY_NAME: Final = '"apiKeyId"'
_QUOTED_NAMES: Final = tuple(f'"{name}"' for name in COUNTED_NAMES)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a line: the last of those that come twice, or the one that can be believed."""

    found: Mapping[str, JsonText]
    names: FieldMap
    doubts: frozenset[Doubt] = frozenset()

    def value(self, name: str) -> JsonText | None:
        """The JSON of a value, by its name in the exported formats; None where there is none."""
        value = self.names.find(name, self.found)
        return None if value is None else plain(value)

    def text(self, name: str) -> str | None:
        """A value as a text; None for an absent one."""
        return text_of(self.value(name))


def is_certain(text: str, key: str) -> bool:
    """Whether it can be seen at once that of a line other than a REST API's each counted field is what it
    says, its `apiKeyId` being this one. (A name may be written in escapes.)
    """
    if "\\" in text:
        return False
    if text.startswith(HTTP_BEGIN):
        place = text.find(_KEY) + len(_KEY)
        return (
            text.startswith(f'{key}"', place)
            and text.rfind(_GATEWAYS_PART) == place + len(key) + 1  # the last is the gateway's own
            and _comes_once(_KEY_NAME, text)
        )
    return all(_comes_once(name, text) for name in _QUOTED_NAMES)


def is_denied(text: str, event_id: str) -> bool:
    """Whether the authorizer says in a line that it denied the call of that id."""
    if text.startswith(REST_BEGIN):
        return f',"decision":"denied","extendedRequestId":"{event_id}"' in text
    return text.startswith(HTTP_BEGIN) and f',"requestId":"{event_id}","decision":"denied",' in text


def _comes_once(part: str, text: str) -> bool:
    """Whether a text has a part no more than once."""
    return text.find(part, text.find(part) + 1) < 0


def read_fields(text: str, names: FieldMap) -> Fields:
    """The fields of a line.

    Raises:
        Malformed: it is no JSON object, and there is no part of it that can be counted.
    """
    is_exported = text.startswith((REST_BEGIN, HTTP_BEGIN))
    try:
        found = read_object(text)
    except (ValueError, RecursionError) as error:
        if is_exported:
            return _later_parts(text, names, error)
        if text.startswith(_FORMER_BEGIN) and text.endswith('"}'):
            return _around_texts(text, names, error)
        found = _without_bare_dashes(text, error)
    if is_exported:
        return _with_its_key(text, found, names, frozenset())
    return _believed(text, found, names)


def _without_bare_dashes(text: str, error: Exception) -> dict[str, JsonText]:
    try:
        return read_object(_BARE_DASH.sub("null", text))
    except (ValueError, RecursionError):
        raise _no_object(text, error) from error


def _no_object(text: str, error: Exception) -> Malformed:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        reason = form_of(text)
        return Malformed(explained(reason) or f"no JSON: {error}", reason)
    return Malformed("JSON, but no object", Reason.NO_OBJECT)


def _later_parts(text: str, names: FieldMap, error: Exception) -> Fields:
    """The fields behind the text that has broken the JSON."""
    for mark in (_AUTHORIZERS_PART, _GATEWAYS_PART):
        place = text.rfind(mark)
        if place >= 0:
            try:
                found = read_object("{" + text[place + 1 :])
            except (ValueError, RecursionError):
                continue
            _add_authorizers_key(text, found)
            return _with_its_key(text, found, names, frozenset({Doubt.BROKEN_TEXT}))
    return _believed(text, _without_bare_dashes(text, error), names)


def _add_authorizers_key(text: str, found: dict[str, JsonText]) -> None:
    """Where the authorizer's own part has broken, its key is what stands in its place. It has no quotes."""
    start = text.rfind(_AUTHORIZERS_KEY) + len(_AUTHORIZERS_KEY)
    end = text.find('"', start)
    if "authorizerKeyId" not in found and len(_AUTHORIZERS_KEY) <= start <= end:
        found["authorizerKeyId"] = json.dumps(text[start:end]).encode()


def _around_texts(text: str, names: FieldMap, error: Exception) -> Fields:
    """The fields of a line of the former format, in which both texts of callers come late: what comes before
    them is certain, and of what may stand behind them counts what a caller gains nothing by.
    """
    head, mark, rest = text.partition(_FORMER_TEXTS)
    try:
        found = read_object(head + "}")
    except (ValueError, RecursionError):
        return _believed(text, _without_bare_dashes(text, error), names)
    for name, pattern in _WRITTEN.items():
        values = [value.encode() for value in pattern.findall(rest)]
        if values:
            found[name] = _choice(name, values, None)
    if not mark or "status" not in found:
        return _believed(text, _without_bare_dashes(text, error), names)
    return Fields(found, names, frozenset({Doubt.BROKEN_TEXT}))


def _with_its_key(text: str, found: dict[str, JsonText], names: FieldMap, doubts: frozenset[Doubt]) -> Fields:
    """The fields of a line of an exported format; of an HTTP API with the key exactly as its token is."""
    event_id = found.get("extendedRequestId", b"").decode()
    begin = text.find(f',"requestId":{event_id},') if event_id else -1  # never in a line of a REST API
    start = text.find(_KEY, begin) + len(_KEY)
    end = text.rfind(f'",{_GATEWAYS_PART[1:-1]}{event_id}')
    if begin < 0 or start < len(_KEY) or end < start:
        return Fields(found, names, doubts)
    written = f'"{text[start:end]}"'
    if found.get("apiKeyId") != written.encode():
        if not is_text(written):
            written = json.dumps(text[start:end])
            doubts |= {Doubt.REPEATED_FIELD}
        found["apiKeyId"] = written.encode()
    return Fields(found, names, doubts)


def _believed(text: str, found: dict[str, JsonText], names: FieldMap) -> Fields:
    """The fields of a line of any other format."""
    used = names.used(found)
    if "\\" not in text and all(_comes_once(f'"{name}"', text) for name in used):
        return Fields(found, names)
    written = list(occurrences(_BARE_DASH.sub("null", text)))
    texts = {top for value in _FREE_TEXTS for top in names.tops_of(value)}
    places = [place for place, (name, _) in enumerate(written) if name in texts]
    doubts: frozenset[Doubt] = frozenset()
    for name, value in used.items():
        values = [(place, one) for place, (other, one) in enumerate(written) if other == name]
        if len({one for _, one in values}) > 1:
            doubts = frozenset({Doubt.REPEATED_FIELD})
            if places:
                first = values[0][1] if values[0][0] < places[0] else None
                found[name] = _choice(value, [one for _, one in values], first)
    return Fields(found, names, doubts)


def _choice(value: str, values: Sequence[JsonText], first: JsonText | None) -> JsonText:
    """Which of several values of a field counts."""
    if first is not None:
        return first
    if value == "status":
        return min(filter(_STATUS.fullmatch, values), key=_size, default=values[-1])
    return max(values, key=_size) if value in _AMOUNTS else values[-1]


def _size(value: JsonText) -> tuple[int, bytes]:
    """For an order by number among texts of digits."""
    digits = value.strip(b'"')
    return (len(digits), digits)
