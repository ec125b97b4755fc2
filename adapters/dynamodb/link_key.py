"""The key that signs links to the page, in the counters table: one item, made at random and never derived."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.dynamodb.hot_path.conditional_writes import Item
from adapters.dynamodb.layout import LINK_KEY, LINKS
from adapters.dynamodb.table import Table
from metering.errors import Misconfigured

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_NONE: Final = "attribute_not_exists(#kid) OR #kid = :before"
_THAT: Final = "#kid = :before"
_ID_BYTES: Final = 9
SECRET_BYTES: Final = 32
"""As many as HS256 makes use of (RFC 7518, section 3.2)."""


class LinkKey(NamedTuple):
    """A secret, and the name by which a link says that it was signed with it."""

    id: str
    secret: bytes


class LinkKeyBook:
    """Reads, makes and exchanges it. All methods raise Transient and Misconfigured."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def current(self) -> LinkKey | None:
        """The key as it is now, never a former one; None where nobody made any, or it is damaged."""
        found = self._read()
        return found if found is not None and len(found.secret) == SECRET_BYTES else None

    def current_or_new(self) -> LinkKey:
        """The key, made now if there is none: of two who make it at once, both get the same."""
        if (found := self.current()) is not None:
            return found
        self._put(_NONE, {":before": {"S": ""}})
        found = self.current()
        if found is None:
            raise Misconfigured(
                ["the key that signs links is damaged: usage-meter link --end-all makes another"]
            )
        return found

    def exchange(self) -> LinkKey:
        """Another key in place of the one that there is, whose links end at once. Two who exchange the same
        key at once get the same.
        """
        before = self._read()
        if before is not None:
            self._put(_THAT, {":before": {"S": before.id}})
        return self.current_or_new()

    def _read(self) -> LinkKey | None:
        item = self._table.get((LINKS, LINK_KEY), consistent=True)
        return None if item is None else LinkKey(item["kid"]["S"], item["secret"]["B"])

    def _put(self, condition: str, values: Item) -> None:
        self._table.put_if(
            {
                "pk": {"S": LINKS},
                "sk": {"S": LINK_KEY},
                "kid": {"S": secrets.token_urlsafe(_ID_BYTES)},
                "secret": {"B": secrets.token_bytes(SECRET_BYTES)},
            },
            condition,
            {"#kid": "kid"},
            values,
        )
