"""The stream that the tables count, in DynamoDB: on AWS's own engine."""

from __future__ import annotations

import pytest

from adapters.dynamodb.stream_identity import DynamoDBStreamIdentity
from metering.counters.ports import CountedStream
from metering.errors import MeterError
from tests.tables import create_tables


def test_the_first_one_stays(dynamodb_local: str) -> None:
    """Whoever comes later gets the first; a table that is not there is an error."""
    tables = create_tables(dynamodb_local)
    identity = DynamoDBStreamIdentity(tables.ledger, tables.updates())
    unknown, first, second = (CountedStream("arn:one", made, made) for made in (None, 1, 2))
    assert [unknown] * 3 == [identity.keep(arn) for arn in ("arn:one", "arn:two", "arn:one")]
    assert [first, first] == [identity.replace(unknown, one) for one in (first, second)]
    assert [second, second] == [identity.replace(first, one) for one in (second, first)]
    assert second == identity.keep("arn:two")
    with pytest.raises(MeterError):
        DynamoDBStreamIdentity("nowhere", tables.updates()).keep("arn:one")
