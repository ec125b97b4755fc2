"""JSON read no further than it must be: the fields of an object as their own texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec

JsonText = bytes
"""The JSON of one value, as it was written."""

_decode_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode
_encode: Final = msgspec.json.Encoder().encode
_value_at: Final = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_ABSENT: Final = (b"null", b'""', b'"-"')


def read_object(text: str) -> dict[str, JsonText]:
    """The fields of an object; of one that comes twice, the last.

    Raises ValueError or RecursionError: it is no JSON object.
    """
    return {name: bytes(raw) for name, raw in _decode_fields(text).items()}


def fields_of(value: JsonText) -> dict[str, JsonText]:
    """The fields of a value; none where it is no object."""
    try:
        return read_object(value.decode())
    except (ValueError, RecursionError):
        return {}


def occurrences(text: str) -> Iterator[tuple[str, JsonText]]:
    """The fields of a text that :func:`read_object` reads, in their order: each as often as it comes."""
    position = _after_space(text, 0) + 1
    while True:
        name, position = _value_at(text, _after_space(text, position))
        start = _after_space(text, _after_space(text, position) + 1)
        _, position = _value_at(text, start)
        yield name, text[start:position].encode()
        position = _after_space(text, position)
        if text[position] == "}":
            return
        position += 1


def plain(value: JsonText) -> JsonText:
    """A value without escapes where it needs none, so that it can be compared."""
    return _encode(_decode_text(value)) if b"\\" in value and value[:1] == b'"' else value


def is_absent(value: JsonText | None) -> bool:
    """Whether a value is left out, null, empty or API Gateway's `-`."""
    return value is None or value in _ABSENT


def is_text(json_text: str) -> bool:
    """Whether this is the JSON of one text."""
    try:
        _decode_text(json_text)
    except ValueError:
        return False
    return True


def text_of(value: JsonText | None) -> str | None:
    """A value as a text: what is none, as its JSON was written. None for an absent one."""
    if value is None or is_absent(value):
        return None
    return _decode_text(value) if value[:1] == b'"' else value.decode()


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return position if match is None else match.end()
