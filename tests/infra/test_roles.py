"""Each role may do what its part does, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.template import Stack, translated

STACK = Stack()
WITH_KEY = Stack({"KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/0b5c1a2d"})
RESOURCES = translated()["Resources"]
ROLES = [logical_id for logical_id, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"]
X_RAY = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]


def statements(role: str, stack: Stack = STACK) -> list[dict[str, Any]]:
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
        assert "ManagedPolicyArns" not in STACK.resource(role)

    @pytest.mark.parametrize("role", ROLES)
    def test_no_wildcard_action(self, role: str) -> None:
        """Every action is named."""
        found = [
            action for statement in statements(role, WITH_KEY) for action in as_list(statement["Action"])
        ]
        assert [] == [action for action in found if "*" in action]

    @pytest.mark.parametrize("role", ROLES)
    def test_no_wildcard_resource(self, role: str) -> None:
        """A star stands for objects below a prefix, the streams of a log group, and X-Ray's all."""
        log_groups = {
            STACK.arn(name) for name in RESOURCES if RESOURCES[name]["Type"] == "AWS::Logs::LogGroup"
        }
        stars = [
            resource
            for statement in statements(role, WITH_KEY)
            for resource in as_list(statement["Resource"])
            if "*" in resource and statement["Action"] != X_RAY and resource not in log_groups
        ]
        allowed = {
            f"{STACK.arn('FailureBucket')}/aws/lambda/*",
            f"{STACK.arn('LakeBucket')}/lake/*",
            f"{STACK.arn('LakeBucket')}/errors/*",
        }
        assert set() == set(stars) - allowed

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
        ],
    )
    def test_principal(self, role: str, service: str) -> None:
        """The service that takes the role, and no other."""
        (statement,) = STACK.resource(role)["AssumeRolePolicyDocument"]["Statement"]
        assert ["Allow", {"Service": service}, "sts:AssumeRole"] == [
            statement[key] for key in ("Effect", "Principal", "Action")
        ]

    def test_confused_deputy(self) -> None:
        """CloudWatch Logs and Firehose act for this account only."""
        (logs,) = STACK.resource("AccessLogSubscriptionRole")["AssumeRolePolicyDocument"]["Statement"]
        (firehose,) = STACK.resource("LakeDeliveryRole")["AssumeRolePolicyDocument"]["Statement"]
        assert {"StringLike": {"aws:SourceArn": "arn:aws:logs:us-east-1:123456789012:*"}} == logs["Condition"]
        assert {"StringEquals": {"sts:ExternalId": "123456789012"}} == firehose["Condition"]


class TestGrants:
    def test_stream_processor(self) -> None:
        """It reads the stream and adds to the tables; it can neither delete nor overwrite a counter."""
        for table in ("CountersTable", "LedgerTable"):
            assert {"dynamodb:UpdateItem"} == actions("StreamProcessorRole", STACK.arn(table))
        assert "kinesis:PutRecord" not in actions("StreamProcessorRole", STACK.arn("CallStream"))

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
