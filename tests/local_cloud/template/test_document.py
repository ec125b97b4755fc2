"""The settings of the template as the local cloud reads them."""

from __future__ import annotations

import pytest

from local_cloud.template.document import Stack, load_template, resource, translated
from local_cloud.template.intrinsics import UnresolvableError


class TestReading:
    def test_short_tags(self) -> None:
        """`!Ref` and its like are read in their long form, and a policy's version stays text."""
        role = load_template()["Resources"]["AccessLogSubscription"]["Properties"]
        assert {"Fn::GetAtt": ["CallStream", "Arn"]} == role["DestinationArn"]
        trust = load_template()["Resources"]["LakeDeliveryRole"]["Properties"]["AssumeRolePolicyDocument"]
        assert "2012-10-17" == trust["Version"]

    def test_translation(self) -> None:
        """SAM's functions and events become what CloudFormation deploys."""
        kinds = {entry["Type"] for entry in translated()["Resources"].values()}
        assert {"AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping"} < kinds
        assert not [kind for kind in kinds if kind.startswith("AWS::Serverless")]

    def test_copies(self) -> None:
        """Whoever changes what was read changes it for nobody else."""
        translated()["Resources"].clear()
        load_template()["Resources"].clear()
        assert translated()["Resources"]
        assert load_template()["Resources"]


class TestStack:
    def test_defaults(self) -> None:
        """A parameter not chosen keeps its default."""
        assert 5 == resource("StreamProcessorFunctionCalls")["MaximumBatchingWindowInSeconds"]

    def test_parameters(self) -> None:
        """A chosen parameter stands wherever the template uses it."""
        mapping = resource("StreamProcessorFunctionCalls", BatchingWindowSeconds=1)
        assert 1 == mapping["MaximumBatchingWindowInSeconds"]
        assert "24" == Stack({"StreamRetentionHours": 24}).parameter("StreamRetentionHours")

    def test_unknown_parameter(self) -> None:
        """A misspelt parameter is named, with those that exist."""
        with pytest.raises(UnresolvableError, match=r"BatchWindow; it has .*BatchingWindowSeconds"):
            Stack({"BatchWindow": 1})

    def test_environment(self) -> None:
        """Globals are merged and every value is text, as a function gets it."""
        variables = Stack({"LedgerLanes": 3}).environment("StreamProcessorFunction")
        assert ["3", "INFO"] == [variables[name] for name in ("LEDGER_LANES", "POWERTOOLS_LOG_LEVEL")]

    def test_names(self) -> None:
        """A resource without a name gets the stack's and its own; one with a name keeps it."""
        stack = Stack(region="eu-central-1", account="210987654321")
        assert "usage-meter-callstream" == stack.name("CallStream")
        assert "api_gateway_logs" == stack.name("LakeTable")
        assert "arn:aws:kinesis:eu-central-1:210987654321:stream/usage-meter-callstream" == stack.arn(
            "CallStream"
        )

    def test_unknown_resource(self) -> None:
        """A resource that the template lacks is named."""
        with pytest.raises(UnresolvableError, match="no 'Stream' among its resources"):
            resource("Stream")

    def test_absent_resource(self) -> None:
        """A resource whose condition is false is not there."""
        with pytest.raises(UnresolvableError, match="condition of resource 'AccessLogGroup' is false"):
            resource("AccessLogGroup", ExistingLogGroupName="orders")

    def test_unknown_output(self) -> None:
        """An output that the template lacks is named, with those that exist."""
        with pytest.raises(UnresolvableError, match=r"'Format'; it has AccessLogFormat,"):
            Stack().output("Format")
