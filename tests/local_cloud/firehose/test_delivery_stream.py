"""The delivery stream between the local Kinesis and the lake."""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from botocore.exceptions import EndpointConnectionError

from local_cloud.crash import CrashError
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.firehose import delivery_stream
from local_cloud.firehose.buffer import MOST_ACTIVE_PARTITIONS, DeliveryBuffers
from local_cloud.firehose.delivery_stream import DeliveryFailedError, DeliveryStream, Interference
from tests.local_cloud.firehose.lake_workshop import DAY, Workshop, as_it_is, data_of, ok, row, to_rows

NAME = r"lake-1-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture
def shop(endpoint: LocalEndpoint) -> Workshop:
    """One with one shard."""
    return Workshop(endpoint)


def test_the_transform_is_given_firehoses_event(shop: Workshop) -> None:
    """The fields of a delivery stream that reads Kinesis, times in epoch milliseconds."""
    stream = shop.delivery_stream(to_rows)
    (number,) = shop.put(b"hello")
    arrived = shop.kinesis.get_records(ShardIterator=first_iterator(shop))["Records"][0]
    milliseconds = round(arrived["ApproximateArrivalTimestamp"].timestamp() * 1000)

    shop.deliver(stream)

    (event,) = shop.events
    assert {
        "invocationId": event["invocationId"],
        "sourceKinesisStreamArn": stream.settings.stream_arn,
        "deliveryStreamArn": stream.settings.arn,
        "region": "us-east-1",
        "records": [
            {
                "recordId": number + "000000",
                "approximateArrivalTimestamp": milliseconds,
                "data": "aGVsbG8=",
                "kinesisRecordMetadata": {
                    "sequenceNumber": number,
                    "subsequenceNumber": 0,
                    "partitionKey": "key 0",
                    "shardId": "shardId-000000000000",
                    "approximateArrivalTimestamp": milliseconds,
                },
            }
        ],
    } == event


def first_iterator(shop: Workshop) -> str:
    """The beginning of the only shard."""
    answer = shop.kinesis.get_shard_iterator(
        StreamName=shop.name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )
    iterator: str = answer["ShardIterator"]
    return iterator


def test_it_reads_from_its_creation_on(shop: Workshop, tmp_path: Path) -> None:
    """What was put before is never delivered, as with ``LATEST``; what was put before it starts is."""
    shop.put(b"before")
    stream = shop.delivery_stream(to_rows)
    shop.put(b"after")

    shop.deliver(stream)

    assert [("after",)] == shop.rows(tmp_path)


def test_rows_are_parquet_by_the_tables_schema(shop: Workshop, tmp_path: Path) -> None:
    """DuckDB alone reads the columns of the table, with their types and their values."""
    stream = shop.delivery_stream(as_it_is)
    shop.put(
        row(
            "a",
            eventHash=2**63 - 1,
            eventTime="2026-10-31T23:59:59.999Z",
            apiKeyId="k",
            status="200",
            requestSize=10**12,
            billable=True,
            notInTheTable={"x": 1},
        )
    )

    shop.deliver(stream)

    columns = "eventid, eventhash, eventtime, apikeyid, status, requestsize, billable, raw"
    moment = datetime(2026, 10, 31, 23, 59, 59, 999_000)  # noqa: DTZ001 - a timestamp of the lake has no zone
    assert [("a", 2**63 - 1, moment, "k", 200, 10**12, True, None)] == shop.rows(tmp_path, columns)
    types = shop.rows(tmp_path, "typeof(eventid), typeof(eventhash), typeof(eventtime), typeof(status)")
    assert [("VARCHAR", "BIGINT", "TIMESTAMP", "INTEGER")] == types
    columns_here = [column["Name"] for column in lake_columns(shop)]
    assert len(columns_here) == len(shop.rows(tmp_path, "*")[0])


def lake_columns(shop: Workshop) -> list[dict[str, Any]]:
    """The columns of the template's table."""
    columns: list[dict[str, Any]] = shop.stack.resource("LakeTable")["TableInput"]["StorageDescriptor"][
        "Columns"
    ]
    return columns


def test_an_object_lies_in_the_partition_that_the_transform_names(shop: Workshop) -> None:
    """One object for each partition, named as Firehose names it, with the file extension."""

    def by_text(event: dict[str, Any], _context: Any) -> Any:
        return {
            "records": [
                ok(record, row("x"), year="2026", month="10", day=data_of(record).decode())
                for record in event["records"]
            ]
        }

    stream = shop.delivery_stream(by_text)
    shop.put(b"30", b"31", b"30")

    shop.deliver(stream)

    first, second = shop.keys()
    assert re.fullmatch(rf"lake/year=2026/month=10/day=30/{NAME}\.parquet", first)
    assert re.fullmatch(rf"lake/year=2026/month=10/day=31/{NAME}\.parquet", second)
    assert [(2, 2), (1, 1)] == [(d.records, d.rows) for d in sorted(shop.delivered, key=lambda d: d.key)]


def test_a_record_may_become_many_rows(shop: Workshop, tmp_path: Path) -> None:
    """Documents follow one another, with newlines or with nothing between them."""
    stream = shop.delivery_stream(as_it_is)
    shop.put(row("a") + b"\n" + row("b") + b"\n", row("c") + row("d"), b"")

    shop.deliver(stream)

    assert ["a", "b", "c", "d"] == sorted(event_id for (event_id,) in shop.rows(tmp_path))
    assert (3, 4) == (stream.progress.transformed, stream.progress.rows_written)


def test_dropped_records_are_done(shop: Workshop) -> None:
    """They go nowhere, and are not read again after a crash."""

    def drop(event: dict[str, Any], _context: Any) -> Any:
        return {"records": [{"recordId": r["recordId"], "result": "Dropped"} for r in event["records"]]}

    stream = shop.delivery_stream(drop)
    shop.put(b"a", b"b")

    shop.deliver(stream)

    assert ([], 2, timedelta(0)) == (shop.keys(), stream.progress.dropped, stream.age_of_oldest)


def test_what_the_transform_fails_lies_raw_under_the_error_prefix(shop: Workshop) -> None:
    """With the day of its arrival, the code and the function; the rest is delivered."""

    def fail_bad(event: dict[str, Any], context: Any) -> Any:
        answer = to_rows(event, context)
        for record, entry in zip(event["records"], answer["records"], strict=True):
            if data_of(record) == b"bad":
                entry["result"] = "ProcessingFailed"
        return answer

    stream = shop.delivery_stream(fail_bad)
    before = int(time.time() * 1000)
    shop.put(b"good", b"bad")

    shop.deliver(stream)

    (key,) = shop.keys("errors/")
    (document,) = shop.errors("processing-failed")
    arrived = datetime.fromtimestamp(document["arrivalTimestamp"] / 1000, UTC)
    assert re.fullmatch(
        rf"errors/processing-failed/year={arrived:%Y}/month={arrived:%m}/day={arrived:%d}/{NAME}", key
    )
    assert {
        "attemptsMade": 1,
        "arrivalTimestamp": document["arrivalTimestamp"],
        "attemptEndingTimestamp": document["attemptEndingTimestamp"],
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record",
        "rawData": "YmFk",
        "lambdaArn": "arn:aws:lambda:::function:transform",
    } == document
    assert before <= document["arrivalTimestamp"] <= time.time() * 1000
    assert (1, 1) == (stream.progress.transformed, stream.progress.failed)


@pytest.mark.parametrize(("failures", "rows", "attempts"), [(0, 2, 1), (3, 2, 4), (4, 0, 4)])
def test_a_failing_function_is_called_again_then_given_up(
    shop: Workshop, tmp_path: Path, failures: int, rows: int, attempts: int
) -> None:
    """``NumberOfRetries`` is 3; after four failures the whole batch lies under the error prefix."""
    left = [failures]

    def fail_at_first(event: dict[str, Any], context: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise RuntimeError("not now")
        return to_rows(event, context)

    stream = shop.delivery_stream(fail_at_first)
    shop.put(b"a", b"b")

    shop.deliver(stream)

    assert rows == len(shop.rows(tmp_path))
    assert attempts == stream.invocations == len(shop.events)
    errors = shop.errors("processing-failed")
    assert [(4, "Lambda.FunctionError")] * (2 - rows) == [(e["attemptsMade"], e["errorCode"]) for e in errors]
    assert all("RuntimeError: not now" in error["errorMessage"] for error in errors)


def test_a_record_that_does_not_come_back_has_failed(shop: Workshop, tmp_path: Path) -> None:
    """The others of its batch are delivered."""

    def forget_first(event: dict[str, Any], context: Any) -> Any:
        return {"records": to_rows(event, context)["records"][1:]}

    stream = shop.delivery_stream(forget_first)
    shop.put(b"a", b"b")

    shop.deliver(stream)

    assert [("b",)] == shop.rows(tmp_path)
    assert [("Lambda.MissingRecordId", "YQ==")] == [
        (error["errorCode"], error["rawData"]) for error in shop.errors("processing-failed")
    ]


@pytest.mark.parametrize("keys", [{"year": "2026", "month": "10"}, {**DAY, "day": ""}])
def test_a_record_without_its_partition_has_failed(shop: Workshop, keys: dict[str, str]) -> None:
    """The key that is missing is named."""

    def elsewhere(event: dict[str, Any], _context: Any) -> Any:
        return {"records": [ok(record, row("x"), **keys) for record in event["records"]]}

    stream = shop.delivery_stream(elsewhere)
    shop.put(b"a")

    shop.deliver(stream)

    (document,) = shop.errors("processing-failed")
    assert ("DynamicPartitioning.MetadataExtractionFailed", "YQ==") == (
        document["errorCode"],
        document["rawData"],
    )
    assert "day" in document["errorMessage"]


def test_too_many_active_partitions(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would open the 501st (here the 6th) goes to an error prefix of its own, until one is delivered."""
    assert 500 == MOST_ACTIVE_PARTITIONS
    monkeypatch.setattr(delivery_stream, "DeliveryBuffers", partial(DeliveryBuffers, most_active=5))

    def own_year(event: dict[str, Any], _context: Any) -> Any:
        records = event["records"]
        return {"records": [ok(r, row("x"), year=data_of(r).decode(), month="1", day="1") for r in records]}

    stream = shop.delivery_stream(own_year)
    years = [{"Data": str(year).encode(), "PartitionKey": "k"} for year in (*range(5), 5, 6, 3)]
    shop.kinesis.put_records(StreamName=shop.name, Records=years)
    stream.step()
    shop.clock.advance(seconds=61)
    stream.step()

    assert (6, 2) == (stream.progress.transformed, stream.progress.failed)
    shop.clock.advance(seconds=301)
    stream.step()
    assert 2 == len(shop.errors("activePartitionExceeded"))
    shop.put(b"6")
    shop.deliver(stream)
    assert 1 == len(shop.keys("lake/year=6/"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'[{"eventId":"x"}]', "not list"),
        (b'{"eventId":"x"}\n"text"', "not str"),
        (b'{"eventId":"x"', "no JSON"),
        (b'{"eventId":"x"}{"status":"many"}', "column status: 'many' is not an integer"),
        (b'{"eventhash":9223372036854775808}', "column eventhash: 9223372036854775808 has more than 64 bits"),
        (b'{"eventtime":"yesterday"}', "column eventtime"),
        (b"\xff", "no JSON"),
    ],
)
def test_rows_that_do_not_fit_the_table_fail_their_record(
    shop: Workshop, tmp_path: Path, data: bytes, why: str
) -> None:
    """Whole, as the transform returned it, under an error prefix of its own."""
    stream = shop.delivery_stream(as_it_is)
    number, _ = shop.put(data, row("fits"))

    shop.deliver(stream)

    assert [("fits",)] == shop.rows(tmp_path)
    (document,) = shop.errors("format-conversion-failed")
    assert (1, "DataFormatConversion.MalformedData", number, 0) == (
        document["attemptsMade"],
        document["lastErrorCode"],
        document["sequenceNumber"],
        document["subSequenceNumber"],
    )
    assert why in document["lastErrorMessage"]
    assert data == data_of({"data": document["rawData"]})
    assert {
        "catalogId": shop.endpoint.account_id,
        "databaseName": shop.name,
        "tableName": "api_gateway_logs",
        "region": "us-east-1",
        "versionId": "LATEST",
        "catalogArn": f"arn:aws:glue:us-east-1:{shop.endpoint.account_id}:catalog",
    } == document["dataCatalogTable"]


def test_records_wait_for_the_buffers(shop: Workshop) -> None:
    """60 s for the transform, then 300 s for the object, by the template's settings."""
    stream = shop.delivery_stream(to_rows)
    shop.put(b"a")
    stream.step()
    shop.clock.advance(seconds=59)
    stream.step()
    assert 0 == stream.invocations

    shop.clock.advance(seconds=1)
    stream.step()
    assert (1, []) == (stream.invocations, shop.keys())

    shop.clock.advance(seconds=299)
    stream.step()
    assert [] == shop.keys()

    shop.clock.advance(seconds=1)
    stream.step()
    assert 1 == len(shop.keys())


def test_a_full_buffer_does_not_wait(shop: Workshop) -> None:
    """0.2 MB for the transform, 64 MB for the object."""

    def inflate(event: dict[str, Any], _context: Any) -> Any:
        return {"records": [ok(r, row("x", raw="r" * 4_000_000)) for r in event["records"]]}

    stream = shop.delivery_stream(inflate, BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 900})
    shop.put(*[b"d" * 150_000] * 18)

    stream.step()

    assert 17 == stream.invocations
    assert [(17, 17)] == [(delivery.records, delivery.rows) for delivery in shop.delivered]


def test_what_is_not_delivered_has_an_age(shop: Workshop) -> None:
    """The age of the oldest record that is not in the lake yet; nothing waits, nothing is old."""
    stream = shop.delivery_stream(to_rows)
    stream.step()
    assert timedelta(0) == stream.age_of_oldest

    shop.put(b"a")
    arrived = shop.kinesis.get_records(ShardIterator=first_iterator(shop))["Records"][0]
    stream.step()
    shop.clock.now = arrived["ApproximateArrivalTimestamp"] + timedelta(seconds=40)
    assert timedelta(seconds=40) == stream.age_of_oldest

    shop.deliver(stream)
    assert timedelta(0) == stream.age_of_oldest


class OneFault(Interference):
    """A crash after the first object, or a write that fails the first times."""

    def __init__(self, *, crashes: int = 0, failed_writes: int = 0) -> None:
        self._crashes = crashes
        self._failed_writes = failed_writes

    def before_write(self, key: str) -> None:
        """Fail, while there are failures left."""
        self._failed_writes -= 1
        if self._failed_writes >= 0:
            raise EndpointConnectionError(endpoint_url=key)

    def after_write(self, key: str) -> None:
        """Crash, while there are crashes left."""
        self._crashes -= 1
        if self._crashes >= 0:
            raise CrashError(key)


def test_a_crash_between_object_and_acknowledgement_repeats_its_rows(shop: Workshop, tmp_path: Path) -> None:
    """At least once: nothing is lost, and what was written before the crash is there twice."""
    stream = shop.delivery_stream(to_rows)
    shop.put(b"a", b"b")
    shop.deliver(stream)
    stream.interference = OneFault(crashes=1)
    shop.put(b"c", b"d")

    shop.deliver(stream)

    assert [("a",), ("b",), ("c",), ("c",), ("d",), ("d",)] == sorted(shop.rows(tmp_path))
    assert (1, 6) == (stream.progress.crashes, stream.progress.read)
    assert timedelta(0) == stream.age_of_oldest


def test_a_crash_before_anything_is_acknowledged_goes_back_to_the_creation(
    shop: Workshop, tmp_path: Path
) -> None:
    """Not to the beginning of the stream, and not to its end."""
    shop.put(b"before")
    stream = shop.delivery_stream(to_rows)
    stream.interference = OneFault(crashes=2)
    shop.put(b"a")

    shop.deliver(stream)

    assert [("a",)] * 3 == shop.rows(tmp_path)


def test_a_record_behind_one_that_waits_is_repeated_too(shop: Workshop, tmp_path: Path) -> None:
    """A shard has one checkpoint: a written object behind an unwritten record is written again."""

    def partitioned(event: dict[str, Any], _context: Any) -> Any:
        records = event["records"]
        return {
            "records": [
                ok(r, row(data_of(r).decode()), **{**DAY, "day": data_of(r).decode()}) for r in records
            ]
        }

    stream = shop.delivery_stream(partitioned)
    shop.put(b"1", b"2", b"3")
    shop.clock.advance(seconds=61)
    stream.step()
    shop.clock.advance(seconds=61)
    stream.step()
    stream.interference = CrashAt("day=2/")
    shop.deliver(stream)

    assert [("1",), ("2",), ("2",), ("3",)] == sorted(shop.rows(tmp_path))


class CrashAt(Interference):
    """One crash, after an object in a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def after_write(self, key: str) -> None:
        """Crash once."""
        if self._folder in key:
            self._folder = "never"
            raise CrashError(key)


def test_a_write_that_fails_is_tried_again(shop: Workshop, tmp_path: Path) -> None:
    """While storage is down, what is buffered waits."""
    stream = shop.delivery_stream(to_rows)
    stream.interference = OneFault(failed_writes=2)
    shop.put(b"a")

    for _ in range(3):
        shop.deliver(stream)

    assert [("a",)] == shop.rows(tmp_path)
    assert (2, 0) == (stream.progress.failed_writes, stream.progress.crashes)


def test_each_user_record_of_an_aggregate_is_transformed(shop: Workshop, tmp_path: Path) -> None:
    """Aggregates are taken apart before the transform; a user record is known by its index."""
    stream = shop.delivery_stream(to_rows)
    aggregator = RecordAggregator()
    for text in ("a", "b", "c"):
        aggregator.add_user_record(f"key {text}", text.encode())
    _, _, data = aggregator.clear_and_get().get_contents()
    (number,) = shop.put(data)

    shop.deliver(stream)

    assert [("a",), ("b",), ("c",)] == sorted(shop.rows(tmp_path))
    records = [record for event in shop.events for record in event["records"]]
    assert [number + "000000", number + "000001", number + "000002"] == [r["recordId"] for r in records]
    assert [(0, "key a"), (1, "key b"), (2, "key c")] == [
        (r["kinesisRecordMetadata"]["subsequenceNumber"], r["kinesisRecordMetadata"]["partitionKey"])
        for r in records
    ]
    assert 3 == stream.progress.read


def test_an_aggregate_is_done_when_all_of_it_is(shop: Workshop, tmp_path: Path) -> None:
    """A crash while a part of it waits repeats all of it."""

    def split(event: dict[str, Any], _context: Any) -> Any:
        records = event["records"]
        return {
            "records": [
                ok(r, row(data_of(r).decode()), **{**DAY, "day": data_of(r).decode()}) for r in records
            ]
        }

    stream = shop.delivery_stream(split)
    stream.interference = CrashAt("day=2/")
    aggregator = RecordAggregator()
    for text in ("1", "2"):
        aggregator.add_user_record("key", text.encode())
    shop.put(aggregator.clear_and_get().get_contents()[2])

    shop.deliver(stream)

    assert [("1",), ("1",), ("2",), ("2",)] == sorted(shop.rows(tmp_path))


def test_splits_and_merges_are_followed(endpoint: LocalEndpoint, tmp_path: Path) -> None:
    """Every record of every generation of shards arrives once, and a parent's before its child's."""
    shop = Workshop(endpoint, shards=2)
    stream = shop.delivery_stream(to_rows)
    shop.put(*texts("first"))
    shop.kinesis.split_shard(
        StreamName=shop.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126)
    )
    shop.put(*texts("second"))
    shop.kinesis.merge_shards(
        StreamName=shop.name,
        ShardToMerge="shardId-000000000003",
        AdjacentShardToMerge="shardId-000000000001",
    )
    shop.put(*texts("third"))

    with stream:
        stream.drain(60)
        shop.put(*texts("fourth"))
        stream.drain(60)

    expected = [text.decode() for name in ("first", "fourth", "second", "third") for text in texts(name)]
    assert sorted(expected) == sorted(event_id for (event_id,) in shop.rows(tmp_path))
    order = [r["kinesisRecordMetadata"]["shardId"][-1] for e in shop.events for r in e["records"]]
    for parent, child in [("0", "2"), ("0", "3"), ("3", "4"), ("1", "4")]:
        assert max(i for i, s in enumerate(order) if s == parent) < order.index(child)


def texts(name: str) -> list[bytes]:
    """The texts of twenty records."""
    return [f"{name} {number}".encode() for number in range(20)]


def test_a_crash_after_a_split_reads_parents_and_children_again(
    endpoint: LocalEndpoint, tmp_path: Path
) -> None:
    """Nothing is lost when a closed shard was read to its end and not delivered."""
    shop = Workshop(endpoint, shards=1)
    stream = shop.delivery_stream(to_rows)
    stream.interference = OneFault(crashes=1)
    shop.put(*texts("first"))
    shop.kinesis.split_shard(
        StreamName=shop.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    shop.put(*texts("second"))

    with stream:
        stream.drain(60)

    found = sorted(event_id for (event_id,) in shop.rows(tmp_path))
    assert {text.decode() for name in ("first", "second") for text in texts(name)} == set(found)
    assert 1 == stream.progress.crashes


def test_draining_waits_for_no_buffer(shop: Workshop, tmp_path: Path) -> None:
    """What is in the stream is in one object of its partition, although no interval has passed."""
    stream = shop.delivery_stream(to_rows)
    shop.put(*texts("x"))

    with stream:
        stream.drain(60)

    assert 20 == len(shop.rows(tmp_path))
    assert 1 == len(shop.keys("lake/"))


def test_a_table_that_grows_is_followed(shop: Workshop, tmp_path: Path) -> None:
    """An object has the columns that the table had when its buffer was opened."""
    stream = shop.delivery_stream(as_it_is)
    shop.put(row("a", zone="eu"))
    shop.deliver(stream)
    table = shop.stack.resource("LakeTable")["TableInput"]
    table["StorageDescriptor"]["Columns"].append({"Name": "zone", "Type": "string"})
    shop.client("glue").update_table(DatabaseName=shop.name, TableInput=table)
    shop.put(row("b", zone="eu"))

    shop.deliver(stream)

    (_, newer) = sorted(shop.delivered, key=lambda delivery: delivery.delivered_at)
    assert [("b", "eu")] == shop.rows(tmp_path, "eventid, zone", prefix=newer.key)


def test_stopping_keeps_what_is_buffered(shop: Workshop, tmp_path: Path) -> None:
    """It goes on from there when it starts again."""
    stream = shop.delivery_stream(to_rows)
    shop.put(b"a")
    with stream:
        pass
    with stream:
        stream.drain(60)

    assert [("a",)] == shop.rows(tmp_path)


def test_a_fault_of_the_delivery_stream_is_not_silent(shop: Workshop) -> None:
    """When its thread dies, whoever waits for it gets an error."""
    stream = shop.delivery_stream(to_rows)
    stream.start()
    shop.kinesis.delete_stream(StreamName=shop.name)

    with pytest.raises(DeliveryFailedError):
        stream.drain(30)
    with pytest.raises(DeliveryFailedError):
        stream.stop()


def test_waiting_for_storage_that_stays_down_ends(shop: Workshop) -> None:
    """A drain has a limit."""
    stream = shop.delivery_stream(to_rows)
    stream.interference = OneFault(failed_writes=10**9)
    shop.put(b"a")

    with stream:
        while not stream.progress.transformed:
            with pytest.raises(TimeoutError):
                stream.drain(0.1)
        with pytest.raises(TimeoutError, match="transformed=1"):
            stream.drain(0.1)


def test_each_object_is_reported(shop: Workshop) -> None:
    """The terminal view follows the lake by this callback."""
    stream: DeliveryStream = shop.delivery_stream(as_it_is)
    shop.put(row("a") + row("b"), b"[]")

    shop.deliver(stream)

    rows, errors = sorted(shop.delivered, key=lambda delivery: delivery.error_type or "")
    assert (shop.name, None, 1, 2) == (rows.bucket, rows.error_type, rows.records, rows.rows)
    assert ("format-conversion-failed", 1, 0) == (errors.error_type, errors.records, errors.rows)
    assert [len(shop.body(rows.key)), len(shop.body(errors.key))] == [rows.bytes, errors.bytes]
    assert (2, 2, rows.bytes + errors.bytes) == (
        stream.progress.rows_written,
        stream.progress.objects_written,
        stream.progress.bytes_written,
    )
    assert rows.oldest_arrival <= rows.delivered_at
