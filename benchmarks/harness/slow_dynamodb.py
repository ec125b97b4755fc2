"""A DynamoDB that takes its time: it answers every call after a fixed delay, as many at once as are asked.

    python -m benchmarks.harness.slow_dynamodb DELAY_MS

It runs in a process of its own, prints its port, and stops when its input ends. It keeps items and knows the
clauses that the meter's updates are made of, and no more: conditions on a watermark and a size, SET, ADD,
`list_append` and `if_not_exists`; whoever reads finds nothing. Whether updates are right is not its business:
DynamoDB Local judges that.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from binascii import a2b_base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec

_SETTING: Final = re.compile(
    r"(#\w+) = (:\w+|list_append\((?:[^()]|\([^()]*\))+, (:\w+)\)|if_not_exists\(#\w+, (:\w+)\)), "
)
_ADDITION: Final = re.compile(r"(#\w+) (:\w+)")
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_REFUSED: Final = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Items:
    """All items of all tables."""

    def __init__(self) -> None:
        self._items: dict[bytes, dict[str, Any]] = {}

    def answer(self, head: bytes, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the answer of a request with this head."""
        if b"DynamoDB_20120810.UpdateItem" in head:
            return self.update(request)
        if b"DynamoDB_20120810.BatchGetItem" in head:
            return 200, {"Responses": {table: [] for table in request["RequestItems"]}, "UnprocessedKeys": {}}
        return 200, {"Items": [], "Count": 0, "ScannedCount": 0}

    def update(self, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the answer of an UpdateItem."""
        place = _encode([request["TableName"], request["Key"]])
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        item = self._items.get(place)
        if item is not None and not _holds(item, names, values):
            return 400, {"__type": _REFUSED, "message": "The conditional request failed", "Item": item}
        if item is None:
            item = self._items[place] = dict(request["Key"])
        settings, _, additions = request["UpdateExpression"].partition("ADD ")
        for name, value, appended, first in _SETTING.findall(settings.replace(" ADD", "").rstrip() + ", "):
            if appended:
                found = item.setdefault(names[name], {"L": []})["L"]
                found += values[appended]["L"]
            elif first:
                item.setdefault(names[name], values[first])
            else:
                item[names[name]] = values[value]
        for name, value in _ADDITION.findall(additions):
            known = int(item[names[name]]["N"]) if names[name] in item else 0
            item[names[name]] = {"N": str(known + int(values[value]["N"]))}
        return 200, {"Attributes": item} if request.get("ReturnValues") == "ALL_NEW" else {}


def _holds(item: Mapping[str, Any], names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
    """Whether the shard's watermark is below the first position and the page is not full."""
    watermark = item.get(names.get("#w", ""))
    if watermark is not None and _bytes(watermark) >= _bytes(values[":first"]):
        return False
    return ":full" not in values or int(item["size"]["N"]) < int(values[":full"]["N"])


def _bytes(value: Mapping[str, str]) -> bytes:
    return a2b_base64(value["B"])


class _Connection(asyncio.Protocol):
    """One kept-alive connection of HTTP/1.1, one request at a time."""

    def __init__(self, items: Items, delay: float) -> None:
        self._items = items
        self._delay = delay
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_HEAD_END)
        found = _LENGTH.search(head)
        if not end or found is None or len(body) < int(found.group(1)):
            return
        self._received = b""
        status, answer = self._items.answer(head, _decode(body))
        content = _encode(answer)
        reason = b"OK" if status == 200 else b"Bad Request"
        response = (
            b"HTTP/1.1 %d %s\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n"
            b"x-amzn-RequestId: 7G4VQ3M2K8J1N5P6R9S0T\r\n\r\n%s" % (status, reason, len(content), content)
        )
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._send, response)
        else:
            self._send(response)

    def _send(self, response: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(response)


async def _serve(delay: float) -> None:
    items = Items()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(items, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def running(delay_ms: float) -> Iterator[str]:
    """The address of such a server, for as long as the block lasts."""
    command = [sys.executable, "-m", "benchmarks.harness.slow_dynamodb", str(delay_ms)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:  # noqa: S603 - our own module
        if server.stdout is None or server.stdin is None:
            raise AssertionError("the server was given no pipes")
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) / 1000))
