"""Takes what a removed stack has left, or what was restored under another name, into a new stack.

    python -m tools.adoption [--file FILE] CountersTable=NAME LakeBucket=NAME ... [--apply]

A stack that is removed leaves what holds data. By CloudFormation's import of resources a new stack begins
with these, under the names that they have; `make deploy` then adds the rest, what is not named as
well. Without `--apply` nothing is changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import boto3

from local_cloud.template.document import translated
from tools.deployment import FILE, Deployment

IDENTIFIERS: Final = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
}
"""Of each type of what is left: the property by which an import names it."""

_KEPT: Final = ("AWSTemplateFormatVersion", "Parameters", "Conditions", "Mappings")
_POLL: Final = {"Delay": 5, "MaxAttempts": 240}


class AdoptionError(Exception):
    """What was named cannot be adopted."""


def adopted(names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The resources to import, as CloudFormation wants them named.

    Raises:
        AdoptionError: a name is that of nothing which a removed stack leaves.
    """
    resources = translated()["Resources"]
    left = {name for name, one in resources.items() if one["Type"] in IDENTIFIERS and "DeletionPolicy" in one}
    if unknown := names.keys() - left:
        raise AdoptionError(f"{', '.join(sorted(unknown))}: a stack leaves {', '.join(sorted(left))}")
    return [
        {
            "ResourceType": (kind := resources[name]["Type"]),
            "LogicalResourceId": name,
            "ResourceIdentifier": {IDENTIFIERS[kind]: value},
        }
        for name, value in names.items()
    ]


def template(imports: list[dict[str, Any]]) -> dict[str, Any]:
    """The template with these resources only: an import takes no others."""
    whole = translated()
    names = [one["LogicalResourceId"] for one in imports]
    kept: dict[str, Any] = {section: whole[section] for section in _KEPT if section in whole}
    return {**kept, "Resources": {name: whole["Resources"][name] for name in names}}


def adopt(
    cloudformation: Any, deployment: Deployment, imports: list[dict[str, Any]], poll: Mapping[str, int]
) -> None:
    """Make the stack of what is there, and wait until it is made."""
    values = {"StackName": deployment.stack, "ChangeSetName": "adoption"}
    cloudformation.create_change_set(
        **values,
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps(template(imports)),
        ResourcesToImport=imports,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in deployment.parameters.items()
        ],
    )
    cloudformation.get_waiter("change_set_create_complete").wait(**values, WaiterConfig=poll)
    cloudformation.execute_change_set(**values)
    cloudformation.get_waiter("stack_import_complete").wait(StackName=deployment.stack, WaiterConfig=poll)


def main(arguments: list[str]) -> int:
    """Show or adopt what is named; 2 if it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m tools.adoption", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="RESOURCE=NAME")
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--apply", action="store_true")
    parsed = parser.parse_args(arguments)
    deployment = Deployment.read(parsed.file)
    try:
        imports = adopted(dict(one.partition("=")[::2] for one in parsed.names))
    except AdoptionError as error:
        print(error, file=sys.stderr)
        return 2
    for one in imports:
        print(f"{one['LogicalResourceId']}: {next(iter(one['ResourceIdentifier'].values()))}")
    if not parsed.apply:
        print(f"Nothing is changed yet: --apply makes the stack {deployment.stack} of these.")
        return 0
    adopt(
        boto3.session.Session().client("cloudformation", region_name=deployment.region),
        deployment,
        imports,
        _POLL,
    )
    print("Adopted. `make deploy` adds the rest.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
