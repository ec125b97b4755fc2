"""Whatever a parameter is changed to, nothing that holds data or a position is replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local_cloud.template.document import REGION, Stack, load_template, translated

PARAMETERS: dict[str, dict[str, Any]] = load_template()["Parameters"]
RESOURCES = translated()["Resources"]

OTHER_TEXTS = {
    "ExistingLogGroupName": ["/aws/apigateway/orders"],
    "SecondLogGroupName": ["orders"],
    "ThirdLogGroupName": ["orders"],
    "SourceAccounts": ["210987654321", "210987654321,345678901234"],
    "NotBillable": ["", "4xx,5xx"],
    "FieldMap": ["status=httpStatusCode,apiKeyId=identity.apiKeyId|key"],
    "HttpApiKeyVariable": ["claims.client_id"],
    "KmsKeyArn": ["arn:aws:kms:us-east-1:123456789012:key/0b5c1a2d"],
    "AlarmEmail": ["on-call@example.com"],
    "ExistingAlarmTopicArn": ["arn:aws:sns:us-east-1:123456789012:on-call"],
    "MeteredApiName": ["orders (production)"],
    "GuardedRestApiId": ["a1b2c3d4e5"],
    "GuardedHttpApiId": ["a1b2c3d4e5"],
    "DenialOrigin": ["", "https://shop.example"],
    "FrameAncestors": ["https://portal.example", "https://a.example,https://b.example:8443"],
    "PageName": ["Böhm & Söhne", "A"],
    "PageColour": ["#1558c0", "#E4002B"],
    "PageLogo": ["data:image/png;base64,iVBORw0KGgoAAAA=", "data:image/svg+xml;base64,PHN2Zz4="],
    "QuotaKeyHeader": ["X-Partner-Key"],
    "QuotaDefaultPlan": ["free"],
    "TokenIssuer": ["https://login.example/tenant"],
    "TokenAudience": ["orders"],
    "TokenClaim": ["https://example.com/tenant"],
    "QuotaEmail": ["quotas@example.com"],
    "PermissionsBoundaryArn": ["arn:aws:iam::123456789012:policy/teams/boundary"],
    "RolePath": ["/teams/billing/"],
}
"""Other values of the parameters whose values no list and no bounds give."""

REFUSED = {
    "ExistingLogGroupName": ["/usage-meter/usage-meter/watch", "a group"],
    "SecondLogGroupName": ["/aws/lambda/orders"],
    "ThirdLogGroupName": ["/aws/kinesisfirehose/orders"],
    "SourceAccounts": ["21098765432", "210987654321, 345678901234", "210987654321,", "orders"],
    "NotBillable": ["6xx", "429;500", "429,"],
    "FieldMap": ["status = code", 'status="code"'],
    "HttpApiKeyVariable": ["", "claims sub"],
    "KmsKeyArn": ["alias/key", "arn:aws:kms:us-east-1:1:key/0b5c1a2d"],
    "AlarmEmail": ["on-call", "a@b@example.com"],
    "ExistingAlarmTopicArn": ["on-call"],
    "MeteredApiName": ["orders' or ''='", 'x"'],
    "GuardedRestApiId": ["arn:aws:apigateway", "A1"],
    "GuardedHttpApiId": ["a1/authorizers/*"],
    "DenialOrigin": ["shop.example", "https://a.example 'x'"],
    "FrameAncestors": ["http://portal.example", "https://*.example", "https://a.example https://b.example"],
    "PageName": [" A", "A ", "a\nb", "n" * 61],
    "PageColour": ["red", "#fff", "#1558c0;"],
    "PageLogo": [
        "https://a.example/a.png",
        "data:image/png;base64,AAAA",
        'data:image/svg+xml;base64,PHN2Zz4="',
    ],
    "QuotaKeyHeader": ["", "x api key"],
    "QuotaDefaultPlan": ["Free", "-"],
    "TokenIssuer": ["http://login.example", "https://login.example/ x"],
    "TokenAudience": ["two words"],
    "TokenClaim": ["", "a claim"],
    "QuotaEmail": ["quotas"],
    "PermissionsBoundaryArn": ["boundary", "arn:aws:iam::1:policy/boundary"],
    "RolePath": ["", "teams", "/teams"],
}

HOLDS_DATA = [
    "AccessLogGroup",
    "CallStream",
    "CountersTable",
    "LedgerTable",
    "FailureBucket",
    "LakeBucket",
    "LakeDatabase",
    "LakeTable",
    "AthenaWorkGroup",
]
HOLDS_A_POSITION = ["StreamProcessorFunctionCalls", "LakeDeliveryStream"]
"""A mapping that is replaced reads its stream again from the beginning; a delivery stream misses what comes
until it is there again.
"""


def other_values(name: str) -> list[Any]:
    """Values of a parameter beside its default: all that are listed, or its bounds, or examples."""
    parameter = PARAMETERS[name]
    listed = parameter.get("AllowedValues") or [
        parameter[bound] for bound in ("MinValue", "MaxValue") if bound in parameter
    ]
    return [value for value in listed or OTHER_TEXTS[name] if value != parameter["Default"]]


CHANGES = [(name, value) for name in PARAMETERS for value in other_values(name)]


@cache
def create_only(resource_type: str) -> list[list[str]]:
    """The paths of the properties whose change replaces a resource, by CloudFormation's own schema."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return [path.removeprefix("/properties/").split("/") for path in paths]


def values_at(value: Any, path: list[str]) -> Iterator[Any]:
    """What is at a path of a schema, in which `*` stands for each element."""
    if not path:
        yield value
    elif path[0] == "*" and isinstance(value, list):
        for element in value:
            yield from values_at(element, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from values_at(value[path[0]], path[1:])


def identity(stack: Stack, logical_id: str) -> dict[str, list[Any]]:
    """All that cannot be changed without replacing the resource."""
    properties = stack.resource(logical_id)
    paths = create_only(RESOURCES[logical_id]["Type"])
    return {"/".join(path): list(values_at(properties, path)) for path in paths}


class TestChange:
    @pytest.mark.parametrize(("name", "value"), CHANGES)
    def test_replaces_nothing(self, name: str, value: Any) -> None:
        """Neither data nor a position in the stream is lost, with whatever value."""
        before, after = Stack(), Stack({name: value})
        kept = [one for one in HOLDS_DATA + HOLDS_A_POSITION if after.has(one)]
        assert {one: identity(before, one) for one in kept} == {one: identity(after, one) for one in kept}

    @pytest.mark.parametrize(("name", "value"), CHANGES)
    def test_removes_nothing(self, name: str, value: Any) -> None:
        """What holds data or a position stays in the stack; the log group that an existing one stands in for
        leaves it, and is retained.
        """
        after = Stack({name: value})
        gone = [one for one in HOLDS_DATA + HOLDS_A_POSITION if not after.has(one)]
        assert gone == (["AccessLogGroup"] if name == "ExistingLogGroupName" else [])
        assert {"RetainExceptOnCreate"} >= {RESOURCES[one]["DeletionPolicy"] for one in gone}

    def test_would_be_seen(self) -> None:
        """The test has teeth: another starting position is a difference, and so is another name."""
        assert ["StartingPosition"] in create_only("AWS::Lambda::EventSourceMapping")
        assert ["TRIM_HORIZON"] == identity(Stack(), "StreamProcessorFunctionCalls")["StartingPosition"]
        assert ["Name"] in create_only("AWS::Kinesis::Stream")
        assert ["KinesisStreamSourceConfiguration"] in create_only("AWS::KinesisFirehose::DeliveryStream")
        assert ["KeySchema"] in create_only("AWS::DynamoDB::Table")


class TestConstraints:
    @pytest.mark.parametrize("name", PARAMETERS)
    def test_described_and_bounded(self, name: str) -> None:
        """Each has a meaning, a default, and bounds that CloudFormation checks before it changes anything."""
        parameter = PARAMETERS[name]
        bounds = parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue", "MaxValue"}
        assert bounds in ({"AllowedValues"}, {"AllowedPattern"}, {"MinValue", "MaxValue"})
        assert parameter["Description"]
        assert "Default" in parameter
        assert ("AllowedPattern" in parameter) == ("ConstraintDescription" in parameter)

    @pytest.mark.parametrize("name", [name for name in PARAMETERS if "AllowedPattern" in PARAMETERS[name]])
    def test_patterns(self, name: str) -> None:
        """A pattern takes its default and sensible values, and refuses what would fail later."""
        parameter = PARAMETERS[name]
        for value in [parameter["Default"], *OTHER_TEXTS[name]]:
            assert re.search(parameter["AllowedPattern"], value)
        for value in REFUSED[name]:
            assert not re.search(parameter["AllowedPattern"], value)
