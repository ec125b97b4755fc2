"""The template's tables on any DynamoDB, under names of their own, for one test."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, client
from local_cloud.template.document import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
REGION = "us-east-1"
_SETTINGS = ("AttributeDefinitions", "KeySchema", "BillingMode")


@dataclass(frozen=True, slots=True)
class Tables:
    """A pair of tables and the ways to them."""

    counters: str
    ledger: str
    endpoint: str

    @property
    def where(self) -> dict[str, str]:
        """What a boto3 client needs to get there."""
        return _where(self.endpoint)

    @property
    def dynamodb(self) -> Any:
        """A plain client, one for each engine."""
        return _plain_client(self.endpoint)

    def updates(self, concurrency: int = 4) -> ConditionalUpdates:
        """The shipped way to write."""
        return ConditionalUpdates(client(concurrency, **self.where), concurrency)

    def items(self, table_name: str) -> list[Mapping[str, Any]]:
        """Everything that a table holds."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]


def create_tables(endpoint: str) -> Tables:
    """Make both tables of the template."""
    suffix = uuid.uuid4().hex[:12]
    tables = Tables(f"counters-{suffix}", f"ledger-{suffix}", endpoint)
    stack = Stack()
    for name, logical_id in ((tables.counters, "CountersTable"), (tables.ledger, "LedgerTable")):
        properties = stack.resource(logical_id)
        tables.dynamodb.create_table(TableName=name, **{key: properties[key] for key in _SETTINGS})
    return tables


def _where(endpoint: str) -> dict[str, str]:
    return {"endpoint_url": endpoint, "region_name": REGION, **CREDENTIALS}


@cache
def _plain_client(endpoint: str) -> Any:
    return boto3.session.Session().client("dynamodb", **_where(endpoint))  # type: ignore[call-overload]
