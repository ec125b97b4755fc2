"""What services do in a role's name is what their documentation says that they do.

No test can record these calls: the services make them, out of sight. So each role is held against the list
that the service's own documentation gives, and what it has less or more is named here with its reason.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest

from local_cloud.template.document import Stack, translated
from tests.infra.test_recorded_calls import BY_SERVICES
from tests.infra.test_roles import WITH_KEY, as_list, statements

RESOURCES = translated()["Resources"]
STACK = Stack({"CrawlSchema": "yes"})


class Documented(NamedTuple):
    """What a service is documented to need."""

    source: str
    actions: frozenset[str]
    unneeded: frozenset[str] = frozenset()
    """Of these, what it does not need here."""
    added: frozenset[str] = frozenset()
    """What the role has beyond them."""

    @property
    def expected(self) -> frozenset[str]:
        """What the role should have."""
        return (self.actions - self.unneeded) | self.added


FIREHOSE = Documented(
    "https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html: using-iam-s3, using-iam-glue",
    frozenset(
        {
            *("s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"),
            *("s3:ListBucketMultipartUploads", "s3:PutObject"),
            *(
                "kinesis:DescribeStream",
                "kinesis:GetShardIterator",
                "kinesis:GetRecords",
                "kinesis:ListShards",
            ),
            *("kms:Decrypt", "kms:GenerateDataKey"),
            "logs:PutLogEvents",
            *("lambda:InvokeFunction", "lambda:GetFunctionConfiguration"),
            *("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"),
        }
    ),
)
CLOUDWATCH_LOGS = Documented(
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html and "
    "https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html",
    frozenset({"kinesis:PutRecord", "kms:GenerateDataKey"}),
    # A delivery that is refused is not sent again; by which of the two calls it comes is not said for sure.
    added=frozenset({"kinesis:PutRecords"}),
)
EVENT_SOURCE_MAPPING = Documented(
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaKinesisExecutionRole.html and "
    "https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html",
    frozenset(
        {
            *("kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords"),
            *("kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams"),
            "kinesis:SubscribeToShard",
            *("s3:ListBucket", "s3:PutObject"),
        }
    ),
    # The first is for the console's list, the other for enhanced fan-out, which the mapping does not use.
    unneeded=frozenset({"kinesis:ListStreams", "kinesis:SubscribeToShard"}),
)
ATHENA = Documented(
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonAthenaFullAccess.html",
    frozenset(
        {
            *("glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables"),
            *("glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition"),
            *("s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
            *("s3:ListMultipartUploadParts", "s3:AbortMultipartUpload", "s3:PutObject"),
        }
    ),
    unneeded=frozenset(
        {
            # One table is read, by its name; partition projection asks the catalog for no partition:
            # https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
            *("glue:GetDatabases", "glue:GetTables"),
            *("glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition"),
            # What the function itself does as well, and is recorded there.
            "s3:ListBucket",
        }
    ),
)
GLUE_CRAWLER = Documented(
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html and "
    "https://docs.aws.amazon.com/glue/latest/dg/crawler-prereqs.html",
    frozenset(
        {
            *("glue:*", "s3:GetBucketLocation", "s3:ListBucket", "s3:GetObject", "kms:Decrypt"),
            *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
        }
    ),
)


def actions(role: str) -> set[str]:
    """All that a role allows where there is a customer's key."""
    return {action for one in statements(role, WITH_KEY) for action in as_list(one["Action"])}


class TestRolesOfServices:
    @pytest.mark.parametrize(
        ("role", "documented"),
        [("LakeDeliveryRole", FIREHOSE), ("AccessLogSubscriptionRole", CLOUDWATCH_LOGS)],
    )
    def test_as_documented(self, role: str, documented: Documented) -> None:
        """The role has what its service asks for, and nothing else but what is named."""
        assert documented.expected == actions(role), documented.source

    def test_crawler(self) -> None:
        """Nothing beyond what a crawler is documented to do; of the catalog, less."""
        found = actions("SchemaCrawlerRole")
        allowed = GLUE_CRAWLER.actions
        assert set() == {one for one in found if not any(fnmatchcase(one, pattern) for pattern in allowed)}
        assert {one for one in allowed if "*" not in one} <= found

    def test_every_role_of_a_service(self) -> None:
        """No role of a service is left out."""
        roles = {
            name
            for name, one in RESOURCES.items()
            if one["Type"] == "AWS::IAM::Role" and "lambda.amazonaws.com" not in str(one["Properties"])
        }
        assert {"LakeDeliveryRole", "AccessLogSubscriptionRole", "SchemaCrawlerRole"} == roles


DONE_BY_BOTH = {"kinesis:DescribeStreamSummary"}
"""What the code of a function does as well: it compares when the stream was made."""


class TestInTheNameOfAFunction:
    @pytest.mark.parametrize(
        ("function", "documented"),
        [("StreamProcessorFunction", EVENT_SOURCE_MAPPING), ("ReconciliationFunction", ATHENA)],
    )
    def test_as_documented(self, function: str, documented: Documented) -> None:
        """What a function's role allows and its code never does is what a service does in its name."""
        assert documented.expected - DONE_BY_BOTH == BY_SERVICES[function], documented.source

    def test_no_fan_out(self) -> None:
        """The mapping reads the stream itself, not a consumer of it, so that it subscribes to no shard."""
        mapping = STACK.resource("StreamProcessorFunctionCalls")
        assert STACK.arn("CallStream") == mapping["EventSourceArn"]


class TestSchedules:
    @pytest.mark.parametrize(
        "rule", [name for name, one in RESOURCES.items() if "ScheduleExpression" in one.get("Properties", {})]
    )
    def test_may_invoke(self, rule: str) -> None:
        """EventBridge invokes a function by the function's policy, not by a role: this rule, and no other.
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
        """
        (target,) = STACK.resource(rule)["Targets"]
        assert "RoleArn" not in target
        (permission,) = [one for one in permissions() if one["SourceArn"] == STACK.arn(rule)]
        assert ("lambda:InvokeFunction", "events.amazonaws.com") == (
            permission["Action"],
            permission["Principal"],
        )
        assert permission["FunctionName"] in (target["Arn"], target["Arn"].rpartition(":")[2])

    def test_always_of_one_source(self) -> None:
        """No service may invoke a function for whoever asks it to."""
        assert [] == [one for one in permissions() if not one.get("SourceArn")]


def permissions() -> list[dict[str, Any]]:
    """Who may invoke functions."""
    return [
        STACK.resource(name)
        for name, one in RESOURCES.items()
        if one["Type"] == "AWS::Lambda::Permission" and STACK.has(name)
    ]
