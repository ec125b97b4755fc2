"""A local cloud in which something was counted, at a time of its own, for the commands that look it up."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from typer.testing import CliRunner, Result

from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.top_keys import DynamoDBTopKeys
from cli.main import app
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.stack import LocalCloud
from metering.counters.completeness import Knowledge
from metering.counters.ports import Progress, TopKeysList
from metering.period import Period
from tests.usage_api.meter import Meter, fill, meter_of

NOW: Final = datetime(2026, 11, 24, 19, 0, 3, tzinfo=UTC)
THROUGH: Final = datetime(2026, 11, 24, 18, 59, tzinfo=UTC)
SHARDS: Final = ("shardId-000000000000", "shardId-000000000001")


class LookedUp:
    """The cloud, its meter, and the look-up API to compare with."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self._knowledge_version = 0

    @property
    def meter(self) -> Meter:
        """Counts and assigns."""
        return meter_of(self.cloud)

    def refill(self) -> Meter:
        """Empty tables, and then some calls of some keys."""
        self.cloud.create_tables()
        self._knowledge_version = 0
        meter = fill(self.cloud)
        updates = ConditionalUpdates(meter.dynamodb, 1)
        totals = {"alice": 11, "bob": 22, "!malformed": 3}
        DynamoDBTopKeys(meter.table_name, updates).put(TopKeysList(Period("2026-11"), SHARDS[0], 1, totals))
        return meter

    def confirm(self, through: datetime = THROUGH) -> None:
        """Everything from before a time is counted."""
        meter, at = self.meter, int(through.timestamp() * 1000)
        self._knowledge_version += 1
        known = Knowledge(self._knowledge_version, through=at, seen=at, open_shards=SHARDS)
        assert CompletenessBook(meter.dynamodb, meter.table_name).save(known)
        log = DynamoDBProgress(meter.table_name, ConditionalUpdates(meter.dynamodb, 1))
        for number, shard in enumerate(SHARDS):
            log.note(Progress(shard, at + number, at + 1000 * number))

    def ask(self, path: str) -> Any:
        """What the look-up API answers an operator: a new function, which remembers nothing."""
        with (
            LookUpServer(self.cloud, clock=lambda: NOW) as api,
            urllib.request.urlopen(f"{api.url}{path}", timeout=60) as answer,
        ):
            return json.load(answer)


@contextmanager
def looked_up() -> Iterator[LookedUp]:
    """A cloud that commands can find."""
    with LocalCloud() as cloud:
        cloud.publish()
        yield LookedUp(cloud)


def invoke(*arguments: str) -> Result:
    """The command as it is typed."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False)
