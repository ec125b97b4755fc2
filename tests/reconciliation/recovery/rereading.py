"""What the tests of rereading share: lines that an old field map could not read, on both paths."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.s3.lake_rewriter import LakeRewriter
from adapters.s3.lake_writer import LakeWriter
from adapters.s3.recoveries import S3Recoveries
from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import encode_rows, lake_rows
from metering.calls.privacy import KEPT, PersonalData
from metering.calls.record import StreamRecord
from metering.line_format.field_map import parse_field_map
from metering.period import Period
from reconciliation.recovery.recoverer import Recovered, Recoverer
from reconciliation.recovery.reread import Reread, Rereading
from tests.factories import NOON_MS, delivery, line, log_event, log_event_id, stream_record
from tests.local_cloud.athena.workshop import TABLE
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment
from tests.reconciliation.repair.repairing import Waiting, repairer, run
from tests.reconciliation.repair.shipped_meter import Meter

OLD = BillingRule()
TODAY = BillingRule(fields=parse_field_map("status=code|status"))
SHARD = "shardId-000000000000"
COMPLETE = datetime(2026, 11, 24, tzinfo=UTC)


def coded(number: int, **fields: object) -> str:
    """A line whose status has a name of its own: malformed to the old field map."""
    return line(**{"extendedRequestId": f"{number:015x}=", "status": None, "code": "200", **fields})


def record(number: int, texts: Sequence[str], logged_at_ms: int = NOON_MS) -> StreamRecord:
    """A record with these lines; the ids of its log events are its own."""
    events = [
        log_event(text, number=1000 * number + index, timestamp=logged_at_ms)
        for index, text in enumerate(texts)
    ]
    return stream_record(delivery(events), number=number, arrived_at_ms=logged_at_ms)


def meter_badly(
    deployment: Deployment, number: int, texts: Sequence[str], logged_at_ms: int = NOON_MS
) -> StreamRecord:
    """Count and land lines with the old field map; the record that brought them."""
    found = record(number, texts, logged_at_ms)
    Meter(deployment, OLD).process(found)
    land(deployment, number, texts, OLD, logged_at_ms)
    return found


def land(  # noqa: PLR0917 - which lines, read how, and where they lie
    deployment: Deployment,
    number: int,
    texts: Sequence[str],
    rule: BillingRule,
    logged_at_ms: int = NOON_MS,
    name: str = "",
) -> None:
    """Put the rows of lines into an object of the lake, as the transform does."""
    events = [
        LogEvent(log_event_id(1000 * number + index), logged_at_ms, text) for index, text in enumerate(texts)
    ]
    rows = [json.loads(text) for text in encode_rows(lake_rows(events, rule)).splitlines()]
    deployment.analyst.store(rows[0]["eventtime"][:10], *rows, name=name or f"part-{number}")


def same_client(client: Any) -> Any:
    """A client as it is."""
    return client


class Desk:
    """A deployment with everything that rereads its lines."""

    def __init__(
        self,
        deployment: Deployment,
        attach: Callable[[Any], Any] = same_client,
        *,
        marks: Mapping[str, int] | None = None,
        now: datetime = AFTER,
        complete: datetime = COMPLETE,
        personal: PersonalData = KEPT,
    ) -> None:
        """`attach` changes the clients that write; `marks` are where the barrier finds the shards."""
        cloud, bucket = deployment.cloud, deployment.settings.lake_bucket
        s3, dynamodb = attach(cloud.client("s3")), attach(cloud.client("dynamodb"))
        self.notes = S3Recoveries(s3, bucket)
        barrier = Waiting(marks=dict(marks or {}))
        self.recoverer = Recoverer(
            self.notes, repairer(deployment, barrier, dynamodb), lambda _month: complete, lambda: now, run
        )
        glue = cloud.client("glue")
        writer = LakeWriter.from_glue(s3, glue, TABLE["DatabaseName"], TABLE["Name"])
        queries = deployment.sources.queries
        self._reread = Reread(queries, LakeRewriter(s3), writer, self.recoverer, TODAY, personal)
        self._now = now

    def look(self, month: Period = OCTOBER) -> Rereading:
        """What would change."""
        return self._reread.look(month, run())

    def reread(self, month: Period = OCTOBER) -> Recovered:
        """Finish what others began, look, and carry out."""
        recovered = self.recoverer.finish()
        found = self.look(month)
        if found.changes:
            recovered.add(self._reread.carry_out(found, run(), "ops@example.com", self._now))
        return recovered


def rows(deployment: Deployment) -> list[dict[str, str | None]]:
    """The rows of the lake, in the order of their ids."""
    names, *found = deployment.analyst.ask(
        "SELECT eventid, apikeyid, status, reason, raw, day FROM api_gateway_logs ORDER BY eventid, apikeyid"
    )
    return [dict(zip(map(str, names), one, strict=True)) for one in found]
