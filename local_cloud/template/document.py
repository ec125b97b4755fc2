"""The settings of `infra/template.yaml`, so that what runs on one machine is what is deployed.

    stack = Stack({"BatchingWindowSeconds": 1})           # parameters that differ from their defaults
    stack.resource("CallStream")                          # the properties of a resource, all resolved
    stack.resource("StreamProcessorFunctionCalls")        # the mapping that SAM makes of event `Calls`
    stack.environment("StreamProcessorFunction")          # the environment variables of a function
    stack.name("CountersTable"), stack.arn("CallStream")  # what Ref and GetAtt Arn give
    stack.output("AccessLogFormat")                       # an output of the stack
    stack.parameter("StreamRetentionHours")               # a parameter's value

All of it is read from the template as SAM's own translator turns it into CloudFormation: globals are merged
and events are resources. A resource without a name in the template gets one of the stack's and its logical
id, as CloudFormation would give it, less the random end.

`python -m local_cloud.template.document` prints the translation as JSON, for cfn-lint.
"""

from __future__ import annotations

import copy
import json
import logging
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local_cloud.template.intrinsics import Resolver, UnresolvableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = Path(__file__).resolve()
_INSTALLED = _HERE.with_name("template.yaml")
TEMPLATE = _INSTALLED if _INSTALLED.is_file() else _HERE.parents[2] / "infra" / "template.yaml"
"""A wheel carries a copy beside this module; a checkout has one template, in `infra/`."""
REGION = "us-east-1"
ACCOUNT = "123456789012"
STACK_NAME = "usage-meter"

# The translator takes packages in S3 only; `sam validate` puts such a stand-in into the template as well.
PACKAGE = "s3://package/package.zip"


class Stack:
    """The template as one deployment of it would be: parameters chosen, every reference resolved."""

    def __init__(
        self, parameters: Mapping[str, object] | None = None, *, region: str = REGION, account: str = ACCOUNT
    ) -> None:
        """Choose `parameters`; the rest keep their defaults.

        Raises `UnresolvableError` for a parameter that the template does not have.
        """
        self._template = _translated()  # the resolver changes nothing in it
        self._resolver = Resolver(self._template, parameters or {}, region, account, STACK_NAME)

    def resource(self, logical_id: str) -> dict[str, Any]:
        """The resolved properties of a resource; `UnresolvableError` if the stack has none of that id."""
        return self._resolver.properties(logical_id)

    def has(self, logical_id: str) -> bool:
        """Whether the resource exists with these parameters."""
        return self._resolver.exists(logical_id)

    def environment(self, logical_id: str) -> dict[str, str]:
        """The environment variables of a function."""
        variables = self.resource(logical_id)["Environment"]["Variables"]
        return {name: str(value) for name, value in variables.items()}

    def name(self, logical_id: str) -> str:
        """What `Ref` gives: the physical name of the resource."""
        return str(self._resolver.resolve({"Ref": logical_id}))

    def arn(self, logical_id: str) -> str:
        """What `GetAtt` gives for the attribute `Arn`."""
        return str(self._resolver.resolve({"Fn::GetAtt": [logical_id, "Arn"]}))

    def output(self, name: str) -> str:
        """The value of an output of the stack."""
        outputs = self._template["Outputs"]
        if name not in outputs:
            raise UnresolvableError(
                f"{TEMPLATE.name} has no output {name!r}; it has {', '.join(sorted(outputs))}."
            )
        return str(self._resolver.resolve(outputs[name]["Value"]))

    @property
    def broken_rules(self) -> list[str]:
        """Why CloudFormation would refuse these parameters together; nothing if it would not."""
        return self._resolver.broken_rules()

    @property
    def outputs(self) -> dict[str, str]:
        """All outputs of the stack, by their names."""
        return {name: self.output(name) for name in self._template["Outputs"]}

    @property
    def parameters(self) -> dict[str, str]:
        """The values of all parameters, by their names."""
        return {name: self.parameter(name) for name in self._template["Parameters"]}

    def parameter(self, name: str) -> str:
        """The value of a parameter, as text, as CloudFormation keeps it."""
        return str(self._resolver.resolve({"Ref": name}))


def resource(logical_id: str, **parameters: object) -> dict[str, Any]:
    """The resolved properties of one resource: `Stack(parameters).resource(logical_id)`."""
    return Stack(parameters).resource(logical_id)


def load_template() -> dict[str, Any]:
    """The SAM template as it is written, its short tags (`!Ref`) in their long form (`{"Ref": ...}`)."""
    return copy.deepcopy(_loaded())


def translated() -> dict[str, Any]:
    """The CloudFormation template that SAM makes of it, without the network."""
    return copy.deepcopy(_translated())


@cache
def _loaded() -> dict[str, object]:
    template = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader
    if not isinstance(template, dict):
        raise UnresolvableError(f"{TEMPLATE} holds no mapping.")
    return template


@cache
def _translated() -> dict[str, Any]:
    template = load_template()
    for written in template["Resources"].values():
        if written["Type"] == "AWS::Serverless::Function":
            written["Properties"]["CodeUri"] = PACKAGE
    # It warns that a list of features, which only AWS has, is not here.
    logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    result: dict[str, Any] = translator.translate(template, parameter_values={})
    return result


class _TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's short tags, and dates (the versions of policies) as text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _short_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, object]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    value: object
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {name: value.split(".", 1) if suffix == "GetAtt" and isinstance(value, str) else value}


_TemplateLoader.add_multi_constructor("!", _short_tag)


if __name__ == "__main__":
    json.dump(_translated(), sys.stdout, indent=2)
