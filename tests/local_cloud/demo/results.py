"""Results of a demo, made to order."""

from datetime import UTC, datetime

from local_cloud.demo.flow import Freshness
from local_cloud.demo.proof import DemoProof
from local_cloud.demo.result import DemoResult, Sent
from local_cloud.demo.stream_audit import StreamContents
from metering.outcome import Outcome
from metering.period import Period
from metering.proof.drift import Difference
from metering.usage import Usage
from reconciliation.model.contradictions import Contradiction
from reconciliation.model.failed_records import FailedRecords
from reconciliation.model.report import Both, Report, Tally

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")
ONE_MORE = Difference("shop", OCTOBER, Usage(requests=2, fingerprint=2**70), Usage(requests=1, fingerprint=5))

STREAM = StreamContents(14, 10, 11, 1, (OCTOBER, NOVEMBER))
SENT = Sent(10, 0)


def report(
    month: Period,
    differences: list[Difference] | None = None,
    contradictions: list[Contradiction] | None = None,
    **counted: int,
) -> Report:
    """A month with so many requests of each outcome on both sides."""
    both = {outcome: Usage(requests=counted.get(outcome, 0)) for outcome in Outcome}
    tally = Tally(outcomes={outcome: Both(usage, usage) for outcome, usage in both.items()})
    return Report(
        month=month,
        run_id="demo",
        started_at=NOON,
        finished_at=NOON,
        missing=[],
        tally=tally,
        failed_records=FailedRecords(),
        differences=differences or [],
        differences_found=len(differences or []),
        contradictions=contradictions or [],
        contradictions_found=len(contradictions or []),
        proofs=[],
    )


def result(
    *,
    sent: Sent = SENT,
    stream: StreamContents = STREAM,
    lake_events: int = 10,
    october: Report | None = None,
) -> DemoResult:
    """Ten calls and a record that cannot be decoded, of which all is well unless a test says otherwise."""
    reports = (
        october or report(OCTOBER, metered=6, unattributed=1, malformed=1),
        report(NOVEMBER, metered=2, undecodable=1),
    )
    return DemoResult(
        sent,
        stream,
        DemoProof(reports, 3, 13, lake_events),
        Freshness(1500, 2500),
        {"failed_batch": 2},
        12.34,
    )
