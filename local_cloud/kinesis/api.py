"""The API of Kinesis Data Streams over streams in memory, in place of moto's.

moto numbers records 1, 2, 3 in every shard, keeps parents open after a split, and a put costs it the length
of the shard. Answers have the shapes of https://docs.aws.amazon.com/kinesis/latest/APIReference/.
"""

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from local_cloud.endpoint.service import AwsError, unknown_operation
from local_cloud.kinesis.stream import HASH_KEYS, Shard, StoredRecord, Stream

ON_DEMAND_SHARDS = 4
MAX_RECORD_BYTES = 1024 * 1024
MAX_PUT_RECORDS = 500
MAX_PUT_BYTES = 10 * 1024 * 1024
MAX_GET_RECORDS = 10_000
MAX_GET_BYTES = 10 * 1024 * 1024

Request = Mapping[str, Any]
Answer = dict[str, Any]


class KinesisSettings:
    """What a stream has besides its shards."""

    def __init__(self, *, on_demand: bool) -> None:
        self.on_demand = on_demand
        self.retention_hours = 24
        self.key_id: str | None = None
        self.tags: dict[str, str] = {}


class KinesisService:
    """Kinesis Data Streams of one account and region."""

    target_prefix = "Kinesis_20131202"

    def __init__(
        self, account_id: str, region: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """`now` gives the time (aware, UTC) at which records arrive."""
        self._now = now
        self._arn_prefix = f"arn:aws:kinesis:{region}:{account_id}:stream/"
        self._streams: dict[str, tuple[Stream, KinesisSettings]] = {}
        self._lock = threading.Lock()
        self._actions: dict[str, Callable[[Request], Answer]] = {
            "CreateStream": self._create_stream,
            "DeleteStream": self._delete_stream,
            "ListStreams": self._list_streams,
            "DescribeStream": self._describe_stream,
            "DescribeStreamSummary": self._describe_stream_summary,
            "ListShards": self._list_shards,
            "PutRecord": self._put_record,
            "PutRecords": self._put_records,
            "GetShardIterator": self._get_shard_iterator,
            "GetRecords": self._get_records,
            "SplitShard": self._split_shard,
            "MergeShards": self._merge_shards,
            "UpdateShardCount": self._update_shard_count,
            "IncreaseStreamRetentionPeriod": self._set_retention,
            "DecreaseStreamRetentionPeriod": self._set_retention,
            "StartStreamEncryption": self._start_encryption,
            "AddTagsToStream": self._add_tags,
            "ListTagsForStream": self._list_tags,
        }

    def handle(self, action: str, request: Request) -> Answer:
        """Answer one request of the Kinesis API."""
        if action not in self._actions:
            raise unknown_operation(action)
        return self._actions[action](request)

    def stream(self, name: str) -> Stream:
        """The stream of that name or ARN, for what AWS itself does with a stream (delivery, scaling).

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        return self._find({"StreamName": name.rpartition("/")[2]})[0]

    def _find(self, request: Request) -> tuple[Stream, KinesisSettings]:
        name = request.get("StreamName") or request.get("StreamARN", "").removeprefix(self._arn_prefix)
        if name not in self._streams:
            raise AwsError("ResourceNotFoundException", f"Stream {name} not found.")
        return self._streams[name]

    def _create_stream(self, request: Request) -> Answer:
        name = request["StreamName"]
        on_demand = request.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND"
        shards = ON_DEMAND_SHARDS if on_demand else request.get("ShardCount", 0)
        if shards < 1:
            raise AwsError(
                "ValidationException", f"ShardCount of stream {name} must be at least 1, not {shards}."
            )
        with self._lock:
            if name in self._streams:
                raise AwsError("ResourceInUseException", f"Stream {name} already exists.")
            self._streams[name] = Stream(name, shards, self._now), KinesisSettings(on_demand=on_demand)
        return {}

    def _delete_stream(self, request: Request) -> Answer:
        with self._lock:
            del self._streams[self._find(request)[0].name]
        return {}

    def _list_streams(self, _request: Request) -> Answer:
        return {"StreamNames": sorted(self._streams), "HasMoreStreams": False}

    def _describe_stream(self, request: Request) -> Answer:
        stream, settings = self._find(request)
        shards = [_described_shard(shard) for shard in list(stream.shards.values())]
        return {
            "StreamDescription": {**self._summary(stream, settings), "Shards": shards, "HasMoreShards": False}
        }

    def _describe_stream_summary(self, request: Request) -> Answer:
        stream, settings = self._find(request)
        summary = self._summary(stream, settings)
        return {"StreamDescriptionSummary": {**summary, "OpenShardCount": len(stream.open_shards())}}

    def _summary(self, stream: Stream, settings: KinesisSettings) -> Answer:
        return {
            "StreamName": stream.name,
            "StreamARN": self._arn_prefix + stream.name,
            "StreamStatus": "ACTIVE",
            "StreamModeDetails": {"StreamMode": "ON_DEMAND" if settings.on_demand else "PROVISIONED"},
            "RetentionPeriodHours": settings.retention_hours,
            "StreamCreationTimestamp": stream.created_at,
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
            "EncryptionType": "KMS" if settings.key_id else "NONE",
            **({"KeyId": settings.key_id} if settings.key_id else {}),
        }

    def _list_shards(self, request: Request) -> Answer:
        token = request.get("NextToken")
        if token:
            name, _, start = token.rpartition(":")
            request = {**request, "StreamName": name, "ExclusiveStartShardId": start}
        stream, _ = self._find(request)
        shards = [shard for shard in list(stream.shards.values()) if _matches(shard, request)]
        page = shards[: request.get("MaxResults", 1000)]
        more = {"NextToken": f"{stream.name}:{page[-1].id}"} if len(page) < len(shards) else {}
        return {"Shards": [_described_shard(shard) for shard in page], **more}

    def _put_record(self, request: Request) -> Answer:
        stream, _ = self._find(request)
        entry = _entry(request)
        if len(entry[1]) > MAX_RECORD_BYTES:
            raise AwsError(
                "ValidationException", f"a record of {len(entry[1])} bytes is over {MAX_RECORD_BYTES}."
            )
        return _placed(*stream.put(*entry))

    def _put_records(self, request: Request) -> Answer:
        stream, _ = self._find(request)
        entries = [_entry(record) for record in request["Records"]]
        sizes = [len(data) + len(key.encode()) for key, data, _ in entries]
        if (
            len(entries) > MAX_PUT_RECORDS
            or sum(sizes) > MAX_PUT_BYTES
            or max(sizes, default=0) > MAX_RECORD_BYTES
        ):
            raise AwsError(
                "ValidationException", f"{len(entries)} records of {sum(sizes)} bytes exceed a limit."
            )
        return {"FailedRecordCount": 0, "Records": [_placed(*stream.put(*entry)) for entry in entries]}

    def _get_shard_iterator(self, request: Request) -> Answer:
        stream, _ = self._find(request)
        shard = stream.shard(request["ShardId"])
        return {"ShardIterator": _iterator(stream, shard, _start_position(shard, request))}

    def _get_records(self, request: Request) -> Answer:
        name, shard_id, position = _read_iterator(request["ShardIterator"])
        stream, _ = self._find({"StreamName": name})
        shard = stream.shard(shard_id)
        ended = not shard.is_open
        first, records = _page(shard, position, request.get("Limit", MAX_GET_RECORDS))
        position = first + len(records)
        answer: Answer = {
            "Records": [_described_record(record) for record in records],
            "MillisBehindLatest": _millis_behind(shard, position, self._now()),
        }
        if ended and position == shard.end:
            return {**answer, "ChildShards": [_described_child(child) for child in shard.children]}
        return {**answer, "NextShardIterator": _iterator(stream, shard, position)}

    def _split_shard(self, request: Request) -> Answer:
        stream = self._provisioned(request)
        stream.split(request["ShardToSplit"], _hash_key(request["NewStartingHashKey"]))
        return {}

    def _merge_shards(self, request: Request) -> Answer:
        stream = self._provisioned(request)
        stream.merge(request["ShardToMerge"], request["AdjacentShardToMerge"])
        return {}

    def _update_shard_count(self, request: Request) -> Answer:
        stream = self._provisioned(request)
        current, target = len(stream.open_shards()), request["TargetShardCount"]
        stream.resize(target)
        return {"StreamName": stream.name, "CurrentShardCount": current, "TargetShardCount": target}

    def _provisioned(self, request: Request) -> Stream:
        stream, settings = self._find(request)
        if settings.on_demand:
            raise AwsError(
                "ValidationException", f"Stream {stream.name} is on demand: AWS alone changes its shards."
            )
        return stream

    def _set_retention(self, request: Request) -> Answer:
        hours = request["RetentionPeriodHours"]
        if not 24 <= hours <= 8760:
            raise AwsError(
                "InvalidArgumentException", f"a retention of {hours} hours is not between 24 and 8760."
            )
        stream, settings = self._find(request)
        settings.retention_hours, stream.retention = hours, timedelta(hours=hours)
        return {}

    def _start_encryption(self, request: Request) -> Answer:
        self._find(request)[1].key_id = request["KeyId"]
        return {}

    def _add_tags(self, request: Request) -> Answer:
        self._find(request)[1].tags.update(request["Tags"])
        return {}

    def _list_tags(self, request: Request) -> Answer:
        tags = self._find(request)[1].tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()], "HasMoreTags": False}


def _entry(request: Request) -> tuple[str, bytes, int | None]:
    key, explicit = request["PartitionKey"], request.get("ExplicitHashKey")
    if not 1 <= len(key) <= 256:
        raise AwsError("ValidationException", f"a partition key has 1 to 256 characters, not {len(key)}.")
    return key, base64.b64decode(request["Data"]), None if explicit is None else _hash_key(explicit)


def _hash_key(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < HASH_KEYS):
        raise AwsError("InvalidArgumentException", f"{text} is not a hash key: 0 to 2^128 - 1.")
    return int(text)


def _placed(shard: Shard, record: StoredRecord) -> Answer:
    return {"ShardId": shard.id, "SequenceNumber": str(record.sequence_number)}


def _described_record(record: StoredRecord) -> Answer:
    return {
        "SequenceNumber": str(record.sequence_number),
        "PartitionKey": record.partition_key,
        "Data": record.data,
        "ApproximateArrivalTimestamp": record.arrived_at,
    }


def _described_shard(shard: Shard) -> Answer:
    ending = {} if shard.ending is None else {"EndingSequenceNumber": str(shard.ending)}
    parent_fields = zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False)
    return {
        "ShardId": shard.id,
        **{name: parent.id for name, parent in parent_fields},
        "HashKeyRange": _hash_key_range(shard),
        "SequenceNumberRange": {"StartingSequenceNumber": str(shard.starting), **ending},
    }


def _described_child(shard: Shard) -> Answer:
    parents = [parent.id for parent in shard.parents]
    return {"ShardId": shard.id, "ParentShards": parents, "HashKeyRange": _hash_key_range(shard)}


def _hash_key_range(shard: Shard) -> Answer:
    return {"StartingHashKey": str(shard.first_hash), "EndingHashKey": str(shard.last_hash)}


def _matches(shard: Shard, request: Request) -> bool:
    kind = request.get("ShardFilter", {}).get("Type", "FROM_TRIM_HORIZON")
    match kind:
        case "AFTER_SHARD_ID":
            start = request["ShardFilter"]["ShardId"]
        case "AT_LATEST":
            start = "" if shard.is_open else "~"
        case "AT_TRIM_HORIZON":
            start = "" if not shard.parents else "~"
        case "FROM_TRIM_HORIZON":
            start = ""
        case _:
            raise AwsError("InvalidArgumentException", f"the local cloud has no shard filter {kind}.")
    after: str = max(start, request.get("ExclusiveStartShardId", ""))
    return shard.id > after


def _start_position(shard: Shard, request: Request) -> int:
    match request["ShardIteratorType"]:
        case "TRIM_HORIZON":
            return shard.expired
        case "LATEST":
            return shard.end
        case "AT_SEQUENCE_NUMBER":
            return shard.position_of(_sequence_number(shard, request))
        case "AFTER_SEQUENCE_NUMBER":
            return shard.position_after(_sequence_number(shard, request))
        case "AT_TIMESTAMP":
            return shard.position_at(datetime.fromtimestamp(request["Timestamp"], UTC))
        case other:
            raise AwsError("InvalidArgumentException", f"{other} is not a shard iterator type.")


def _sequence_number(shard: Shard, request: Request) -> int:
    text = request.get("StartingSequenceNumber", "")
    if not (text.isascii() and text.isdigit()) or int(text) < shard.starting:
        raise AwsError("InvalidArgumentException", f"{text} is not a sequence number of {shard.id}.")
    return int(text)


def _iterator(stream: Stream, shard: Shard, position: int) -> str:
    return base64.b64encode(f"{stream.name}:{shard.id}:{position}".encode()).decode("ascii")


def _read_iterator(iterator: str) -> tuple[str, str, int]:
    try:
        name, shard_id, position = base64.b64decode(iterator, validate=True).decode().split(":")
        return name, shard_id, int(position)
    except (binascii.Error, ValueError) as error:
        raise AwsError("InvalidArgumentException", f"{iterator} is not a shard iterator.") from error


def _page(shard: Shard, position: int, limit: int) -> tuple[int, list[StoredRecord]]:
    """The position of the next record, and the records of a page."""
    if not 1 <= limit <= MAX_GET_RECORDS:
        raise AwsError(
            "InvalidArgumentException", f"Limit must be between 1 and {MAX_GET_RECORDS}, not {limit}."
        )
    page: list[StoredRecord] = []
    size = 0
    first, records = shard.from_position(position, limit)
    for record in records:
        size += record.place.size
        if page and size > MAX_GET_BYTES:
            break
        page.append(record)
    return first, page


def _millis_behind(shard: Shard, position: int, now: datetime) -> int:
    _, records = shard.from_position(position, 1)
    if not records:
        return 0
    waiting = now - records[0].arrived_at
    return max(1, int(waiting.total_seconds() * 1000))
