"""`usage-meter resume` against a local cloud whose counters' table went back in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.layout import encode_position
from adapters.dynamodb.table import Table
from cli.recovery import resume_session
from cli.recovery.event_source_mapping import StreamMapping
from local_cloud.stack import LocalCloud
from metering.counters.completeness import Knowledge
from metering.errors import Misconfigured
from tests.cli.month_end.test_close import Typed, typed

__all__ = ["typed"]  # the fixture

THROUGH = datetime(2026, 11, 24, 19, tzinfo=UTC)
SHARD = "shardId-000000000000"
MILLISECONDS = round(THROUGH.timestamp() * 1000)


@pytest.fixture(scope="module")
def running() -> Iterator[LocalCloud]:
    """One for all tests."""
    with LocalCloud() as cloud:
        cloud.publish()
        yield cloud


@pytest.fixture
def book(
    running: LocalCloud,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> CompletenessBook:
    """What the watch knows, nothing yet; the command finds the cloud by the usual settings."""
    for name, value in running.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    counters, ledger = running.stack.name("CountersTable"), running.stack.name("LedgerTable")
    dynamodb = running.client("dynamodb")
    for sort_key in ("complete", SHARD):
        Table(dynamodb, counters).delete(("progress", sort_key))
    dynamodb.delete_item(TableName=ledger, Key={"pk": {"S": "watch"}})
    return CompletenessBook(dynamodb, counters, ledger)


def restore(running: LocalCloud, book: CompletenessBook) -> None:
    """The table is as it was two heartbeats ago, and the next heartbeat has noticed that."""
    for version in (1, 2, 3):
        assert book.save(Knowledge(version, MILLISECONDS + version))
    table = running.stack.name("CountersTable")
    Table(running.client("dynamodb"), table).delete(("progress", "complete"))
    CompletenessBook(running.client("dynamodb"), table).save(Knowledge(1, MILLISECONDS))
    running.client("dynamodb").put_item(
        TableName=table,
        Item={
            "pk": {"S": "progress"},
            "sk": {"S": SHARD},
            "position": {"B": encode_position(7)},
            "arrived_at": {"N": str(MILLISECONDS)},
        },
    )
    known = book.load()[0]
    with pytest.raises(Misconfigured, match="was restored to an earlier time"):
        book.save(known._replace(version=known.version + 1))


def test_not_restored(book: CompletenessBook, typed: Typed) -> None:
    """A table that was not restored is left alone."""
    assert book.save(Knowledge(1, MILLISECONDS))
    code, shown = typed("resume", "--yes")
    assert 1 == code
    assert "was not restored: nothing was changed" in shown
    assert Knowledge(1, MILLISECONDS) == book.load()[0]


def mapping(running: LocalCloud, monkeypatch: pytest.MonkeyPatch, begins_at: datetime) -> None:
    """Lambda has one mapping of the stream, which begins at a time."""

    def listed(function: str, _client: object) -> list[StreamMapping]:
        assert running.stack.name("StreamProcessorFunction") == function
        return [StreamMapping("m1", running.stack.arn("CallStream"), "Enabled", "AT_TIMESTAMP", begins_at)]

    monkeypatch.setattr(resume_session, "mappings_of", listed)


def test_not_set_back(
    running: LocalCloud, book: CompletenessBook, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the mapping begins behind the time of the restore, nothing is changed, and it says why."""
    restore(running, book)
    before = book.load()
    mapping(running, monkeypatch, THROUGH + timedelta(minutes=30))
    code, shown = typed("resume", "--yes")
    assert 1 == code
    assert "Nothing was changed: the mapping m1 begins at 2026-11-24T19:30:00Z" in shown
    assert before == book.load()


def test_restored(
    running: LocalCloud,
    book: CompletenessBook,
    typed: Typed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says until when the table is complete; then it may report again, by what is read from there on."""
    restore(running, book)
    mapping(running, monkeypatch, THROUGH - timedelta(minutes=15))
    before, out = book.load(), tmp_path / "resume.json"
    assert before[0].is_restored
    code, shown = typed("resume")
    assert 0 != code
    assert "It is complete until 2026-11-24T19:00:00Z." in shown
    assert before == book.load()

    code, shown = typed("resume", "--yes", "--out", str(out))
    assert 0 == code, shown
    known, positions = book.load()
    assert (False, MILLISECONDS, {}) == (known.is_restored, known.through, positions)
    assert THROUGH.isoformat() == json.loads(out.read_text())["complete_through"]
