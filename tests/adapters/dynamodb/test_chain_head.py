"""The head of the chain of what was billed, in DynamoDB: on AWS's own engine."""

from __future__ import annotations

from adapters.dynamodb.chain_head import DynamoDBChainHead
from metering.proof.billing_chain import NO_HEAD, Head
from tests.tables import create_tables


def test_a_later_head_is_kept(dynamodb_local: str) -> None:
    """At first there is none; then the latest one, whoever writes an earlier one after it."""
    tables = create_tables(dynamodb_local)
    heads = DynamoDBChainHead(tables.dynamodb, tables.counters)
    assert NO_HEAD == heads.read()
    for head in (Head(1, "a"), Head(12, "b"), Head(11, "c"), Head(12, "d")):
        heads.keep(head)
    assert Head(12, "b") == heads.read()
