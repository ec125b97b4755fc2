"""What the demo plays: an access log from a file, or generated traffic."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

from local_cloud.playback.log_times import call_time
from local_cloud.playback.player import read_lines
from local_cloud.playback.traffic import TrafficSettings, generate

_LAST_LINES = 100
"""Of so many, one has a time that can be read."""


class UnreadableLogError(Exception):
    """A file that is no access log, or none that can be read. The text says why and what helps."""


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Lines that can be read several times, how many they are and how long they took to be written."""

    name: str
    lines: Callable[[], Iterable[str]]
    total: int
    span: timedelta


def from_file(path: Path, most: int | None = None) -> AccessLog:
    """The access log in a file, plain or gzip, or its first lines; it is read once to count them.

    Raises:
        UnreadableLogError: it cannot be read, or has no lines.
    """
    if path.exists() and not path.is_file():
        raise UnreadableLogError(f"{path} is read twice, which a pipe does not bear: give a file")
    total, first, last = _survey(islice(_readable_lines(path), most))
    if not total:
        raise UnreadableLogError(f"{path} has no lines: give an access log with one JSON object a line")
    return AccessLog(
        path.name, lambda: islice(_readable_lines(path), most), total, timedelta(milliseconds=last - first)
    )


def generated(settings: TrafficSettings | None = None) -> AccessLog:
    """Traffic made up for the demo: always the same."""
    traffic = settings or TrafficSettings()
    name = f"generated traffic of {traffic.keys:,} keys"
    return AccessLog(name, lambda: generate(traffic), traffic.calls, traffic.span)


def _readable_lines(path: Path) -> Iterator[str]:
    try:
        yield from read_lines(path)
    except (EOFError, zlib.error) as error:
        raise UnreadableLogError(f"{path} is damaged gzip ({error}): get the file again") from error
    except OSError as error:
        raise UnreadableLogError(f"{path} cannot be read: {error.strerror or error}") from error


def _survey(lines: Iterable[str]) -> tuple[int, int, int]:
    """The number of lines, and the first and the last time in them (0 and 0 without any)."""
    total, first = 0, None
    last_lines: deque[str] = deque(maxlen=_LAST_LINES)
    for line in lines:
        total += 1
        if first is None:
            first = call_time(line)
        last_lines.append(line)
    times = [time for time in map(call_time, last_lines) if time is not None]
    return total, first or 0, max(times, default=first or 0)
