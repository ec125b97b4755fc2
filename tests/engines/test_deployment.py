"""Deployment as a person does it, at a terminal, by the real SAM CLI, to an engine that is not ours."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from pathlib import Path

from tests.engines.conftest import SAM, Engine, needed
from tools.build_lambda import ROOT
from tools.deployment import Deployment

STACK = "usage-meter"


def at_a_terminal(
    command: list[str], answers: bytes, environment: dict[str, str], folder: Path
) -> tuple[int, str]:
    """Run a command at a pseudo-terminal with these answers waiting: its exit code, and what it showed."""
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, cwd=folder, close_fds=True
    )
    os.close(terminal)
    os.write(person, answers)
    shown = b""
    while process.poll() is None or select.select([person], [], [], 0)[0]:
        if select.select([person], [], [], 0.2)[0]:
            try:
                shown += os.read(person, 65536)
            except OSError:  # the other end is closed
                break
    os.close(person)
    return process.wait(), shown.decode(errors="replace")


def deploy(engine: Engine, template: Path, folder: Path, answers: bytes) -> tuple[int, str]:
    """`make deploy`, from a file in the folder."""
    python = str(ROOT / ".venv" / "bin" / "python")
    words = ["-m", "tools.deployment", "--file", str(folder / "deployment.yaml"), "--template", str(template)]
    environment = {**engine.environment, "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    return at_a_terminal([python, *words, "--sam", str(SAM)], answers, environment, folder)


def parameters(engine: Engine) -> dict[str, str]:
    """The values that the stack has."""
    (stack,) = engine.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}


class TestMakeDeploy:
    def test_from_nothing_to_an_upgrade(self, engine: Engine, template: Path, tmp_path: Path) -> None:
        """Enter only makes the stack. A parameter of the file is changed by the next deployment; a line that
        is removed is undone; the change set is shown, and Enter refuses it.
        """
        needed(SAM)
        code, shown = deploy(engine, template, tmp_path, b"\n" * 3)
        assert 0 == code, shown
        assert "24" == parameters(engine)["StreamRetentionHours"]
        file = tmp_path / "deployment.yaml"
        Deployment(STACK, "us-east-1", {"StreamRetentionHours": "168"}).write(file)
        code, shown = deploy(engine, template, tmp_path, b"\n")
        assert "CloudFormation stack changeset" in shown
        assert "24" == parameters(engine)["StreamRetentionHours"]
        code, shown = deploy(engine, template, tmp_path, b"y\n")
        assert 0 == code, shown
        assert "168" == parameters(engine)["StreamRetentionHours"]
        Deployment(STACK, "us-east-1", {"LedgerLanes": "2"}).write(file)
        code, shown = deploy(engine, template, tmp_path, b"y\n")
        assert 0 == code, shown
        assert ["24", "2"] == [parameters(engine)[name] for name in ("StreamRetentionHours", "LedgerLanes")]


class TestFailedCreation:
    def test_leaves_nothing_that_costs(self, engine: Engine, template: Path, tmp_path: Path) -> None:
        """A first deployment that fails takes its stream and its buckets away again, though they are retained
        once the stack is there.
        """
        needed(SAM)
        broken = json.loads(template.read_text(encoding="utf-8"))
        refused = {"Metrics": [], "ComparisonOperator": "LessThanThreshold", "EvaluationPeriods": 1}
        after = ["CallStream", "LakeBucket", "FailureBucket", "StreamProcessorFunction"]
        broken["Resources"]["Broken"] = {
            "Type": "AWS::CloudWatch::Alarm",
            "DependsOn": after,
            "Properties": refused,
        }
        template.write_text(json.dumps(broken), encoding="utf-8")
        code, shown = deploy(engine, template, tmp_path, b"\n" * 3)
        assert 1 == code
        assert "ROLLBACK_COMPLETE" in shown
        assert [] == engine.client("kinesis").list_streams()["StreamNames"]
        buckets = [one["Name"] for one in engine.client("s3").list_buckets()["Buckets"]]
        assert [] == [name for name in buckets if name.startswith(STACK)]


class TestGuided:
    def test_enter_only(self, engine: Engine, template: Path, tmp_path: Path) -> None:
        """SAM's own dialogue, too, ends with a stack when each question is answered with Enter."""
        needed(SAM)
        words = ["deploy", "--guided", "--template-file", str(template), "--capabilities", "CAPABILITY_IAM"]
        environment = {**engine.environment, "HOME": str(tmp_path)}
        words += ["--stack-name", STACK]
        code, shown = at_a_terminal([str(SAM), *words], b"\n" * 100, environment, tmp_path)
        assert 0 == code, shown
        assert "has no authentication" not in shown
        assert parameters(engine)
