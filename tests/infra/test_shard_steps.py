"""Fewer shards, by the steps that docs/deploy.md says: on the local cloud, which takes what Kinesis takes.

At most half or double in one step:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from adapters.dynamodb.counter_reader import CounterReader
from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.playback.player import AccessLogPlayer
from local_cloud.stack import LocalCloud
from local_cloud.template.document import Stack, load_template
from metering.period import Period
from tests.factories import lines

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"
CALLS = 60
ON_DEMAND_HAS = 4
"""Shards of a stream that was made on demand:
https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html
"""


def documented_steps() -> list[int]:
    """The numbers of shards, in the order in which the page has them deployed after the change of mode."""
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    (steps,) = re.findall(
        r"`ShardCount=(\d+)` \(what it has\), then (\d+), then (\d+), a deployment each", text
    )
    return [int(one) for one in steps]


def test_documented_steps() -> None:
    """From what an on-demand stream has to the template's default each step is taken, with nothing counted
    twice and nothing lost while calls come; the way without the steps is refused, and changes nothing.
    """
    steps = documented_steps()
    assert [ON_DEMAND_HAS, load_template()["Parameters"]["ShardCount"]["Default"]] == [steps[0], steps[-1]]
    parameters = {"StreamMode": "PROVISIONED", "ShardCount": steps[0], "BatchingWindowSeconds": 0}
    with LocalCloud(parameters) as cloud, Pipeline(cloud, Listeners()) as pipeline:
        kinesis, stream = cloud.client("kinesis"), cloud.stack.name("CallStream")
        player = AccessLogPlayer(cloud.client("logs"), cloud.clock, cloud.log_group, mean_lines=5)
        with pytest.raises(ClientError, match="4 shards cannot become 1"):
            kinesis.update_shard_count(StreamName=stream, TargetShardCount=1, ScalingType="UNIFORM_SCALING")
        written = lines(CALLS, apiKeyId="shop")
        each = CALLS // len(steps)
        for number, shards in enumerate(steps):
            wanted = Stack(parameters | {"ShardCount": shards}).resource("CallStream")["ShardCount"]
            kinesis.update_shard_count(
                StreamName=stream, TargetShardCount=int(wanted), ScalingType="UNIFORM_SCALING"
            )
            assert shards == len(cloud.stream.open_shards())
            for _ in player.play(written[number * each : (number + 1) * each]):
                pass
        pipeline.drain()
        reader = CounterReader(cloud.client("dynamodb"), cloud.stack.name("CountersTable"))
        counted = reader.counter("shop", Period("2026-10"))
        assert CALLS == counted.usage.requests
