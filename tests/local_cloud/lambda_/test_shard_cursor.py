"""The rules of Lambda's event source mapping, without a stream or a function."""

import base64
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local_cloud.lambda_.shard_cursor import (
    Answer,
    BatchPolicy,
    CursorRecord,
    FailedBatch,
    FailedFrom,
    RecordBatch,
    ShardCursor,
    Succeeded,
    lambda_event,
    read_answer,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
REPORTS = BatchPolicy(reports_item_failures=True)


def records(count: int, start: int = 0, size: int = 1, arrived_at: datetime = NOW) -> list[CursorRecord]:
    """Records numbered from ``start``."""
    return [CursorRecord(str(start + i), "key", b"x" * size, arrived_at) for i in range(count)]


def cursor_with(policy: BatchPolicy, count: int, size: int = 1) -> ShardCursor:
    """A cursor that has read ``count`` records at :data:`NOW`."""
    cursor = ShardCursor(policy)
    cursor.read(records(count, size=size), NOW)
    return cursor


def numbers(batch: RecordBatch | None) -> list[int] | None:
    """The sequence numbers of a batch."""
    return None if batch is None else [int(number) for number in batch.sequence_numbers]


def test_a_full_batch_is_due_at_once() -> None:
    """BatchSize records do not wait for the window; the rest does."""
    cursor = cursor_with(BatchPolicy(batch_size=3, window=5 * SECOND), 4)

    assert [0, 1, 2] == numbers(cursor.take(NOW))
    cursor.settle(Succeeded(), NOW)
    assert cursor.take(NOW + 4 * SECOND) is None
    assert [3] == numbers(cursor.take(NOW + 5 * SECOND))


def test_the_window_opens_with_the_first_record() -> None:
    """Later records do not prolong it."""
    cursor = cursor_with(BatchPolicy(window=5 * SECOND), 1)
    cursor.read(records(1, start=1), NOW + 4 * SECOND)

    assert cursor.take(NOW + 4 * SECOND) is None
    assert [0, 1] == numbers(cursor.take(NOW + 5 * SECOND))


def test_flushing_ends_the_window() -> None:
    """Draining does not wait."""
    assert [0] == numbers(cursor_with(BatchPolicy(window=300 * SECOND), 1).take(NOW, flush=True))


def test_a_batch_stays_below_6_mb_with_base64_counted() -> None:
    """Four records of 1 MiB fill an invocation: base64 makes 5.3 MiB of them; a single record always goes."""
    cursor = cursor_with(BatchPolicy(batch_size=100, window=300 * SECOND), 9, size=1024 * 1024)

    assert [0, 1, 2, 3] == numbers(cursor.take(NOW))
    assert not cursor.wants_records
    assert [0] == numbers(cursor_with(BatchPolicy(payload_bytes=10), 2).take(NOW))


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000])
def test_the_payload_is_never_underestimated(size: int) -> None:
    """The bound that cuts a batch is above what the event takes as JSON, whatever the partition key."""
    made = [CursorRecord("4" * 56, "ü😀" * 128, b"\xff" * size, NOW)] * 4

    event = lambda_event(
        made,
        shard_id="shardId-000000000007",
        stream_arn="arn:aws:kinesis:ap-southeast-2:123456789012:stream/" + "s" * 128,
        role_arn="arn:aws:iam::123456789012:role/" + "r" * 64,
    )

    assert len(json.dumps(event)) <= sum(record.payload_bytes for record in made)


def test_the_same_batch_comes_until_it_is_settled() -> None:
    """Taking is no promise; more records do not change a batch that was cut."""
    cursor = cursor_with(BatchPolicy(batch_size=10), 2)
    first = cursor.take(NOW)
    cursor.read(records(5, start=2), NOW)

    assert first is cursor.take(NOW)


def test_success_moves_the_checkpoint() -> None:
    """The checkpoint is the last record that is done with."""
    cursor = cursor_with(BatchPolicy(), 3)
    cursor.take(NOW)

    settlement = cursor.settle(Succeeded(), NOW)

    assert (3, "2", True) == (len(settlement.processed), cursor.checkpoint, cursor.is_idle)


def test_a_partial_failure_is_retried_from_the_lowest_number() -> None:
    """What precedes it is done; everything from it on comes again, also what succeeded after it."""
    cursor = cursor_with(BatchPolicy(), 5)
    cursor.take(NOW)

    settlement = cursor.settle(FailedFrom(2), NOW)

    assert (2, True, "1") == (len(settlement.processed), settlement.retried, cursor.checkpoint)
    assert [2, 3, 4] == numbers(cursor.take(NOW))


def test_a_failed_batch_comes_again_before_later_records() -> None:
    """Order in a shard holds through retries."""
    cursor = cursor_with(BatchPolicy(batch_size=2), 4)
    for _ in range(3):
        assert [0, 1] == numbers(cursor.take(NOW))
        cursor.settle(FailedBatch("raised"), NOW)
    cursor.take(NOW)
    cursor.settle(Succeeded(), NOW)

    assert [2, 3] == numbers(cursor.take(NOW))


def test_bisecting_isolates_a_poisoned_record_and_costs_no_retry() -> None:
    """With bisecting and no retries, only the record that always fails is given up."""
    cursor = cursor_with(BatchPolicy(bisect=True, retry_attempts=0), 11)
    discarded, processed = [], []
    while (batch := cursor.take(NOW)) is not None:
        poisoned = "7" in batch.sequence_numbers
        settlement = cursor.settle(FailedBatch("poison") if poisoned else Succeeded(), NOW)
        processed += [int(record.sequence_number) for record in settlement.processed]
        discarded += numbers(settlement.discarded) or []

    assert ([7], [n for n in range(11) if n != 7]) == (discarded, processed)


@pytest.mark.parametrize("attempts", [0, 1, 3])
def test_a_batch_is_given_up_after_its_retries(attempts: int) -> None:
    """MaximumRetryAttempts retries follow the first invocation; then the next batch comes."""
    cursor = cursor_with(BatchPolicy(batch_size=2, retry_attempts=attempts), 3)
    invocations = 0
    settlement = None
    while settlement is None or settlement.discarded is None:
        cursor.take(NOW)
        invocations += 1
        settlement = cursor.settle(FailedBatch("raised"), NOW)

    assert attempts + 1 == invocations == settlement.discarded.failures
    assert ("1", [2]) == (cursor.checkpoint, numbers(cursor.take(NOW)))


def test_progress_starts_the_count_of_retries_anew() -> None:
    """A batch that shrinks with every answer is not given up."""
    cursor = cursor_with(BatchPolicy(retry_attempts=1), 6)
    for _ in range(5):
        cursor.take(NOW)
        assert cursor.settle(FailedFrom(1), NOW).discarded is None

    assert [5] == numbers(cursor.take(NOW))


def test_retries_wait_for_the_backoff() -> None:
    """A failed batch is not due at once, and nothing overtakes it."""
    cursor = ShardCursor(BatchPolicy(batch_size=1), backoff=lambda failures: failures * SECOND)
    cursor.read(records(2), NOW)
    cursor.take(NOW)
    cursor.settle(FailedBatch("raised"), NOW)

    assert cursor.take(NOW) is None
    assert [0] == numbers(cursor.take(NOW + SECOND))


def test_old_records_are_given_up_uninvoked() -> None:
    """MaximumRecordAgeInSeconds: the old ones leave the batch, the rest goes on."""
    policy = BatchPolicy(record_age=60 * SECOND)
    cursor = ShardCursor(policy)
    cursor.read([*records(2, arrived_at=NOW - 90 * SECOND), *records(2, start=2)], NOW)

    assert [0, 1] == numbers(cursor.expire(NOW))
    assert cursor.expire(NOW) is None
    assert [2, 3] == numbers(cursor.take(NOW))


def test_a_batch_that_fails_too_long_expires() -> None:
    """Also after the first invocation, and also the part of it that is old."""
    cursor = ShardCursor(BatchPolicy(record_age=60 * SECOND))
    cursor.read([*records(1), *records(1, start=1, arrived_at=NOW + 30 * SECOND)], NOW)
    cursor.take(NOW)
    cursor.settle(FailedBatch("raised"), NOW)

    assert cursor.expire(NOW + 60 * SECOND) is None
    assert [0] == numbers(cursor.expire(NOW + 61 * SECOND))
    assert [1] == numbers(cursor.take(NOW + 61 * SECOND))
    assert [1] == numbers(cursor.expire(NOW + 99 * SECOND))
    assert cursor.is_idle


@pytest.mark.parametrize("response", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_nothing_reported_is_success(response: object) -> None:
    """Lambda's documented forms of success."""
    assert Succeeded() == read_answer(response, RecordBatch(tuple(records(2))), REPORTS)


def test_the_lowest_reported_number_counts() -> None:
    """Wherever it stands in the list."""
    response = {
        "batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "1"}, {"itemIdentifier": "2"}]
    }

    assert FailedFrom(1) == read_answer(response, RecordBatch(tuple(records(5))), REPORTS)


@pytest.mark.parametrize(
    "response",
    [
        "done",
        ["0"],
        {"batchItemFailures": "0"},
        {"batchItemFailures": {"itemIdentifier": "0"}},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"sequenceNumber": "0"}]},
        {"batchItemFailures": [{"itemIdentifier": "99"}]},
        {"batchItemFailures": [{"itemIdentifier": ["0"]}]},
        {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": ""}]},
        {"batchItemFailures": ["0"]},
    ],
)
def test_an_unreadable_report_fails_the_whole_batch(response: object) -> None:
    """Empty, null, misnamed and unknown identifiers."""
    assert isinstance(read_answer(response, RecordBatch(tuple(records(2))), REPORTS), FailedBatch)


def test_without_reporting_any_answer_is_success() -> None:
    """FunctionResponseTypes decides whether the answer is read at all."""
    response = {"batchItemFailures": [{"itemIdentifier": "0"}]}

    assert Succeeded() == read_answer(response, RecordBatch(tuple(records(2))), BatchPolicy())


def test_the_event_has_the_shape_that_lambda_sends() -> None:
    """The keys, and the types of the values, of an event recorded from AWS."""
    recorded = json.loads((Path(__file__).parent / "kinesis_event.json").read_text(encoding="utf-8"))

    event = lambda_event(
        [CursorRecord("7", "k", b"\x00\xff", datetime(2026, 11, 1, 0, 0, 0, 123456, tzinfo=UTC))],
        shard_id="shardId-000000000006",
        stream_arn="arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
        role_arn="arn:aws:iam::123456789012:role/lambda-role",
    )

    def shape(value: object) -> object:
        return {k: shape(v) for k, v in value.items()} if isinstance(value, dict) else type(value)

    assert shape(recorded["Records"][0]) == shape(event["Records"][0])
    record = event["Records"][0]
    assert ("shardId-000000000006:7", "us-east-2") == (record["eventID"], record["awsRegion"])
    assert b"\x00\xff" == base64.b64decode(record["kinesis"]["data"])
    assert 1793491200.123 == record["kinesis"]["approximateArrivalTimestamp"]


@pytest.mark.parametrize("seed", range(40))
def test_every_record_is_processed_or_given_up_once_and_in_order(seed: int) -> None:
    """Whatever the function answers: nothing is lost, nothing settles twice, nothing overtakes."""
    chance = random.Random(seed)
    policy = BatchPolicy(
        batch_size=chance.randint(1, 20),
        window=chance.randint(0, 3) * SECOND,
        bisect=chance.random() < 0.5,
        retry_attempts=chance.choice([None, 0, 2]),
        reports_item_failures=True,
    )
    cursor = ShardCursor(policy)
    settled: list[int] = []
    sent, now = 0, NOW
    while len(settled) < 200:
        now += SECOND
        if sent < 200 and cursor.wants_records:
            cursor.read(records(count := min(chance.randint(0, 30), 200 - sent), start=sent), now)
            sent += count
        batch = cursor.take(now, flush=sent == 200)
        if batch is None:
            continue
        settlement = cursor.settle(some_answer(chance, batch), now)
        settled += [int(record.sequence_number) for record in settlement.processed]
        settled += numbers(settlement.discarded) or []

    assert list(range(200)) == settled
    assert cursor.is_idle


def some_answer(chance: random.Random, batch: RecordBatch) -> Answer:
    """One that a function may give."""
    choices: list[Answer] = [
        Succeeded(),
        FailedBatch("raised"),
        FailedFrom(chance.randrange(len(batch.records))),
    ]
    return chance.choice(choices)
