"""Every policy of the template, judged by parliament: actions, and the resources and conditions they take."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from local_cloud.template.document import Stack, translated
from tests.engines.conftest import ENGINES, needed

EVERYTHING = Stack(
    {
        "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0b5c1a2d",
        "CrawlSchema": "yes",
        "Tracing": "Active",
        "Monitoring": "full",
        "SecondLogGroupName": "orders",
        "SourceAccounts": "210987654321",
    }
)
JUDGE = """
import json, sys, parliament
for name, policy in json.load(sys.stdin).items():
    found = parliament.analyze_policy_string(json.dumps(policy), ignore_private_auditors=True)
    for one in found.findings:
        print(json.dumps([name, one.issue, str(one.detail)[:300]]))
"""


def policies() -> dict[str, Any]:
    """The policies of all roles."""
    found = {}
    for role, one in translated()["Resources"].items():
        if one["Type"] == "AWS::IAM::Role":
            for policy in EVERYTHING.resource(role)["Policies"]:
                found[f"{role}, {policy['PolicyName']}"] = policy["PolicyDocument"]
    return found


def judged(policies: dict[str, Any]) -> list[list[str]]:
    """What parliament has to say: policy, issue, detail."""
    needed(ENGINES / "parliament")
    done = subprocess.run(
        [ENGINES / "python", "-c", JUDGE],
        input=json.dumps(policies).encode(),
        capture_output=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_all() -> None:
    """It finds nothing."""
    assert [] == judged(policies())


def test_would_be_found() -> None:
    """An action that does not exist, a resource of another kind, a condition that it never has: all found."""
    wrong = [
        ("logs:DescribeLogGroup", "*", {}),
        ("dynamodb:UpdateItem", "arn:aws:s3:::bucket", {}),
        ("s3:GetObject", "arn:aws:s3:::bucket/*", {"StringEquals": {"dynamodb:LeadingKeys": "a"}}),
    ]
    for action, resource, condition in wrong:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}
        assert judged({"wrong": {"Version": "2012-10-17", "Statement": [statement]}})
