"""Writes docs/evidence.md: for each resource and each policy statement of the template, who has shown it.

    python -m tools.deploy_table

Which engine has shown what is said here by type and by role, and held to the tests of the engines by
tests/tools/test_deploy_table.py. What no engine can show names the check of `make aws-check` that an owner of
an account runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from local_cloud.template.document import Stack, translated

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "evidence.md"

ALL_PARTS: Final[dict[str, object]] = {
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0b5c1a2d",
    "CrawlSchema": "yes",
    "Monitoring": "full",
    "Tracing": "Active",
    "AlarmEmail": "on-call@example.com",
    "MeteredApiName": "orders",
    "SecondLogGroupName": "users",
    "ThirdLogGroupName": "stock",
    "SourceAccounts": "210987654321",
    "GuardedRestApiId": "a1b2c3d4e5",
    "GuardedHttpApiId": "f6g7h8i9j0",
    "QuotaEmail": "quotas@example.com",
    "TokenIssuer": "https://login.example",
    "TokenAudience": "orders",
}
"""With these every part is there but one."""

WITH_OWN_KEY: Final[dict[str, object]] = {"EncryptTopics": "yes", "KmsKeyArn": ""}
"""With these there is a key of the stack's, in place of a customer's."""

UNKNOWN_TO_MINISTACK: Final = frozenset(
    {"AWS::Athena::NamedQuery", "AWS::CloudWatch::Dashboard", "AWS::Logs::QueryDefinition"}
)

IN_MOTO: Final[dict[str, object]] = {
    name: ALL_PARTS[name]
    for name in ("CrawlSchema", "Monitoring", "MeteredApiName", "AlarmEmail", "SourceAccounts")
}
"""With these the stack is made in moto."""

PARAMETERS_ONLY: Final = frozenset({"AWS::Logs::QueryDefinition"})
"""Types that moto does not have: botocore checks the parameters."""

MORE_OF_TYPE: Final = {
    "AWS::DynamoDB::Table": "DynamoDB Local: every condition and transaction",
    "AWS::Lambda::Function": "ministack with IAM: each in its package, by its role",
}
MORE_OF: Final = {
    "LakeDatabase": "Trino: every statement runs in it",
    "LakeTable": "Trino: every statement, on its columns and projection; Hive on Spark: its reader and types",
}
"""What an engine has shown beside that a resource can be made."""


class Question(NamedTuple):
    """What only an account shows of a part, and the check that answers it."""

    text: str
    check: str


MADE: Final = Question("that AWS makes it", "resources")

OF_TYPE: Final = {
    "AWS::CloudWatch::Alarm": Question(
        "names and cadence of AWS's metrics; what FILL makes of none", "alarms"
    ),
    "AWS::Events::Rule": Question("that it starts its target", "schedules"),
    "AWS::Glue::Crawler": Question("that it ends", "crawler"),
    "AWS::Glue::Table": Question("that Athena reads what Firehose has written", "lake"),
    "AWS::KinesisFirehose::DeliveryStream": Question(
        "several documents in one record are several rows", "documents"
    ),
    "AWS::Lambda::EventSourceMapping": Question("that Lambda polls with these settings", "mapping"),
    "AWS::Logs::Destination": Question("that it takes other accounts' log groups", "other_accounts"),
    "AWS::Logs::QueryDefinition": Question(
        "that Logs Insights compares quoted numbers as numbers", "quoted_numbers"
    ),
    "AWS::Logs::SubscriptionFilter": Question("that lines of a stage reach the lake", "lake"),
    "AWS::Athena::NamedQuery": Question("comments at the beginning of a statement", "comments"),
    "AWS::Athena::WorkGroup": Question("parameters of more than 1,024 characters", "long_parameters"),
    "AWS::ApiGateway::Authorizer": Question("that a denied call is logged with its decision", "denials"),
    "AWS::ApiGatewayV2::Authorizer": Question("that a denied call is logged with its decision", "denials"),
    "AWS::ApiGateway::GatewayResponse": Question("that a denied call has status 429", "denials"),
    "AWS::Logs::LogStream": Question("that Firehose writes into it", "resources"),
}
"""By type; of any other it is that AWS makes it."""

FUNCTIONS: Final = {
    "StreamProcessorRole": "StreamProcessorFunction",
    "QuotaAuthorizerRole": "QuotaAuthorizerFunction",
    "UsageApiRole": "UsageApiFunction",
    "WatchRole": "WatchFunction",
    "ReconciliationRole": "ReconciliationFunction",
}
"""Roles of functions that make calls of their own: iam-simulate judges each call."""

IN_MINISTACK: Final = frozenset(FUNCTIONS) - {"ReconciliationRole"}
"""Of these, ministack lets the functions do all that they do; it has no Athena for the reconciliation."""

UNKNOWN_KEYS: Final = ("dynamodb:LeadingKeys", "events:source")
"""Keys of conditions that ministack does not know."""

NOT_CALLED: Final = {
    "StreamProcessorRole": frozenset(
        {
            *("kinesis:DescribeStream", "kinesis:GetRecords"),
            *("kinesis:GetShardIterator", "kinesis:ListShards", "s3:ListBucket", "s3:PutObject"),
        }
    ),
    "ReconciliationRole": frozenset(
        {
            *("glue:GetDatabase", "glue:GetTable"),
            *("s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:PutObject", "s3:GetObject"),
            *("s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"),
        }
    ),
    "UsageApiRole": frozenset({"s3:GetObject"}),
}
"""Actions that no recorded call is for: services use them in the role's name, or they are rare."""

BY_LAMBDA: Final = ("logs:CreateLogStream", "sqs:SendMessage", "xray:", "kms:")
"""Beginnings of actions that services do in a function's name, whatever it does."""

OF_STATEMENTS: Final = {
    "AccessLogSubscriptionRole": Question("that CloudWatch Logs puts deliveries by it", "lake"),
    "LakeDeliveryRole": Question("that Firehose reads, transforms and writes by it", "lake"),
    "SchemaCrawlerRole": Question("that the crawler reads by it", "crawler"),
    "CallDestination": Question("that another account's log group may be subscribed", "other_accounts"),
    "AlarmTopicPolicy": Question("that CloudWatch publishes by it", "alarms"),
    "QuotaTopicPolicy": Question("that EventBridge publishes by it", "thresholds"),
    "UndeliveredEventsPolicy": Question("that EventBridge sends by it what it could not deliver", "alarms"),
    "TopicKey": Question("that both services use the key", "thresholds"),
    "LakeBucketPolicy": Question("that requests without TLS are refused, and no others", "lake"),
    "FailureBucketPolicy": Question("that requests without TLS are refused, and no others", "mapping"),
}
"""By the resource that has the policy."""

IN_A_FUNCTIONS_NAME: Final = {
    "StreamProcessorRole": Question("that Lambda's mapping reads and keeps batches by it", "mapping"),
    "ReconciliationRole": Question(
        "that Athena reads and writes by it, with the catalog's `default`", "reconciliation"
    ),
}
CONTEXT: Final = Question("that IAM gives a request the context that is documented", "refusals")
TAKEN: Final = Question("that the service takes the role", "refusals")


class Row(NamedTuple):
    """A part of the template, or several alike."""

    part: str
    what: str
    engines: str
    question: Question


class Statement(NamedTuple):
    """A statement of a policy."""

    owner: str
    number: int
    policy: str
    content: dict[str, Any]

    @property
    def actions(self) -> list[str]:
        """The actions that it is about."""
        found = self.content.get("Action") or self.content.get("NotAction")
        return [found] if isinstance(found, str) else list(found or ())


def resource_rows() -> list[Row]:
    """One row for all resources of a type that the same engines have shown."""
    alike: dict[tuple[str, str, Question], list[str]] = {}
    moto, default = Stack(IN_MOTO), Stack()
    for name, one in translated()["Resources"].items():
        kind = one["Type"]
        engines = [] if not moto.has(name) else ["botocore's model" if kind in PARAMETERS_ONLY else "moto"]
        if default.has(name) and kind not in UNKNOWN_TO_MINISTACK and "Metrics" not in one["Properties"]:
            engines.append("ministack")
        engines += [found for found in (MORE_OF_TYPE.get(kind), MORE_OF.get(name)) if found]
        shown = "; ".join(engines) or "cfn-lint alone"
        question = OF_STATEMENTS.get(name) or OF_TYPE.get(kind, MADE)
        alike.setdefault((kind, shown, question), []).append(name)
    return [Row(", ".join(sorted(names)), *about) for about, names in sorted(alike.items())]


def statements() -> Iterator[Statement]:
    """All statements of the template, with every part there."""
    everything, with_own_key = Stack(ALL_PARTS), Stack(ALL_PARTS | WITH_OWN_KEY)
    for name in translated()["Resources"]:
        yield from _of(name, (everything if everything.has(name) else with_own_key).resource(name))


def _of(owner: str, properties: dict[str, Any]) -> Iterator[Statement]:
    for policy, document in documents(properties):
        for number, content in enumerate(document["Statement"], start=1):
            yield Statement(owner, number, policy, content)


def documents(value: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The policies in a resource's properties, with the property or the name of each."""
    if isinstance(value, str) and value.startswith('{"Version"'):
        value = json.loads(value)
    if isinstance(value, list):
        for one in value:
            yield from documents(one, name)
    elif isinstance(value, dict) and "Statement" in value:
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from documents(one, str(value.get("PolicyName", key)))


def statement_row(one: Statement) -> Row:
    """Who has shown a statement."""
    what = ", ".join(f"`{action}`" for action in one.actions)
    part = f"{one.owner}, {one.policy} {one.number}"
    if one.policy == "AssumeRolePolicyDocument":
        taken = "cfn-lint; ministack" if Stack().has(one.owner) else "cfn-lint; moto"
        return Row(part, what, taken, OF_STATEMENTS.get(one.owner, TAKEN))
    return Row(part, what, "; ".join(_engines(one)), _question(one))


def _engines(one: Statement) -> Iterable[str]:
    if one.policy == "KeyPolicy":
        return ("cfn-lint",)
    if one.policy == "DestinationPolicy":  # of which parliament knows none
        return ("moto",)
    if one.policy == "PolicyDocument":
        return ("checkov", "moto", "ministack")
    engines = ["parliament"]
    if one.owner in FUNCTIONS and not _by_a_service(one):
        engines.append("iam-simulate: each call, and each action taken away")
        if one.owner in IN_MINISTACK:
            unknown = any(key in str(one.content.get("Condition")) for key in UNKNOWN_KEYS)
            engines.append("ministack with IAM" + (", without the condition" if unknown else ""))
    return engines


def _question(one: Statement) -> Question:
    if one.owner in OF_STATEMENTS:
        return OF_STATEMENTS[one.owner]
    if one.owner in IN_A_FUNCTIONS_NAME and set(one.actions) <= NOT_CALLED[one.owner]:
        return IN_A_FUNCTIONS_NAME[one.owner]
    return CONTEXT


def _by_a_service(one: Statement) -> bool:
    return one.actions[0].startswith(BY_LAMBDA) or set(one.actions) <= NOT_CALLED.get(one.owner, frozenset())


def page() -> str:
    """The page."""
    rows = (resource_rows(), [statement_row(one) for one in statements()])
    tables = ["\n".join([HEADS[number], *map(_line, found)]) for number, found in enumerate(rows)]
    return TEXT.format(resources=tables[0], statements=tables[1])


def _line(row: Row) -> str:
    question = f"{row.question.text}: `{row.question.check}`"
    return f"| {row.part} | {row.what} | {row.engines} | {question} |"


_LAST: Final = "only an account shows, and the check for it |\n|---|---|---|---|"
HEADS: Final = (
    f"| resource | type | shown by | {_LAST}",
    f"| policy and statement | actions | shown by | {_LAST}",
)
TEXT: Final = """\
# Each resource and statement: who has shown it

Made by `make deploy-table` from the template; a test holds it to the template and to what the engines' tests
run. [Deploy](deploy.md#what-was-checked-by-whom-and-what-only-an-account-can-show) has the table by subject.

cfn-lint, `sam validate --lint` and checkov read all of it. Beyond that, **shown by** names what took the part
as a service would: *moto* made it (by its CloudFormation, or by the service's API), *ministack* made it from
the page's own deployment. The last column is what no engine can show, with the check of `make aws-check` that
an owner of an account runs. Each check reads, and changes nothing.

## Resources

{resources}

## Policy statements

With every part there. Each call that a function makes is judged against its role. What Lambda, Firehose,
Athena and CloudWatch do in a role's name is held to their documentation (tests/infra/test_service_roles.py)
and judged by parliament.

{statements}
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
