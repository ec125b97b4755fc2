"""Each `aws` command of our pages, run by bash with a stub for the program: what arrives is what is written.

A shell takes quotes and variables for itself; what it takes for itself the service never sees.
"""

from __future__ import annotations

import json
import re
import shlex
import stat
import subprocess
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ["deploy.md", "quotas.md", "runbook.md", "security.md"]
STUB = """#!/usr/bin/env python3
import json, os, sys
with open(os.environ["ARRIVED"], "a", encoding="utf-8") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
"""
OF_THE_PROGRAM = {"--output", "--query", "--profile", "--region", "--recursive", "--zip-file"}
"""Options that every command takes, or one of the program's own."""
NOT_OF_AN_API = {("s3", "mv"), ("s3", "ls"), ("s3", "cp"), ("logs", "tail")}
"""Commands of the program that are no operations of a service."""


def commands(page: str) -> list[str]:
    """The commands of a page: lines of a block, with those that a backslash joins, and those in a text."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    inline = [re.sub(r"\s*\n\s*", " ", one) for one in re.findall(r"(?<!`)`(aws [^`]+)`", prose)]
    return [line.strip() for line in [*lines, *inline] if line.strip().startswith("aws ")]


COMMANDS = [(page, command) for page in PAGES for command in commands(page)]


def words_of(command: str, folder: Path) -> list[str]:
    """The words that arrive at the program when bash runs the command."""
    program = folder / "aws"
    program.write_text(STUB, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    arrived = folder / "arrived"
    environment = {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "ARRIVED": str(arrived)}
    subprocess.run(["bash", "-c", command], env=environment, cwd=folder, check=True, capture_output=True)
    (line,) = arrived.read_text(encoding="utf-8").splitlines()
    found: list[str] = json.loads(line)
    return found


def as_written(command: str) -> list[str]:
    """The words of a command if nothing in it meant anything to a shell but spaces and quotes."""
    words = shlex.split(command.split(" | ", maxsplit=1)[0])
    return [word for word in words[1:] if word != ">"]


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {one[:60]}" for page, one in COMMANDS])
class TestCommands:
    def test_arrives_as_written(self, page: str, command: str, tmp_path: Path) -> None:  # noqa: ARG002
        """No variable is expanded, and no quote is lost."""
        assert as_written(command) == words_of(command, tmp_path)

    def test_exists(self, page: str, command: str) -> None:  # noqa: ARG002
        """The operation exists, and has the options."""
        service, operation, *rest = as_written(command)
        if (service, operation) in NOT_OF_AN_API:
            return
        service = service.replace("s3api", "s3")  # as the program calls the API, beside its own commands
        client = boto3.session.Session().client(service, region_name="us-east-1")  # type: ignore[call-overload]
        operations = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
        shape = client.meta.service_model.operation_model(operations[operation]).input_shape
        members = {f"--{xform_name(name, '-')}" for name in shape.members}
        options = {word.split("=")[0] for word in rest if word.startswith("--")}
        known = members | {one.replace("--", "--no-", 1) for one in members} | OF_THE_PROGRAM
        assert set() == options - known


def test_would_be_seen(tmp_path: Path) -> None:
    """The test has teeth: a format between double quotes loses its variables, and its own quotes."""
    command = """aws apigateway update-stage --patch-operations "value='{"status":"$context.status"}'" """
    assert as_written(command) != words_of(command, tmp_path)


def test_all_pages() -> None:
    """There are commands to look at."""
    assert len(COMMANDS) > 10
