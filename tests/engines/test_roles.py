"""Each function in its real package with its real role, where an engine that is not ours enforces IAM.

ministack with `AUTH=true` evaluates the policies of the template for every request of a function. It has no
Athena that takes the product's queries, so that the reconciliation goes as far as its refusal of a month.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.template.document import load_template
from tests.engines.conftest import Engine, known_to_ministack, started
from tests.engines.package import make
from tests.functions import SCENARIOS, watch_the_meter

STACK = "usage-meter"
PLAIN_HTTP = ("FailureBucketPolicy", "LakeBucketPolicy", "UndeliveredEventsPolicy")
"""Policies that refuse requests without TLS: the engine has none."""

UNKNOWN_KEYS = ("dynamodb:LeadingKeys", "events:source")
"""Condition keys that ministack 1.5.33 does not know. IAM has them."""

REFUSED_WITHOUT = [
    ("StreamProcessorFunction", "dynamodb:UpdateItem"),
    ("StreamProcessorFunction", "events:PutEvents"),
    ("UsageApiFunction", "dynamodb:Query"),
    ("WatchFunction", "kinesis:PutRecords"),
    ("WatchFunction", "s3:ListBucket"),
    ("WatchFunction", "dynamodb:PutItem"),
]
"""An action of a role without which its function's scenario must fail. The authorizer's is not there: it lets
calls through while its store does not answer, and the reconciliation's goes no further than a refusal.
"""


class Deployed:
    """The stack in the engine, as scenarios know the local cloud."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        found = engine.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        self._names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}
        self.stack = self

    def client(self, service: str) -> Any:
        """A client of the account's owner, whom no policy binds."""
        return self.engine.client(service)

    def name(self, logical_id: str) -> str:
        """The name of a resource."""
        return str(self._names[logical_id])

    def arn(self, logical_id: str) -> str:
        """The ARN of the stream of calls, which is all that a scenario asks for."""
        described = self.client("kinesis").describe_stream_summary(StreamName=self.name(logical_id))
        return str(described["StreamDescriptionSummary"]["StreamARN"])

    def invoke(self, function: str, event: Any) -> Any:
        """A function's answer to an event; an error of the function is an error here."""
        answer = self.client("lambda").invoke(
            FunctionName=self.name(function), Payload=json.dumps(event).encode()
        )
        content = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise AssertionError(content)
        return content

    def policy(self, function: str) -> tuple[str, str, dict[str, Any]]:
        """The role of a function, and its policy with its name."""
        role = self.name(f"{function.removesuffix('Function')}Role")
        iam = self.client("iam")
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document: dict[str, Any] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        return role, name, document

    def set_policy(self, role: str, name: str, document: dict[str, Any]) -> None:
        """Let a role have that policy from now on."""
        self.client("iam").put_role_policy(
            RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document)
        )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The whole template, as far as the engine knows it."""
    folder = tmp_path_factory.mktemp("engine")
    package = make(folder / "lambda")
    for engine in started(folder, AUTH="true"):
        create(engine, package)
        yield Deployed(engine)


def create(engine: Engine, package: Path) -> None:
    """Make the stack through CloudFormation."""
    s3 = engine.client("s3")
    s3.create_bucket(Bucket="packages")
    s3.upload_file(str(package), "packages", "lambda.zip")
    template = known_to_ministack(load_template(), "s3://packages/lambda.zip")
    without_policies(template)
    as_text(template)
    without_conditions(template)
    s3.put_object(Bucket="packages", Key="template.json", Body=json.dumps(template))
    cloudformation = engine.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{engine.address}/packages/template.json",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def as_text(template: dict[str, Any]) -> None:
    """The values of environments as text, which CloudFormation makes of numbers, and the engine does not."""
    for one in template["Resources"].values():
        variables = one.get("Properties", {}).get("Environment", {}).get("Variables", {})
        for name, value in variables.items():
            if isinstance(value, dict) and "Fn::Join" not in value:
                variables[name] = {"Fn::Join": ["", [value]]}


def without_conditions(template: dict[str, Any]) -> None:
    """Leave out the conditions on keys that the engine does not know: it never says which items a request is
    for, or whose event it puts.
    """
    for one in template["Resources"].values():
        for policy in one.get("Properties", {}).get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if any(key in str(statement.get("Condition")) for key in UNKNOWN_KEYS):
                    del statement["Condition"]


def without_policies(template: dict[str, Any]) -> None:
    """Leave out the policies that refuse plain HTTP, and what waits for them."""
    for name in PLAIN_HTTP:
        del template["Resources"][name]
    for one in template["Resources"].values():
        if isinstance(one.get("DependsOn"), list):
            one["DependsOn"] = [name for name in one["DependsOn"] if name not in PLAIN_HTTP]


def without(document: dict[str, Any], action: str) -> dict[str, Any]:
    """The policy without one action."""
    kept = []
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        left = [one for one in actions if one != action]
        if left:
            kept.append({**statement, "Action": left})
    return {**document, "Statement": kept}


def run(deployed: Deployed, function: str) -> None:
    """A function's scenario."""
    invoke: Callable[[Any], Any] = lambda event: deployed.invoke(function, event)  # noqa: E731
    if function == "ReconciliationFunction":
        (report,) = invoke({"month": "2026-09"})
        assert report["refused"]
    elif function == "WatchFunction":
        watch_the_meter(deployed, invoke)  # type: ignore[arg-type]  # the engine forwards no log events
    else:
        SCENARIOS[function](deployed, invoke)  # type: ignore[arg-type]  # what scenarios need of a cloud


class TestRoles:
    @pytest.mark.parametrize("function", SCENARIOS)
    def test_suffices(self, deployed: Deployed, function: str) -> None:
        """The role lets its function do all that it does."""
        run(deployed, function)

    @pytest.mark.parametrize(("function", "action"), REFUSED_WITHOUT)
    def test_without_an_action(self, deployed: Deployed, function: str, action: str) -> None:
        """A role that is stripped of one action lets the function do less: the engine really enforces it."""
        role, name, document = deployed.policy(function)
        deployed.set_policy(role, name, without(document, action))
        try:
            with pytest.raises((AssertionError, KeyError)):
                run(deployed, function)
        finally:
            deployed.set_policy(role, name, document)
