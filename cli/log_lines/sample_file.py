"""Lines in a file: bare ones, or in the envelopes in which CloudWatch Logs delivers and prints them."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cli.common.errors import CommandError
from metering.calls.line_sample import SampledLine

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of a larger file its beginning is the sample."""

_GZIP: Final = b"\x1f\x8b"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
"""As PowerShell writes what a command prints."""
_EVENT_FIELDS: Final = frozenset(
    {"id", "eventId", "timestamp", "message", "ingestionTime", "logStreamName", "extractedFields"}
)
_decode_next: Final = json.JSONDecoder().raw_decode


def read_bytes(name: str) -> bytes:
    """The content of a file, or of standard input for `-`, unpacked; no more than `MOST_BYTES`, up to the end
    of a line.

    Raises:
        CommandError: it cannot be read.
    """
    try:
        data = _beginning(name)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CommandError(f"{name} is damaged gzip ({error}): get the file again.") from error
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror or error}.") from error
    return data if len(data) <= MOST_BYTES else data[: data.rfind(b"\n", 0, MOST_BYTES) + 1]


def lines_in(data: bytes) -> Iterator[SampledLine]:
    """The lines of a file, each with the time at which it was logged where the file has it."""
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    text = data.decode(encoding, "replace")
    whole = document_events(text.strip())
    if whole is not None:
        yield from whole
        return
    for line in io.StringIO(text):
        yield from lines_of(line.rstrip("\r\n"))


def _beginning(name: str) -> bytes:
    with io.BytesIO(_standard_input()) if name == "-" else Path(name).open("rb") as file:
        is_gzip = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        return gzip.GzipFile(fileobj=file).read(MOST_BYTES + 1) if is_gzip else file.read(MOST_BYTES + 1)


def _standard_input() -> bytes:
    return sys.stdin.buffer.read(MOST_BYTES + 1)


def lines_of(line: str) -> Iterator[SampledLine]:
    """The line itself, or the events of the envelopes that are on it; nothing of an empty one."""
    if not line.strip():
        return
    found = list(_documents(line)) if '"logEvents"' in line or '"message"' in line else []
    if found:
        yield from found
    else:
        yield SampledLine(line)


def _documents(line: str) -> Iterator[SampledLine]:
    """The events of all envelopes on a line: Firehose puts several on one. None if it is a bare line."""
    position = 0
    while position < len(line):
        try:
            value, position = _decode_next(line, position)
        except (ValueError, RecursionError):
            return
        yield from _events(value) or ()


def document_events(text: str) -> list[SampledLine] | None:
    """The events of a text that is one document, as `aws logs filter-log-events` prints it; else None."""
    if text[:1] not in {"{", "["}:
        return None
    try:
        return _events(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _events(value: object) -> list[SampledLine] | None:
    """The log events of an envelope, of a list of events, or of one event; None for anything else."""
    if isinstance(value, dict) and isinstance(value.get("logEvents", value.get("events")), list):
        value = value.get("logEvents", value.get("events"))
    elif isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not all(map(_is_event, value)):
        return None
    return [SampledLine(event["message"], event["timestamp"]) for event in value]


def _is_event(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() <= _EVENT_FIELDS
        and isinstance(value.get("message"), str)
        and type(value.get("timestamp")) is int
        and value["timestamp"] >= 0
    )
