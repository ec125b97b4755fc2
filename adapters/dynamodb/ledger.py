"""The ledger in DynamoDB: one UpdateItem an append, and a BatchGetItem for pages that are only read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, cast

from adapters.dynamodb.hot_path.conditional_writes import (
    ConditionalUpdates,
    Item,
    UpdateAnswer,
    UpdateRequest,
)
from adapters.dynamodb.item_content import DECODING_ERRORS, position_of, unreadable
from adapters.dynamodb.layout import decode_position, encode_position, ledger_pk, watermark_attribute
from adapters.dynamodb.table import KEYS_AT_ONCE
from adapters.errors import AWS_ERRORS
from metering.counters.ports import (
    BYTES_OF_HASH,
    LEDGER_TTL_SECONDS,
    Append,
    Claim,
    LedgerAnswer,
    Page,
    PageId,
    Status,
    expires_at,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import KeysAndAttributesTypeDef

FIRST_CLAIM_OF_SHARD = "attribute_not_exists(#w)"
LATER_THAN_WATERMARK = "#w < :first"
EMPTY = "attribute_not_exists(#size)"
NOT_FULL = "#size < :full"


class DynamoDBLedger:
    """The port `Ledger` on the ledger table. Pages expire by :func:`metering.counters.ports.expires_at`."""

    def __init__(
        self,
        table_name: str,
        updates: ConditionalUpdates,
        *,
        ttl_seconds: int = LEDGER_TTL_SECONDS,
        clock: Callable[[], datetime],
        is_over: Callable[[], bool] | None = None,
    ) -> None:
        """`is_over` says when no more is to be claimed."""
        self._table_name = table_name
        self._updates = updates
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._is_over = is_over

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Append to several pages at a time: see :class:`metering.counters.ports.Ledger`."""
        now = int(self._clock().timestamp())
        answers = self._updates.run([self._request(append, now) for append in appends], self._is_over)
        return [_answer(*pair) for pair in zip(appends, answers, strict=True)]

    def _request(self, append: Append, now: int) -> UpdateRequest:
        claims = append.claims
        size = sum(claim.size for claim in claims)
        return {
            "TableName": self._table_name,
            "Key": {"pk": {"S": ledger_pk(*append.page)}},
            "UpdateExpression": (
                "SET #claims = list_append(if_not_exists(#claims, :none), :claims), #w = :last, "
                "#expires_at = :expires_at ADD #size :size"
            ),
            "ConditionExpression": (
                f"({FIRST_CLAIM_OF_SHARD} OR {LATER_THAN_WATERMARK}) AND ({EMPTY} OR {NOT_FULL})"
            ),
            "ExpressionAttributeNames": {
                "#claims": "claims",
                "#w": watermark_attribute(claims[0].shard_id),
                "#expires_at": "expires_at",
                "#size": "size",
            },
            "ExpressionAttributeValues": {
                ":none": {"L": []},
                ":claims": {"L": [{"B": encode_claim(claim)} for claim in claims]},
                ":first": {"B": encode_position(claims[0].position)},
                ":last": {"B": encode_position(claims[-1].position)},
                ":expires_at": {"N": str(expires_at(append, now, self._ttl_seconds))},
                ":size": {"N": str(size)},
                ":full": {"N": str(append.full_at)},
            },
            "ReturnValues": "ALL_NEW",
        }


class DynamoDBLedgerPages:
    """The port `LedgerPages` on the ledger table. Reads are eventually consistent, for half the price."""

    def __init__(
        self, table_name: str, dynamodb: DynamoDBClient, *, is_over: Callable[[], bool] = lambda: False
    ) -> None:
        """`is_over` says when nothing more is to be read."""
        self._table_name = table_name
        self._dynamodb = dynamodb
        self._is_over = is_over

    def read(self, pages: Sequence[PageId]) -> list[Page | None]:
        """The pages: see :class:`metering.counters.ports.LedgerPages`. What cannot be read is not known, and
        no error: the write that follows says what is wrong.

        Raises:
            UnreadableItem: a page is not as it was written.
        """
        keys = [ledger_pk(*page) for page in pages]
        wanted = list(dict.fromkeys(keys))
        parts = (wanted[start : start + KEYS_AT_ONCE] for start in range(0, len(wanted), KEYS_AT_ONCE))
        items = dict(chain.from_iterable(map(self._items, parts)))
        return [_page(items[key], None) if key in items else None for key in keys]

    def _items(self, keys: Sequence[str]) -> Iterator[tuple[str, Item]]:
        if self._is_over():
            return
        request: KeysAndAttributesTypeDef = {"Keys": [{"pk": {"S": key}} for key in keys]}
        try:
            answer = self._dynamodb.batch_get_item(RequestItems={self._table_name: request})
        except AWS_ERRORS:
            return
        for item in cast("list[Item]", answer["Responses"].get(self._table_name, [])):
            yield item["pk"]["S"], item


def _answer(append: Append, answer: UpdateAnswer) -> LedgerAnswer:
    if answer.status is Status.UNAVAILABLE:
        return LedgerAnswer(Status.UNAVAILABLE)
    name = watermark_attribute(append.claims[0].shard_id)
    watermark = position_of(answer.item, name) if name in answer.item else None
    return LedgerAnswer(answer.status, _page(answer.item, watermark))


def _page(item: Item, watermark: int | None) -> Page:
    try:
        return Page(
            claims=[decode_claim(element["B"]) for element in item.get("claims", {"L": []})["L"]],
            watermark=watermark,
            size=int(item["size"]["N"]) if "size" in item else 0,
        )
    except DECODING_ERRORS as error:  # nobody knows who owns its events: that stops the shard
        raise unreadable(item, error) from error


def encode_claim(claim: Claim) -> bytes:
    """A claim as bytes: the shard and the position, each after its length, and the hashes, 8 bytes each.

    Shard ids have up to 128 characters (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_Shard.html).
    """
    shard = claim.shard_id.encode()
    return b"".join(
        (
            bytes([len(shard)]),
            shard,
            encode_position(claim.position),
            struct.pack(f">{len(claim.hashes)}Q", *claim.hashes),
        )
    )


def decode_claim(encoded: bytes) -> Claim:
    """The claim that :func:`encode_claim` wrote."""
    after_shard = 1 + encoded[0]
    after_position = after_shard + 1 + encoded[after_shard]
    count = (len(encoded) - after_position) // BYTES_OF_HASH
    return Claim(
        encoded[1:after_shard].decode(),
        decode_position(encoded[after_shard:after_position]),
        struct.unpack(f">{count}Q", encoded[after_position:]),
    )
