"""Two jobs of a month end at once, each killed anywhere: one sealing, one invoice, each number once."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from adapters.s3.billing_chain import S3BillingChain
from adapters.s3.bucket import Bucket
from adapters.s3.invoices import S3Invoices, S3NumberRegister
from metering.bucket_layout import CHAIN, INVOICES, NUMBERS
from metering.period import Period
from metering.prices.tariff import Tariff
from metering.usage import Usage
from reconciliation.billing_chain import BillingChain
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.numbering import Numbering
from simulation.exploration.jobs import JobExplorer, Outside
from tests.metering.prices.builders import flat, tariff, version
from tests.reconciliation.invoices.samples import Known
from tests.simulation.exploration.chain_heads import BucketHeads

_OCTOBER = Period("2026-10")
_AT = datetime(2026, 11, 5, tzinfo=UTC)
_USAGE = {"usage": (("k1", 2),)}
_WITH_A_LATE_CALL = {"usage": (("k1", 3),)}


def _tariff() -> Tariff:
    return tariff(
        {"pro": [version(flat())]},
        {"acme": {"keys": ["k1"], "plan": "pro"}},
        invoices={"numbers": {"invoices": "INV-{year}-", "credit_notes": "CN-"}},
    )


def _invoice(who: str, store: type[S3Invoices] = S3Invoices) -> Any:
    def job(outside: Outside, attempt: int) -> object:
        s3 = cast("Any", outside)
        bucket = Bucket(s3, "lake")
        chain = BillingChain(S3BillingChain(s3, "lake"), BucketHeads(bucket), lambda: _AT, f"{who} {attempt}")
        known = Known()
        for key, calls in outside.value("usage"):
            known.add(_OCTOBER, key, Usage(calls, calls, fingerprint=calls))
        numbering = Numbering(S3NumberRegister(bucket), lambda: date(2026, 11, 5))
        invoicing = Invoicing(known, store(s3, "lake"), chain=chain, numbering=numbering)
        return invoicing.invoice(_OCTOBER, _tariff())

    return job


def _never_changed(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """What was issued, numbered or linked stays as it is."""
    for name, content in before.items():
        if name.startswith((INVOICES, NUMBERS, f"{CHAIN}links/")):
            assert content == after[name], f"{name} was written twice"


def _one_invoice(objects: dict[str, bytes]) -> None:
    """One document, with the only number that was given, and a whole chain that names it."""
    documents = [name for name in objects if name.endswith("/invoice.json")]
    assert [f"{INVOICES}2026-10/acme/invoice.json"] == documents
    document = json.loads(objects[documents[0]])
    assert "INV-2026-000001" == document["number"]
    assert 1 == sum(name.startswith(NUMBERS) for name in objects)
    names = {name.rpartition("/")[2] for name in objects if name.startswith(f"{INVOICES}2026-10/acme/")}
    assert {"invoice.json", "invoice.csv", "invoice.html"} == names


@pytest.mark.exhaustive
@pytest.mark.parametrize(("values", "faults"), [([_USAGE], 1), ([_USAGE, _WITH_A_LATE_CALL], 0)])
def test_two_invoicing_jobs(values: list[dict[str, Any]], faults: int) -> None:
    """Two jobs that invoice a month, one of them interrupted by the other at any request; one of them killed
    after any write and begun again, or a write that the SDK repeats; or a late call that only one sees.
    """
    explorer = JobExplorer([_invoice("first"), _invoice("second")], values, changes=1, faults=faults)
    found = explorer.explore(_never_changed, _one_invoice)
    assert found.ends > 10
    assert found.moments > 1_000


class _WithoutCondition(S3Invoices):
    """Writes a document whatever is there."""

    def decide(self, of_month: Period, account: str, document: bytes) -> tuple[bytes, bool]:
        """Always this job's."""
        self._bucket.put(f"{INVOICES}{of_month}/{account}/invoice.json", document)
        return document, True


def test_broken_store() -> None:
    """A store that overwrites documents is seen, where a late call makes another one of the second job's."""
    jobs = [_invoice("first", _WithoutCondition), _invoice("second", _WithoutCondition)]
    explorer = JobExplorer(jobs, [_USAGE, _WITH_A_LATE_CALL], changes=1, faults=0)
    with pytest.raises(AssertionError, match="was written twice"):
        explorer.explore(_never_changed, _one_invoice)
