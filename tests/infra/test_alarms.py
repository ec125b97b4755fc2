"""Alarms and the dashboard: each watches what is there, notifies somebody, says where to read on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from adapters import telemetry
from local_cloud.alarm_states import state_after
from local_cloud.template.document import Stack, translated

STACK = Stack(
    {
        "MeteredApiName": "orders",
        "Monitoring": "full",
        "GuardedRestApiId": "a1b2c3d4e5",
        "GuardedHttpApiId": "f6g7h8i9j0",
    }
)
ESSENTIAL = Stack()
RESOURCES = translated()["Resources"]
ALARMS = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"]
OWN_NAMESPACE = "UsageMeter/usage-meter"

OWN_METRICS = {
    "stream_processor": {
        "BatchesCutShort",
        "ControlMessages",
        "Duplicates",
        "Malformed",
        "Metered",
        "StoredItemsUnreadable",
        "Suspect",
        "ThresholdsDeferred",
        "Unattributed",
        "Undecodable",
    },
    "quota_authorizer": {"IssuerFailures", "StoreFailures"},
    "reconciliation": {"Drift", "Refused"},
    "watch": {"ErrorObjects", "FailedBatches", "SourceGaps"},
}
"""The functions' own metrics that alarms and dashboard use."""

AWS_METRICS = {
    "AWS/ApiGateway": {"Count"},
    "AWS/DynamoDB": {"ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"},
    "AWS/Events": {"FailedInvocations"},
    "AWS/Firehose": {
        "DeliveryToS3.DataFreshness",
        "ExecuteProcessing.Success",
        "FailedConversion.Records",
        "KinesisMillisBehindLatest",
        "PartitionCountExceeded",
    },
    "AWS/Kinesis": {
        "IncomingBytes",
        "IncomingRecords",
        "ReadProvisionedThroughputExceeded",
        "WriteProvisionedThroughputExceeded",
    },
    "AWS/Lambda": {"ConcurrentExecutions", "Duration", "Errors", "Invocations", "IteratorAge", "Throttles"},
    "AWS/Logs": {"DeliveryErrors", "DeliveryThrottling", "ForwardedLogEvents"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
}
"""Metrics of AWS, by the services' documentation."""

NAMED_BY = {
    "ApiId": {"f6g7h8i9j0"},
    "ApiName": {"orders"},
    "DeliveryStreamName": {STACK.name("LakeDeliveryStream")},
    "FunctionName": {
        STACK.name(name) for name in RESOURCES if RESOURCES[name]["Type"] == "AWS::Lambda::Function"
    },
    "QueueName": {"usage-meter-undeliveredevents"},
    "RuleName": {STACK.name(name) for name in RESOURCES if RESOURCES[name]["Type"] == "AWS::Events::Rule"},
    "StreamName": {STACK.name("CallStream")},
    "TableName": {STACK.name("CountersTable"), STACK.name("LedgerTable")},
}
"""Which values a dimension may have: those of the stack's own resources."""

FUNCTIONS = [name for name in RESOURCES if RESOURCES[name]["Type"] == "AWS::Lambda::Function"]

KEEP_THEIR_STATE = {
    "DriftAlarm",
    "HeartbeatMissingAlarm",
    "ReconciliationFailingAlarm",
    "ReconciliationRefusedAlarm",
}
"""Alarms that take missing data for no news."""

Metric = tuple[str, str, dict[str, str]]


def metrics_of(alarm: dict[str, Any]) -> list[Metric]:
    """The metrics that an alarm looks at, its queries of CloudWatch Logs' metrics left out."""
    if "MetricName" in alarm:
        return [_metric(alarm)]
    return [_metric(query["MetricStat"]["Metric"]) for query in alarm["Metrics"] if "MetricStat" in query]


def _metric(one: dict[str, Any]) -> Metric:
    return one["Namespace"], one["MetricName"], {each["Name"]: each["Value"] for each in one["Dimensions"]}


def check(metric: Metric) -> None:
    """The metric exists: its name in its namespace, its dimensions with values of this stack."""
    namespace, name, dimensions = metric
    if namespace == OWN_NAMESPACE:
        assert name in OWN_METRICS[dimensions["service"]]
        return
    assert name in AWS_METRICS[namespace]
    ((dimension, value),) = dimensions.items()
    assert value in NAMED_BY[dimension]


class TestAlarms:
    @pytest.mark.parametrize("name", ALARMS)
    def test_metrics_exist(self, name: str) -> None:
        """An alarm on a metric that nobody sends would be quiet for ever."""
        for metric in metrics_of(STACK.resource(name)):
            check(metric)

    @pytest.mark.parametrize("name", ALARMS)
    def test_reported_to_somebody(self, name: str) -> None:
        """Both the alarm and its end go to the topic."""
        topic = STACK.arn("AlarmTopic")
        alarm = STACK.resource(name)
        assert [[topic], [topic]] == [alarm["AlarmActions"], alarm["OKActions"]]

    @pytest.mark.parametrize("name", ALARMS)
    def test_runbook(self, name: str) -> None:
        """The message names the section to read."""
        assert STACK.resource(name)["AlarmDescription"].endswith(f"Runbook, {name}.")

    @pytest.mark.parametrize("name", ALARMS)
    def test_missing_data(self, name: str) -> None:
        """No data is no reason for an alarm, and, where data come once a day or stop with the meter, none for
        an all-clear either.
        """
        expected = "ignore" if name in KEEP_THEIR_STATE else "notBreaching"
        assert expected == STACK.resource(name)["TreatMissingData"]

    @pytest.mark.parametrize("name", ALARMS)
    def test_metrics_that_are_there_while_it_is_bad(self, name: str) -> None:
        """Throttle metrics of DynamoDB are sent only while something is throttled, and an alarm on them takes
        no missing data for a value: each goes through FILL, or the state would stay for ever.
        """
        alarm = STACK.resource(name)
        assert alarm.get("Namespace") != "AWS/DynamoDB"
        for query in alarm.get("Metrics", []):
            if query.get("MetricStat", {}).get("Metric", {}).get("Namespace") == "AWS/DynamoDB":
                assert f"FILL({query['Id']}, 0)" in alarm["Metrics"][-1]["Expression"]

    @pytest.mark.parametrize("name", ALARMS)
    def test_cadence_of_firehose(self, name: str) -> None:
        """Firehose may send its metrics every five minutes: an alarm that looks at shorter periods would find
        most of them empty.
        """
        alarm = STACK.resource(name)
        periods = [alarm["Period"]] if "Period" in alarm else []
        periods += [
            query["MetricStat"]["Period"] for query in alarm.get("Metrics", []) if "MetricStat" in query
        ]
        if any(namespace == "AWS/Firehose" for namespace, _, _ in metrics_of(alarm)):
            assert min(periods) >= 300

    @pytest.mark.parametrize("name", ALARMS)
    def test_expressions(self, name: str) -> None:
        """One series decides, and an expression uses the metrics that are there."""
        queries = STACK.resource(name).get("Metrics", [{"Id": "only"}])
        deciding = [query for query in queries if query.get("ReturnData", True)]
        assert 1 == len(deciding)
        expression = deciding[0].get("Expression", "")
        if expression and not expression.startswith("SELECT"):
            ids = {query["Id"] for query in queries} - {deciding[0]["Id"]}
            assert ids == set(re.findall(r"\b[a-z]\w*\b", expression))

    @pytest.mark.parametrize("name", ["SubscriptionFailingAlarm", "SubscriptionThrottledAlarm"])
    def test_all_subscriptions(self, name: str) -> None:
        """One alarm for the filters of all log groups: they have the stack's name."""
        (query,) = STACK.resource(name)["Metrics"]
        match = re.fullmatch(
            r"SELECT SUM\((\w+)\) FROM \"AWS/Logs\" WHERE FilterName = 'usage-meter'", query["Expression"]
        )
        assert match
        assert match.group(1) in AWS_METRICS["AWS/Logs"]

    @pytest.mark.parametrize("hours", ["24", "168", "8760"])
    def test_before_calls_are_lost(self, hours: str) -> None:
        """Half of a batch's time is left when the alarm is raised."""
        stack = Stack({"StreamRetentionHours": hours, "Monitoring": "full"})
        given_up = stack.resource("StreamProcessorFunctionCalls")["MaximumRecordAgeInSeconds"]
        for name in ("CountersLosingCallsAlarm", "LakeLosingCallsAlarm"):
            assert given_up // 2 == stack.resource(name)["Threshold"]

    def test_daily(self) -> None:
        """A fault that a daily run found stays an alarm until a run finds none."""
        alarm = STACK.resource("DriftAlarm")
        found = state_after(alarm, [[], [2], [], [], []])
        assert "ALARM" == found
        assert "OK" == state_after(alarm, [[2], [], [0], [], []])

    def test_failing_retry(self) -> None:
        """A run that failed and whose retry did not is over; one whose retries failed, too, is an alarm."""
        alarm = STACK.resource("ReconciliationFailingAlarm")
        assert "OK" == state_after(alarm, [[1, 1, 0], []])
        assert "ALARM" == state_after(alarm, [[1, 1, 1], []])

    def test_rules(self) -> None:
        """Each rule's failures are counted."""
        rules = {
            metric[2]["RuleName"]
            for metric in metrics_of(STACK.resource("RulesFailingAlarm"))
            if metric[1] == "FailedInvocations"
        }
        assert rules == NAMED_BY["RuleName"]

    def test_comparison_only_where_it_is_asked_for(self) -> None:
        """Without the API's name there is nothing to compare with."""
        assert STACK.has("CallsMissingAlarm")
        assert not Stack().has("CallsMissingAlarm")


class TestEssential:
    """Alarms cost, too: by default there are those without which a loss would not be seen."""

    def test_which(self) -> None:
        """One for each way in which a call may not be counted, not be kept, or not be proved."""
        assert {
            "CountersLateAlarm",
            "DriftAlarm",
            "ErrorObjectsAlarm",
            "FailedBatchesAlarm",
            "HeartbeatMissingAlarm",
            "LakeLateAlarm",
            "MalformedLinesAlarm",
            "ReconciliationRefusedAlarm",
            "SourceGapAlarm",
            "StreamThrottledAlarm",
            "SubscriptionFailingAlarm",
            "UndeliveredEventsAlarm",
        } == {name for name in ALARMS if ESSENTIAL.has(name)}

    def test_metrics_are_sent(self) -> None:
        """The functions send what these alarms watch although they send little; others need the rest."""
        sends = {ESSENTIAL.environment(name)["METRICS"] for name in FUNCTIONS}
        assert {"essential"} == sends
        assert {"all"} == {STACK.environment(name)["METRICS"] for name in FUNCTIONS}
        quotas = {"QuotaStoreFailingAlarm", "QuotaAuthorizerThrottledAlarm", "TokenIssuerFailingAlarm"}
        watched = {
            metric[1]
            for name in ALARMS
            if ESSENTIAL.has(name) or name in quotas
            for metric in metrics_of(STACK.resource(name))
            if metric[0] == OWN_NAMESPACE
        }
        assert watched == telemetry.ESSENTIAL

    def test_keep_their_state(self) -> None:
        """A metric whose alarm keeps its state is sent when it is zero, too: only that ends the alarm."""
        daily = [name for name in KEEP_THEIR_STATE if STACK.resource(name).get("Namespace") == OWN_NAMESPACE]
        assert {STACK.resource(name)["MetricName"] for name in daily} == telemetry.ALSO_ZERO

    def test_quotas(self) -> None:
        """Where an API is guarded, its authorizer is watched, also for being left out."""
        guarding = Stack({"GuardedRestApiId": "a1b2c3d4e5"})
        for name in ("QuotaStoreFailingAlarm", "QuotaAuthorizerThrottledAlarm"):
            assert [False, True] == [ESSENTIAL.has(name), guarding.has(name)]
        assert not ESSENTIAL.has("TokenIssuerFailingAlarm")
        assert not guarding.has("QuotasBypassedAlarm")
        assert Stack({"GuardedRestApiId": "a1b2c3d4e5", "MeteredApiName": "orders"}).has(
            "QuotasBypassedAlarm"
        )
        assert Stack({"GuardedHttpApiId": "f6g7h8i9j0"}).has("HttpQuotasBypassedAlarm")
        assert Stack({"TokenIssuer": "https://login.example"}).has("TokenIssuerFailingAlarm")

    def test_no_dashboard(self) -> None:
        """A dashboard costs 3 USD a month."""
        assert not ESSENTIAL.has("Dashboard")
        assert "-" == ESSENTIAL.output("DashboardName")


class TestHeartbeatMissing:
    ALARM = STACK.resource("HeartbeatMissingAlarm")

    def test_two_periods(self) -> None:
        """Two periods without a heartbeat raise the alarm, one does not; zero and no data are alike."""
        assert "ALARM" == state_after(self.ALARM, [[3], [], [0]])
        assert "ALARM" == state_after(self.ALARM, [[3], [], []])
        assert "OK" == state_after(self.ALARM, [[3], [], [3]])

    def test_stays(self) -> None:
        """It stays raised however long nothing comes, and ends with the heartbeats."""
        assert "ALARM" == state_after(self.ALARM, [[3], *[[]] * 20])
        assert "OK" == state_after(self.ALARM, [[3], *[[]] * 20, [3], [3]])

    def test_before_the_first(self) -> None:
        """While the stack is created there is no heartbeat, and no alarm."""
        assert "INSUFFICIENT_DATA" == state_after(self.ALARM, [[]] * 20)
        assert "OK" == state_after(self.ALARM, [[], [], [1], [3]])

    def test_longest_window(self) -> None:
        """Even with the longest batching window each period has a batch: a slow meter is no dead one."""
        longest = Stack({"BatchingWindowSeconds": 120}).resource("StreamProcessorFunctionCalls")
        assert 120 == longest["MaximumBatchingWindowInSeconds"]
        assert self.ALARM["Metrics"][0]["MetricStat"]["Period"] >= 120 + 60


class TestTopic:
    def test_encryption(self) -> None:
        """CloudWatch cannot publish to a topic under AWS's own key for SNS: it is the customer's, one that
        the stack makes where that is wanted, or none.
        """
        key = "arn:aws:kms:us-east-1:123456789012:key/0b5c1a2d"
        own, made, both = (
            Stack(one)
            for one in (
                {"KmsKeyArn": key},
                {"EncryptTopics": "yes"},
                {"KmsKeyArn": key, "EncryptTopics": "yes"},
            )
        )
        for topic in ("AlarmTopic", "QuotaTopic"):
            assert "KmsMasterKeyId" not in STACK.resource(topic)
            assert [key] * 2 == [one.resource(topic)["KmsMasterKeyId"] for one in (own, both)]
            assert made.arn("TopicKey") == made.resource(topic)["KmsMasterKeyId"]
        assert [False, False, True, False] == [one.has("TopicKey") for one in (STACK, own, made, both)]

    def test_key(self) -> None:
        """The services that publish may use it, without a condition (EventBridge takes none), and this
        account; it is rotated.
        """
        key = Stack({"EncryptTopics": "yes"}).resource("TopicKey")
        account, services = key["KeyPolicy"]["Statement"]
        assert {"AWS": "arn:aws:iam::123456789012:root"} == account["Principal"]
        assert {"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]} == services["Principal"]
        assert ["kms:Decrypt", "kms:GenerateDataKey*"] == services["Action"]
        assert "Condition" not in services
        assert key["EnableKeyRotation"]

    def test_who_may_publish(self) -> None:
        """The alarms of this account, and nobody in the clear."""
        allow, deny = STACK.resource("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
        assert {"Service": "cloudwatch.amazonaws.com"} == allow["Principal"]
        assert {"StringEquals": {"aws:SourceAccount": "123456789012"}} == allow["Condition"]
        assert ["Deny", {"Bool": {"aws:SecureTransport": "false"}}] == [deny["Effect"], deny["Condition"]]

    def test_existing(self) -> None:
        """A pager's topic takes the place of the stack's own."""
        topic = "arn:aws:sns:us-east-1:123456789012:on-call"
        stack = Stack({"ExistingAlarmTopicArn": topic, "AlarmEmail": "on-call@example.com"})
        assert not stack.has("AlarmTopic")
        assert not stack.has("AlarmTopicPolicy")
        assert topic == stack.resource("AlarmSubscription")["TopicArn"]
        assert [topic] == stack.resource("CountersLateAlarm")["AlarmActions"]

    def test_address(self) -> None:
        """An address gets mail; without one nobody is."""
        assert not STACK.has("AlarmSubscription")
        mail = Stack({"AlarmEmail": "on-call@example.com"}).resource("AlarmSubscription")
        assert ["email", "on-call@example.com"] == [mail["Protocol"], mail["Endpoint"]]


class TestDashboard:
    WIDGETS: list[dict[str, Any]] = json.loads(STACK.resource("Dashboard")["DashboardBody"])["widgets"]

    def test_all_alarms(self) -> None:
        """It shows every alarm that is there whenever it is."""
        (alarms,) = [widget for widget in self.WIDGETS if widget["type"] == "alarm"]
        always = {STACK.arn(name) for name in ALARMS if Stack({"Monitoring": "full"}).has(name)}
        assert always == set(alarms["properties"]["alarms"])

    def test_layout(self) -> None:
        """No widget overlaps another, and none goes past the 24 columns."""
        cells = [
            (x, y)
            for widget in self.WIDGETS
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        ]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24

    @pytest.mark.parametrize(
        "widget",
        [one for one in WIDGETS if one["type"] == "metric"],
        ids=lambda widget: widget["properties"]["title"],
    )
    def test_metrics_exist(self, widget: dict[str, Any]) -> None:
        """Every graph shows metrics that somebody sends, each under a title."""
        series = [
            [value for value in one if not isinstance(value, dict)] for one in widget["properties"]["metrics"]
        ]
        for namespace, name, dimension, value in _written_out([one for one in series if one]):
            check((namespace, name, {dimension: value}))


def _written_out(series: list[list[str]]) -> list[list[str]]:
    """Series in which a dot stands for what the one before has at its place."""
    result: list[list[str]] = []
    for one in series:
        result.append([result[-1][i] if value == "." else value for i, value in enumerate(one)])
    return result
