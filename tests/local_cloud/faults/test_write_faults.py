"""Faults of DynamoDB writes, below the SDK's retries."""

import random
from collections import Counter
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.crash import CrashError
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.faults.write_faults import WriteFaults


class Planned(WriteFaults):
    """Faults as a test plans them: by the number of the write, what and for how many attempts."""

    def __init__(self, plan: dict[int, tuple[str, int]]) -> None:
        self.injected: Counter[str] = Counter()
        super().__init__(random.Random(1), self.injected)
        self.begin_invocation()
        self._plan = plan


def table(endpoint: LocalEndpoint, faults: WriteFaults, name: str, attempts: int = 3) -> Any:
    """A client for a new table, under faults; the SDK's standard is three attempts."""
    endpoint.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    session = boto3.Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name=endpoint.region
    )
    faults.attach(session.events)
    retries = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    return session.client("dynamodb", endpoint_url=endpoint.endpoint_url, config=retries)


def add(client: Any, name: str, key: str = "k") -> None:
    """One increment, unconditional: twice applied, twice counted."""
    client.update_item(
        TableName=name,
        Key={"pk": {"S": key}},
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def count(endpoint: LocalEndpoint, name: str, key: str = "k") -> int:
    """What was counted."""
    item = endpoint.client("dynamodb").get_item(TableName=name, Key={"pk": {"S": key}}).get("Item")
    return int(item["n"]["N"]) if item else 0


@pytest.mark.parametrize(
    ("kind", "counted"), [("throttled_write", 1), ("unreachable_write", 1), ("lost_answer", 2)]
)
def test_the_sdk_survives_a_passing_fault(endpoint: LocalEndpoint, kind: str, counted: int) -> None:
    """It sends the write again; when only the answer was lost, an unconditional increment counts twice."""
    faults, name = Planned({0: (kind, 1)}), f"passing-{kind}"

    add(table(endpoint, faults, name), name)

    assert (counted, {kind: 1}) == (count(endpoint, name), faults.injected)


@pytest.mark.parametrize(
    ("kind", "error", "counted"),
    [
        ("throttled_write", "ProvisionedThroughputExceededException", 0),
        ("unreachable_write", "Could not connect", 0),
        ("lost_answer", "Connection was closed", 3),
    ],
)
def test_a_stubborn_fault_reaches_the_caller(
    endpoint: LocalEndpoint, kind: str, error: str, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It outlasts the SDK's three attempts, as the error that AWS or the network would give."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    faults, name = Planned({0: (kind, 4)}), f"stubborn-{kind}"

    with pytest.raises(Exception, match=error):
        add(table(endpoint, faults, name), name)

    assert (counted, {kind: 3}) == (count(endpoint, name), faults.injected)


@pytest.mark.parametrize(("kind", "counted"), [("crash_before_write", 0), ("crash_after_write", 1)])
def test_a_crash_ends_the_invocation_at_a_write(endpoint: LocalEndpoint, kind: str, counted: int) -> None:
    """No ``except Exception`` stops it, neither the SDK's nor the meter's."""
    faults, name = Planned({1: (kind, 1)}), f"crash-{kind}"
    client = table(endpoint, faults, name)
    add(client, name, "first")

    def meter() -> None:
        with suppress(Exception):
            add(client, name)

    with pytest.raises(CrashError):
        meter()

    assert (1, counted) == (count(endpoint, name, "first"), count(endpoint, name))


def test_nothing_is_disturbed_outside_of_invocations(endpoint: LocalEndpoint) -> None:
    """Provisioning, reconciliation and repair run in peace."""
    faults = Planned(dict.fromkeys(range(9), ("throttled_write", 9)))
    faults.end_invocation()
    client = table(endpoint, faults, "peace")

    add(client, "peace")

    assert (1, {}) == (count(endpoint, "peace"), faults.injected)


def test_every_kind_is_drawn(endpoint: LocalEndpoint) -> None:
    """Over many invocations each fault of a write occurs, at first, middle and last writes."""
    injected: Counter[str] = Counter()
    faults = WriteFaults(random.Random(5), injected)
    client = table(endpoint, faults, "drawn", attempts=1)
    for _ in range(80):
        faults.begin_invocation()
        with suppress(CrashError, ClientError, BotoCoreError):
            for i in range(4):
                add(client, "drawn", str(i))
        faults.end_invocation()

    assert {
        "throttled_write",
        "unreachable_write",
        "lost_answer",
        "crash_before_write",
        "crash_after_write",
    } == set(injected)
