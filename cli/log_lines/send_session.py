"""One run of `usage-meter send`."""

from __future__ import annotations

import gzip
import io
import sys
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urlsplit

import typer
from rich.status import Status

from adapters.errors import translated
from cli.common.bootstrap import Target, target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.question import agreed
from cli.common.terminal import is_live
from cli.log_lines.sample_file import document_events, lines_of
from metering.calls.line_sample import SampledLine
from reconciliation.report.verdict import counted

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import InputLogEventTypeDef, PutLogEventsResponseTypeDef

MOST_EVENTS: Final = 10_000
MOST_BYTES: Final = 1_048_576
EVENT_OVERHEAD: Final = 26
LONGEST_SPAN_MS: Final = 24 * 3_600_000 - 1
"""Of a batch: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"""

MOST_BYTES_OF_A_DOCUMENT: Final = 256 * 1_048_576
"""Of a document over many lines, which is held whole."""

_GZIP: Final = b"\x1f\x8b"
_BEGINNINGS: Final = frozenset({b"{", b"["})
"""The first line of a document that is printed over many lines."""
_OWN_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(slots=True)
class Sending:
    """How far it is."""

    log_group: str
    sent: int = 0
    rejected: int = 0
    """By CloudWatch Logs, for their time: older than 14 days or than the group keeps, or in the future."""
    too_long: int = 0
    """Longer than CloudWatch Logs takes."""


def run(file: str, stack: str, log_group: str | None, out: Output, *, yes: bool) -> None:
    """Send the lines, and say how many were taken.

    Raises:
        CommandError: there is nothing to read, or nobody agreed.
        typer.Abort: the answer was no. Nothing was sent.
        MeterError, ClientError, BotoCoreError: the log group cannot be written. What was sent is counted.
        typer.Exit: with 1, if lines were not taken.
    """
    where, screen = target(stack), out.screen()
    group = log_group or where.deployment.values("AccessLogGroupName")[0]
    logs: CloudWatchLogsClient = where.client("logs")
    if not _is_local(logs):
        agreed(_question(where, group), yes=yes)
    found = Sending(group)
    status = Status(f"Sending to {group}", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()
    with shown, translated(f"PutLogEvents to {group}"):
        for _ in send(logs, found, events_in(file, time.time_ns() // 1_000_000)):
            status.update(f"Sending to {group}: {found.sent:,} lines")
    if not (found.sent or found.rejected or found.too_long):
        raise CommandError(f"There are no lines in {file}: give a file with one log line a line.")
    out.write(asdict(found))
    screen.print(
        f"{counted(found.sent, 'line')} sent to {group}, to be counted within seconds.", soft_wrap=True
    )
    for number, why in (
        (found.rejected, "CloudWatch Logs takes no lines that are older than 14 days or in the future"),
        (found.too_long, f"CloudWatch Logs takes no line of more than {MOST_BYTES - EVENT_OVERHEAD:,} bytes"),
    ):
        if number:
            screen.print(f"Not taken: {counted(number, 'line')}. {why}.", soft_wrap=True)
    if found.rejected or found.too_long:
        raise typer.Exit(PROBLEM)


def send(
    logs: CloudWatchLogsClient, found: Sending, events: Iterable[InputLogEventTypeDef]
) -> Iterator[Sending]:
    """Send events, a batch at a time, into a log stream of their own."""
    stream = f"usage-meter-send/{uuid.uuid4()}"
    is_made = False
    for batch in batches(events, found):
        if not is_made:
            logs.create_log_stream(logGroupName=found.log_group, logStreamName=stream)
            is_made = True
        answer = logs.put_log_events(logGroupName=found.log_group, logStreamName=stream, logEvents=batch)
        rejected = rejected_of(answer, len(batch))
        found.rejected += rejected
        found.sent += len(batch) - rejected
        yield found


def batches(events: Iterable[InputLogEventTypeDef], found: Sending) -> Iterator[list[InputLogEventTypeDef]]:
    """As many events at a time as one request takes, in the order of their times."""
    batch: list[InputLogEventTypeDef] = []
    size, first, last = 0, 0, 0
    for event in events:
        length, at = len(event["message"].encode()) + EVENT_OVERHEAD, event["timestamp"]
        if length > MOST_BYTES:
            found.too_long += 1
            continue
        low, high = (min(first, at), max(last, at)) if batch else (at, at)
        if batch and (
            len(batch) == MOST_EVENTS or size + length > MOST_BYTES or high - low > LONGEST_SPAN_MS
        ):
            yield sorted(batch, key=lambda one: one["timestamp"])
            batch, size, low, high = [], 0, at, at
        batch.append(event)
        size, first, last = size + length, low, high
    if batch:
        yield sorted(batch, key=lambda one: one["timestamp"])


def events_in(file: str, now_ms: int) -> Iterator[InputLogEventTypeDef]:
    """The lines of a file, or of standard input for `-`, each with the time at which it was logged, or now.

    Raises:
        CommandError: it cannot be read.
    """
    try:
        with _opened(file) as source:
            for found in _lines(source, file):
                yield {"message": found.text, "timestamp": found.logged_at_ms or now_ms}
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CommandError(f"{file} is damaged gzip ({error}): get the file again.") from error
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or error}.") from error


def _lines(source: IO[bytes], file: str) -> Iterator[SampledLine]:
    """The log lines: one a line, or those of one document over many lines, as the AWS CLI prints it."""
    first = source.readline()
    if first.strip() in _BEGINNINGS:
        yield from _of_document(first + source.read(MOST_BYTES_OF_A_DOCUMENT), file)
        return
    for line in chain([first], source):
        yield from lines_of(line.decode("utf-8", "replace").rstrip("\r\n"))


def _of_document(content: bytes, file: str) -> list[SampledLine]:
    if len(content) > MOST_BYTES_OF_A_DOCUMENT:
        raise CommandError(
            f"{file} is one JSON document of more than {MOST_BYTES_OF_A_DOCUMENT:,} bytes: write one event a "
            "line, such as by `jq -c '.events[]'`."
        )
    events = document_events(content.decode("utf-8", "replace"))
    if events is None:
        raise CommandError(
            f"{file} begins as a JSON document and has no log events: give what `aws logs filter-log-events` "
            "prints, or one log line a line."
        )
    return events


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    """The file, unpacked."""
    if file == "-":
        yield _unpacked(io.BufferedReader(sys.stdin.buffer))  # type: ignore[arg-type]  # it reads into a buffer
        return
    with Path(file).open("rb") as source:
        yield _unpacked(source)


def _unpacked(source: io.BufferedReader) -> IO[bytes]:
    is_gzip = source.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
    return gzip.GzipFile(fileobj=source) if is_gzip else source  # type: ignore[return-value]


def rejected_of(answer: PutLogEventsResponseTypeDef, count: int) -> int:
    """How many events of a batch were not taken: those before one place, and those from another on."""
    info = answer.get("rejectedLogEventsInfo", {})
    old = max(info.get("tooOldLogEventEndIndex", 0), info.get("expiredLogEventEndIndex", 0))
    return old + count - info.get("tooNewLogEventStartIndex", count)


def _is_local(logs: CloudWatchLogsClient) -> bool:
    return urlsplit(logs.meta.endpoint_url).hostname in _OWN_HOSTS


def _question(where: Target, group: str) -> str:
    return f"Send these lines to {group} by {where.caller}? They are counted and billed as calls."
