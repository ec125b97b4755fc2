"""Plans, the plans of keys, and the digests of keys, in the counters table: to be read and changed by hand.

Each change is one request; a plan's new version and its place as the current one are written together or not
at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from adapters.dynamodb.hot_path.conditional_writes import Item
from adapters.dynamodb.layout import (
    DIGEST_SK,
    PLAN,
    PLAN_BUCKETS,
    assignment_bucket,
    assignment_pk,
    digest_pk,
    plan_versions_pk,
)
from adapters.dynamodb.table import Table
from adapters.errors import translate
from metering.errors import Transient
from metering.quotas.plan import Assignment, Plan

TRANSACTION_CANCELLED: Final = "TransactionCanceledException"

ABSENT: Final = "attribute_not_exists(pk)"
STILL_THAT_VERSION: Final = "#version = :version"


class KeysPage(NamedTuple):
    """Some keys that have a plan, in the order of their ids, and whether more follow."""

    assignments: Sequence[Assignment]
    has_more: bool


class PlanBook:
    """The plans and who has which."""

    def __init__(self, table_name: str, dynamodb: Any) -> None:
        self._table_name = table_name
        self._dynamodb = dynamodb
        self._reads = Table(dynamodb, table_name)

    def plans(self) -> dict[str, Plan]:
        """All plans as they stand, by name.

        Raises:
            Transient, Misconfigured: they cannot be read; so do the other methods.
        """
        return {plan.name: plan for plan in map(decode_plan, self._query(PLAN))}

    def plan(self, name: str) -> Plan | None:
        """A plan as it stands; None: there is none of that name."""
        item = self._reads.get((PLAN, name), consistent=True)
        return None if item is None else decode_plan(item)

    def versions(self, name: str) -> list[Plan]:
        """All versions of a plan, the first one first."""
        return [decode_plan(item) for item in self._query(plan_versions_pk(name))]

    def put_plan(self, plan: Plan, current: Plan | None) -> None:
        """Write a new version of a plan whose current one is `current` (None: there is none).

        Raises:
            Transient: somebody else has changed the plan meanwhile.
        """
        version = {**_plan_item(plan, plan_versions_pk(plan.name)), "sk": {"S": f"{plan.version:09d}"}}
        put: dict[str, Any] = {"TableName": self._table_name, "Item": _plan_item(plan, PLAN)}
        if current is None:
            put["ConditionExpression"] = ABSENT
        else:
            put["ConditionExpression"] = STILL_THAT_VERSION
            put["ExpressionAttributeNames"] = {"#version": "version"}
            put["ExpressionAttributeValues"] = {":version": {"N": str(current.version)}}
        self._transact(
            [{"Put": put}, {"Put": {"TableName": self._table_name, "Item": version}}], f"plan {plan.name}"
        )

    def assignments(self) -> Iterator[Assignment]:
        """The plans of all keys, in no order."""
        for bucket in range(PLAN_BUCKETS):
            yield from map(decode_assignment, self._query(assignment_bucket(bucket)))

    def page(self, limit: int, after: str = "") -> KeysPage:
        """At most `limit` keys that come after a key, in the order of their ids: a merge of all buckets, each
        read in small pieces.
        """
        buckets = (self._bucket_after(bucket, after, limit) for bucket in range(PLAN_BUCKETS))
        found = list(islice(merge(*buckets, key=lambda one: one.key.encode()), limit + 1))
        return KeysPage(found[:limit], has_more=len(found) > limit)

    def _bucket_after(self, bucket: int, after: str, limit: int) -> Iterator[Assignment]:
        """The keys of a bucket after a key. Pieces are about twice what falls to a bucket."""
        condition, values = "pk = :pk", {":pk": {"S": assignment_bucket(bucket)}}
        if after:
            condition, values = f"{condition} AND sk > :after", {**values, ":after": {"S": after}}
        yield from map(decode_assignment, self._found(condition, values, Limit=2 * limit // PLAN_BUCKETS + 2))

    def assignment(self, key: str) -> Assignment | None:
        """The plan of a key; None: it has none."""
        item = self._reads.get((assignment_pk(key), key), consistent=True)
        return None if item is None else decode_assignment(item)

    def assign(self, assignment: Assignment) -> None:
        """Give a key a plan, or change how it has it."""
        item = {
            "pk": {"S": assignment_pk(assignment.key)},
            "sk": {"S": assignment.key},
            "content": {"S": msgspec.json.encode(assignment).decode()},
        }
        self._call("put_item", Item=item)

    def know(self, digest: str, key: str) -> None:
        """Make known which key id a key with this digest has."""
        item = {"pk": {"S": digest_pk(digest)}, "sk": {"S": DIGEST_SK}, "key_id": {"S": key}}
        self._call("put_item", Item=item)

    def forget(self, digest: str) -> None:
        """A caller who shows the key with this digest is unknown from now on."""
        self._call("delete_item", Key={"pk": {"S": digest_pk(digest)}, "sk": {"S": DIGEST_SK}})

    def _query(self, pk: str) -> Iterator[Item]:
        return self._found("pk = :pk", {":pk": {"S": pk}})

    def _found(self, condition: str, values: Mapping[str, Any], **more: Any) -> Iterator[Item]:
        start: dict[str, Any] = {}
        while True:
            page = self._call(
                "query",
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                **more,
                **start,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._dynamodb, operation)(TableName=self._table_name, **request)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"{operation} of {self._table_name}") from error

    def _transact(self, items: list[Mapping[str, Any]], what: str) -> None:
        try:
            self._dynamodb.transact_write_items(TransactItems=items)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == TRANSACTION_CANCELLED:
                raise Transient(f"{what} was changed by somebody else meanwhile; try again") from error
            raise translate(error, f"TransactWriteItems of {self._table_name}") from error


def digest_of(secret: str) -> str:
    """What is kept of a key that a caller shows: SHA-256 in hexadecimal digits.

    API Gateway makes keys of 40 random characters, so that nobody can search for the key of a digest.
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def decode_plan(item: Item) -> Plan:
    """The plan of an item."""
    return _plan_decoder.decode(item["content"]["S"])


def decode_assignment(item: Item) -> Assignment:
    """The plan of a key, of an item."""
    return _assignment_decoder.decode(item["content"]["S"])


_plan_decoder = msgspec.json.Decoder(Plan)
_assignment_decoder = msgspec.json.Decoder(Assignment)


def _plan_item(plan: Plan, pk: str) -> dict[str, Any]:
    return {
        "pk": {"S": pk},
        "sk": {"S": plan.name},
        "version": {"N": str(plan.version)},
        "content": {"S": msgspec.json.encode(plan).decode()},
    }
