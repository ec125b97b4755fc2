"""What the template promises and no linter sees."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfnlint import api as cfn_lint

from local_cloud.template.document import TEMPLATE, Stack, load_template, translated
from metering.counters.ports import Append, PageId, expires_at

STACK = Stack()
PARAMETERS = load_template()["Parameters"]
RESOURCES = translated()["Resources"]
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0b5c1a2d"
WITH_KEY = Stack({"KmsKeyArn": KEY})
RETENTIONS = PARAMETERS["StreamRetentionHours"]["AllowedValues"]
DAY = 24 * 3600

STATEFUL = ["AccessLogGroup", "CallStream", "CountersTable", "LedgerTable", "LakeBucket", "FailureBucket"]
LOG_GROUPS = ["ExistingLogGroupName", "SecondLogGroupName", "ThirdLogGroupName"]
TABLES = ["CountersTable", "LedgerTable"]
BUCKETS = ["LakeBucket", "FailureBucket"]


def of_type(kind: str) -> list[str]:
    """The logical ids of all resources of a type."""
    return [logical_id for logical_id, resource in RESOURCES.items() if resource["Type"] == kind]


class TestLint:
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")  # cfn-lint's own
    @pytest.mark.exhaustive
    def test_translated(self) -> None:
        """cfn-lint finds nothing in the CloudFormation that SAM makes of the template."""
        found = cfn_lint.lint(json.dumps(translated()), regions=["us-east-1", "eu-central-1"])
        assert [] == [str(match) for match in found]


def test_queues_are_encrypted() -> None:
    """By SQS's own keys at least: the rule of checkov that knows only customers' keys is left out."""
    assert all(STACK.resource(name)["SqsManagedSseEnabled"] for name in of_type("AWS::SQS::Queue"))


class TestIndex:
    def test_headings(self) -> None:
        """The index at the top names the headings, in their order, and every section has some."""
        text = TEMPLATE.read_text(encoding="utf-8")
        headings = re.findall(r"^  # --- (.+?) -+$", text, re.MULTILINE)
        assert headings == re.findall(r"^#   (.+)$", text, re.MULTILINE)
        assert len(headings) == len(set(headings)) > 20


class TestEventSourceMapping:
    MAPPING = STACK.resource("StreamProcessorFunctionCalls")

    def test_one_order_in_a_shard(self) -> None:
        """A watermark needs one order in a shard, so batches of one shard never run side by side."""
        assert 1 == self.MAPPING["ParallelizationFactor"]

    def test_partial_failure(self) -> None:
        """The processor answers with batchItemFailures; without this setting Lambda takes it for success."""
        assert ["ReportBatchItemFailures"] == self.MAPPING["FunctionResponseTypes"]
        assert self.MAPPING["BisectBatchOnFunctionError"]

    def test_nothing_skipped(self) -> None:
        """It begins at the oldest record, and no filter drops the gzip that a filter cannot read."""
        assert "TRIM_HORIZON" == self.MAPPING["StartingPosition"]
        assert "FilterCriteria" not in self.MAPPING

    def test_full_batches(self) -> None:
        """The cost of DynamoDB falls with the size of a batch."""
        assert self.MAPPING["BatchSize"] >= 1000
        assert 5 == self.MAPPING["MaximumBatchingWindowInSeconds"]

    def test_failed_batches_are_kept(self) -> None:
        """What is given up goes to S3, the one destination that gets the records themselves."""
        assert {"OnFailure": {"Destination": STACK.arn("FailureBucket")}} == self.MAPPING["DestinationConfig"]

    def test_repeated_while_there_is_time(self) -> None:
        """Data never fails a batch, an outage does: it is repeated until its records are about to expire, for
        a batch that is given up is missing in the counters until they are repaired.
        """
        assert -1 == self.MAPPING["MaximumRetryAttempts"]

    @pytest.mark.parametrize("hours", RETENTIONS)
    def test_given_up_before_expiry(self, hours: str) -> None:
        """A batch is given up before the stream drops its records, within Lambda's 604,800 s."""
        age = Stack({"StreamRetentionHours": hours}).resource("StreamProcessorFunctionCalls")
        assert 60 <= age["MaximumRecordAgeInSeconds"] < int(hours) * 3600
        assert age["MaximumRecordAgeInSeconds"] <= 604_800


class TestLedger:
    @pytest.mark.parametrize("hours", RETENTIONS)
    def test_outlives_every_retry(self, hours: str) -> None:
        """A claim lives as long as Lambda hands out any record, whatever the stream keeps, or will keep."""
        age = Stack({"StreamRetentionHours": hours}).resource("StreamProcessorFunctionCalls")
        slot = Append(PageId(0, 0), (), 0)
        logged_late, delivered_late = 15 * DAY, DAY
        asked_for_until = logged_late + delivered_late + age["MaximumRecordAgeInSeconds"]
        assert asked_for_until < expires_at(slot, 0)

    def test_expiry(self) -> None:
        """DynamoDB removes old claims by the attribute that the ledger writes."""
        ttl = STACK.resource("LedgerTable")["TimeToLiveSpecification"]
        assert {"AttributeName": "expires_at", "Enabled": True} == ttl

    def test_counters_never_expire(self) -> None:
        """Counters are what is billed."""
        assert "TimeToLiveSpecification" not in STACK.resource("CountersTable")


class TestStatefulResources:
    @pytest.mark.parametrize("logical_id", STATEFUL)
    def test_retained(self, logical_id: str) -> None:
        """Neither removing the stack nor replacing the resource deletes what it holds; a first deployment
        that fails leaves nothing that goes on costing.
        """
        resource = RESOURCES[logical_id]
        assert ["RetainExceptOnCreate", "Retain"] == [
            resource["DeletionPolicy"],
            resource["UpdateReplacePolicy"],
        ]

    def test_all_known(self) -> None:
        """A stateful resource that is added comes under these tests."""
        own_logs = {
            name for name in of_type("AWS::Logs::LogGroup") if RESOURCES[name]["DeletionPolicy"] == "Delete"
        }
        assert not own_logs & set(STATEFUL)
        kinds = ["AWS::Kinesis::Stream", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Logs::LogGroup"]
        assert set(STATEFUL) | own_logs == {logical_id for kind in kinds for logical_id in of_type(kind)}

    @pytest.mark.parametrize("logical_id", STATEFUL)
    def test_unnamed(self, logical_id: str) -> None:
        """A resource without a fixed name can be restored beside the old one."""
        assert not {"Name", "TableName", "BucketName", "LogGroupName"} & set(STACK.resource(logical_id))

    @pytest.mark.parametrize("logical_id", [*STATEFUL, "LakeDeliveryStream", "AthenaWorkGroup"])
    def test_tagged(self, logical_id: str) -> None:
        """A bill can be split by the stack that caused it."""
        assert [{"Key": "application", "Value": "usage-meter"}] == STACK.resource(logical_id)["Tags"]

    @pytest.mark.parametrize("logical_id", TABLES)
    def test_tables(self, logical_id: str) -> None:
        """On demand, encrypted, recoverable to any second, and not deleted by mistake."""
        table = STACK.resource(logical_id)
        assert "PAY_PER_REQUEST" == table["BillingMode"]
        assert {"PointInTimeRecoveryEnabled": True} == table["PointInTimeRecoverySpecification"]
        assert {"SSEEnabled": True, "SSEType": "KMS"} == table["SSESpecification"]
        assert table["DeletionProtectionEnabled"]
        assert KEY == WITH_KEY.resource(logical_id)["SSESpecification"]["KMSMasterKeyId"]

    def test_keys(self) -> None:
        """The keys that the models of the tables have."""
        keys = {name: [key["AttributeName"] for key in STACK.resource(name)["KeySchema"]] for name in TABLES}
        assert {"CountersTable": ["pk", "sk"], "LedgerTable": ["pk"]} == keys

    def test_stream(self) -> None:
        """Encrypted, and kept for a day unless a setting says otherwise."""
        stream = STACK.resource("CallStream")
        assert {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"} == stream["StreamEncryption"]
        assert "24" == stream["RetentionPeriodHours"]
        assert KEY == WITH_KEY.resource("CallStream")["StreamEncryption"]["KeyId"]

    def test_stream_mode(self) -> None:
        """Shards are counted only where they are provisioned."""
        provisioned = Stack({"StreamMode": "PROVISIONED", "ShardCount": 4}).resource("CallStream")
        assert 4 == provisioned["ShardCount"]
        assert 1 == STACK.resource("CallStream")["ShardCount"]
        assert "ShardCount" not in Stack({"StreamMode": "ON_DEMAND"}).resource("CallStream")

    @pytest.mark.parametrize("logical_id", BUCKETS)
    def test_buckets(self, logical_id: str) -> None:
        """Encrypted, versioned, and closed to the public."""
        bucket = STACK.resource(logical_id)
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert {"SSEAlgorithm": "AES256"} == rule["ServerSideEncryptionByDefault"]
        assert {"Status": "Enabled"} == bucket["VersioningConfiguration"]
        assert [True] * 4 == list(bucket["PublicAccessBlockConfiguration"].values())
        (rule,) = WITH_KEY.resource(logical_id)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY} == rule["ServerSideEncryptionByDefault"]

    @pytest.mark.parametrize("logical_id", BUCKETS)
    def test_tls_only(self, logical_id: str) -> None:
        """Nobody reads or writes a bucket in the clear."""
        policy = STACK.resource(f"{logical_id}Policy")
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert STACK.name(logical_id) == policy["Bucket"]
        assert ["Deny", "*", "s3:*"] == [statement[key] for key in ("Effect", "Principal", "Action")]
        assert {"Bool": {"aws:SecureTransport": "false"}} == statement["Condition"]
        assert [STACK.arn(logical_id), STACK.arn(logical_id) + "/*"] == statement["Resource"]

    def test_calls_are_never_deleted(self) -> None:
        """The lifecycle of the lake's bucket ends query results, not calls."""
        rules = STACK.resource("LakeBucket")["LifecycleConfiguration"]["Rules"]
        assert ["athena-results/"] == [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule]


class TestSubscription:
    ALL = Stack({"SecondLogGroupName": "orders", "ThirdLogGroupName": "users"})

    @pytest.mark.parametrize("subscription", of_type("AWS::Logs::SubscriptionFilter"))
    def test_created_last(self, subscription: str) -> None:
        """Firehose reads a stream from its own creation on, so nothing may flow before it is there, and
        CloudWatch Logs does not repeat what it could not send for want of a permission.
        """
        assert dependencies(subscription) >= {
            "StreamProcessorFunctionCalls",
            "LakeDeliveryStream",
            "LakeTable",
            "FailureBucketPolicy",
            "LakeBucketPolicy",
            "AccessLogSubscriptionRole",
            "FirehoseTransformRole",
            "LakeDeliveryRole",
            "StreamProcessorRole",
        }

    @pytest.mark.parametrize("logical_id", of_type("AWS::Logs::SubscriptionFilter"))
    def test_spread_over_shards(self, logical_id: str) -> None:
        """One busy log stream does not fill one shard, and no line is filtered out."""
        subscription = self.ALL.resource(logical_id)
        assert ["Random", ""] == [subscription["Distribution"], subscription["FilterPattern"]]

    @pytest.mark.parametrize("logical_id", of_type("AWS::Logs::SubscriptionFilter"))
    def test_one_name(self, logical_id: str) -> None:
        """All filters have the stack's name, by which their alarms find them."""
        assert "usage-meter" == self.ALL.resource(logical_id)["FilterName"]

    def test_further_log_groups(self) -> None:
        """Stages may log to three groups; those that are not named are not there."""
        assert ["orders", "users"] == [
            self.ALL.resource(name)["LogGroupName"]
            for name in ("SecondLogSubscription", "ThirdLogSubscription")
        ]
        assert not STACK.has("SecondLogSubscription")
        assert not STACK.has("ThirdLogSubscription")

    def test_log_groups(self) -> None:
        """The meter makes a log group, or reads the one of existing stages."""
        existing = Stack({"ExistingLogGroupName": "/aws/apigateway/orders"})
        assert STACK.name("AccessLogGroup") == STACK.resource("AccessLogSubscription")["LogGroupName"]
        assert "/aws/apigateway/orders" == existing.resource("AccessLogSubscription")["LogGroupName"]
        assert not existing.has("AccessLogGroup")

    @pytest.mark.parametrize(
        ("name", "allowed"),
        [
            ("", True),
            ("API-Gateway-Access-Logs_a1b2/prod", True),
            ("/aws/apigateway/orders", True),
            ("/usage-meter/usage-meter/stream-processor", False),
            ("/aws/lambda/anything", False),
            ("/aws/kinesisfirehose/anything", False),
        ],
    )
    @pytest.mark.parametrize("parameter", LOG_GROUPS)
    def test_never_fed_by_itself(self, parameter: str, name: str, allowed: bool) -> None:
        """The meter's own log groups, and those of the services that it runs on, are refused as a source."""
        assert allowed == bool(re.search(PARAMETERS[parameter]["AllowedPattern"], name))

    def test_own_log_groups(self) -> None:
        """Each function writes to a log group that the parameter refuses, with an end to what it keeps."""
        pattern = PARAMETERS["ExistingLogGroupName"]["AllowedPattern"]
        groups = {
            STACK.resource(function)["LoggingConfig"]["LogGroup"]
            for function in of_type("AWS::Lambda::Function")
        }
        assert len(of_type("AWS::Lambda::Function")) == len(groups)
        assert not [group for group in groups if re.search(pattern, group)]
        assert {30} == {STACK.resource(group)["RetentionInDays"] for group in of_type("AWS::Logs::LogGroup")}


class TestFunctions:
    @pytest.mark.parametrize("logical_id", of_type("AWS::Lambda::Function"))
    def test_runtime(self, logical_id: str) -> None:
        """All run alike: one Python, one architecture, and traces only where they are wanted."""
        function = STACK.resource(logical_id)
        assert ["python3.13", ["arm64"]] == [function["Runtime"], function["Architectures"]]
        assert {"Mode": "PassThrough"} == function["TracingConfig"]
        assert {"Mode": "Active"} == Stack({"Tracing": "Active"}).resource(logical_id)["TracingConfig"]
        assert function["Handler"].endswith(".handler.handler")

    def test_stream_processor(self) -> None:
        """It gets every setting that it reads, under its name."""
        assert {
            "COUNTERS_TABLE": STACK.name("CountersTable"),
            "LEDGER_TABLE": STACK.name("LedgerTable"),
            "LEDGER_LANES": "1",
            "LEDGER_SLOT_SECONDS": "5",
            "METRICS": "essential",
            "NOT_BILLABLE": "429,5xx",
            "FIELD_MAP": "",
            "WRITE_CONCURRENCY": "8",
            "ALERT_SOURCE": "usage-meter.usage-meter",
            "DEFAULT_PLAN": "",
            "POWERTOOLS_SERVICE_NAME": "stream_processor",
            "POWERTOOLS_METRICS_NAMESPACE": "UsageMeter/usage-meter",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        } == STACK.environment("StreamProcessorFunction")

    @pytest.mark.parametrize(
        ("function", "parameter"),
        [
            ("StreamProcessorFunction", "ProcessorConcurrency"),
            ("QuotaAuthorizerFunction", "AuthorizerConcurrency"),
        ],
    )
    def test_reserved_concurrency(self, function: str, parameter: str) -> None:
        """Invocations can be kept for what counts and for what decides; by default none are."""
        assert "ReservedConcurrentExecutions" not in STACK.resource(function)
        assert 5 == Stack({parameter: 5}).resource(function)["ReservedConcurrentExecutions"]

    def test_watch(self) -> None:
        """It knows the stream, the counters, and both places where something may wait."""
        variables = STACK.environment("WatchFunction")
        names = ("CallStream", "CountersTable", "FailureBucket", "LakeBucket")
        assert [STACK.name(name) for name in names] == [
            variables[name] for name in ("STREAM_NAME", "COUNTERS_TABLE", "FAILURE_BUCKET", "LAKE_BUCKET")
        ]

    def test_firehose_transform(self) -> None:
        """It bills by the same statuses as the counters."""
        variables = STACK.environment("FirehoseTransformFunction")
        assert "429,5xx" == variables["NOT_BILLABLE"]
        assert "firehose_transform" == variables["POWERTOOLS_SERVICE_NAME"]


def dependencies(logical_id: str) -> set[str]:
    """All resources that exist before this one is created."""
    found: set[str] = set()
    waiting = [logical_id]
    while waiting:
        new = directly_before(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def directly_before(logical_id: str) -> set[str]:
    resource = RESOURCES[logical_id]
    written = resource.get("DependsOn", [])
    named = {written} if isinstance(written, str) else set(written)
    return (named | set(references(resource["Properties"]))) & set(RESOURCES)


def references(value: Any) -> list[str]:
    """Every name that a value refers to by Ref, GetAtt or Sub."""
    if isinstance(value, list):
        return [name for item in value for name in references(item)]
    if not isinstance(value, dict):
        return []
    if "Ref" in value:
        return [value["Ref"]]
    if "Fn::GetAtt" in value:
        return [value["Fn::GetAtt"][0]]
    if isinstance(value.get("Fn::Sub"), str):
        return [name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", value["Fn::Sub"])]
    return [name for item in value.values() for name in references(item)]
