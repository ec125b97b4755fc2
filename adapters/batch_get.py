"""Reads of several items at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from adapters.dynamodb import Item
from adapters.errors import translate
from metering.errors import Transient

AT_ONCE: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""

_ATTEMPTS: Final = 4
_FIRST_PAUSE_SECONDS: Final = 0.05

Place = tuple[str, str]
"""The key of an item: `pk` and `sk`."""


def quick_client(**where: str) -> Any:
    """A client for decisions that a caller waits for: it gives up early. Parameters are as in
    :func:`adapters.dynamodb.client`.
    """
    config = Config(
        max_pool_connections=4,
        connect_timeout=0.5,
        read_timeout=1,
        retries={"mode": "standard", "total_max_attempts": 2},
        parameter_validation=False,
    )
    return boto3.session.Session().client("dynamodb", config=config, **where)  # type: ignore[call-overload]


class BatchGet:
    """Reads items of one table by their keys."""

    def __init__(self, table_name: str, dynamodb: Any, pause: Callable[[float], None] = time.sleep) -> None:
        self._table_name = table_name
        self._dynamodb = dynamodb
        self._pause = pause

    def items(self, places: Iterable[Place], *, consistent: bool = False) -> dict[Place, Item]:
        """Those of the items that are there: one request for each hundred.

        Raises:
            Transient, Misconfigured: some cannot be read.
        """
        wanted = list(dict.fromkeys(places))
        found: dict[Place, Item] = {}
        for start in range(0, len(wanted), AT_ONCE):
            found |= self._read(wanted[start : start + AT_ONCE], consistent=consistent)
        return found

    def _read(self, places: list[Place], *, consistent: bool) -> dict[Place, Item]:
        keys: list[Mapping[str, Any]] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in places]
        found: dict[Place, Item] = {}
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            answer = self._request(keys, consistent=consistent)
            for item in answer["Responses"].get(self._table_name, ()):
                found[item["pk"]["S"], item["sk"]["S"]] = item
            keys = answer.get("UnprocessedKeys", {}).get(self._table_name, {}).get("Keys", [])
            if not keys:
                return found
        raise Transient(
            f"BatchGetItem of {self._table_name}: {len(keys)} items are left after {_ATTEMPTS} attempts"
        )

    def _request(self, keys: list[Mapping[str, Any]], *, consistent: bool) -> Any:
        asked = {"Keys": keys, "ConsistentRead": consistent}
        try:
            return self._dynamodb.batch_get_item(RequestItems={self._table_name: asked})
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"BatchGetItem of {self._table_name}") from error
