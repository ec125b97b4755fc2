"""Where Firehose puts an object."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from local_cloud.firehose import object_names
from local_cloud.firehose.object_names import MissingPartitionKeyError

LATE = datetime(2026, 10, 31, 23, 5, 9, tzinfo=timezone(timedelta(hours=-2)))


def test_partition_keys_are_put_in() -> None:
    """In the order and as often as the prefix names them."""
    prefix = "lake/y=!{partitionKeyFromLambda:y}/m=!{partitionKeyFromLambda:m}/"

    partition = object_names.partition_of(prefix, {"m": "10", "y": "2026", "other": "x"})

    assert (("y", "2026"), ("m", "10")) == partition
    assert "lake/y=2026/m=10/" == object_names.data_prefix(prefix, dict(partition), LATE)


@pytest.mark.parametrize("keys", [{}, {"y": "2026"}, {"y": "2026", "m": ""}])
def test_a_key_that_is_missing_is_named(keys: dict[str, str]) -> None:
    """An empty value is missing too."""
    with pytest.raises(MissingPartitionKeyError, match="m"):
        object_names.partition_of("!{partitionKeyFromLambda:y}/!{partitionKeyFromLambda:m}/", keys)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!{timestamp:yyyy}/!{timestamp:MM}/!{timestamp:dd}/", "2026/11/01/"),
        ("!{timestamp:yyyy/MM/dd/HH}/", "2026/11/01/01/"),
        ("!{timestamp:'day='yyyy-MM-dd'T'HHmmss}", "day=2026-11-01T010509"),
    ],
)
def test_timestamps_are_of_the_arrival_in_utc(expression: str, expected: str) -> None:
    """By Java's patterns."""
    assert expected == object_names.data_prefix(expression, {}, LATE)


def test_error_prefixes_name_the_type_of_error() -> None:
    """And may hold the time."""
    prefix = "errors/!{firehose:error-output-type}/!{timestamp:yyyy}/"

    assert "errors/processing-failed/2026/" == object_names.error_prefix(prefix, "processing-failed", LATE)


def test_random_strings_differ() -> None:
    """Eleven characters."""
    first, second = (object_names.data_prefix("!{firehose:random-string}", {}, LATE) for _ in range(2))

    assert re.fullmatch("[0-9a-f]{11}", first)
    assert first != second


@pytest.mark.parametrize(
    "prefix",
    [
        "!{firehose:error-output-type}/",
        "!{partitionKeyFromQuery:x}/",
        "!{timestamp:EEEE}/",
        "x" * 513,
    ],
)
def test_what_a_prefix_cannot_hold(prefix: str) -> None:
    """The type of error belongs to the error prefix alone; 512 characters are the most."""
    with pytest.raises(ValueError, match=r"prefix|timestamp"):
        object_names.data_prefix(prefix, {}, LATE)


def test_names_are_firehoses() -> None:
    """Delivery stream, version, time in UTC, a random UUID, the extension."""
    now = datetime(2026, 10, 31, 12, 30, 15, tzinfo=UTC)

    name = object_names.object_name("lake", now, ".parquet")

    assert re.fullmatch(r"lake-1-2026-10-31-12-30-15-[0-9a-f-]{36}\.parquet", name)
    assert name != object_names.object_name("lake", now, ".parquet")
