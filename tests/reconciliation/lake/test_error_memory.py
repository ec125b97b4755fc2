"""What the objects under the error prefix hold, remembered from run to run."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from metering.bucket_layout import ERROR_MEMORY
from metering.errors import Transient
from metering.period import Period
from metering.proof.stored_object import Stored, StoredObject
from reconciliation.lake import error_memory
from reconciliation.lake.error_memory import MOST_READ_AGAIN, ErrorMemory, error_readings
from reconciliation.lake.firehose_errors import tally
from reconciliation.model.failed_records import FailedRecords
from tests.factories import delivery, lines
from tests.reconciliation.lake.test_firehose_errors import FAILED, NOON, document

OCTOBER = Period("2026-10")
DAY = date(2026, 11, 2)


class Prefix:
    """An error prefix that counts what is read of it."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.read_names: list[str] = []
        self.fails_at = -1

    def objects(self) -> Iterator[StoredObject]:
        for name, content in sorted(self.contents.items()):
            yield StoredObject(name, f"{hash(content):x}", len(content))

    def read(self, name: str) -> bytes | None:
        if len(self.read_names) == self.fails_at:
            raise Transient("S3 is busy")
        self.read_names.append(name)
        return self.contents.get(name)

    def requests(self) -> int:
        """How many objects were read since this was last called."""
        found, self.read_names = len(self.read_names), []
        return found


class Store:
    """One object that every run reads."""

    def __init__(self) -> None:
        self.found: Stored | None = None
        self.loads = self.writes = 0

    def read(self, name: str) -> Stored | None:
        assert name == ERROR_MEMORY
        self.loads += 1
        return self.found

    def add(self, name: str, content: bytes) -> bool:
        return self.found is None and self.replace(name, content, "")

    def replace(self, name: str, content: bytes, tag: str) -> bool:
        if self.found is not None and self.found.tag != tag:
            return False
        self.writes += 1
        self.found = Stored(content, f"{self.writes}")
        return name == ERROR_MEMORY


class Daily:
    """The daily run over one prefix."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.prefix, self.store = Prefix(contents), Store()
        self.today = DAY
        self.memory = ErrorMemory(self.store, lambda: self.today)

    def run(self, memory: ErrorMemory | None = None) -> FailedRecords:
        """What is reported of the month."""
        return tally(error_readings(self.prefix, memory or self.memory), OCTOBER)

    def next_day(self, days: int = 1) -> None:
        """Some days pass."""
        self.today += timedelta(days=days)


def named(number: int) -> str:
    """The name of an object."""
    return f"{FAILED}-{number:05d}"


def undecodable(objects: int) -> dict[str, bytes]:
    """Objects with a record each that cannot be decoded."""
    return {named(number): document(b"junk %d" % number) for number in range(objects)}


@pytest.fixture(scope="module")
def large() -> Daily:
    """A prefix with 10,000 objects that were read once."""
    daily = Daily(undecodable(10_000))
    daily.run()
    return daily


def test_ten_thousand_known_objects(large: Daily) -> None:
    """None of them is read on the next day, all are counted; a new one is read alone, and the memory is one
    request to load.
    """
    large.prefix.requests()
    large.next_day()
    large.store.loads = large.store.writes = 0
    found = large.run()
    assert (10_000, 10_000, 10_000) == (found.objects, found.at_least, found.at_most)
    assert (0, 1, 0) == (large.prefix.requests(), large.store.loads, large.store.writes)
    large.prefix.contents[named(10_000)] = document(b"another")
    assert 10_001 == large.run().at_most
    assert 1 == large.prefix.requests()
    assert len(large.store.found.content) < 100 * 10_001 if large.store.found else False


def test_they_are_read_again(large: Daily) -> None:
    """After a week each is read once more, spread over days: no run has more to read than it can."""
    large.next_day(7)
    read = []
    for _ in range(4):
        large.prefix.requests()
        assert large.run().at_most >= 10_000
        read.append(large.prefix.requests())
        large.next_day()
    assert [MOST_READ_AGAIN, MOST_READ_AGAIN] == read[:2]
    assert sum(read) <= len(large.prefix.contents)


class TestSmall:
    def test_the_same_report(self) -> None:
        """With the memory as without: undecodable, equal, waiting and damaged ones, of all months."""
        contents = {
            named(0): document(b"junk") * 2 + document(b"old", 0),
            named(1): document(b"junk") + document(delivery(lines(2)), NOON - 1),
            named(2): b"{damaged",
            "errors/format-conversion-failed/x": document(b'{"eventid": "1"}\n', NOON),
        }
        daily = Daily(contents)
        first, second = daily.run(), daily.run()
        assert first == second == tally(error_readings(Prefix(contents), None), OCTOBER)
        assert (1, 3, 2, [named(2)]) == (second.at_least, second.at_most, second.waiting, second.unreadable)
        assert second.waiting_since_ms == NOON - 1
        assert len(contents) == daily.prefix.requests()

    def test_another_content(self) -> None:
        """An object that a redrive has replaced is read; one that it has removed is forgotten."""
        daily = Daily({named(0): document(delivery(lines(1))), named(1): document(b"junk")})
        assert 1 == daily.run().waiting
        daily.prefix.contents[named(0)] = document(b"rest")
        del daily.prefix.contents[named(1)]
        daily.prefix.requests()
        found = daily.run()
        assert (1, 0, 1) == (found.at_most, found.waiting, daily.prefix.requests())
        assert daily.store.found is not None
        assert named(1).encode() not in gzip.decompress(daily.store.found.content)

    @pytest.mark.parametrize("why", ["decoder", "damaged"])
    def test_all_of_them(self, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """All are read again when the code that decodes has changed or the memory is damaged."""
        daily = Daily(undecodable(3))
        daily.run()
        daily.prefix.requests()
        if why == "decoder":
            monkeypatch.setattr(error_memory, "decoder_version", lambda: "another")
        else:
            daily.store.found = Stored(b"damaged", "1")
        assert 3 == daily.run().at_most
        assert 3 == daily.prefix.requests()
        assert 3 == daily.run().at_most
        assert 0 == daily.prefix.requests()

    def test_a_run_that_ends_early(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it has read is remembered by then: the next run goes on, and is not too long for ever."""
        monkeypatch.setattr(error_memory, "_LISTED", 2)
        monkeypatch.setattr(error_memory, "SAVE_EVERY", 2)
        daily = Daily(undecodable(6))
        daily.prefix.fails_at = 4
        with pytest.raises(Transient):
            daily.run()
        daily.prefix.fails_at = -1
        daily.prefix.requests()
        assert 6 == daily.run().at_most
        assert 2 == daily.prefix.requests()

    def test_another_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of two runs at the same time the memory of one remains, and both report the same."""
        monkeypatch.setattr(error_memory, "_LISTED", 1)
        daily = Daily(undecodable(3))
        one = error_readings(daily.prefix, daily.memory)
        first = [next(one)]
        assert 3 == daily.run().at_most
        assert 3 == tally([*first, *one], OCTOBER).at_most
        assert 1 == daily.store.writes

    def test_bounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is too much for the memory is read by every run, and counted."""
        monkeypatch.setattr(error_memory, "MOST_REMEMBERED", 5)
        daily = Daily(undecodable(4))
        for _ in range(2):
            daily.prefix.requests()
            assert 4 == daily.run().at_most
        assert 2 == daily.prefix.requests()
