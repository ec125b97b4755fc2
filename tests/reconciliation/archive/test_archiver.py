"""Archiving a month: what leaves the table, what comes back, and what happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from metering.counters.counter import Counter
from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.proof.archive import ArchivedMonthError, ArchiveIndex, read_index
from metering.proof.recovery import Recovery
from reconciliation.archive.archiver import CannotArchiveError
from reconciliation.billing_chain import BrokenChainError
from reconciliation.reconcile import Reconciler
from reconciliation.recovery.recoverer import Recoverer
from reconciliation.repair.rebuild import rebuild
from reconciliation.verification import Verifier
from tests.reconciliation.archive.archiving import CALLS, FINAL, ROWS, Archivist, Items, Kept, Sealed
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, call, running
from tests.reconciliation.repair.repairing import repairer, run, scope
from tests.reconciliation.repair.strikes import WRITES, Strike, at_each_write

TABLE_WRITES = ("dynamodb.PutItem", "dynamodb.DeleteItem")
LATE = call("late", "2026-10-05T09:00:00", "b")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A deployment for the whole module."""
    yield from running()


@pytest.fixture(scope="module")
def sealed(cloud: Deployment) -> Sealed:
    """October sealed, with calls of three keys."""
    cloud.both(CALLS)
    Archivist(cloud).close()
    return Sealed(cloud)


@pytest.fixture
def deployment(sealed: Sealed) -> Deployment:
    """October, sealed and not archived."""
    return sealed.again()


def added(begun: Items, now: Items) -> dict[tuple[str, str], int]:
    """By place, the requests that counters have more than before."""
    places = sorted(begun.keys() | now.keys())
    more = {place: _requests(now, place) - _requests(begun, place) for place in places}
    return {place: requests for place, requests in more.items() if requests}


def _requests(items: Items, place: tuple[str, str]) -> int:
    return int(items.get(place, {}).get("requests", {"N": "0"})["N"])


def decisive(archivist: Archivist) -> list[str]:
    """The objects that a query does not write."""
    return [name for name in archivist.objects() if not name.startswith("athena-results/")]


class TestThereAndBack:
    """A month leaves, and comes back as it was."""

    def test_archived(self, deployment: Deployment) -> None:
        """The counters of its days are in parts, sorted by key; those of the month stay as they are."""
        archivist = Archivist(deployment)
        begun = archivist.counters()
        archived = archivist.archive()
        months = {place: item for place, item in begun.items() if place[1] == "2026-10#0"}
        assert months == archivist.counters()
        mark, index = archived.mark, archived.index
        assert mark is not None
        assert (3, ROWS, 2, 3, True) == (
            index.keys,
            index.rows,
            len(index.parts),
            index.batches,
            mark.is_whole,
        )
        assert [("-", "a"), ("b", "b")] == [(part.first, part.last) for part in index.parts]
        assert index == read_index(archivist.bucket.content(mark.name))
        assert 0 == archivist.reconciled
        assert sorted([mark.name, *index.objects()]) == archivist.objects("archive/")

    def test_restored(self, deployment: Deployment) -> None:
        """It comes back to the last attribute, is not archived any more, and reconciles as before."""
        archivist = Archivist(deployment)
        begun = archivist.items()
        archivist.archive()
        assert archivist.restore().mark is None
        further = ("billing-chain", "head"), ("archives", "2026-10")
        assert begun == {
            place: begun.get(place, item) if place in further else item
            for place, item in archivist.items().items()
            if place in begun or place not in further
        }
        assert deployment.reconcile(now=FINAL).agrees
        with pytest.raises(CannotArchiveError, match="2026-10 is not archived"):
            archivist.restore()

    def test_requests(self, deployment: Deployment) -> None:
        """The index is read once, however many parts it has. A part is read when it is compared and when it
        leaves; on the way back once.
        """
        s3, names = deployment.cloud.client("s3"), list[str]()
        s3.meta.events.register(
            "provide-client-params.s3.GetObject", lambda params, **_: names.append(params["Key"])
        )
        archivist = Archivist(deployment, s3=s3)
        archived = archivist.archive()
        on_the_way_out = sorted(name for name in names if name.startswith("archive/"))
        names.clear()
        archivist.restore()
        parts = archived.index.objects()
        assert archived.mark is not None
        assert 2 == len(parts)
        assert sorted([archived.mark.name, *parts, *parts]) == on_the_way_out
        assert sorted([archived.mark.name, *parts]) == sorted(names)

    def test_again(self, deployment: Deployment) -> None:
        """Archived twice, nothing is done twice; archived again after a restore, by the same objects."""
        archivist = Archivist(deployment)
        first = archivist.archive()
        assert first == archivist.archive()
        head = archivist.chain.read().head
        archivist.restore()
        assert first.index == archivist.archive().index
        assert head == archivist.chain.read().head

    def test_a_month_without_calls(self, deployment: Deployment) -> None:
        """There is nothing to move, and nothing is written."""
        archivist = Archivist(deployment)
        found = archivist.archiver.look(OCTOBER, run_id=run())
        nothing = ArchiveIndex(month=OCTOBER, keys=0, rows=0, rows_of_a_batch=2, parts=[])
        empty = replace(found, index=nothing)
        assert archivist.archiver.archive(empty).mark is None
        assert [] == archivist.objects("archive/")


class TestKilled:
    """A job that is stopped at any write, or whose answer is lost, and run again."""

    @pytest.mark.exhaustive
    def test_archiving(self, sealed: Sealed) -> None:
        """It ends with the same objects and the same table; at each instant nothing is lost."""
        ends, strikes = set(), 0

        def attempt(strike: Strike) -> None:
            deployment = sealed.again()
            s3, dynamodb = (strike.attach(deployment.cloud.client(name)) for name in ("s3", "dynamodb"))
            Archivist(deployment, s3=s3, dynamodb=dynamodb).archive()

        for _ in at_each_write(attempt, ("before", "lost answer"), (*WRITES, *TABLE_WRITES)):
            strikes += 1
            archivist = Archivist(sealed.cloud)
            archived = archivist.archive()
            assert archived.mark is not None
            assert () == archivist.chain.read().faults
            assert [] == archivist.days()
            ends.add((archived.mark, tuple(archivist.objects("archive/"))))
        assert (1, 20) == (len(ends), strikes)

    @pytest.mark.exhaustive
    def test_restoring(self, sealed: Sealed) -> None:
        """It ends with the table that there was."""
        begun = Archivist(sealed.again()).counters()

        def attempt(strike: Strike) -> None:
            archivist = Archivist(sealed.again())
            archivist.archive()
            dynamodb = strike.attach(archivist.deployment.cloud.client("dynamodb"))
            Archivist(archivist.deployment, dynamodb=dynamodb).restore()

        strikes = 0
        for _ in at_each_write(attempt, ("before", "lost answer"), (*WRITES, *TABLE_WRITES)):
            strikes += 1
            archivist = Archivist(sealed.cloud)
            if archivist.table.read(OCTOBER) is not None:
                archivist.restore()
            assert begun == archivist.counters()
        assert 8 == strikes

    def test_the_other_way(self, deployment: Deployment) -> None:
        """A month that is partly archived can be restored, and goes on from there when it is archived."""
        begun = Archivist(deployment).counters()
        strike = Strike(2, "before", ("dynamodb.TransactWriteItems",))
        struck = Archivist(deployment, dynamodb=strike.attach(deployment.cloud.client("dynamodb")))
        with pytest.raises(BaseException, match=r"^$"):
            struck.archive()
        archivist = Archivist(deployment)
        partly = archivist.archiver.archived(OCTOBER)
        assert partly.mark is not None
        assert (1, 3, 2) == (partly.mark.moved, partly.mark.batches, len(archivist.days()))
        archivist.restore()
        assert begun == archivist.counters()


class TestTwoAtOnce:
    """Jobs that meet: at a job's second batch, another one runs from its beginning to its end."""

    def meet(self, deployment: Deployment, other: Callable[[], object]) -> Archivist:
        """Whoever meets the other."""
        client, sent = deployment.cloud.client("dynamodb"), count(1)

        def meanwhile(**_: object) -> None:
            if next(sent) == 2:
                other()

        client.meta.events.register("before-send.dynamodb.TransactWriteItems", meanwhile)
        return Archivist(deployment, dynamodb=client)

    def test_both_archive(self, deployment: Deployment) -> None:
        """Both end with the same archive, and each batch has moved once."""
        begun = Archivist(deployment).counters()
        other = Archivist(deployment)
        archived = self.meet(deployment, other.archive).archive()
        assert (archived, []) == (other.archive(), other.days())
        other.restore()
        assert begun == other.counters()

    def test_both_restore(self, deployment: Deployment) -> None:
        """Each batch has come back once."""
        other = Archivist(deployment)
        begun = other.counters()
        other.archive()
        assert self.meet(deployment, other.restore).restore().mark is None
        assert (begun, None) == (other.counters(), other.table.read(OCTOBER))

    def test_one_archives_and_one_restores(self, deployment: Deployment) -> None:
        """Whoever was overtaken says so; the table has each counter once."""
        other = Archivist(deployment)
        begun = other.counters()
        with pytest.raises(Transient, match="2026-10 was restored by somebody else meanwhile"):
            self.meet(deployment, other.restore).archive()
        assert (begun, None) == (other.counters(), other.table.read(OCTOBER))


class TestLateCalls:
    """Calls that arrive for an archived month."""

    def test_counted_and_adjusted(self, deployment: Deployment) -> None:
        """They are counted as for any sealed month, and the restored month agrees with the lake."""
        archivist = Archivist(deployment)
        begun = archivist.counters()
        archivist.archive()
        deployment.both([LATE], name="late")
        assert [("key:b", "2026-10-05#0")] == archivist.days()
        archivist.restore()
        more = {("key:b", "2026-10#0"): 1, ("key:b", "2026-10-05#0"): 1}
        assert more == added(begun, archivist.counters())
        assert deployment.reconcile(now=FINAL).agrees

    def test_after_the_sealing(self, deployment: Deployment) -> None:
        """A month with calls that no sealing knows is compared with the lake, and archived if it agrees. The
        counters of their keys stay in the table: a batch with such a call may still be repeated, and is
        refused by their watermarks.
        """
        deployment.both([LATE], name="late")
        archivist = Archivist(deployment)
        begun = archivist.counters()
        index = archivist.archive().index
        assert (1, 3, 2, 1) == (archivist.reconciled, index.rows, index.keys, index.keys_left)
        assert [("key:b", "2026-10-05#0")] == archivist.days()
        deployment.count_again()
        archivist.restore()
        assert begun == archivist.counters()

    def test_while_it_is_archived(self, deployment: Deployment) -> None:
        """A call that comes after the counters were read stays in the table, and is not in the archive."""
        archivist = Archivist(deployment)
        begun = archivist.counters()
        found = archivist.archiver.look(OCTOBER, run_id=run())
        deployment.both([LATE], name="late")
        archivist.archiver.archive(found)
        assert [("key:b", "2026-10-05#0")] == archivist.days()
        assert 1 == _requests(archivist.counters(), ("key:b", "2026-10-05#0"))
        archivist.restore()
        more = {("key:b", "2026-10#0"): 1, ("key:b", "2026-10-05#0"): 1}
        assert more == added(begun, archivist.counters())


class TestRefused:
    """What cannot be archived, with what to do; nothing is written."""

    def refused(self, archivist: Archivist, why: str, month: Period = OCTOBER) -> None:
        """It is refused so."""
        begun = archivist.items(), decisive(archivist)
        with pytest.raises(CannotArchiveError, match=why):
            archivist.archiver.look(month, run_id=run())
        assert begun == (archivist.items(), decisive(archivist))

    def test_an_open_month(self, deployment: Deployment) -> None:
        """It is to be sealed first."""
        self.refused(Archivist(deployment), "2026-09 is open: seal it with", Period("2026-09"))

    def test_a_month_that_is_not_final(self, deployment: Deployment) -> None:
        """It is adjusted by invoices of twelve months, the last of which are issued in the next one."""
        early = datetime(2027, 11, 30, 23, 59, tzinfo=UTC)
        why = "2026-10 is not final: the invoices of 2027-10 adjust it for the last time .* from 2027-12 on"
        self.refused(Archivist(deployment, early), why)
        self.refused(Archivist(deployment, AFTER, final_after=0), "Archive it from 2026-12 on")

    def test_a_month_whose_look_ups_read_the_table_alone(self, deployment: Deployment) -> None:
        """They are never archived, whatever the tariff says; nor is one month more, since clocks differ."""
        now = datetime(2027, 2, 28, tzinfo=UTC)
        self.refused(Archivist(deployment, now, final_after=0), "last 4 months, .* from 2027-03 on")

    def test_records_in_the_stream(self, deployment: Deployment) -> None:
        """A record that is repeated would not meet its watermark: all that came before the sealing must have
        expired.
        """
        stream = Kept(timedelta(days=365))
        archivist = Archivist(deployment, datetime(2027, 3, 1, tzinfo=UTC), stream=stream, final_after=0)
        why = "may hold some from before the sealing of 2026-10: archive it from 2027-11-26 on"
        self.refused(archivist, why)

    def test_a_pending_recovery(self, deployment: Deployment) -> None:
        """It may change counters of the month."""
        archivist = Archivist(deployment)
        raised = {"b": {Period("2026-10-05")}}
        note = Recovery(id="r-1", reason="missing", who="ops", begun_at=AFTER, raised=raised)
        archivist.recoveries.keep(note)
        self.refused(archivist, "the recovery r-1 of 2026-11-24 may change counters of 2026-10")

    @pytest.mark.parametrize(
        ("period", "changes"), [("2026-10-05", {"billable": 1}), ("2026-10", {"requests": 1, "d05": 1})]
    )
    def test_counters_that_differ(self, deployment: Deployment, period: str, changes: dict[str, int]) -> None:
        """They are neither what was billed nor what the lake holds: they are repaired first."""
        deployment.edit("b", period, **changes)
        self.refused(Archivist(deployment), "for b: `usage-meter reconcile 2026-10 --repair` brings")

    def test_a_key_without_counters(self, deployment: Deployment) -> None:
        """Its usage was billed."""
        for sk in ("2026-10#0", "2026-10-05#0"):
            place = {"pk": {"S": "key:b"}, "sk": {"S": sk}}
            deployment.dynamodb.delete_item(TableName=deployment.settings.counters_table, Key=place)
        self.refused(Archivist(deployment), "for b: `usage-meter reconcile")


class TestWhileArchived:
    """What needs the counters of days says how they come back."""

    def test_refusals(self, deployment: Deployment) -> None:
        """Reconciliations, repairs, rebuilds and recoveries are refused before anything is changed."""
        archivist = Archivist(deployment)
        archivist.archive()
        held = archivist.items(), decisive(archivist)
        repairing = repairer(deployment)
        repairing._sources = repairing._sources._replace(archives=archivist.table)  # noqa: SLF001 - as it is wired
        recoverer = Recoverer(archivist.recoveries, repairing, lambda _: AFTER, lambda: AFTER, run)
        raised = {"b": {Period("2026-10-05")}}
        recovery = Recovery(id="r-1", reason="missing", who="ops", begun_at=AFTER, raised=raised)
        changed: list[str] = []
        ways: list[Callable[[], object]] = [
            lambda: deployment.reconcile(now=FINAL),
            lambda: repairing.prepare(scope(run())),
            lambda: rebuild(repairing, scope(run()), correct=True),
            lambda: recoverer.recover(recovery, [lambda: changed.append("lake")]),
        ]
        for way in ways:
            with pytest.raises(ArchivedMonthError, match="usage-meter archive 2026-10 --restore"):
                way()
        assert (held, []) == ((archivist.items(), decisive(archivist)), changed)

    @pytest.mark.parametrize("work", ["compare", "repair"])
    def test_archived_while_it_is_read(self, deployment: Deployment, work: str) -> None:
        """A month that is archived after somebody looked whether it is, and before its counters are read, is
        neither compared nor repaired by what is left in the table.
        """
        archivist = Archivist(deployment)

        class Meanwhile:
            """The counters, read just after the month was archived."""

            def of_period(self, period: Period) -> Iterator[Counter]:
                archivist.archive()
                return deployment.sources.counters.of_period(period)

        sources = deployment.sources._replace(counters=Meanwhile())
        repairing = repairer(deployment)
        repairing._sources = repairing._sources._replace(counters=Meanwhile(), archives=archivist.table)  # type: ignore[arg-type]  # noqa: SLF001 - as it is wired
        ways: dict[str, Callable[[], object]] = {
            "compare": lambda: Reconciler(sources, lambda: FINAL).reconcile(OCTOBER, run_id=run()),
            "repair": lambda: repairing.prepare(scope(run())),
        }
        with pytest.raises(ArchivedMonthError):
            ways[work]()
        assert [] == archivist.days()

    def test_verified(self, deployment: Deployment) -> None:
        """An archive is held against the chain: one that was altered or removed is named."""
        archivist = Archivist(deployment)
        archived = archivist.archive()
        part = archived.index.parts[0].name
        queries = deployment.sources.queries

        def faults() -> list[str]:
            return Verifier(archivist.chain, queries, run()).verify(rows_of=lambda _month: False).faults

        assert [] == faults()
        content = archivist.bucket.content(part)
        archivist.bucket.put(part, content + b"x")
        assert [f"{part} was altered: its SHA-256 was {archived.index.parts[0].sha256}"] == faults()
        with pytest.raises(Misconfigured, match=f"{part} is not what was archived"):
            archivist.restore()
        archivist.bucket.delete(part)
        assert [f"{part} is missing"] == faults()
        archivist.bucket.put(part, content)
        archivist.restore()
        assert ROWS == len(archivist.days())

    def test_a_broken_chain(self, deployment: Deployment) -> None:
        """Nothing is archived by a chain that was altered."""
        archivist = Archivist(deployment)
        (link, *_) = archivist.objects("billing-chain/links/")
        archivist.bucket.put(link, archivist.bucket.content(link) + b" ")
        with pytest.raises(BrokenChainError):
            archivist.archive()
        assert ROWS == len(archivist.days())
