"""Two jobs that close a month at once, each killed anywhere, a late call at any time: one sealing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec
import pytest

from adapters.s3.billing_chain import S3BillingChain
from adapters.s3.bucket import Bucket
from adapters.s3.month_states import S3Closings
from metering.bucket_layout import CHAIN, CLOSINGS, state_name
from metering.calls.call import Call
from metering.calls.lake_row import LakeRow
from metering.period import Period
from metering.proof.billing_chain import LinkKind, digest_of
from metering.proof.month_state import Closing, State
from metering.usage import Usage, total
from reconciliation.billing_chain import BillingChain
from reconciliation.closing import Closer, SealedMonths, decode_usage
from reconciliation.model.report import Report
from simulation.exploration.jobs import JobExplorer, Outside
from simulation.month_end.lake import SimulatedAnswer, SimulatedLake
from tests.reconciliation.month_end import call, row
from tests.reconciliation.report.samples import agreeing
from tests.simulation.exploration.chain_heads import BucketHeads

_OCTOBER: Final = Period("2026-10")
_AT: Final = datetime(2026, 11, 5, tzinfo=UTC)
_CALLS: Final = [call(f"{n}=", f"2026-10-0{n}T10:00:00", "shop") for n in (1, 2)]
_LATE: Final = call("9=", "2026-10-31T23:59:59", "web")
_SOON, _LATER = {"lake": 0}, {"lake": 1}
"""The lake before and after the late call."""


def _lake(calls: Sequence[Call]) -> SimulatedLake:
    lake = SimulatedLake()
    for one in calls:
        stored = msgspec.convert(row(one), LakeRow)
        lake.write(Period(stored.eventtime[:10]), f"{one.event_id}.parquet", [stored])
    return lake


_LAKES: Final = (_lake(_CALLS), _lake([*_CALLS, _LATE]))


class _LakeNow:
    """The port `Queries`: a query finds the lake as it is then. The same one under the same id runs once."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._found: dict[tuple[str, str], SimulatedLake] = {}

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> SimulatedAnswer:
        """A query."""
        if (run_id, sql) not in self._found:
            self._found[run_id, sql] = _LAKES[self._outside.value("lake")]
        return self._found[run_id, sql].run(sql, parameters, run_id=run_id)


def _close(who: str, closings: type[S3Closings] = S3Closings) -> Any:
    def job(outside: Outside, attempt: int) -> object:
        s3 = cast("Any", outside)
        store, lake = closings(s3, "lake"), _LakeNow(outside)
        chain = BillingChain(S3BillingChain(s3, "lake"), BucketHeads(Bucket(s3, "lake")), lambda: _AT, who)
        run_id = f"{who} {attempt}"

        def reconcile(month: Period, run_id: str) -> Report:
            now = SealedMonths(store, lake).usage_now(month, run_id=run_id)
            report = msgspec.structs.replace(agreeing(), run_id=run_id)
            both = msgspec.structs.replace(report.tally.total, in_lake=total(now.usage.values()))
            report.tally = msgspec.structs.replace(report.tally, total=both)
            return report

        closer = Closer(store, lake, reconcile, lambda: _AT, run_id, chain=chain)
        closer.close(_OCTOBER, run_id=run_id)
        return SealedMonths(store, lake, chain).sealed_usage(_OCTOBER)

    return job


def _sealed(objects: Mapping[str, bytes]) -> Closing | None:
    content = objects.get(state_name(_OCTOBER))
    found = None if content is None else msgspec.json.decode(content, type=Closing)
    return found if found is not None and found.state is State.SEALED else None


def _never_changed(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """What was sealed or linked stays as it is, and so does what a sealing names."""
    sealed = _sealed(before)
    held = {name for name in before if name.startswith(f"{CHAIN}links/")}
    if sealed is not None:
        held |= {state_name(_OCTOBER), sealed.usage, sealed.objects}
    for name in held:
        assert before[name] == after[name], f"{name} was written twice"


def _usage(lake: SimulatedLake) -> dict[str, Usage]:
    return dict(SealedMonths(cast("Any", None), lake).usage_now(_OCTOBER, run_id="oracle").usage)


_TRUTHS: Final = [_usage(lake) for lake in _LAKES]


def _one_sealing(objects: dict[str, bytes]) -> None:
    """The month is sealed with what the lake held at one time, whole; all links name that sealing. A job that
    was refused because the lake changed meanwhile may be the last: then nothing is sealed yet.
    """
    links = [content for name, content in objects.items() if name.startswith(f"{CHAIN}links/")]
    sealings = [content for content in links if msgspec.json.decode(content)["kind"] == LinkKind.SEALING]
    sealed = _sealed(objects)
    if sealed is None:
        assert [] == sealings
        return
    assert digest_of(objects[sealed.usage]) == sealed.digest
    usage = decode_usage(objects[sealed.usage])
    assert usage in _TRUTHS
    assert sealed.total == total(usage.values())
    assert sum(day.rows for day in sealed.days.values()) == sealed.total.requests
    (named,) = {msgspec.json.decode(link)["lists"][_OCTOBER] for link in sealings}
    by_digest = {digest_of(content): content for content in objects.values()}
    assert digest_of(objects[state_name(_OCTOBER)]).encode() in by_digest[named]
    assert {"usage", "objects"} <= {
        name.removeprefix(f"{CLOSINGS}{_OCTOBER}/").partition("-")[0] for name in objects
    }


@pytest.mark.exhaustive
@pytest.mark.parametrize(("values", "changes", "faults"), [([_SOON], 2, 0), ([_SOON, _LATER], 1, 1)])
def test_two_closing_jobs(values: list[dict[str, Any]], changes: int, faults: int) -> None:
    """Two jobs that close a month, interrupted by one another at any two requests; or at any one, with one of
    them killed after any write and begun again, or a write that the SDK repeats, and a late call between any
    two of their queries.
    """
    explorer = JobExplorer([_close("first"), _close("second")], values, changes=changes, faults=faults)
    found = explorer.explore(_never_changed, _one_sealing)
    assert found.moments > 10_000
    assert found.ends > 100


class _WithoutCondition(S3Closings):
    """Seals whatever is there."""

    def replace(self, closing: Closing, tag: str) -> bool:  # noqa: ARG002 - the port's
        """Always this job's."""
        self._bucket.put(state_name(closing.month), msgspec.json.encode(closing))
        return True


def test_broken_store() -> None:
    """A store that seals without the condition is seen: the second sealing takes the place of the first."""
    jobs = [_close("first", _WithoutCondition), _close("second", _WithoutCondition)]
    explorer = JobExplorer(jobs, [_SOON], changes=1, faults=0)
    with pytest.raises(AssertionError, match="was written twice"):
        explorer.explore(_never_changed, _one_sealing)
