"""Invoices of a month that lies in counters and lake, kept in the bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.firehose import FirehoseFreshness
from adapters.s3.invoices import S3Invoices
from adapters.s3.month_states import S3Closings
from metering.calls.access_log import MAX_BYTES
from metering.calls.call import Call
from metering.period import Period
from metering.prices.tariff_file import read_tariff
from reconciliation.closing import Closer, NotProvenError
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.ports import CannotInvoice
from reconciliation.invoices.proven_usage import ProvenUsages
from reconciliation.invoices.result import Invoiced
from reconciliation.reconcile import Reconciler
from reconciliation.repair.scope import NotRepairableError
from reconciliation.repair.trust import scope_of
from tests.metering.prices.builders import document, flat, version
from tests.reconciliation.month_end import AFTER, Deployment, call, running
from tests.reconciliation.repair.repairing import items, repair, run

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")
TIERS: dict[str, Any] = {
    "metric": "billable",
    "model": "graduated",
    "tiers": [{"up_to": 3, "unit_price": "1"}, {"unit_price": "0.1"}],
}
TARIFF = read_tariff(
    document(
        {"pro": [version(TIERS, flat("0.001", "response_bytes", id="traffic"))]},
        {"acme": {"keys": ["a", "b"], "plan": "pro"}},
    )
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A local cloud."""
    yield from running()


@pytest.fixture
def deployment(cloud: Deployment) -> Deployment:
    """The same, with nothing in it."""
    cloud.empty()
    return cloud


def calls(numbers: range, when: str = "2026-10-31T23:59:59.999", key: str = "a", **values: Any) -> list[Call]:
    """Calls of acme."""
    return [call(f"{key}{number}", when, key, **values) for number in numbers]


def issue(deployment: Deployment, month: Period, run_id: str) -> Invoiced:
    """What a job at that time issues."""
    proofs = ProvenUsages(
        Reconciler(deployment.sources, lambda: AFTER, allow_incomplete=True),
        f"s3://{deployment.settings.lake_bucket}/lake/",
        run_id,
    )
    shelf = S3Invoices(deployment.s3, deployment.settings.lake_bucket)
    return Invoicing(_OfTheWhole(proofs), shelf, at_once=4).invoice(month, TARIFF)


class _OfTheWhole:
    """Proofs of months of which one still runs when the tests do: nothing is missing for all that."""

    def __init__(self, proofs: ProvenUsages) -> None:
        self._proofs = proofs

    def billed(self, month: Period) -> Any:
        """What a month is invoiced by."""
        return self._proofs.billed(month)._replace(missing=())

    def known(self, month: Period) -> Any:
        """All that is known of it."""
        return self._proofs.known(month)._replace(missing=())


def test_late_calls_come_with_the_next_invoice(deployment: Deployment) -> None:
    """Two keys of one account share its tiers; calls that arrive after October's invoice are priced as if
    they had been in time, and rows that are in the lake twice are billed once.
    """
    deployment.both([*calls(range(2)), *calls(range(2), key="b"), *calls(range(1), key="-")])
    deployment.land(calls(range(2)), name="again")
    [october] = issue(deployment, OCTOBER, "first").invoices
    deployment.both(calls(range(2, 7)), name="late")
    deployment.both(calls(range(10, 12), "2026-11-02T00:00:00.000"), name="november")
    [november] = issue(deployment, NOVEMBER, "second").invoices

    assert [("billable", "3.10"), ("traffic", "4.10")] == [
        (line["line"], line["amount"]) for line in october["lines"]
    ]
    assert [("billable", "2.00"), ("traffic", "2.05")] == [
        (line["line"], line["amount"]) for line in november["lines"]
    ]
    assert [("2026-10", "billable", "0.50", 4), ("2026-10", "traffic", "5.12", 4096)] == [
        (line["month"], line["line"], line["amount"], line["quantity_billed"])
        for line in november["adjustments"]
    ]


def test_huge_quantities(deployment: Deployment) -> None:
    """The most bytes that a line can have are billed to the byte. Rows with more were altered, if counters
    say the same or not: nothing is issued.
    """
    deployment.both(calls(range(9), response_bytes=MAX_BYTES))
    [october] = issue(deployment, OCTOBER, "most").invoices
    traffic = october["lines"][1]
    assert "9895604649.98" == traffic["amount"], traffic
    deployment.empty()
    deployment.both(calls(range(9), response_bytes=10**15))
    with pytest.raises(CannotInvoice, match="differ in 9 places"):
        issue(deployment, OCTOBER, "more")


def test_what_is_kept_is_what_was_issued(deployment: Deployment) -> None:
    """The bucket holds the document byte for byte, where the page and the spreadsheet stand beside it."""
    deployment.both(calls(range(2)))
    [issued] = issue(deployment, OCTOBER, "third").issued
    for name, content in issued.files().items():
        key = f"invoices/2026-10/acme/{name}"
        kept = deployment.s3.get_object(Bucket=deployment.settings.lake_bucket, Key=key)["Body"].read()
        assert content == kept
    assert issued.invoice == json.loads(issued.document)
    assert f"s3://{deployment.settings.lake_bucket}/lake/" == issued.invoice["sources"][0]["lake"]


def test_a_counter_that_was_edited_stops_it(deployment: Deployment) -> None:
    """Nothing is issued for a month in which the counters say otherwise."""
    deployment.both(calls(range(2)))
    deployment.edit("a", "2026-10", requests=1)
    with pytest.raises(CannotInvoice, match="2026-10: the counters and the lake differ in"):
        issue(deployment, OCTOBER, "fourth")
    listed = deployment.s3.list_objects_v2(Bucket=deployment.settings.lake_bucket, Prefix="invoices/")
    assert 0 == listed["KeyCount"]


def test_a_counter_edited_after_the_month_was_sealed(deployment: Deployment) -> None:
    """It stops the next invoice, which names the repair; once that is done, invoices go on, and the sealed
    month is adjusted by nothing.
    """
    deployment.both(calls(range(2)))
    closings = S3Closings(deployment.s3, deployment.settings.lake_bucket)
    queries = deployment.sources.queries
    Closer(closings, queries, lambda *_: deployment.reconcile(), lambda: AFTER, "ops").close(
        OCTOBER, run_id=run()
    )
    issue(deployment, OCTOBER, run())
    deployment.edit("a", "2026-10", requests=1, latency_ms=1)
    deployment.both(calls(range(10, 12), "2026-11-02T00:00:00.000"), name="november")
    with pytest.raises(CannotInvoice, match=r"2026-10: the counters and the lake differ.*--repair"):
        issue(deployment, NOVEMBER, run())
    repair(deployment, run())
    [november] = issue(deployment, NOVEMBER, run()).invoices
    assert ("2.00", []) == (november["lines"][0]["amount"], november["adjustments"])


class Hurry:
    """Whoever repairs, closes and invoices October at a time, with Firehose so far behind the stream."""

    def __init__(self, deployment: Deployment, now: datetime, behind: timedelta) -> None:
        self.deployment = deployment
        self._name = f"behind-{behind.total_seconds():.0f}"
        self._now = now
        cloudwatch, settings = deployment.cloud.client("cloudwatch"), deployment.settings
        self._show(cloudwatch, behind)
        freshness = FirehoseFreshness(cloudwatch, self._name, settings.log_groups, lambda: now)
        self._reconciler = Reconciler(deployment.sources._replace(delivered=freshness), lambda: now)
        self.store = S3Closings(deployment.s3, settings.lake_bucket)

    def _show(self, cloudwatch: Any, behind: timedelta) -> None:
        values = {
            "DeliveryToS3.DataFreshness": 300,
            "KinesisMillisBehindLatest": behind.total_seconds() * 1000,
        }
        metrics = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "DeliveryStreamName", "Value": self._name}],
                "Timestamp": self._now - timedelta(minutes=minutes),
                "Value": value,
            }
            for minutes in range(5, 60, 5)
            for name, value in values.items()
        ]
        cloudwatch.put_metric_data(Namespace="AWS/Firehose", MetricData=metrics)

    def repair(self) -> None:
        """Take the lake's figure, where that may be done."""
        scope_of(self._reconciler.reconcile(OCTOBER, run_id=f"{self._name}-repair"), "in a hurry", "lower it")

    def close(self) -> Any:
        """Seal October."""

        def reconcile(month: Period, run_id: str) -> Any:
            return self._reconciler.reconcile(month, run_id=run_id)

        queries = self.deployment.sources.queries
        closer = Closer(self.store, queries, reconcile, lambda: self._now, "ops")
        return closer.close(OCTOBER, run_id=f"{self._name}-close")

    def invoice(self) -> Invoiced:
        """Issue October's invoices."""
        proofs = ProvenUsages(self._reconciler, "s3://lake/", f"{self._name}-invoice")
        shelf = S3Invoices(self.deployment.s3, self.deployment.settings.lake_bucket)
        return Invoicing(proofs, shelf, at_once=4).invoice(OCTOBER, TARIFF)


def test_a_month_end_in_a_hurry(deployment: Deployment) -> None:
    """Repair, close, invoice an hour after the month, with Firehose four hours behind the stream and a small
    freshness: each refuses and changes nothing. Once Firehose has caught up, the truth is billed.
    """
    deployment.both(calls(range(2)))
    late = calls(range(2, 5))
    deployment.count(late)
    before = items(deployment, "")
    hurry = Hurry(deployment, datetime(2026, 11, 1, 1, tzinfo=UTC), timedelta(hours=4))
    with pytest.raises(NotRepairableError, match="Firehose has delivered to the lake"):
        hurry.repair()
    with pytest.raises(NotProvenError, match="Firehose has delivered to the lake"):
        hurry.close()
    with pytest.raises(CannotInvoice, match="2026-10"):
        hurry.invoice()
    assert before == items(deployment, "")
    assert hurry.store.read(OCTOBER) is None

    deployment.land(late, name="late")
    caught_up = Hurry(deployment, datetime(2026, 11, 1, 5, 30, tzinfo=UTC), timedelta(0))
    assert (5, True) == (caught_up.close().total.requests, caught_up.close().agrees)
    [invoice] = caught_up.invoice().invoices
    assert ["3.20", "5.12"] == [line["amount"] for line in invoice["lines"]]
