"""Whether the mapping was set back to before a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cli.recovery.event_source_mapping import StreamMapping, faults_of, mappings_of
from metering.errors import Misconfigured

STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/calls"
THROUGH = datetime(2026, 11, 24, 19, tzinfo=UTC)
BEFORE = THROUGH - timedelta(minutes=15)
UUID = "a1b2c3d4-0000-4000-8000-000000000000"
GOOD = StreamMapping("m1", STREAM, "Enabled", "AT_TIMESTAMP", BEFORE)


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        ([GOOD], []),
        ([GOOD._replace(begins_at=THROUGH)], []),
        ([GOOD._replace(state="Creating")], []),
        ([], [f"the stream processor has no mapping of {STREAM}"]),
        ([GOOD._replace(state="Disabled")], ["the mapping m1 is Disabled: enable it"]),
        ([GOOD._replace(state="Deleting")], ["the mapping m1 is Deleting"]),
        (
            [GOOD._replace(begins_at=THROUGH + timedelta(seconds=1))],
            ["the mapping m1 begins at 2026-11-24T19:00:01Z, and the restored table is complete until 2026"],
        ),
        (
            [GOOD._replace(position="TRIM_HORIZON", begins_at=None)],
            ["the mapping m1 begins at TRIM_HORIZON, and may go on where it was before the restore"],
        ),
        ([GOOD._replace(position="LATEST", begins_at=None)], ["the mapping m1 begins at LATEST"]),
        (
            [GOOD, GOOD._replace(uuid="m2", stream=STREAM + "-2")],
            [f"the mapping m2 reads {STREAM}-2, not {STREAM}: remove it"],
        ),
        (
            [GOOD._replace(stream=STREAM + "-2")],
            ["the mapping m1 reads", "the stream processor has no mapping of"],
        ),
    ],
)
def test_faults(found: list[StreamMapping], faults: list[str]) -> None:
    """Each thing that keeps the hole from being read again is named with the mapping, and nothing else is."""
    sentences = faults_of(found, STREAM, THROUGH)
    assert len(faults) == len(sentences)
    assert all(sentence.startswith(fault) for sentence, fault in zip(sentences, faults, strict=True))


def test_nothing_is_known_to_be_counted() -> None:
    """Then any time may be the right one."""
    assert [] == faults_of([GOOD], STREAM, None)


def test_listed() -> None:
    """All mappings of the function are read, page by page; an error names the request."""
    client: Any = boto3.client(
        "lambda", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stub:
        first: dict[str, object] = {"UUID": UUID, "EventSourceArn": STREAM, "State": "Enabled"}
        first |= {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": BEFORE}
        pages = {"EventSourceMappings": [first], "NextMarker": "2"}, {"EventSourceMappings": [{"UUID": UUID}]}
        for page in pages:
            stub.add_response("list_event_source_mappings", page)
        assert [GOOD._replace(uuid=UUID), StreamMapping(UUID, "", "", "", None)] == mappings_of(
            "count", client.list_event_source_mappings
        )
        stub.add_client_error("list_event_source_mappings", "AccessDeniedException")
        with pytest.raises(Misconfigured, match="ListEventSourceMappings of count"):
            mappings_of("count", client.list_event_source_mappings)
