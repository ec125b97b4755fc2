"""A deployment as its stack describes it."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber

from adapters.deployment import Deployment
from adapters.settings.functions import ReconciliationSettings
from local_cloud.stack import LocalCloud
from metering.errors import Misconfigured, Transient


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """One whose stack CloudFormation describes."""
    with LocalCloud({"NotBillable": "4xx"}) as running:
        running.publish()
        yield running


def test_it_names_what_a_reconciliation_reads(cloud: LocalCloud) -> None:
    """By the outputs of the stack."""
    deployment = Deployment.of_stack(cloud.client("cloudformation"), "usage-meter")

    assert ReconciliationSettings(
        counters_table=cloud.stack.name("CountersTable"),
        lake_bucket=cloud.stack.name("LakeBucket"),
        lake_database="usage_meter",
        workgroup="usage-meter",
        delivery_stream=cloud.stack.name("LakeDeliveryStream"),
        log_groups=(cloud.log_group,),
        look_up_plan="usage-meter-look-ups",
    ) == (deployment.reconciliation)
    assert [cloud.stack.name("FailureBucket")] == deployment.values("FailureBucketName")


def test_its_rule_is_the_stacks(cloud: LocalCloud) -> None:
    """What is redriven is billed as it would have been."""
    deployment = Deployment.of_stack(cloud.client("cloudformation"), "usage-meter")

    assert frozenset(range(400, 500)) == deployment.rule.exempt
    assert frozenset({429, *range(500, 600)}) == Deployment({}).rule.exempt


def test_a_stack_that_is_not_there(cloud: LocalCloud) -> None:
    """The sentence names it and the region, where most mistakes are made."""
    with pytest.raises(Misconfigured, match="no stack my-meter in us-east-1: name stack, region and profile"):
        Deployment.of_stack(cloud.client("cloudformation"), "my-meter")


def test_a_description_that_is_throttled() -> None:
    """CloudFormation says it by a code of its own. It is no fault of any setting."""
    cloudformation = boto3.session.Session().client("cloudformation", "us-east-1")
    with Stubber(cloudformation) as service:
        service.add_client_error("describe_stacks", "Throttling", "Rate exceeded", http_status_code=400)
        with pytest.raises(Transient, match=r"DescribeStacks of usage-meter: .*Rate exceeded"):
            Deployment.of_stack(cloudformation, "usage-meter")


def test_outputs_that_are_missing_are_all_named() -> None:
    """A stack of an older template lacks some."""
    with pytest.raises(Misconfigured) as caught:
        _ = Deployment({"CountersTableName": "counters", "LakeBucketName": "lake"}).reconciliation

    assert (
        "the stack has no output LakeDatabaseName: deploy the template again",
        "the stack has no output AthenaWorkGroupName: deploy the template again",
        "the stack has no output LakeDeliveryStreamName: deploy the template again",
        "the stack has no output AccessLogGroupName: deploy the template again",
    ) == caught.value.faults
