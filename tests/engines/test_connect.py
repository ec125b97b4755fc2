"""`usage-meter connect` on stages of HTTP APIs and WebSocket APIs, which moto cannot change, on ministack."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from local_cloud.template.document import Stack
from tests.engines.conftest import Engine
from tools.build_lambda import ROOT

STACK = Stack(account="000000000000")
OWN = {
    "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:orders",
    "Format": '{"ip":"$context.identity.sourceIp"}',
}


def publish(engine: Engine) -> None:
    """A stack with the template's outputs, and its log group."""
    outputs = {name: {"Value": value} for name, value in STACK.outputs.items()}
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    cloudformation = engine.client("cloudformation")
    cloudformation.create_stack(StackName="usage-meter", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="usage-meter", WaiterConfig={"Delay": 1}
    )
    for group in ("orders", STACK.output("AccessLogGroupName")):
        engine.client("logs").create_log_group(logGroupName=group)


def run(engine: Engine, folder: Path, *words: str) -> str:
    """The command, as it is typed."""
    command = [str(ROOT / ".venv" / "bin" / "usage-meter"), *words]
    environment = {**engine.environment, "HOME": str(folder)}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


class TestHttpApi:
    def test_and_back(self, engine: Engine, tmp_path: Path) -> None:
        """Two stages are connected, one that logs already and one that does not; the first is restored.
        (ministack takes the removal of the other's setting for the removal of the stage.)
        """
        publish(engine)
        v2 = engine.client("apigatewayv2")
        api = v2.create_api(Name="orders", ProtocolType="HTTP")["ApiId"]
        v2.create_stage(ApiId=api, StageName="prod", AccessLogSettings=OWN)
        v2.create_stage(ApiId=api, StageName="test")

        def logs(stage: str) -> Any:
            return v2.get_stage(ApiId=api, StageName=stage).get("AccessLogSettings") or None

        shown = run(engine, tmp_path, "connect")
        assert f"{api}/prod  HTTP  orders: will be connected" in shown
        run(engine, tmp_path, "connect", "--all", "--apply")
        assert "$context.routeKey" == json.loads(logs("prod")["Format"])["routeKey"]
        assert "$context.identity.sourceIp" == json.loads(logs("prod")["Format"])["ip"]
        assert STACK.output("AccessLogGroupName") in logs("test")["DestinationArn"]
        run(engine, tmp_path, "disconnect", "--apply")
        assert OWN == logs("prod")
