"""The chain of what was billed in S3: links are written once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from adapters.s3.billing_chain import S3BillingChain
from adapters.s3.bucket import Bucket
from local_cloud.endpoint.server import LocalEndpoint

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture
def s3() -> Iterator[S3Client]:
    """An empty bucket."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket="lake")
        yield client


def test_a_link_is_written_once(s3: S3Client) -> None:
    """The second of a number is refused; the same one again, as after a lost answer, is the one that is kept.
    They come in the order of their numbers, whatever else lies there.
    """
    chain = S3BillingChain(s3, "lake")
    Bucket(s3, "lake").put("billing-chain/links/notes.txt", b"")
    for number in (2, 10, 1):
        assert chain.add(number, b"%d" % number)
    assert (False, True) == (chain.add(2, b"other"), chain.add(2, b"2"))
    assert [(1, b"1"), (2, b"2"), (10, b"10")] == list(chain.links())


def test_lists_and_objects(s3: S3Client) -> None:
    """A list lies under its digest; what is not there is None."""
    chain = S3BillingChain(s3, "lake")
    chain.keep_list("abc", b"list")
    assert (b"list", None, None) == (chain.list("abc"), chain.list("abd"), chain.content("x"))
    assert b"list" == chain.content("billing-chain/lists/abc.jsonl")


def test_what_decides_billing(s3: S3Client) -> None:
    """The states of months and the documents of invoices, and nothing that follows from them."""
    names = [
        "closing/2026-10.json",
        "closing/2026-10/usage-abc.jsonl",
        "invoices/2026-10/a%2Fb/invoice.json",
        "invoices/2026-10/a%2Fb/invoice.csv",
        "invoices/2026-11/unbilled%3A/invoice.json",
        "lake/year=2026/x.parquet",
    ]
    for name in names:
        Bucket(s3, "lake").put(name, b"{}")
    found = list(S3BillingChain(s3, "lake").deciding())
    assert [("2026-10", names[0]), ("2026-10", names[2]), ("2026-11", names[4])] == found
