"""docs/deploy.md, followed by a machine: its commands as they are written, from nothing to the removal.

ministack neither delivers a log group's lines to the stream nor logs the calls of an API: the first call's
delivery is put into the stream here, as CloudWatch Logs would put it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.template.document import load_template
from tests.engines.conftest import ENGINES, SAM, Engine, known_to_ministack, needed
from tests.engines.package import make
from tests.engines.test_deployment import STACK, at_a_terminal, deploy, parameters
from tests.engines.test_roles import as_text
from tests.factories import delivery, lines
from tests.infra.test_page_commands import commands
from tools.build_lambda import ROOT
from tools.deployment import Deployment

PAGE = "deploy.md"
LEFT_OUT = (
    *("aws cloudformation delete-stack", "aws lambda invoke", "aws s3api delete-bucket-policy"),
    *("aws logs put-subscription-filter", "usage-meter connect --write-meter"),
    *("usage-meter connect --meter", "usage-meter disconnect --meter"),
)
"""Commands of the page that are not run here: test_deployment has the creation that fails, the engine has no
Athena for a reconciliation, test_adoption begins without the buckets' policies, and two accounts are in
tests/cli/connect/test_another_account.py.
"""


class Follower:
    """Runs what the page says, with the names of this stack in place of the page's."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self.names: Mapping[str, str] = {}
        self.done: set[str] = set()

    def run(self, beginning: str) -> str:
        """The command of the page that begins so; what it prints."""
        command = min((one for one in (*commands(PAGE), *ours()) if one.startswith(beginning)), key=len)
        self.done.add(command)
        for word, name in self.names.items():
            command = re.sub(rf"\b{word}\b", name, command)
        environment = {**self._engine.environment, "HOME": str(self._folder)}
        environment["PATH"] = f"{ENGINES}:{ROOT / '.venv/bin'}:{environment['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, (command, done.stdout, done.stderr)
        return done.stdout


def ours() -> list[str]:
    """The page's commands of the meter itself."""
    text = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    return re.findall(r"^(usage-meter [^\n]+)$", text, re.MULTILINE) + re.findall(
        r"`(usage-meter [^`\n]+ --apply)`", text
    )


def test_followed(engine: Engine, tmp_path: Path) -> None:
    """Deployed, connected, a call counted; upgraded, rolled back and removed: what holds data stays."""
    needed(SAM, ENGINES / "aws")
    template, package = written(tmp_path)
    follower = Follower(engine, tmp_path)
    code, shown = deploy(engine, template, tmp_path, b"\n" * 3)  # make deploy
    assert 0 == code, shown
    follower.names = names(engine)
    assert "Account" in follower.run("aws sts get-caller-identity")
    assert "DynamoDB" in follower.run("usage-meter estimate")

    api = engine.client("apigatewayv2").create_api(Name="orders", ProtocolType="HTTP")["ApiId"]
    for stage in ("prod", "test"):
        engine.client("apigatewayv2").create_stage(ApiId=api, StageName=stage)
    follower.names = {**follower.names, "API": api, "STAGE": "prod"}
    assert "will be connected" in follower.run("usage-meter connect")
    follower.run("usage-meter connect --api")
    follower.run("usage-meter connect --all")
    logging = engine.client("apigatewayv2").get_stages(ApiId=api)["Items"]
    assert ["prod", "test"] == sorted(one["StageName"] for one in logging if one.get("AccessLogSettings"))
    assert "AccessLogSetting" in follower.run("usage-meter connect --print sam")

    assert counted(engine, follower)
    plan = json.loads(follower.run("aws apigateway create-usage-plan-key"))
    assert follower.names["KEY_ID"] == plan["id"]
    stream = json.loads(follower.run("aws kinesis describe-stream-summary"))
    assert 1 == stream["StreamDescriptionSummary"]["OpenShardCount"]
    digest = base64.b64encode(hashlib.sha256(package.read_bytes()).digest()).decode()
    assert digest in follower.run("aws lambda get-function")

    for changed in ({"LedgerLanes": "2"}, {}):  # an upgrade, and the way back
        Deployment(STACK, "us-east-1", changed).write(tmp_path / "deployment.yaml")
        code, shown = deploy(engine, template, tmp_path, b"y\n")
        assert 0 == code, shown
        assert changed.get("LedgerLanes", "1") == parameters(engine)["LedgerLanes"]
        assert counted(engine, follower)

    follower.run("usage-meter disconnect --apply")
    assert removed(engine, tmp_path)
    left = {*commands(PAGE), *ours()} - follower.done
    assert [] == [one for one in left if not one.startswith(LEFT_OUT)]


def written(folder: Path) -> tuple[Path, Path]:
    """The template, as far as the engine knows it, with the functions' package for this machine."""
    package = make(folder / "lambda")
    document = known_to_ministack(load_template(), package)
    as_text(document)
    path = folder / "template.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path, package


def names(engine: Engine) -> dict[str, str]:
    """What the page writes in capitals."""
    (stack,) = engine.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    found = engine.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}
    key = engine.client("apigateway").create_api_key(name="shop", enabled=True)["id"]
    return {
        "COUNTERS": resources["CountersTable"],
        "FUNCTION": resources["StreamProcessorFunction"],
        "STREAM": resources["CallStream"],
        "LOOK_UP_PLAN": outputs["LookUpUsagePlanId"],
        "KEY_ID": key,
        "STACK": STACK,
    }


def counted(engine: Engine, follower: Follower) -> bool:
    """Whether a call, which arrives in the stream, is in the table when the page's command asks for it."""
    before = follower.run("aws dynamodb query")
    number = str(time.time_ns())
    record = delivery(lines(1, apiKeyId=follower.names["KEY_ID"], extendedRequestId=number))
    engine.client("kinesis").put_record(
        StreamName=follower.names["STREAM"], Data=record, PartitionKey="orders"
    )
    for _ in range(120):
        if follower.run("aws dynamodb query") != before:
            return True
        time.sleep(0.5)
    return False


def removed(engine: Engine, folder: Path) -> bool:
    """Whether the stack is gone, and what holds data is not."""
    words = [str(SAM), "delete", "--stack-name", STACK, "--no-prompts", "--region", "us-east-1"]
    environment: dict[str, Any] = {**engine.environment, "HOME": str(folder)}
    code, shown = at_a_terminal(words, b"y\n" * 5, environment, folder)
    assert 0 == code, shown
    assert [name for name in engine.client("kinesis").list_streams()["StreamNames"] if STACK in name]
    assert 2 == len([name for name in engine.client("dynamodb").list_tables()["TableNames"] if STACK in name])
    return True
