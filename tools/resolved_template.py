"""Prints the template as one deployment has it: translated, parameters put in, conditions decided.

    python -m tools.resolved_template [PARAMETER=VALUE ...]

A rule of a linter that stumbles over `Fn::If` sees what will be there.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from local_cloud.template.document import Stack, translated


def resolved(parameters: dict[str, str]) -> dict[str, Any]:
    """The resources that exist with these parameters, with all of their values."""
    stack = Stack(parameters)
    resources = {
        name: {**written, "Properties": stack.resource(name)}
        for name, written in translated()["Resources"].items()
        if stack.has(name)
    }
    for resource in resources.values():
        resource.pop("Condition", None)
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def main(arguments: list[str]) -> None:
    """Print the template for `PARAMETER=VALUE` arguments."""
    parameters = dict(argument.split("=", 1) for argument in arguments)
    json.dump(resolved(parameters), sys.stdout, indent=2)


if __name__ == "__main__":
    main(sys.argv[1:])
