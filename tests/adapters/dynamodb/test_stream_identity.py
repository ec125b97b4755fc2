"""The stream that the tables count, in DynamoDB: on AWS's own engine."""

from __future__ import annotations

import pytest

from adapters.dynamodb.stream_identity import DynamoDBStreamIdentity
from metering.errors import MeterError
from tests.tables import create_tables


def test_the_first_one_stays(dynamodb_local: str) -> None:
    """Whoever comes later gets the first; a table that is not there is an error."""
    tables = create_tables(dynamodb_local)
    identity = DynamoDBStreamIdentity(tables.ledger, tables.updates())
    assert ["arn:one"] * 3 == [identity.keep(arn) for arn in ("arn:one", "arn:two", "arn:one")]
    with pytest.raises(MeterError):
        DynamoDBStreamIdentity("nowhere", tables.updates()).keep("arn:one")
