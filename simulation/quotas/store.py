"""What the authorizers' storage promises, in memory: one for all authorizers of a simulation."""

from __future__ import annotations

from metering.quotas.ports import (
    Closed,
    Lease,
    LeaseAnswer,
    LeaseChange,
    LeasePlace,
    LeaseRecord,
    LeaseStatus,
    spent_slot,
)


class LeasesInMemory:
    """The port `LeaseStore`."""

    def __init__(self) -> None:
        self.sheets: dict[LeasePlace, LeaseRecord] = {}

    def begin(self, place: LeasePlace, sheet: LeaseRecord) -> LeaseAnswer:
        """Begin a period's lease record: see :class:`metering.quotas.ports.LeaseStore`."""
        there = self.sheets.get(place)
        if there is not None and there.period >= sheet.period:
            return LeaseAnswer(LeaseStatus.REFUSED, there)
        return self._written(place, sheet)

    def take(self, take: LeaseChange) -> LeaseAnswer:
        """Change a lease record by one lease or two: see :class:`metering.quotas.ports.LeaseStore`."""
        there = self.sheets.get(take.place)
        if there is None or not _allows(there, take):
            return LeaseAnswer(LeaseStatus.REFUSED, there)
        leases, spent = dict(there.leases), dict(there.spent)
        granted = there.granted
        if take.lease_id is not None and take.lease is not None:
            leases[take.lease_id] = take.lease
            granted += take.lease.amount
        if take.closed is not None:
            granted -= _close(leases, spent, take.closed)
        for slot in take.forget:
            spent.pop(slot, None)
        return self._written(take.place, LeaseRecord(there.period, granted, leases, spent))

    def replace(self, place: LeasePlace, old: LeaseRecord, new: LeaseRecord) -> LeaseAnswer:
        """Put another lease record in place of one: see :class:`metering.quotas.ports.LeaseStore`."""
        there = self.sheets.get(place)
        if there != old:
            return LeaseAnswer(LeaseStatus.REFUSED, there)
        return self._written(place, new)

    def _written(self, place: LeasePlace, sheet: LeaseRecord) -> LeaseAnswer:
        self.sheets[place] = sheet
        return LeaseAnswer(LeaseStatus.WRITTEN, sheet)


def _allows(sheet: LeaseRecord, take: LeaseChange) -> bool:
    return (
        sheet.period == take.period
        and sheet.granted <= take.room
        and (take.closed is None or take.closed.lease_id in sheet.leases)
        and (take.lease_id is None or take.lease_id not in sheet.leases)
    )


def _close(leases: dict[str, Lease], spent: dict[int, int], closed: Closed) -> int:
    """Remove a lease and note what was spent of it; what was not."""
    del leases[closed.lease_id]
    if closed.spent:
        slot = spent_slot(closed.at)
        spent[slot] = spent.get(slot, 0) + closed.spent
    return closed.unspent
