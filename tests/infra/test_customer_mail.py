"""The example that mails customers: CloudFormation takes it, and its rule takes events with an address."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from cfnlint import api as cfn_lint
from cfnlint.decode import cfn_yaml

from adapters.event_bus import EventBridge, event_detail
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.template.document import Stack
from metering.period import Period
from metering.quotas.ports import ThresholdCrossing

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "customer-mail.yaml"
RESOURCES: dict[str, Any] = cfn_yaml.load(str(EXAMPLE))["Resources"]
CROSSING = ThresholdCrossing(
    *("9f0c6e3a", "a1", "acme", "free", 1, "requests"),
    *(Period("2026-11"), 100, "hard", 80, 84, "ops@acme.example"),
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # cfn-lint's own
def test_lint() -> None:
    """cfn-lint finds nothing, in the state machine either."""
    found = cfn_lint.lint(EXAMPLE.read_text(), regions=["us-east-1", "eu-central-1"])
    assert [] == [str(one) for one in found]


def test_rule() -> None:
    """Of the events of the meter's stack it takes those of accounts that have an address."""
    pattern = RESOURCES["Thresholds"]["Properties"]["EventPattern"]
    source = Stack().environment("StreamProcessorFunction")["ALERT_SOURCE"]
    assert "usage-meter.usage-meter" == source
    assert "usage-meter.${MeterStack}" == pattern["source"][0]["Fn::Sub"]
    with LocalEndpoint() as endpoint:
        events, sqs = endpoint.client("events"), endpoint.client("sqs")
        queue = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="mail", EventPattern=json.dumps({**pattern, "source": [source]}))
        events.put_targets(Rule="mail", Targets=[{"Id": "queue", "Arn": arn}])
        without = CROSSING._replace(id="0a", mail="")
        assert [None] * 2 == EventBridge(lambda: events, source).publish([CROSSING, without])
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [CROSSING.id] == [json.loads(one["Body"])["detail"]["id"] for one in messages]


def test_fields() -> None:
    """The machine takes nothing from an event that is not in it."""
    named = set(re.findall(r"states\.input\.detail\.(\w+)", EXAMPLE.read_text()))
    assert named <= event_detail(CROSSING).keys()
    assert {"id", "mail", "whose", "used"} <= named
