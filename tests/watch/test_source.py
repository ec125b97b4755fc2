"""Whether all calls reach the stream: the shipped watch on the local cloud, whose gateway and log groups
count for themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from adapters.dynamodb.source import SourceBook
from adapters.settings.functions import WatchSettings
from local_cloud.api_gateway.gateway import MeteredGateway
from local_cloud.stack import LocalCloud
from metering.source.flow import LATE, TwoCounts
from metering.source.gap import Way
from metering.source.leg import SILENT
from metering.source.settings import Stage, Subscription
from metering.source.state import FORGOTTEN, SourceState
from watch.handler import make_source_watch
from watch.source import SourceWatch

BEGIN: Final = datetime(2026, 11, 24, tzinfo=UTC)
CALLS: Final = 3
"""In each quarter of an hour, so that no test takes long."""


class World:
    """A stage with some calls, its log group, and the watch that looks every five minutes."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.gateway = MeteredGateway(cloud)
        self._logs = cloud.client("logs")
        self._logs.create_log_stream(logGroupName=cloud.log_group, logStreamName="a")
        settings = WatchSettings.from_environment(cloud.environment("WatchFunction"))
        self._watch: SourceWatch = make_source_watch(settings, cloud.client)
        self.book = SourceBook(cloud.client("dynamodb"), settings.counters_table)
        self._minute = 0

    def go_on(self, minutes: int, *, logs: bool = True) -> SourceState:
        """Let so many minutes pass; what the watch knows then."""
        for _ in range(0, minutes, 5):
            self.cloud.clock.follow(BEGIN + timedelta(minutes=self._minute))
            if self._minute % 15 == 0:
                self._call(logs=logs)
            self.cloud.counts.send()
            self._watch.look(self.cloud.clock.now())
            self._minute += 5
        return self.book.load()

    def _call(self, *, logs: bool) -> None:
        lines = [json.dumps({"apiId": "orders", "stage": "prod", "status": "200"})] * CALLS
        self.gateway.count(lines)
        if logs:
            now = int(self.cloud.clock.now().timestamp() * 1000)
            events = [{"timestamp": now, "message": line} for line in lines]
            self._logs.put_log_events(logGroupName=self.cloud.log_group, logStreamName="a", logEvents=events)

    def subscriptions(self) -> Any:
        """A client to change the subscription with, and the filter as it is."""
        [found] = self._logs.describe_subscription_filters(logGroupName=self.cloud.log_group)[
            "subscriptionFilters"
        ]
        return self._logs, found


@pytest.fixture
def world() -> Iterator[World]:
    """A source that has been watched for an hour."""
    with LocalCloud() as cloud:
        found = World(cloud)
        state = found.go_on(65)
        assert ((), (), 1) == (state.faults, state.gaps, len(state.stages))
        yield found


def test_a_filter_that_was_deleted(world: World) -> None:
    """It is named at the next look, and what was logged since is counted as missing once that is due."""
    logs, found = world.subscriptions()
    logs.delete_subscription_filter(logGroupName=world.cloud.log_group, filterName=found["filterName"])
    [fault] = world.go_on(5).faults
    assert fault.startswith(f"no subscription filter leads from {world.cloud.log_group} into the stream:")
    [gap] = world.go_on(90).gaps
    assert (Way.FORWARDED, world.cloud.log_group) == (gap.way, gap.place)
    assert CALLS <= gap.missing <= 6 * CALLS


def test_a_stage_that_logs_no_more(world: World) -> None:
    """A stage whose access log is removed is named at the next look; with settings as before, its calls are
    missed by API Gateway's own count.
    """
    state = world.go_on(15 * SILENT // CALLS + 30 + LATE, logs=False)
    [gap] = state.gaps
    assert (Way.LOGGED, ()) == (gap.way, state.faults)
    [known] = state.stages
    gateway: Any = world.cloud.client("apigateway")
    gateway.update_stage(
        restApiId=known.stage.api,
        stageName="prod",
        patchOperations=[{"op": "remove", "path": "/accessLogSettings"}],
    )
    [fault] = world.go_on(5).faults
    assert "orders) has no access log: its calls are not counted" in fault


STREAM: Final = "arn:aws:kinesis:us-east-1:1:stream/calls"
LEADING: Final = [Subscription("meter", "", STREAM)]


class Account:
    """The settings and counts of an account, as a test sets them, and what the watch knows of it."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, list[Subscription]] = {"ours": LEADING}
        self.listed: list[Stage] = []
        self.silent: set[str] = set()
        self.read: list[str] = []
        self.asked: list[str] = []
        self.refused: str | None = None
        self.state = SourceState()

    def reason(self, now: datetime) -> str | None:  # noqa: ARG002 - the port's
        """Why batches are refused."""
        return self.refused

    def of(self, log_group: str) -> Sequence[Subscription] | None:
        """The filters of a group."""
        return self.subscriptions.get(log_group)

    def found(self, log_groups: Iterable[str]) -> Sequence[Stage]:
        """The stages that log into these groups."""
        return [stage for stage in self.listed if stage.log_group in set(log_groups)]

    def log_groups(self, stages: Iterable[Stage]) -> Mapping[tuple[str, str], str | None]:
        """Where they log now."""
        of = list(stages)
        self.read += [stage.api for stage in of]
        return {
            (stage.api, stage.stage): None if stage.api in self.silent else stage.log_group for stage in of
        }

    def forwarding(self, now: int) -> Iterable[str]:  # noqa: ARG002 - the port's
        """All groups that ever had a filter."""
        return list(self.subscriptions)

    def flows(
        self,
        log_groups: Iterable[str],
        stages: Sequence[Stage],  # noqa: ARG002 - the port's
        start: int,  # noqa: ARG002 - as above
        end: int,  # noqa: ARG002 - as above
    ) -> Mapping[tuple[Way, str], TwoCounts]:
        """No counts; of which groups they were wanted is kept."""
        self.asked = list(log_groups)
        return {}

    def load(self) -> SourceState:
        """What is known."""
        return self.state

    def save(self, state: SourceState) -> bool:
        """Keep it."""
        self.state = state
        return True

    def look(self, minute: int) -> SourceState:
        """A look at a minute."""
        watch = SourceWatch(["ours"], STREAM, self, self, self, self, self)
        return watch.look(BEGIN + timedelta(minutes=minute))


def test_a_log_group_that_was_connected_by_hand() -> None:
    """It is watched like those of the stack, with its stages; one that leads elsewhere is not the meter's.
    When its filter goes, that is named for a day.
    """
    account = Account()
    account.subscriptions |= {"theirs": LEADING, "elsewhere": [Subscription("meter", "", STREAM + "-2")]}
    account.listed = [Stage("w1", "prod", False, "chat", "theirs", False, True)]
    assert () == account.look(0).faults
    assert ["ours", "theirs"] == account.asked
    assert ["w1"] == [stage.api for stage in account.state.watched]

    account.silent = {"w1"}
    [fault] = account.look(5).faults
    assert fault.startswith("stage prod of API w1 (chat) has no access log")
    account.silent = set()
    account.subscriptions["theirs"] = []
    [fault] = account.look(10).faults
    assert fault.startswith("no subscription filter leads from theirs into the stream")
    assert [fault] == list(account.look(FORGOTTEN).faults)
    assert () == account.look(FORGOTTEN + 40).faults
    assert ["ours"] == account.asked


def test_batches_that_are_refused() -> None:
    """A mapping of another stream is named as long as its batches are refused, and the page that helps."""
    account = Account()
    account.refused = "a batch comes from arn:other, and these tables count arn:ours"
    [fault] = account.look(0).faults
    assert fault.startswith("the stream processor refuses batches: a batch comes from arn:other")
    assert "the runbook, Another stream" in fault
    account.refused = None
    assert () == account.look(5).faults


def test_many_stages() -> None:
    """Each of many stages is looked at within some looks, and what is wrong with one stays until it is looked
    at again.
    """
    account = Account()
    account.listed = [Stage(f"a{number:03}", "prod", True, "orders", "ours") for number in range(230)]
    account.silent = {"a007", "a220"}
    account.look(0)
    read = []
    for minute in (5, 10, 15):
        account.read = []
        account.look(minute)
        read.append(len(account.read))
    assert [30, 100, 100] == sorted(read)
    assert 2 == len(account.state.faults)
    account.silent = {"a220"}
    account.look(20)
    account.look(25)
    [fault] = account.look(30).faults
    assert "a220" in fault
