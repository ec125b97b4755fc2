"""Deploys the stack as a file describes it: `make deploy`.

    python -m tools.deployment [--file FILE] [--template FILE] [--sam PROGRAM] [OPTION OF SAM ...]

The file names the stack, its region, and the parameters that deviate from the template's defaults; each other
parameter has its default, so that a line that is removed is undone by the next deployment. Where there is no
file yet, three questions make one, and Enter answers each.

    stack: usage-meter
    region: eu-central-1
    parameters:
      AlarmEmail: on-call@example.com
      StreamRetentionHours: 168
    tags:
      cost-center: billing

The change set of a stack that exists is shown before it is carried out, and, on a terminal, asked for.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import boto3
import yaml
from botocore.exceptions import ClientError

from local_cloud.template.document import load_template
from tools.build_lambda import ROOT

FILE: Final = ROOT / "infra" / "deployment.yaml"
TEMPLATE: Final = ROOT / "infra" / "template.yaml"
SAM: Final = ROOT / ".venv-sam" / "bin" / "sam"
STACK: Final = "usage-meter"
REGION: Final = "us-east-1"

_SECTIONS: Final = ("stack", "region", "parameters", "tags")
_STACK_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_COMMENT: Final = """\
# What `make deploy` deploys. Parameters that are not named have their defaults: docs/deploy.md lists them.
"""

Ask = Callable[[str], str]


class DeploymentError(Exception):
    """The file cannot be deployed; the text says why, and where."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One stack, and what deviates from the template's defaults."""

    stack: str
    region: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The deployment that a file describes.

        Raises:
            DeploymentError: with every fault of the file.
        """
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - makes texts only
        except yaml.YAMLError as error:
            raise DeploymentError(f"{path} is not YAML: {error}") from error
        faults = list(_faults(content, load_template()["Parameters"]))
        if faults:
            raise DeploymentError("\n".join(f"{path}: {fault}" for fault in faults))
        return cls(
            content["stack"], content["region"], content.get("parameters") or {}, content.get("tags") or {}
        )

    def write(self, path: Path) -> None:
        """Make the file that describes it."""
        content: dict[str, Any] = {"stack": self.stack, "region": self.region}
        content |= {name: dict(value) for name in ("parameters", "tags") if (value := getattr(self, name))}
        path.write_text(_COMMENT + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def values(self) -> dict[str, str]:
        """The values of all parameters: those of the file, the template's defaults for the rest."""
        defaults = {name: str(one["Default"]) for name, one in load_template()["Parameters"].items()}
        return {**defaults, **self.parameters}


def _faults(content: Any, declared: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if not isinstance(content, dict):
        yield "holds no mapping"
        return
    for name in sorted(set(content) - set(_SECTIONS)):
        yield f"{name!r} is none of {', '.join(_SECTIONS)}"
    if not _STACK_NAME.fullmatch(str(content.get("stack", ""))):
        yield f"stack is {content.get('stack')!r}: it must be lower-case letters, digits and hyphens"
    if not content.get("region"):
        yield "region is not set"
    for section in ("parameters", "tags"):
        if not isinstance(content.get(section) or {}, dict):
            yield f"{section} is not a mapping"
            return
    for name, value in (content.get("parameters") or {}).items():
        yield from _faults_of_parameter(name, value, declared)


def _faults_of_parameter(name: str, value: Any, declared: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if name not in declared:
        yield f"the template has no parameter {name!r}"
        return
    rules = declared[name]
    allowed = [str(one) for one in rules.get("AllowedValues", [value])]
    if not isinstance(value, str) or value not in allowed:
        yield f"{name} is {value!r}: it must be one of {', '.join(allowed)}"
    elif not re.search(rules.get("AllowedPattern", ""), value):
        yield f"{name} is {value!r}: it must be {rules['ConstraintDescription']}"
    elif rules["Type"] == "Number" and not _within(value, rules):
        yield f"{name} is {value!r}: it must be from {rules.get('MinValue')} to {rules.get('MaxValue')}"


def _within(value: str, rules: Mapping[str, Any]) -> bool:
    if "MinValue" not in rules:
        return True  # one of the allowed values
    return (
        re.fullmatch(r"-?[0-9]+", value) is not None and rules["MinValue"] <= int(value) <= rules["MaxValue"]
    )


def asked(ask: Ask, region: str) -> Deployment:
    """A deployment from the answers to three questions; an empty answer takes what is proposed."""
    stack = ask(f"Name of the stack [{STACK}]: ").strip() or STACK
    chosen = ask(f"Region [{region}]: ").strip() or region
    email = ask("Address to which alarms are sent [nobody]: ").strip()
    return Deployment(stack, chosen, {"AlarmEmail": email} if email else {})


def command(deployment: Deployment, template: Path, sam: Path, *, confirms: bool) -> list[str]:
    """How SAM deploys it."""
    values = [f"{name}={_quoted(value)}" for name, value in deployment.values().items()]
    tags = [f"{name}={_quoted(value)}" for name, value in deployment.tags.items()]
    return [
        *(str(sam), "deploy", "--template-file", str(template)),
        *("--stack-name", deployment.stack, "--region", deployment.region),
        *("--capabilities", "CAPABILITY_IAM", "--resolve-s3", "--no-fail-on-empty-changeset"),
        "--confirm-changeset" if confirms else "--no-confirm-changeset",
        *("--parameter-overrides", *values),
        *(("--tags", *tags) if tags else ()),
    ]


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def exists(deployment: Deployment) -> bool:
    """Whether the stack is there already."""
    client = boto3.session.Session().client("cloudformation", region_name=deployment.region)
    try:
        return bool(client.describe_stacks(StackName=deployment.stack)["Stacks"])
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise


def main(arguments: list[str]) -> int:
    """Deploy; the exit code is SAM's."""
    parser = argparse.ArgumentParser(prog="python -m tools.deployment", description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--template", type=Path, default=TEMPLATE)
    parser.add_argument("--sam", type=Path, default=SAM)
    options, further = parser.parse_known_args(arguments)
    if not options.file.exists():
        asked(input, boto3.session.Session().region_name or REGION).write(options.file)
        print(f"{options.file} was made: edit it to change a parameter.")
    deployment = Deployment.read(options.file)
    confirms = sys.stdin.isatty() and exists(deployment)
    called = command(deployment, options.template, options.sam, confirms=confirms)
    sys.stdout.flush()
    return subprocess.run([*called, *further], check=False).returncode  # noqa: S603 - the arguments are ours


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (DeploymentError, OSError, EOFError) as error:
        sys.exit(str(error) or os.strerror(1))
