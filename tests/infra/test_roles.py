"""Each role may do what its part does, and nothing else."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from adapters.dynamodb.layout import (
    PLAN,
    PROGRESS,
    SLICES,
    UNPUBLISHED,
    account_pk,
    assignment_history_pk,
    assignment_pk,
    counter_pk,
    digest_pk,
    heaviest_pk,
    lease_pk,
    notifications_pk,
    plan_versions_pk,
)
from local_cloud.template.document import Stack, translated
from metering.period import Period
from metering.quotas.plan import holder_of

STACK = Stack()
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0b5c1a2d"
WITH_KEY = Stack({"KmsKeyArn": KEY, "CrawlSchema": "yes", "Tracing": "Active"})
RESOURCES = translated()["Resources"]
EVERYTHING = Stack({"CrawlSchema": "yes", "Tracing": "Active"})
ROLES = [logical_id for logical_id, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"]
GLUE = "arn:aws:glue:us-east-1:123456789012"
LISTS = {"dynamodb:LeadingKeys", "events:source"}
"""Condition keys that hold several values."""
GATEWAY = "arn:aws:apigateway:us-east-1::"
FILTERS = "logs:DescribeSubscriptionFilters"
LISTED = "logs:DescribeLogGroups"
METRICS = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
X_RAY = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]


def statements(role: str, stack: Stack = EVERYTHING) -> list[dict[str, Any]]:
    """All statements of a role's policies."""
    policies = stack.resource(role)["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def actions(role: str, resource: str) -> set[str]:
    """What a role may do with one resource."""
    return {
        action
        for statement in statements(role)
        if resource in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }


class TestLeastPrivilege:
    def test_a_role_each(self) -> None:
        """No two functions share a role."""
        functions = [
            name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Lambda::Function"
        ]
        assert len(functions) == len({STACK.resource(name)["Role"] for name in functions})

    @pytest.mark.parametrize("role", ROLES)
    def test_no_managed_policies(self, role: str) -> None:
        """AWS's managed policies name all resources of an account."""
        assert "ManagedPolicyArns" not in EVERYTHING.resource(role)

    @pytest.mark.parametrize("role", ROLES)
    def test_no_wildcard_action(self, role: str) -> None:
        """Every action is named."""
        found = [
            action for statement in statements(role, WITH_KEY) for action in as_list(statement["Action"])
        ]
        assert [] == [action for action in found if "*" in action]

    @pytest.mark.parametrize("role", ROLES)
    def test_no_wildcard_resource(self, role: str) -> None:
        """A star stands for objects below a prefix, the streams of a log group, the tables that a crawler may
        make in its own database, and all of X-Ray, of metrics, of the list of log groups, of what their
        filters are, and of queries of them; and for the stages of any API, and the usage of any plan.
        """
        log_groups = {
            STACK.arn(name) for name in RESOURCES if RESOURCES[name]["Type"] == "AWS::Logs::LogGroup"
        }
        stars = [
            resource
            for statement in statements(role, WITH_KEY)
            for resource in as_list(statement["Resource"])
            if "*" in resource
            and statement["Action"] not in (X_RAY, METRICS, LISTED, FILTERS)
            and resource not in log_groups
        ]
        allowed = {
            f"{STACK.arn('FailureBucket')}/aws/lambda/*",
            f"{STACK.arn('LakeBucket')}/lake/*",
            f"{STACK.arn('LakeBucket')}/errors/*",
            f"{STACK.arn('LakeBucket')}/tariffs/*",
            f"{STACK.arn('LakeBucket')}/breakdown/*",
            f"{STACK.arn('LakeBucket')}/invoices/*",
            f"{STACK.arn('LakeBucket')}/archive/*",
            f"{STACK.arn('LakeBucket')}/traffic/*",
            f"{STACK.arn('LakeBucket')}/athena-results/*",
            f"{STACK.arn('LakeBucket')}/reconciliation/*",
            f"{GLUE}:table/usage_meter_found/*",
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws-glue/crawlers*",
            *(
                f"{GATEWAY}/{kind}/*/{stages}"
                for kind in ("apis", "restapis")
                for stages in ("stages", "stages/*")
            ),
            f"{GATEWAY}/usageplans/*/usage",
        }
        assert set() == set(stars) - allowed

    @pytest.mark.parametrize("role", ROLES)
    def test_conditions_on_lists(self, role: str) -> None:
        """A condition on all values of a key holds where there are none, unless that is refused, too."""
        for statement in statements(role, WITH_KEY):
            condition = statement.get("Condition", {})
            for operator in [one for one in condition if one.startswith("ForAllValues:")]:
                assert condition["Null"] == dict.fromkeys(condition[operator], "false")

    @pytest.mark.parametrize("role", ROLES)
    def test_lists_are_compared_as_lists(self, role: str) -> None:
        """Keys that hold several values are compared with an operator for several.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
        """
        for statement in statements(role, WITH_KEY):
            for operator, values in statement.get("Condition", {}).items():
                if operator != "Null":
                    assert operator.startswith("ForAllValues:") == bool(LISTS & set(values))

    @pytest.mark.parametrize("role", ROLES)
    def test_bounded(self, role: str) -> None:
        """Where people may create roles under one path and with a boundary only, the roles have both."""
        boundary = "arn:aws:iam::123456789012:policy/boundary"
        bounded = Stack({"PermissionsBoundaryArn": boundary, "RolePath": "/teams/", "CrawlSchema": "yes"})
        properties = bounded.resource(role)
        assert [boundary, "/teams/"] == [properties["PermissionsBoundary"], properties["Path"]]
        assert "PermissionsBoundary" not in EVERYTHING.resource(role)

    @pytest.mark.parametrize("role", ROLES)
    def test_key_only_where_there_is_one(self, role: str) -> None:
        """Without a customer managed key there is no statement about keys."""
        assert not [action for action in statements(role) if "kms:" in str(action["Action"])]


class TestTrust:
    @pytest.mark.parametrize(
        ("role", "service"),
        [
            ("AccessLogSubscriptionRole", "logs.amazonaws.com"),
            ("StreamProcessorRole", "lambda.amazonaws.com"),
            ("FirehoseTransformRole", "lambda.amazonaws.com"),
            ("LakeDeliveryRole", "firehose.amazonaws.com"),
            ("ReconciliationRole", "lambda.amazonaws.com"),
            ("QuotaAuthorizerRole", "lambda.amazonaws.com"),
            ("UsageApiRole", "lambda.amazonaws.com"),
            ("WatchRole", "lambda.amazonaws.com"),
            ("SchemaCrawlerRole", "glue.amazonaws.com"),
        ],
    )
    def test_principal(self, role: str, service: str) -> None:
        """The service that takes the role, and no other."""
        (statement,) = EVERYTHING.resource(role)["AssumeRolePolicyDocument"]["Statement"]
        assert ["Allow", {"Service": service}, "sts:AssumeRole"] == [
            statement[key] for key in ("Effect", "Principal", "Action")
        ]

    def test_confused_deputy(self) -> None:
        """CloudWatch Logs and Glue act for this account only. Firehose's role has no condition: Firehose is
        not documented to send one, and a role can be handed to a service within its own account only.
        """
        (logs,) = STACK.resource("AccessLogSubscriptionRole")["AssumeRolePolicyDocument"]["Statement"]
        (glue,) = EVERYTHING.resource("SchemaCrawlerRole")["AssumeRolePolicyDocument"]["Statement"]
        (firehose,) = STACK.resource("LakeDeliveryRole")["AssumeRolePolicyDocument"]["Statement"]
        assert {"StringLike": {"aws:SourceArn": "arn:aws:logs:us-east-1:123456789012:*"}} == logs["Condition"]
        assert "Condition" not in firehose
        assert {"StringEquals": {"aws:SourceAccount": "123456789012"}} == glue["Condition"]


class TestOtherAccounts:
    """Log groups of other accounts: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CreateDestination.html"""

    STACK = Stack({"SourceAccounts": "210987654321,345678901234"})

    def test_destination(self) -> None:
        """Nobody but the accounts that are named may subscribe a log group to the destination, and to no
        other; without any there is none.
        """
        (statement,) = json.loads(self.STACK.resource("CallDestination")["DestinationPolicy"])["Statement"]
        assert {
            "Effect": "Allow",
            "Principal": {"AWS": ["210987654321", "345678901234"]},
            "Action": "logs:PutSubscriptionFilter",
            "Resource": self.STACK.output("CallDestinationArn"),
        } == statement
        assert not STACK.has("CallDestination")
        assert "-" == STACK.output("CallDestinationArn")

    def test_trust(self) -> None:
        """CloudWatch Logs writes into the stream in the name of these accounts and of ours, and of no other.
        No name of a log group or destination can hold a colon, so that each account is found at its place.
        """
        (trust,) = self.STACK.resource("AccessLogSubscriptionRole")["AssumeRolePolicyDocument"]["Statement"]
        patterns = trust["Condition"]["StringLike"]["aws:SourceArn"]
        senders = ("123456789012", "210987654321", "345678901234", "999999999999")
        assert [True, True, True, False] == [
            any(
                fnmatchcase(f"arn:aws:logs:us-east-1:{one}:log-group:orders:*", pattern)
                for pattern in patterns
            )
            for one in senders
        ]


class TestGrants:
    def test_stream_processor(self) -> None:
        """It reads the stream and adds to the tables; it can neither delete nor overwrite a counter."""
        ledger = {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"}
        assert ledger == actions("StreamProcessorRole", STACK.arn("LedgerTable"))
        assert {
            "dynamodb:UpdateItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:DeleteItem",
        } == actions("StreamProcessorRole", STACK.arn("CountersTable"))
        (deletion,) = [
            one for one in statements("StreamProcessorRole") if one["Action"] == "dynamodb:DeleteItem"
        ]
        assert {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["untold"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        } == deletion["Condition"]
        assert "kinesis:PutRecord" not in actions("StreamProcessorRole", STACK.arn("CallStream"))

    def test_what_is_counted(self) -> None:
        """The stream processor writes counters and what it knows of them, and neither plans, nor who has
        which key or account, nor leases, which lie in the same table.
        """
        (writing,) = [
            one
            for one in statements("StreamProcessorRole")
            if one["Action"] == "dynamodb:UpdateItem" and "Condition" in one
        ]
        patterns = writing["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        assert {"dynamodb:LeadingKeys": "false"} == writing["Condition"]["Null"]
        assert STACK.arn("CountersTable") == writing["Resource"]
        own = [
            counter_pk("a1"),
            counter_pk("!malformed"),
            heaviest_pk(Period("2026-11")),
            notifications_pk("a1"),
            notifications_pk(holder_of("acme")),
            PROGRESS,
            SLICES,
            UNPUBLISHED,
        ]
        others = [
            PLAN,
            plan_versions_pk("free"),
            assignment_pk("a1"),
            assignment_history_pk("a1"),
            account_pk("acme"),
            digest_pk("0" * 64),
            lease_pk("a1"),
        ]
        may_write = [pk for pk in own + others if any(fnmatchcase(pk, pattern) for pattern in patterns)]
        assert own == may_write

    def test_thresholds(self) -> None:
        """The stream processor puts events of this meter onto the bus, and none in another's name."""
        (events,) = [one for one in statements("StreamProcessorRole") if one["Action"] == "events:PutEvents"]
        assert "arn:aws:events:us-east-1:123456789012:event-bus/default" == events["Resource"]
        assert {
            "ForAllValues:StringEquals": {"events:source": "usage-meter.usage-meter"},
            "Null": {"events:source": "false"},
        } == events["Condition"]

    def test_quota_authorizer(self) -> None:
        """It reads the counters table, and writes leases: it can change no counter and no plan."""
        table = STACK.arn("CountersTable")
        assert {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"} == actions("QuotaAuthorizerRole", table)
        (writing,) = [
            one for one in statements("QuotaAuthorizerRole") if one["Action"] == "dynamodb:UpdateItem"
        ]
        assert {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["lease:*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        } == writing["Condition"]

    def test_usage_api(self) -> None:
        """It reads the counters table, the published tariffs, the invoices and what the reconciliation adds
        up, and can write nothing, wherever it is.
        """
        assert {"dynamodb:BatchGetItem", "dynamodb:Query"} == actions(
            "UsageApiRole", STACK.arn("CountersTable")
        )
        others = [one for one in statements("UsageApiRole") if one["Resource"] != STACK.arn("CountersTable")]
        assert [
            "s3:ListBucket",
            "s3:GetObject",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            X_RAY,
        ] == [one["Action"] for one in others]
        read = ["tariffs/*", "breakdown/*", "traffic/*", "invoices/*"]
        assert {"StringLike": {"s3:prefix": read}} == others[0]["Condition"]
        archives = "archive/*"  # read by the names that the table has, never listed
        assert [f"{STACK.arn('LakeBucket')}/{prefix}" for prefix in (*read, archives)] == others[1][
            "Resource"
        ]

    @pytest.mark.parametrize("role", ROLES)
    def test_archives(self, role: str) -> None:
        """Months are archived and restored by an operator: of the functions, look-ups alone read archives."""
        archives = f"{STACK.arn('LakeBucket')}/archive/*"
        assert actions(role, archives) == ({"s3:GetObject"} if role == "UsageApiRole" else set())

    def test_traces(self) -> None:
        """Without traces no role may send any."""
        for role in ROLES:
            if STACK.has(role):
                assert "xray:" not in str(statements(role, STACK))

    def test_subscription(self) -> None:
        """CloudWatch Logs puts records into the stream."""
        assert {"kinesis:PutRecord", "kinesis:PutRecords"} == actions(
            "AccessLogSubscriptionRole", STACK.arn("CallStream")
        )

    def test_delivery(self) -> None:
        """Firehose calls the function in either form of its name."""
        function = STACK.arn("FirehoseTransformFunction")
        for name in (function, f"{function}:$LATEST"):
            assert {"lambda:InvokeFunction", "lambda:GetFunctionConfiguration"} == actions(
                "LakeDeliveryRole", name
            )

    def test_watch(self) -> None:
        """It lists what is under the error prefixes and puts records into the stream; it reads neither. Of
        the counters table it sees the progress, what was refused, the source, and what is settled only.
        """
        assert {"kinesis:ListShards", "kinesis:PutRecords"} == actions("WatchRole", STACK.arn("CallStream"))
        assert {"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query"} == actions(
            "WatchRole", STACK.arn("CountersTable")
        )
        (progress,) = [one for one in statements("WatchRole") if "dynamodb:Query" in one["Action"]]
        assert {
            "ForAllValues:StringEquals": {
                "dynamodb:LeadingKeys": ["progress", "refused", "settled", "source"]
            },
            "Null": {"dynamodb:LeadingKeys": "false"},
        } == progress["Condition"]
        (listing,) = [one for one in statements("WatchRole") if one["Action"] == "s3:ListBucket"]
        assert [STACK.arn("FailureBucket"), STACK.arn("LakeBucket")] == listing["Resource"]
        assert {"StringLike": {"s3:prefix": ["aws/lambda/*", "errors/*"]}} == listing["Condition"]

    def test_crawler(self) -> None:
        """It reads the lake, and writes into its own database only."""
        assert {"s3:GetObject"} == actions("SchemaCrawlerRole", f"{STACK.arn('LakeBucket')}/lake/*")
        tables = {
            resource
            for statement in statements("SchemaCrawlerRole")
            if "glue:CreateTable" in statement["Action"]
            for resource in statement["Resource"]
        }
        assert {
            f"{GLUE}:catalog",
            f"{GLUE}:database/usage_meter_found",
            f"{GLUE}:table/usage_meter_found/*",
        } == tables
