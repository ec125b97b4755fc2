"""Deliveries that inflate to more than is held at once: one caller's long lines among everybody's.

The gzip is inflated piece by piece, and the log events are taken from the JSON one by one, in groups. What is
held is a group, and a piece of text that has the next log event.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from isal import isal_zlib

from metering.errors import Undecodable

STREAMED_LIMIT: Final = 512 * 1024 * 1024
"""The most bytes that a record of 1 MiB may inflate to: beyond a five-hundredth it is a bomb."""
LONGEST_EVENT: Final = 8 * 1024 * 1024
"""Characters of JSON. CloudWatch takes events of 1 MB, of which every byte may be an escape of six.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""
MOST_EVENTS: Final = 250_000
GROUP: Final = 1_000
"""Log events that are handed over at once."""

_PIECE: Final = 1024 * 1024
_GZIP_WINDOW: Final = 31
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NO_GZIP: Final[type[Exception]] = isal_zlib.error  # type: ignore[assignment]  # its stub takes it for a value


class LargeDelivery:
    """The JSON object of a delivery, read from its beginning to its end. `fields` has all but its events."""

    def __init__(self, data: bytes) -> None:
        """`data` is gzip, of which it is known that it inflates past what is held at once."""
        self.fields: dict[str, Any] = {}
        self.has_events = False
        self._text = _Text(data)

    def groups(self) -> Iterator[list[Any]]:
        """The log events, in groups.

        Raises:
            Undecodable: it is no gzip, no JSON object, or too large. What came before it is not to be used.
        """
        text, count = self._text, 0
        text.take("{")
        while True:
            name = text.value()
            text.take(":")
            if name == "logEvents" and text.begins_with("[") and not self.has_events:
                self.has_events = True
                for group in self._events():
                    count += len(group)
                    if count > MOST_EVENTS:
                        raise Undecodable(f"holds more than {MOST_EVENTS} log events")
                    yield group
            else:
                self.fields[str(name)] = text.value()
            if text.begins_with("}"):
                text.take("}")
                text.end()
                return
            text.take(",")

    def _events(self) -> Iterator[list[object]]:
        text = self._text
        group: list[object] = []
        text.take("[")
        if not text.begins_with("]"):
            group.append(text.value())
        while not text.begins_with("]"):
            text.take(",")
            if len(group) >= GROUP:
                yield group
                group = []
            group.append(text.value())
        text.take("]")
        yield group


class _Text:
    """The text of inflated data, of which only the part that is looked at is held."""

    def __init__(self, data: bytes) -> None:
        self._pieces = _inflated(data)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._place = 0
        self._is_whole = False
        self._json = json.JSONDecoder()

    def begins_with(self, mark: str) -> bool:
        """Whether the next character but space is this one."""
        return self._next() == mark

    def take(self, mark: str) -> None:
        """Go past a character."""
        if self._next() != mark:
            raise Undecodable(f"no JSON of a delivery: there is no {mark!r}")
        self._place += 1

    def value(self) -> Any:
        """The value that comes next."""
        self._next()
        while True:
            try:
                value, end = self._json.raw_decode(self._held, self._place)
            except ValueError as error:
                if not self._read_on():
                    raise Undecodable(f"no JSON: {error}") from error
            except RecursionError as error:
                raise Undecodable("JSON that is nested too deep") from error
            else:
                if end < len(self._held) or not self._read_on():  # a number may go on
                    self._place = end
                    return value

    def end(self) -> None:
        """Nothing but space may follow."""
        if self._next():
            raise Undecodable("something follows the JSON of the delivery")

    def _next(self) -> str:
        """The next character but space; an empty text at the end."""
        while True:
            match = _SPACE.match(self._held, self._place)
            self._place = self._place if match is None else match.end()
            if self._place < len(self._held):
                return self._held[self._place]
            if not self._read_on():
                return ""

    def _read_on(self) -> bool:
        """Hold another piece; False where there is none."""
        if len(self._held) - self._place > LONGEST_EVENT:
            raise Undecodable(f"a log event has more than {LONGEST_EVENT} characters")
        if self._is_whole:
            return False
        piece = next(self._pieces, None)
        self._is_whole = piece is None
        more = self._decoder.decode(piece or b"", final=self._is_whole)
        self._held, self._place = self._held[self._place :] + more, 0
        return not self._is_whole or bool(more)


def _inflated(data: bytes) -> Iterator[bytes]:
    """The content of gzip, members one after the other, in pieces."""
    room, rest = STREAMED_LIMIT, data
    try:
        while rest:
            member = isal_zlib.decompressobj(_GZIP_WINDOW)
            while not member.eof:
                piece = member.decompress(rest, _PIECE)
                rest = member.unconsumed_tail
                room -= len(piece)
                if room < 0:
                    raise Undecodable(f"inflates past {STREAMED_LIMIT} bytes")
                if not piece and not rest and not member.eof:
                    raise Undecodable("the gzip data is cut off")
                yield piece
            rest = member.unused_data
    except _NO_GZIP as error:
        raise Undecodable(f"no gzip: {error}") from error
