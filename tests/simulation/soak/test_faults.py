"""Services that are slow, hang and refuse, as clients see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from local_cloud.endpoint.server import LocalEndpoint
from simulation.soak.faults import DYNAMODB, EVENTBRIDGE, FaultMode, ServiceFaults, soak_time

CONFIG = Config(read_timeout=7, retries={"mode": "standard", "total_max_attempts": 3})


class World:
    """Faults that are set by hand, and what they led to."""

    def __init__(self) -> None:
        self.modes: dict[str, FaultMode] = {}
        self.slept: list[float] = []
        self.throttled: list[tuple[str, str]] = []
        self.faults = ServiceFaults(
            self.modes.get,
            "counters".__eq__,
            self.slept.append,
            lambda *throttled: self.throttled.append(throttled),
        )


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """An endpoint with a table."""
    with LocalEndpoint() as running:
        for table in ("counters", "ledger"):
            running.client("dynamodb").create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        yield running


@pytest.fixture
def world() -> Iterator[World]:
    """A world in whose time boto pauses."""
    world = World()
    with soak_time(lambda: datetime.now(UTC), lambda _seconds: None):
        yield world


def put(client: Any, table: str = "counters") -> None:
    """A write."""
    client.put_item(TableName=table, Item={"pk": {"S": "a"}})


def test_working(endpoint: LocalEndpoint, world: World) -> None:
    """A service that works is left alone; writes that it got are counted."""
    client = world.faults.attach(endpoint.client("dynamodb", config=CONFIG))
    put(client)
    client.get_item(TableName="counters", Key={"pk": {"S": "a"}})
    assert (1, {}, []) == (world.faults.answered_writes, world.faults.disturbed, world.slept)


def test_slow(endpoint: LocalEndpoint, world: World) -> None:
    """The request is carried out after a while."""
    world.modes[DYNAMODB] = FaultMode.SLOW
    put(world.faults.attach(endpoint.client("dynamodb", config=CONFIG)))
    assert (1, [0.1]) == (world.faults.answered_writes, world.slept)


def test_hanging(endpoint: LocalEndpoint, world: World) -> None:
    """Each attempt of the client ends with its own time-out; nothing is carried out."""
    world.modes[DYNAMODB] = FaultMode.HANGING
    with pytest.raises(ReadTimeoutError):
        put(world.faults.attach(endpoint.client("dynamodb", config=CONFIG)))
    assert (0, [7.0] * 3) == (world.faults.answered_writes, world.slept)
    assert {"dynamodb hanging": 3} == world.faults.disturbed


def test_refusing(endpoint: LocalEndpoint, world: World) -> None:
    """Reads and writes of the tables that are refused are throttled, and counted as AWS counts them."""
    world.modes[DYNAMODB] = FaultMode.REFUSING
    client = world.faults.attach(endpoint.client("dynamodb", config=CONFIG))
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        put(client)
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        client.batch_get_item(RequestItems={"counters": {"Keys": [{"pk": {"S": "a"}}]}})
    put(client, "ledger")
    assert [("counters", "WriteThrottleEvents")] * 3 + [
        ("counters", "ReadThrottleEvents")
    ] * 3 == world.throttled


def test_refusing_events(endpoint: LocalEndpoint, world: World) -> None:
    """A service of another protocol refuses, too."""
    world.modes[EVENTBRIDGE] = FaultMode.REFUSING
    client = world.faults.attach(endpoint.client("events", config=CONFIG))
    with pytest.raises(ClientError, match="ThrottlingException"):
        client.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}])
