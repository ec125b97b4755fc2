"""Reports for the tests of what is made of them, and for the picture in the documentation."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from metering.calls.event_id import event_hash
from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY, Outcome
from metering.period import Period, begins_at, days_of, ends_at
from metering.proof.drift import Difference
from metering.usage import NO_USAGE, Usage
from reconciliation.lake.queries import (
    ALTERED_ROWS,
    CALLS_OF_KEYS,
    USAGE_BY_KEY_AND_DAY,
    between,
    keys_named,
    query_text,
)
from reconciliation.model.causes import Cause, Finding
from reconciliation.model.contradictions import Contradiction
from reconciliation.model.failed_records import FailedRecords
from reconciliation.model.report import Both, ObjectsOfDay, QueryEvidence, RepeatedObject, Report, Tally

OCTOBER = Period("2026-10")
LAKE = "s3://usage-meter-lake/lake/year=2026/month=10/day="
HOSTILE = "</td><script>alert('key')</script>\" onload=\"x&lt;"


def day_of_month(day: int) -> Period:
    """A day of October."""
    return Period(f"{OCTOBER}-{day:02d}")


def one_call(event_id: str, size: int = 2_048, latency: int = 37) -> Usage:
    """The usage of a call."""
    return Usage(1, 1, 0, size, 312, latency, event_hash(event_id))


def agreeing(seed: int = 7) -> Report:
    """A month of which both sides hold the same, with more calls on working days."""
    random_ = random.Random(seed)
    tally = Tally(keys_counted=214, keys_in_lake=214, counters=6_421)
    for day in days_of(OCTOBER):
        scale = 0.45 if begins_at(day).weekday() > 4 else 1
        calls = int(random_.uniform(30_000, 42_000) * scale)
        fingerprint = sum(random_.getrandbits(63) for _ in range(20)) * calls // 20
        for key, share in (("shop", 0.97), (UNATTRIBUTED_KEY, 0.029), (MALFORMED_KEY, 0.001)):
            n = int(calls * share)
            usage = Usage(
                n, n if key == "shop" else 0, n // 40, n * 2_410, n * 310, n * 41, int(fingerprint * share)
            )
            tally.add_counted(key, (day, usage))
            tally.add_in_lake(key, (day, usage))
    tally.lake_rows = tally.total.in_lake.requests
    return Report(
        month=OCTOBER,
        run_id="2026-11-02T06",
        started_at=datetime(2026, 11, 2, 6, 0, 4, tzinfo=UTC),
        finished_at=datetime(2026, 11, 2, 6, 0, 41, 250_000, tzinfo=UTC),
        missing=[],
        tally=tally,
        failed_records=FailedRecords(at_least=2, at_most=2, objects=1),
        differences=[],
        differences_found=0,
        contradictions=[],
        contradictions_found=0,
        proofs=[
            proof(USAGE_BY_KEY_AND_DAY, "7f0c9a52-4ad0-4c0c-9a55-2d6f0e3b1c77", 6_207, 41_943_040),
            proof(ALTERED_ROWS, "0a9d7c1e-1be8-45a1-8a6b-55a0c3f6e210", 0, 18_874_368),
        ],
        objects_read=[
            ObjectsOfDay(day, 96, 2_831_155 + event_hash(day) % 900_000, sha256(day.encode()).hexdigest())
            for day in ("2026-09-30", *days_of(OCTOBER), "2026-11-01")
        ],
    )


def proof(name: str, query_id: str, rows: int, scanned: int, *more: str) -> QueryEvidence:
    """A query of the month that has run."""
    parameters = (*between(begins_at(OCTOBER), ends_at(OCTOBER)), *more)
    return QueryEvidence(name, query_id, query_text(name), parameters, scanned, scanned // 20_000, rows)


def differing() -> Report:
    """The same month with a call lost, a row altered, a counter edited, and an object that is there twice."""
    report = agreeing()
    lost, altered, swapped = "LmX0kE2pIAMFb3A=", "LnQ7gHhqoAMF9yw=", "Lo81ZFq4oAMFUMg="
    on_5th, on_14th, on_22nd = map(day_of_month, (5, 14, 22))
    _lose(report, "shop", on_5th, one_call(lost))
    _lose(report, "shop", on_22nd, Usage(fingerprint=event_hash(swapped) - event_hash(altered)))
    ten = Usage(requests=10)
    report.tally.add_counted("mobile-app", (on_14th, ten))
    one_of = Usage(12_402, 12_399, 310, 29_888_820, 3_844_620, 508_482, 57_120_934_567_891_234_567_890)
    other_call = Usage(fingerprint=event_hash(swapped) - event_hash(altered))
    report.differences = [
        *_both("mobile-app", on_14th, one_of, ten),
        Difference("shop", OCTOBER, one_of + one_call(lost) + other_call, one_of),
        Difference("shop", on_5th, one_of + one_call(lost), one_of),
        Difference("shop", on_22nd, one_of, one_of - other_call),
    ]
    report.differences_found = len(report.differences)
    report.contradictions = [Contradiction("mobile-app", on_14th, "", 12_402, 12_412)]
    report.contradictions_found = 1
    report.findings = _findings(lost, altered, swapped)
    report.findings_found = len(report.findings)
    report.altered_rows = 1
    report.tally.lake_rows = report.tally.total.in_lake.requests + 1_834
    report.repeated_objects = [
        RepeatedObject(f"{LAKE}27/meter-2-a7.parquet", f"{LAKE}27/meter-1-a7.parquet", 1_834)
    ]
    keys = keys_named(["mobile-app", "shop"])
    report.proofs += [
        proof(CALLS_OF_KEYS, f"{start}-77aa-4d21-9f3e-0c1d2e3f4a5b", 24_804, 3_145_728, *keys[:3])
        for start in ("51ce02d9", "8be41f07", "c20a96e3")
    ]
    return report


def hostile() -> Report:
    """A month whose every text tries to break out of its place."""
    report = differing()
    report.run_id = HOSTILE
    report.missing = [HOSTILE]
    report.differences = [msgspec.structs.replace(one, key=HOSTILE) for one in report.differences]
    report.contradictions = [msgspec.structs.replace(one, key=HOSTILE) for one in report.contradictions]
    report.findings = [
        msgspec.structs.replace(one, key=HOSTILE, note=HOSTILE, event_id=HOSTILE, objects=(HOSTILE,))
        for one in report.findings
    ]
    report.repeated_objects = [RepeatedObject(HOSTILE, HOSTILE, 1)]
    report.proofs = [QueryEvidence(HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), 1, 1, 1)]
    return report


def refused() -> Report:
    """A month that is over and not complete."""
    return msgspec.structs.replace(
        agreeing(),
        tally=Tally(),
        proofs=[],
        objects_read=[],
        refused=True,
        compared_until=begins_at(OCTOBER),
        missing=[
            "Firehose has delivered what arrived before 2026-10-31T22:41:07Z, 2026-11-01T00:15:00Z is needed",
            "3 records wait under the error prefix, the first since 2026-10-30T08:12:44Z: redrive them",
        ],
    )


def running(until: int = 22) -> Report:
    """A month that goes on, of which some days are compared."""
    report = agreeing()
    report.tally.days = {day: both for day, both in report.tally.days.items() if int(day[-2:]) <= until}
    report.tally.total = _total(report.tally.days)
    report.tally.outcomes = {Outcome.METERED: report.tally.total}
    report.tally.lake_rows = report.tally.total.in_lake.requests
    report.compared_until = ends_at(day_of_month(until))
    report.missing = ["the month ends on 2026-11-01"]
    return report


def _total(days: dict[Period, Both]) -> Both:
    result = Both()
    for both in days.values():
        result.counted += both.counted
        result.in_lake += both.in_lake
    return result


def _lose(report: Report, key: str, day: Period, usage: Usage) -> None:
    """Take something out of the lake."""
    report.tally.add_in_lake(key, (day, NO_USAGE - usage))


def _both(key: str, day: Period, usage: Usage, beyond: Usage) -> list[Difference]:
    """A counter that holds something beyond the lake: of the month and of the day."""
    return [Difference(key, period, usage + beyond, usage) for period in (OCTOBER, day)]


def _findings(lost: str, altered: str, swapped: str) -> list[Finding]:
    on_5th, on_14th, on_22nd, on_27th = map(day_of_month, (5, 14, 22, 27))
    return [
        Finding(
            key="mobile-app",
            period=on_14th,
            cause=Cause.COUNTER_EDITED,
            note="the day's counter moved without a call's fingerprint",
            usage=Usage(requests=10),
        ),
        Finding(
            key="shop",
            period=on_5th,
            cause=Cause.LOST_IN_LAKE,
            note="its line is in the log, and no row of it in the lake",
            event_id=lost,
            event_hash=event_hash(lost),
            time=datetime(2026, 10, 5, 14, 3, 59, 481_000, tzinfo=UTC),
            usage=one_call(lost),
        ),
        Finding(
            key="shop",
            period=on_22nd,
            cause=Cause.ROW_ALTERED,
            note=f"the row's id {swapped!r} does not have the hash {event_hash(altered)} beside it; the log "
            f"has {altered!r}",
            event_id=altered,
            event_hash=event_hash(altered),
            time=datetime(2026, 10, 22, 9, 41, 12, 7_000, tzinfo=UTC),
            usage=one_call(altered),
            objects=(f"{LAKE}22/meter-1-09.parquet",),
        ),
        *[
            Finding(
                key="partner",
                period=on_27th,
                cause=Cause.DUPLICATE,
                note="its row lies in the lake more than once",
                event_id=event_id,
                time=datetime(2026, 10, 27, 11, 20, second, tzinfo=UTC),
                objects=(f"{LAKE}27/meter-2-a7.parquet", f"{LAKE}27/meter-1-a7.parquet"),
            )
            for second, event_id in enumerate(("LpFK9H1yoAMFtPA=", "LpFLAGabIAMFRqQ="), 7)
        ],
    ]
