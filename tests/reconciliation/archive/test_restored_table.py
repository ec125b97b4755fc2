"""A counters table that is restored to an earlier time, with a month that was archived or restored since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from adapters.dynamodb.archive_reader import ArchivedSlices, CountersWithArchives
from adapters.dynamodb.counter_reader import CounterReader
from metering.counters.counter import Counter
from metering.errors import Misconfigured
from metering.period import Period
from metering.proof.archive import ArchivedMonthError
from metering.proof.billing_chain import Link
from reconciliation.repair.rebuild import rebuild
from reconciliation.verification import Verifier
from tests.reconciliation.archive.archiving import CALLS, FINAL, Archivist, Items, Sealed
from tests.reconciliation.month_end import OCTOBER, Deployment, call, running
from tests.reconciliation.repair.repairing import repairer, run, scope

LATE = call("late", "2026-10-05T09:00:00", "b")
FIRST, LAST = Period("2026-10-01"), Period("2026-10-31")
MARK, HEAD = ("archives", "2026-10"), ("billing-chain", "head")
KEYS = ("a", "b")
"""What the third key has leaves the table, and comes back, with the first day of `a`."""
MOMENTS = 10
"""Before anything is written; the chain's head; the mark; three batches out; three back; the mark ended."""
WHOLE = 5
"""The moment at which all is out."""
MOVED = range(2, 8)
"""Those at which a batch moves next."""


def moments(numbers: Iterable[int], quick: Collection[int]) -> list[object]:
    """Numbers of moments, of which `make test` takes the quick ones."""
    return [pytest.param(one, marks=[pytest.mark.exhaustive] * (one not in quick)) for one in numbers]


@dataclass
class History:
    """October archived and restored, with the table as it was after each write."""

    sealed: Sealed
    moments: list[Items]
    days: list[list[Counter]]
    """What look-ups of days show, with the late call."""
    early_days: list[list[Counter]]
    """The same without it."""
    counters: Items
    objects: set[str]
    """Those of the bucket, with the archive and the chain."""
    links: Sequence[Link]
    """Those of the chain."""

    def restored_to(self, moment: Items) -> Archivist:
        """The deployment after a restore of the table."""
        self.sealed.remove_objects_but(self.objects)
        self.sealed.restore_table(moment)
        return Archivist(self.sealed.cloud)

    def with_late_call(self, moment: Items) -> Archivist:
        """The same, and what came since is read again."""
        archivist = self.restored_to(moment)
        archivist.deployment.count_again()
        return archivist


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A deployment for the whole module."""
    yield from running()


@pytest.fixture(scope="module")
def history(cloud: Deployment) -> History:
    """October archived and restored; a late call that came after all of it."""
    cloud.both(CALLS)
    Archivist(cloud).close()
    sealed, client = Sealed(cloud), cloud.cloud.client("dynamodb")
    archivist = Archivist(cloud, dynamodb=client)
    moments = [archivist.items()]
    for write in ("PutItem", "TransactWriteItems"):
        client.meta.events.register(
            f"after-call.dynamodb.{write}", lambda **_: moments.append(Archivist(cloud).items())
        )
    archivist.archive()
    archivist.restore()
    sealed.restore_table(moments[0])
    early = days(archivist)
    cloud.both([LATE], name="late")
    objects, links = set(archivist.objects()), archivist.chain.read().links
    return History(sealed, moments, days(archivist), early, archivist.counters(), objects, links)


def days(archivist: Archivist) -> list[list[Counter]]:
    """What look-ups show of the days of each key."""
    deployment = archivist.deployment
    reader = CounterReader(deployment.dynamodb, deployment.settings.counters_table)
    archived = ArchivedSlices(archivist.table, lambda: archivist.bucket)
    counters = CountersWithArchives(reader, archived, lambda: FINAL)
    return [counters.days(key, FIRST, LAST) for key in KEYS]


def test_moments(history: History) -> None:
    """The moments are all those at which the table changes."""
    assert MOMENTS == len(history.moments)
    moved = [moment[MARK]["moved"]["N"] for moment in history.moments if MARK in moment]
    assert ["0", "1", "2", "3", "2", "1", "0", "0"] == moved


@pytest.mark.parametrize("number", moments(range(MOMENTS), {0, 4, WHOLE}))
def test_restored_to_any_moment(history: History, number: int) -> None:
    """Whatever was archived since: look-ups are the same, the month can be archived again and restored again,
    and ends with each call once; the chain has no fork, and nothing of it is missing.
    """
    archivist = history.with_late_call(history.moments[number])
    assert history.days == days(archivist)
    archived = archivist.archive()
    assert archived.mark is not None
    assert archived.mark.is_whole
    assert history.days == days(archivist)
    chain = archivist.chain.read()
    assert ((), history.links) == (chain.faults, chain.links[: len(history.links)])
    assert (
        []
        == Verifier(archivist.chain, archivist.deployment.sources.queries, run())
        .verify(rows_of=lambda _month: False)
        .faults
    )
    archivist.restore()
    assert history.counters == archivist.counters()


def torn(history: History, number: int, *, is_mark_ahead: bool) -> Items:
    """A moment at which the mark is of one side of a batch's move, and its counters are of the other."""
    before, after = history.moments[number : number + 2]
    mark, counters = (after, before) if is_mark_ahead else (before, after)
    return {place: item for place, item in counters.items() if place != MARK} | {MARK: mark[MARK]}


@pytest.mark.parametrize("is_mark_ahead", [True, False])
@pytest.mark.parametrize("number", moments(MOVED, {3}))
def test_torn(history: History, number: int, *, is_mark_ahead: bool) -> None:
    """Backups keep no order between items. Restored to a moment in the middle of a batch's move, the days are
    shown with each call once, and come back so.
    """
    archivist = history.restored_to(torn(history, number, is_mark_ahead=is_mark_ahead))
    assert history.early_days == days(archivist)
    assert archivist.restore().mark is None
    archivist.deployment.count_again()
    assert (history.days, history.counters) == (days(archivist), archivist.counters())


@pytest.mark.parametrize("is_mark_ahead", [True, False])
@pytest.mark.parametrize("number", moments(MOVED, {3}))
def test_torn_and_archived_again(history: History, number: int, *, is_mark_ahead: bool) -> None:
    """Archiving goes on at such a moment: what the table holds twice leaves it, even if the mark says that
    all is out. Where it lacks something, nothing is changed, and the way out is named.
    """
    table = torn(history, number, is_mark_ahead=is_mark_ahead)
    archivist = history.restored_to(table)
    if is_mark_ahead is (number < WHOLE):
        archived = archivist.archive()
        assert (True, []) == (archived.removed > 0, archivist.days())
    else:
        with pytest.raises(Misconfigured, match="2026-10 --restore` brings it back"):
            archivist.archive()
        assert {**table, HEAD: {}} == {**archivist.items(), HEAD: {}}
    assert history.early_days == days(archivist)


@pytest.mark.parametrize("case", ["mark not there yet", "mark ended already", "all lost"])
def test_missing_without_a_mark(history: History, case: str) -> None:
    """Days that the table lacks come back also where no mark counts them as out: of a backup that was torn
    when the month's first batch left or its last came back, and of a table that was lost.
    """
    begun, ended = history.moments[0], history.moments[-1]
    tables: dict[str, Items] = {
        "mark not there yet": without_days(begun),
        "mark ended already": without_days(ended),
        "all lost": {},
    }
    archivist = history.restored_to(tables[case])
    archivist.archiver.restore(archivist.archiver.restorable(OCTOBER))
    archivist.deployment.count_again()
    assert (history.days, None) == (days(archivist), archivist.table.read(OCTOBER))
    if case != "all lost":
        assert history.counters == archivist.counters()


def without_days(moment: Items) -> Items:
    """A moment without some counters of days."""
    return {place: item for place, item in moment.items() if place[0] != "key:a" or place[1] == "2026-10#0"}


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_archive_is_gone(history: History, *, is_kept: bool) -> None:
    """Somebody removed the objects once the month was restored, and the table is of a time before: look-ups
    of days, restores and comparisons are refused. The bucket's versions bring the month back, or else its
    mark is removed and the days are rebuilt from the lake.
    """
    archivist = history.with_late_call(history.moments[WHOLE])
    objects = {name: archivist.bucket.content(name) for name in archivist.objects("archive/")}
    for name in objects:
        archivist.bucket.delete(name)
    for refused in (lambda: days(archivist), archivist.restore):
        with pytest.raises(Misconfigured, match="is missing: bring back its version of that time"):
            refused()
    with pytest.raises(ArchivedMonthError):
        archivist.deployment.reconcile(now=FINAL)
    if is_kept:
        for name, content in objects.items():
            archivist.bucket.put(name, content)
        archivist.restore()
        assert history.counters == archivist.counters()
    else:
        place = dict(zip(("pk", "sk"), ({"S": part} for part in MARK), strict=True))
        archivist.deployment.dynamodb.delete_item(
            TableName=archivist.deployment.settings.counters_table, Key=place
        )
        rebuild(repairer(archivist.deployment), scope(run()), correct=True)
        for name, content in objects.items():
            archivist.bucket.put(name, content)
    assert history.days == days(archivist)
    assert archivist.deployment.reconcile(now=FINAL).agrees
