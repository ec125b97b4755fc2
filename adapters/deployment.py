"""A deployment as its stack describes it, on AWS and in the local cloud alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from adapters.errors import AWS_ERRORS, code_of, translate
from adapters.settings.functions import ReconciliationSettings
from metering.billing_rule import NOT_BILLABLE, BillingRule
from metering.calls.privacy import PersonalData, Treatment
from metering.errors import Misconfigured
from metering.line_format.field_map import parse_field_map

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

_NO_SUCH_STACK = "ValidationError"


@dataclass(frozen=True, slots=True)
class Deployment:
    """The outputs and parameters of a stack, by their names."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    stack_id: str = ""

    @classmethod
    def of_stack(cls, cloudformation: CloudFormationClient, stack_name: str) -> Self:
        """The deployment of that name. `cloudformation` is a boto3 client.

        Raises:
            Misconfigured: there is no such stack in the account and region, or it may not be read.
            Transient: AWS does not answer.
        """
        try:
            (stack,) = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
        except AWS_ERRORS as error:
            if code_of(error) == _NO_SUCH_STACK:
                region = cloudformation.meta.region_name
                raise Misconfigured(
                    [f"there is no stack {stack_name} in {region}: name stack, region and profile"]
                ) from error
            raise translate(error, f"DescribeStacks of {stack_name}") from error
        return cls(
            {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
            {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack.get("Parameters", [])},
            stack.get("StackId", ""),
        )

    def values(self, *names: str) -> list[str]:
        """The outputs of these names.

        Raises:
            Misconfigured: some are missing, all of them named.
        """
        missing = [name for name in names if name not in self.outputs]
        if missing:
            raise Misconfigured(
                [f"the stack has no output {name}: deploy the template again" for name in missing]
            )
        return [self.outputs[name] for name in names]

    @property
    def reconciliation(self) -> ReconciliationSettings:
        """What a reconciliation reads.

        Raises:
            Misconfigured: outputs are missing.
        """
        names = (
            *("CountersTableName", "LakeBucketName", "LakeDatabaseName", "AthenaWorkGroupName"),
            *("LakeDeliveryStreamName", "AccessLogGroupName"),
        )
        counters_table, lake_bucket, lake_database, workgroup, delivery_stream, log_group = self.values(
            *names
        )
        further = [self.parameters.get(name, "") for name in ("SecondLogGroupName", "ThirdLogGroupName")]
        return ReconciliationSettings(
            counters_table,
            lake_bucket,
            lake_database,
            workgroup,
            delivery_stream,
            tuple(name for name in (log_group, *further) if name),
            self.rule,
            self._look_up_plan,
        )

    @property
    def _look_up_plan(self) -> str:
        """The usage plan that the template makes for look-ups, by the stack's name."""
        _, _, rest = self.stack_id.partition("/")
        return f"{rest.partition('/')[0]}-look-ups" if rest else ""

    @property
    def rule(self) -> BillingRule:
        """Which calls are billed, and where a line has their values."""
        return self.rule_by(self.parameters.get("FieldMap", ""))

    def rule_by(self, field_map: str) -> BillingRule:
        """The same with another field map.

        Raises ValueError where it is none.
        """
        return BillingRule(self.parameters.get("NotBillable", NOT_BILLABLE), parse_field_map(field_map))

    @property
    def personal(self) -> PersonalData:
        """What the lake keeps of addresses and agents; the template makes the same key of the stack's id."""
        key = self.stack_id.rpartition("/")[2].encode()
        return PersonalData(Treatment(self.parameters.get("PersonalData", "keep")), key)
