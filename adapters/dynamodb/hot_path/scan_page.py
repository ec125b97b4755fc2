"""Pages of a Scan decoded by msgspec in place of botocore, whose parser takes ten times as long: at a million
items a minute of the processor instead of ten.

Only the items are taken out. Requests, signatures, attempts, errors and all that else is in a response remain
botocore's, and so does a page that is not as nearly all are: one with a binary, a list or a map in it.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_EVENT: Final = "before-parse.dynamodb.Scan"
_NAME: Final = "usage-meter-scan-page"
_OK: Final = 200
_BINARY: Final = b'"B"'
"""Botocore gives binaries as bytes, and here they would be texts."""

_response: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items: Final = msgspec.json.Decoder(list[dict[str, dict[str, str]]])


def decode_pages(dynamodb: DynamoDBClient) -> None:
    """From now on the client's pages of a Scan are decoded here. Done twice, it is done once."""
    dynamodb.meta.events.register(_EVENT, _decode, unique_id=_NAME)


def _decode(
    response_dict: MutableMapping[str, Any], customized_response_dict: MutableMapping[str, Any], **_: Any
) -> None:
    """What botocore calls before it parses a response: see `botocore.endpoint.Endpoint`. The items go into
    what is added to the parsed response, and are left out of what is parsed.
    """
    body = response_dict["body"]
    if response_dict["status_code"] != _OK or _BINARY in body:
        return
    try:
        response = _response.decode(body)
        items = _items.decode(response.pop("Items"))
    except (KeyError, msgspec.MsgspecError):
        return
    response_dict["body"] = msgspec.json.encode(response)
    customized_response_dict["Items"] = items
