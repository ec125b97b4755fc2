"""What the tests of the lake share: a stream, a delivery stream with the template's settings, a bucket."""

import base64
import copy
import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.firehose.delivery_stream import DeliveryStream, FirehoseDelivery
from local_cloud.firehose.settings import DeliverySettings
from local_cloud.lambda_.function import LambdaFunction
from local_cloud.template.document import Stack

_numbers = itertools.count()

DAY = {"year": "2026", "month": "10", "day": "31"}
MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)

Handler = Callable[[dict[str, Any], Any], Any]


@cache
def _client(endpoint: LocalEndpoint, service_name: str) -> Any:
    return endpoint.client(service_name)


@cache
def _stack(account: str) -> Stack:
    return Stack(account=account)


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def advance(self, **by: float) -> None:
        """Move on."""
        self.now += timedelta(**by)


class Workshop:
    """A stream of its own, a bucket of its own, and the template's table."""

    def __init__(self, endpoint: LocalEndpoint, shards: int = 1) -> None:
        self.name = f"workshop-{next(_numbers)}"
        self.endpoint = endpoint
        self.clock = HandClock()
        self.kinesis = self.client("kinesis")
        self.s3 = self.client("s3")
        self.stack = _stack(endpoint.account_id)
        self.delivered: list[FirehoseDelivery] = []
        self.events: list[dict[str, Any]] = []
        self.kinesis.create_stream(StreamName=self.name, ShardCount=shards)
        self.s3.create_bucket(Bucket=self.name)
        self._create_table()

    def client(self, service_name: str) -> Any:
        """A boto3 client, made once for an endpoint: making one takes longer than most tests."""
        return _client(self.endpoint, service_name)

    def _create_table(self) -> None:
        glue = self.client("glue")
        glue.create_database(DatabaseInput={"Name": self.name})
        glue.create_table(DatabaseName=self.name, TableInput=self.stack.resource("LakeTable")["TableInput"])

    def put(self, *data: bytes, **where: str) -> list[str]:
        """Put records, and give their sequence numbers."""
        return [
            self.kinesis.put_record(StreamName=self.name, Data=each, PartitionKey=f"key {number}", **where)[
                "SequenceNumber"
            ]
            for number, each in enumerate(data)
        ]

    def settings(self, **changes: Any) -> DeliverySettings:
        """The template's, for this stream and bucket; ``changes`` of the destination's properties."""
        properties = copy.deepcopy(self.stack.resource("LakeDeliveryStream"))
        arn = f"arn:aws:kinesis:us-east-1:{self.endpoint.account_id}:stream/{self.name}"
        properties["KinesisStreamSourceConfiguration"]["KinesisStreamARN"] = arn
        destination = properties["ExtendedS3DestinationConfiguration"]
        destination["BucketARN"] = f"arn:aws:s3:::{self.name}"
        schema = destination["DataFormatConversionConfiguration"]["SchemaConfiguration"]
        schema["DatabaseName"] = self.name
        destination.update(changes)
        return DeliverySettings.from_properties("lake", self.stack.arn("LakeDeliveryStream"), properties)

    def delivery_stream(self, handler: Handler, **changes: Any) -> DeliveryStream:
        """One whose transform is ``handler``; what it is given is in ``events``."""

        def remembering(event: dict[str, Any], context: Any) -> Any:
            self.events.append(event)
            return handler(event, context)

        return DeliveryStream(
            LambdaFunction("transform", remembering, arn="arn:aws:lambda:::function:transform"),
            self.settings(**changes),
            client=self.client,
            on_delivered=self.delivered.append,
            now=self.clock,
        )

    def deliver(self, stream: DeliveryStream) -> None:
        """Go on until everything that was put is delivered, letting every interval pass."""
        while stream.step():
            self.clock.advance(seconds=301)
        self.clock.advance(seconds=301)
        while stream.step():
            self.clock.advance(seconds=301)

    def keys(self, prefix: str = "") -> list[str]:
        """Those of the objects in the bucket."""
        answer = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for entry in answer.get("Contents", [])]

    def body(self, key: str) -> bytes:
        """The bytes of an object."""
        data: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return data

    def rows(self, folder: Path, columns: str = "eventid", prefix: str = "lake/") -> list[tuple[Any, ...]]:
        """All rows of the lake, read by DuckDB alone."""
        paths = []
        for number, key in enumerate(self.keys(prefix)):
            path = folder / f"{number}.parquet"
            path.write_bytes(self.body(key))
            paths.append(str(path))
        if not paths:
            return []
        with duckdb.connect() as connection:
            return connection.execute(f"SELECT {columns} FROM read_parquet($1)", [paths]).fetchall()

    def errors(self, kind: str) -> list[dict[str, Any]]:
        """The documents under the error prefix of a kind."""
        return [
            json.loads(line) for key in self.keys(f"errors/{kind}/") for line in self.body(key).splitlines()
        ]


def row(event_id: str, **fields: Any) -> bytes:
    """The JSON of a row."""
    return json.dumps({"eventId": event_id, **fields}).encode()


def ok(record: Mapping[str, Any], data: bytes, **partition: str) -> dict[str, Any]:
    """The answer for a record that became rows."""
    return {
        "recordId": record["recordId"],
        "result": "Ok",
        "data": base64.b64encode(data).decode(),
        "metadata": {"partitionKeys": partition or DAY},
    }


def data_of(record: Mapping[str, Any]) -> bytes:
    """What the transform is given."""
    return base64.b64decode(record["data"])


def to_rows(event: dict[str, Any], _context: Any) -> Any:
    """A transform that makes each record a row whose event id is the record's text."""
    return {"records": [ok(record, row(data_of(record).decode())) for record in event["records"]]}


def as_it_is(event: dict[str, Any], _context: Any) -> Any:
    """A transform that takes each record for rows."""
    return {"records": [ok(record, data_of(record)) for record in event["records"]]}
