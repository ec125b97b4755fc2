"""What the demo plays."""

import gzip
import os
from datetime import timedelta
from pathlib import Path

import pytest

from local_cloud.demo.source import UnreadableLogError, from_file, generated
from local_cloud.playback.traffic import TrafficSettings
from tests.factories import NOON_MS, line

HOUR_MS = 3_600_000


def three_lines() -> str:
    """An hour of traffic, with a line in the middle that has no time."""
    return "\n".join((line(), "no call", line(requestTimeEpoch=str(NOON_MS + HOUR_MS)))) + "\n"


def test_a_plain_file(tmp_path: Path) -> None:
    """Its lines are counted and can be read again; unreadable ones belong to it."""
    path = tmp_path / "access.jsonl"
    path.write_text(three_lines())

    log = from_file(path)

    assert ("access.jsonl", 3, timedelta(hours=1)) == (log.name, log.total, log.span)
    assert three_lines().splitlines() == list(log.lines()) == list(log.lines())


def test_a_gzip_file(tmp_path: Path) -> None:
    """Whatever it is named."""
    path = tmp_path / "access"
    path.write_bytes(gzip.compress(three_lines().encode()))

    assert 3 == from_file(path).total


def test_a_log_without_times(tmp_path: Path) -> None:
    """It has lines and takes no time."""
    path = tmp_path / "access.log"
    path.write_text("one\ntwo\n")

    log = from_file(path)

    assert (2, timedelta(0)) == (log.total, log.span)


def test_an_empty_file(tmp_path: Path) -> None:
    """There is nothing to play."""
    path = tmp_path / "empty"
    path.write_text("\n\n")

    with pytest.raises(UnreadableLogError, match="empty has no lines"):
        from_file(path)


@pytest.mark.parametrize("damaged", [lambda data: data[:-20], lambda data: data[:20] + b"\xff" * 40])
def test_a_damaged_file(damaged: object, tmp_path: Path) -> None:
    """Half a log is never taken for a whole one."""
    path = tmp_path / "access.gz"
    path.write_bytes(damaged(gzip.compress(three_lines().encode() * 50)))  # type: ignore[operator]

    with pytest.raises(UnreadableLogError, match=r"access\.gz is damaged gzip"):
        from_file(path)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """The sentence names it."""
    with pytest.raises(UnreadableLogError, match="gone cannot be read: No such file"):
        from_file(tmp_path / "gone")


def test_a_pipe(tmp_path: Path) -> None:
    """It can be read once only, and would be played as an empty log."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UnreadableLogError, match="pipe is read twice"):
        from_file(tmp_path / "pipe")


def test_generated_traffic() -> None:
    """It says how much it is, and is the same each time."""
    log = generated(TrafficSettings(calls=20, keys=3))

    assert 20 == log.total == len(list(log.lines()))
    assert list(log.lines()) == list(log.lines())
    assert timedelta(hours=24) == log.span
