"""What :class:`metering.quotas.ports.LeaseStore` promises, as tests that every store must pass.

A class that inherits from this gives the fixture `leases`.
"""

from __future__ import annotations

import uuid

import pytest

from metering.period import Period
from metering.quotas.ports import (
    Closed,
    Lease,
    LeaseAnswer,
    LeaseChange,
    LeasePlace,
    LeaseRecord,
    LeaseStatus,
    LeaseStore,
    spent_slot,
)

HOUR = Period("2026-11-05T12")
NEXT_HOUR = Period("2026-11-05T13")
NOW = 1_793_880_000
LEASE = Lease(40, NOW + 10)
ROOM = 1000


@pytest.fixture
def place() -> LeasePlace:
    """A limit that nobody has leased."""
    return LeasePlace(f"key-{uuid.uuid4().hex}", "requests/hour")


def begun(leases: LeaseStore, place: LeasePlace) -> LeaseRecord:
    """A sheet of 100 granted, 40 of them in the lease `one`."""
    answer = leases.begin(place, LeaseRecord(HOUR, 100, {"one": LEASE}, {}))
    assert answer.sheet is not None
    return answer.sheet


def refused(sheet: LeaseRecord | None) -> LeaseAnswer:
    return LeaseAnswer(LeaseStatus.REFUSED, sheet)


def written(sheet: LeaseRecord) -> LeaseAnswer:
    return LeaseAnswer(LeaseStatus.WRITTEN, sheet)


class LeaseContract:
    """The port `LeaseStore`."""

    def test_begin(self, leases: LeaseStore, place: LeasePlace) -> None:
        """The first sheet of a limit is written as it is given."""
        sheet = LeaseRecord(HOUR, 100, {"one": LEASE}, {7: 60})
        assert written(sheet) == leases.begin(place, sheet)

    def test_begin_twice(self, leases: LeaseStore, place: LeasePlace) -> None:
        """Of two that begin the same period the second is refused, with what is there."""
        first = begun(leases, place)
        assert refused(first) == leases.begin(place, LeaseRecord(HOUR, 4, {"two": LEASE}, {}))

    def test_next_period(self, leases: LeaseStore, place: LeasePlace) -> None:
        """A new period takes the place of the old one, and never the other way round."""
        begun(leases, place)
        new = LeaseRecord(NEXT_HOUR, 4, {"two": LEASE}, {})
        assert written(new) == leases.begin(place, new)
        assert refused(new) == leases.begin(place, LeaseRecord(HOUR, 4, {"three": LEASE}, {}))

    def test_take(self, leases: LeaseStore, place: LeasePlace) -> None:
        """A lease is granted up to the room, to the last unit."""
        begun(leases, place)
        answer = leases.take(LeaseChange(place, HOUR, 100, "two", Lease(5, NOW)))
        assert written(LeaseRecord(HOUR, 105, {"one": LEASE, "two": Lease(5, NOW)}, {})) == answer

    def test_no_room(self, leases: LeaseStore, place: LeasePlace) -> None:
        """Where more is granted than the room, nothing changes."""
        there = begun(leases, place)
        assert refused(there) == leases.take(LeaseChange(place, HOUR, 99, "two", Lease(5, NOW)))

    def test_no_sheet(self, leases: LeaseStore, place: LeasePlace) -> None:
        """Without a sheet there is nothing to take, and nothing to be reported."""
        assert refused(None) == leases.take(LeaseChange(place, HOUR, ROOM, "two", LEASE))

    @pytest.mark.parametrize("period", [Period("2026-11-05T11"), NEXT_HOUR])
    def test_other_period(self, leases: LeaseStore, place: LeasePlace, period: Period) -> None:
        """A lease on another period is refused."""
        there = begun(leases, place)
        assert refused(there) == leases.take(LeaseChange(place, period, ROOM, "two", LEASE))

    def test_close(self, leases: LeaseStore, place: LeasePlace) -> None:
        """What is unspent comes back, what is spent is noted by its time."""
        begun(leases, place)
        answer = leases.take(LeaseChange(place, HOUR, ROOM, closed=Closed("one", 30, 10, NOW)))
        assert written(LeaseRecord(HOUR, 90, {}, {spent_slot(NOW): 30})) == answer

    def test_close_unused(self, leases: LeaseStore, place: LeasePlace) -> None:
        """A lease that was not used leaves nothing."""
        begun(leases, place)
        answer = leases.take(LeaseChange(place, HOUR, ROOM, closed=Closed("one", 0, 40, NOW)))
        assert written(LeaseRecord(HOUR, 60, {}, {})) == answer

    def test_close_and_take(self, leases: LeaseStore, place: LeasePlace) -> None:
        """Both at once, also where more comes back than is taken; spendings of a slot add up."""
        begun(leases, place)
        leases.take(LeaseChange(place, HOUR, ROOM, "two", Lease(8, NOW), Closed("one", 30, 10, NOW)))
        answer = leases.take(LeaseChange(place, HOUR, ROOM, "three", Lease(2, NOW), Closed("two", 3, 5, NOW)))
        assert written(LeaseRecord(HOUR, 95, {"three": Lease(2, NOW)}, {spent_slot(NOW): 33})) == answer

    def test_close_twice(self, leases: LeaseStore, place: LeasePlace) -> None:
        """A lease comes back once, however often it is closed."""
        begun(leases, place)
        close = LeaseChange(place, HOUR, ROOM, closed=Closed("one", 30, 10, NOW))
        after = leases.take(close)
        assert refused(after.sheet) == leases.take(close)

    def test_take_twice(self, leases: LeaseStore, place: LeasePlace) -> None:
        """An attempt whose answer was lost is refused when it is repeated, and finds its lease there."""
        begun(leases, place)
        take = LeaseChange(place, HOUR, ROOM, "two", Lease(5, NOW))
        after = leases.take(take)
        assert refused(after.sheet) == leases.take(take)
        assert after.sheet is not None
        assert "two" in after.sheet.leases

    def test_forget(self, leases: LeaseStore, place: LeasePlace) -> None:
        """Old spendings can be removed; those that are not there do no harm."""
        leases.begin(place, LeaseRecord(HOUR, 100, {"one": LEASE}, {1: 5, 2: 6}))
        answer = leases.take(LeaseChange(place, HOUR, ROOM, "two", Lease(5, NOW), forget=[1, 3]))
        assert answer.sheet is not None
        assert {2: 6} == answer.sheet.spent

    def test_replace(self, leases: LeaseStore, place: LeasePlace) -> None:
        """A sheet that has not changed since it was read is replaced."""
        old, new = begun(leases, place), LeaseRecord(HOUR, 60, {}, {9: 1})
        assert written(new) == leases.replace(place, old, new)

    def test_replace_changed(self, leases: LeaseStore, place: LeasePlace) -> None:
        """One that has changed is not."""
        old = begun(leases, place)
        changed = leases.take(LeaseChange(place, HOUR, ROOM, "two", Lease(5, NOW), Closed("one", 35, 5, NOW)))
        assert old.granted == changed.sheet.granted if changed.sheet else False
        assert refused(changed.sheet) == leases.replace(place, old, LeaseRecord(HOUR, 60, {}, {}))

    def test_places_apart(self, leases: LeaseStore, place: LeasePlace) -> None:
        """Each limit of each key has a sheet of its own."""
        begun(leases, place)
        for other in (place._replace(limit="requests/day"), place._replace(key="other" + place.key)):
            assert LeaseStatus.WRITTEN is leases.begin(other, LeaseRecord(HOUR, 0, {}, {})).status
