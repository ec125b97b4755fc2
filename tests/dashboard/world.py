"""A local cloud with traffic, and the look-up API that serves the dashboard of it."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from adapters.deployment import Deployment
from adapters.dynamodb.plans import PlanBook
from adapters.s3.bucket import Bucket
from adapters.s3.tariffs import S3Tariffs
from local_cloud.api_gateway.http_front import KEY_HEADER
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.demo.parameters import machine_parameters
from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.playback.player import AccessLogPlayer
from local_cloud.stack import LocalCloud
from metering.period import Period
from metering.prices.tariff_file import read_tariff
from metering.quotas.plan import Assignment, Plan, holder_of
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from reconciliation.wiring import make_breakdowns, make_invoices, make_traffic
from tests.reconciliation.invoices.samples import Known


class World:
    """What the dashboard is looked at in, as a context manager."""

    def __init__(self, begin: datetime) -> None:
        """`begin` is the time in the cloud until calls are played, which are later."""
        self._begin = begin
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            parameters = machine_parameters(external_dynamodb=False) | {
                "ShardCount": 2,
                "LedgerSlotSeconds": 3600,
            }
            self.cloud = ends.enter_context(LocalCloud(parameters))
            self.cloud.clock.follow(self._begin)
            self._pipeline = ends.enter_context(Pipeline(self.cloud, Listeners()))
            self.server = ends.enter_context(LookUpServer(self.cloud))
            self.plans = PlanBook(self.cloud.stack.name("CountersTable"), self.cloud.client("dynamodb"))
            self._ends = ends.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def play(self, lines: Iterable[str]) -> None:
        """Write lines to the log group at their own times, and wait until they are counted."""
        player = AccessLogPlayer(
            self.cloud.client("logs"), self.cloud.clock, self.cloud.log_group, mean_lines=200
        )
        for _ in player.play(lines):
            pass
        self._pipeline.drain()

    def log(self, lines: Iterable[str]) -> None:
        """Write lines to the log group at the cloud's time, as API Gateway would, and wait for nothing."""
        logs, log_stream = self.cloud.client("logs"), uuid.uuid4().hex
        now = int(self.cloud.clock.now().timestamp() * 1000)
        logs.create_log_stream(logGroupName=self.cloud.log_group, logStreamName=log_stream)
        events = [{"timestamp": now, "message": line} for line in lines]
        logs.put_log_events(logGroupName=self.cloud.log_group, logStreamName=log_stream, logEvents=events)

    def stand_at(self, now: datetime) -> None:
        """Let it be `now` in the cloud from now on, and wait until all is known to be counted up to then."""
        self.cloud.clock.follow(now)
        self._pipeline.drain()

    def give_plan(self, key: str, plan: Plan, account: str = "") -> None:
        """Give a key a plan, which is made unless it is there."""
        if plan.name not in self.plans.plans():
            self.plans.put_plan(plan, None)
        self.plans.assign(Assignment(key, plan.name, account))

    def give_account_plan(self, account: str, plan: Plan) -> None:
        """Give an account a plan of its own, for all of its keys together."""
        self.plans.put_plan(plan, None)
        self.plans.assign_account(Assignment(holder_of(account), plan.name, account))

    def publish_tariff(self, tariff: Mapping[str, object]) -> None:
        """Put a tariff in force."""
        S3Tariffs(Bucket(self.cloud.client("s3"), self.cloud.stack.name("LakeBucket"))).publish(tariff)

    def publish_breakdown(self, month: Period, until: datetime) -> None:
        """Count the calls of a month by endpoint, as the daily reconciliation does."""
        settings = Deployment(self.cloud.stack.outputs).reconciliation
        make_breakdowns(settings, self.cloud.client).publish(month, until, run_id="daily")

    def add_up(self) -> None:
        """Add up the calls of all keys, as the hourly task does."""
        settings = Deployment(self.cloud.stack.outputs).reconciliation
        hourly = make_traffic(settings, self.cloud.client, self.cloud.clock.now)
        replace(hourly, delivered=None).publish(run_id="hourly")

    def issue_invoices(self, month: Period, usage: Mapping[str, Usage], tariff: Mapping[str, object]) -> None:
        """Issue the invoices of a month in which keys had this usage."""
        known = Known()
        for key, used in usage.items():
            known.add(month, key, used)
        settings = Deployment(self.cloud.stack.outputs).reconciliation
        Invoicing(known, make_invoices(settings, self.cloud.client)).invoice(month, read_tariff(tariff))

    def ask(self, path: str, api_key: str | None = None) -> Any:
        """The JSON that the look-up API answers, asked without a browser."""
        headers = {} if api_key is None else {KEY_HEADER: api_key}
        request = urllib.request.Request(self.server.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def in_path(key: str) -> str:
    """A key's id as a part of a path."""
    return quote(key, safe="")
