"""What the demo found, as numbers and as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from local_cloud.demo.flow import Freshness
from local_cloud.demo.proof import DemoProof
from local_cloud.demo.stream_audit import StreamContents
from metering.outcome import Outcome
from metering.period import Period
from metering.proof.drift import Difference
from metering.usage import NO_USAGE
from reconciliation.model.report import Both, Report
from reconciliation.report.verdict import counted


@dataclass(frozen=True, slots=True)
class Sent:
    """What was put, and what became of it on the way."""

    log_events: int
    """Put into the log group."""
    given_up: int
    """Records of the stream that the event source mapping gave up."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Everything that the demo reports at its end."""

    sent: Sent
    stream: StreamContents
    proof: DemoProof
    freshness: Freshness
    faults: Mapping[str, int]
    seconds: float

    def counted(self, outcome: Outcome) -> int:
        """How many the counters hold of an outcome, over all months and keys."""
        return sum(both_of(report, outcome).counted.requests for report in self.proof.reports)

    @property
    def counted_in_all(self) -> int:
        """How many the counters hold."""
        return sum(map(self.counted, Outcome))

    @property
    def months(self) -> dict[Period, int]:
        """Metered calls by month, as counted."""
        return {
            report.month: both_of(report, Outcome.METERED).counted.requests for report in self.proof.reports
        }

    @property
    def duplicates_ignored(self) -> int:
        """What the stream holds beyond what was counted: repeats, all of them, unless there is a problem."""
        return self.stream.log_events - self.counted_in_all

    @property
    def differences(self) -> list[Difference]:
        """Where counters and lake differ, of all months."""
        return [difference for report in self.proof.reports for difference in report.differences]

    @property
    def differences_found(self) -> int:
        """How many there are; of very many, only the first are held."""
        return sum(report.differences_found for report in self.proof.reports)

    @property
    def problems(self) -> list[str]:
        """A sentence for each promise that was not kept; none: the meter was exact."""
        return [sentence for is_broken, sentence in self._promises() if is_broken]

    def _promises(self) -> Sequence[tuple[bool, str]]:
        sent, stream, proof = self.sent, self.stream, self.proof
        places = sum(report.places for report in proof.reports)
        in_lake = stream.distinct_events - stream.undecodable_events
        return (
            (
                stream.distinct_log_events != sent.log_events,
                f"{sent.log_events:,} log events were put, {stream.distinct_log_events:,} reached the stream",
            ),
            (sent.given_up > 0, f"{sent.given_up:,} records were given up by the event source mapping"),
            (
                self.counted_in_all != stream.distinct_events,
                f"the stream holds {stream.distinct_events:,} events, {self.counted_in_all:,} were counted",
            ),
            (
                proof.lake_events != in_lake,
                f"the stream holds {in_lake:,} events for the lake, {proof.lake_events:,} landed",
            ),
            (places > 0, f"the figures disagree in {counted(places, 'place')}"),
        )

    def to_json(self) -> dict[str, Any]:
        """The figures under the names by which they are read from outside."""
        return {
            "log_events": self.sent.log_events,
            **{str(outcome): self.counted(outcome) for outcome in Outcome},
            "duplicates_ignored": self.duplicates_ignored,
            "lake_rows": self.proof.lake_rows,
            "lake_events": self.proof.lake_events,
            "drift": [drift(difference) for difference in self.differences],
            "freshness_ms": {"p50": self.freshness.p50, "p99": self.freshness.p99},
            "seconds": round(self.seconds, 1),
            "keys": self.proof.keys,
            "months": self.months,
            "faults": dict(self.faults),
            "problems": self.problems,
        }


def both_of(report: Report, outcome: Outcome) -> Both:
    """What both sides hold of an outcome in a month."""
    return report.tally.outcomes.get(outcome, Both(NO_USAGE, NO_USAGE))


def drift(difference: Difference) -> dict[str, Any]:
    """A difference as JSON. Fingerprints are text: they have more digits than a JSON number keeps."""
    return {
        "key": difference.key,
        "period": difference.period,
        "nature": difference.nature,
        "counted": _usage(difference.counted),
        "in_lake": _usage(difference.in_lake),
    }


def _usage(usage: Any) -> dict[str, Any]:
    return {**msgspec.structs.asdict(usage), "fingerprint": str(usage.fingerprint)}
