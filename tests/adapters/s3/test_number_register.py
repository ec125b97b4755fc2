"""Batches of numbers in S3: each is written once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.s3.bucket import Bucket
from adapters.s3.invoices import S3NumberRegister
from local_cloud.endpoint.server import LocalEndpoint
from metering.errors import Misconfigured
from metering.period import Period
from metering.prices.terms.numbers import NumberBatch


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """An empty bucket."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket="lake")
        yield Bucket(client, "lake")


def batch(number: int, *places: str, series: str = "INV/2026-") -> NumberBatch:
    """Numbers of October."""
    return NumberBatch(
        series=series,
        kind="invoice",
        batch=number,
        first=number * 10,
        date="2026-11-02",
        month=Period("2026-10"),
        places=list(places),
    )


def test_the_first_batch_counts(bucket: Bucket) -> None:
    """Whoever comes second at a place of a series gets what is there."""
    register = S3NumberRegister(bucket)
    assert batch(1, "acme") == register.give(batch(1, "acme"))
    assert batch(1, "acme") == register.give(batch(1, "globex"))
    assert batch(2, "globex") == register.give(batch(2, "globex"))
    assert batch(1, series="CN-") == register.give(batch(1, series="CN-"))
    assert ["CN-", "INV/2026-"] == sorted(register.series())
    assert [batch(2, "globex"), batch(1, "acme")] == list(register.batches("INV/2026-"))
    assert [] == list(register.batches("INV"))


def test_a_batch_that_was_damaged(bucket: Bucket) -> None:
    """It is named, and no number is given after it."""
    bucket.put("numbers/INV-/000001.json", b"{}")
    with pytest.raises(Misconfigured, match=r"numbers/INV-/000001.json is not a batch of numbers"):
        list(S3NumberRegister(bucket).batches("INV-"))
