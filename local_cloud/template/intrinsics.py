"""CloudFormation's references and functions, resolved without CloudFormation.

`Ref Fn::GetAtt Fn::Sub Fn::Join Fn::Select Fn::Split Fn::FindInMap Fn::If` and conditions, as far as the
project's template uses them. Whatever is not known raises, naming its place: a wrong setting would be worse
than none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NO_VALUE = object()

# The property that names a resource of each type, where the template may set one.
NAMED_BY = {
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::Destination": "DestinationName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::LogStream": "LogStreamName",
    "AWS::Logs::SubscriptionFilter": "FilterName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}

# Types of which `Ref` gives the ARN.
REFERRED_TO_BY_ARN = frozenset({"AWS::SNS::Topic"})

# Glue's resources carry their names one level down.
NAMED_WITHIN = {"AWS::Glue::Database": "DatabaseInput", "AWS::Glue::Table": "TableInput"}

# What follows `arn:aws:` in the ARN of each type, as the service's documentation writes it.
ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Kinesis::Stream": "kinesis:{region}:{account}:stream/{name}",
    "AWS::KinesisFirehose::DeliveryStream": "firehose:{region}:{account}:deliverystream/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::Destination": "logs:{region}:{account}:destination:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
}

# The end of a stack's id, where CloudFormation has a UUID of the stack's creation.
STACK_UUID = "51af3dc0-da77-11e4-872e-1234567db123"

VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")


class UnresolvableError(Exception):
    """The template does not hold what was asked for, or uses a function that this module does not know."""


class Resolver:
    """Resolves the values of one template for one choice of parameters."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, object],
        region: str,
        account: str,
        stack: str,
    ) -> None:
        self._template = template
        self._account = account
        self._region = region
        self._stack = stack
        self._stack_arn = f"arn:aws:cloudformation:{region}:{account}:stack/{stack}"
        self._values = self._pseudo_parameters() | self._parameters(parameters)
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda arguments: str(arguments[0]).join(map(str, self.resolve(arguments[1]))),
            "Fn::Select": lambda arguments: self.resolve(arguments[1])[int(self.resolve(arguments[0]))],
            "Fn::Split": lambda arguments: str(self.resolve(arguments[1])).split(arguments[0]),
            "Fn::FindInMap": self._find_in_map,
            "Fn::If": lambda arguments: self.resolve(arguments[1 if self.holds(arguments[0]) else 2]),
            "Fn::Equals": lambda pair: str(self.resolve(pair[0])) == str(self.resolve(pair[1])),
            "Fn::Not": lambda conditions: not self.resolve(conditions[0]),
            "Fn::And": lambda conditions: all(self.resolve(condition) for condition in conditions),
            "Fn::Or": lambda conditions: any(self.resolve(condition) for condition in conditions),
            "Condition": self.holds,
        }

    def resolve(self, value: Any) -> Any:
        """The value with every reference and function in it replaced, and what has no value left out."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if function := self._function(value):
            return function(next(iter(value.values())))
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def properties(self, logical_id: str) -> dict[str, Any]:
        """The resolved properties of a resource that exists."""
        if not self.exists(logical_id):
            raise UnresolvableError(f"The condition of resource {logical_id!r} is false.")
        written = self._resource(logical_id).get("Properties", {})
        resolved = {key: self._at(f"{logical_id}.{key}", item) for key, item in written.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def exists(self, logical_id: str) -> bool:
        """Whether the resource's condition holds, if it has one."""
        condition = self._resource(logical_id).get("Condition")
        return condition is None or self.holds(condition)

    def holds(self, condition: str) -> bool:
        """Whether the named condition is true."""
        return bool(self.resolve(self._entry("Conditions", condition)))

    def broken_rules(self) -> list[str]:
        """What the template's rules say against these parameters."""
        rules: dict[str, dict[str, Any]] = self._template.get("Rules", {})
        return [
            str(assertion["AssertDescription"])
            for rule in rules.values()
            if self.resolve(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.resolve(assertion["Assert"])
        ]

    def _at(self, place: str, value: Any) -> Any:
        try:
            return self.resolve(value)
        except UnresolvableError as error:
            raise UnresolvableError(f"{place}: {error}") from error

    def _function(self, value: dict[str, Any]) -> Callable[[Any], Any] | None:
        if len(value) != 1:
            return None
        (name,) = value
        if name.startswith("Fn::") and name not in self._functions:
            raise UnresolvableError(f"{name} is not known here; teach it to {__name__}.")
        if name == "Condition" and not isinstance(value[name], str):
            return None
        return self._functions.get(name)

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if self._resource(name)["Type"] in REFERRED_TO_BY_ARN:
            return self._get_att([name, "Arn"])
        if self._resource(name)["Type"] == "AWS::SQS::Queue":
            return f"https://sqs.{self._region}.amazonaws.com/{self._account}/{self._name(name)}"
        return self._name(name)

    def _name(self, logical_id: str) -> str:
        resource = self._resource(logical_id)
        properties = resource.get("Properties", {})
        if within := NAMED_WITHIN.get(resource["Type"]):
            properties = properties.get(within, {})
        given = self.resolve(properties.get(NAMED_BY.get(resource["Type"], "Name"), NO_VALUE))
        return f"{self._stack}-{logical_id.lower()}" if given is NO_VALUE else str(given)

    def _get_att(self, arguments: list[str]) -> str:
        logical_id, attribute = arguments
        kind = self._resource(logical_id)["Type"]
        if attribute == "QueueName" and kind == "AWS::SQS::Queue":
            return self._name(logical_id)
        if attribute != "Arn" or kind not in ARNS:
            raise UnresolvableError(f"{attribute} of {logical_id} ({kind}) is not known here.")
        return f"arn:aws:{ARNS[kind]}".format(
            region=self._region, account=self._account, name=self._name(logical_id)
        )

    def _sub(self, argument: str | list[Any]) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return str(self.resolve(own[name]))
            return str(self._get_att(name.split(".", 1)) if "." in name else self._ref(name))

        return VARIABLE.sub(value, text)

    def _find_in_map(self, arguments: list[Any]) -> Any:
        name, first, second = (str(self.resolve(argument)) for argument in arguments)
        rows = self._entry("Mappings", name)
        if second not in rows.get(first, {}):
            raise UnresolvableError(f"Mapping {name} has no {first!r}, {second!r}.")
        return rows[first][second]

    def _resource(self, logical_id: str) -> dict[str, Any]:
        return self._entry("Resources", logical_id)

    def _entry(self, section: str, name: str) -> dict[str, Any]:
        entries: dict[str, dict[str, Any]] = self._template.get(section, {})
        if name not in entries:
            raise UnresolvableError(f"The template has no {name!r} among its {section.lower()}.")
        return entries[name]

    def _parameters(self, chosen: Mapping[str, object]) -> dict[str, Any]:
        declared: dict[str, dict[str, Any]] = self._template.get("Parameters", {})
        if unknown := sorted(set(chosen) - set(declared)):
            raise UnresolvableError(
                f"The template has no parameters {', '.join(unknown)}; it has {', '.join(sorted(declared))}."
            )
        if without := sorted(
            name for name in declared if "Default" not in declared[name] and name not in chosen
        ):
            raise UnresolvableError(f"Parameters without a default need a value: {', '.join(without)}.")
        return {
            name: _typed(chosen.get(name, entry.get("Default")), entry) for name, entry in declared.items()
        }

    def _pseudo_parameters(self) -> dict[str, object]:
        return {
            "AWS::AccountId": self._account,
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": self._region,
            "AWS::StackId": f"{self._stack_arn}/{STACK_UUID}",
            "AWS::StackName": self._stack,
            "AWS::URLSuffix": "amazonaws.com",
        }


def _typed(value: object, parameter: Mapping[str, object]) -> str | int:
    return int(str(value)) if parameter["Type"] == "Number" else str(value)
