"""What a removed stack has left, and a restored table, in a new stack of ministack.

The engine imports tables, buckets and log groups, and no streams.
"""

from __future__ import annotations

import json

from tests.engines.conftest import Engine
from tools.adoption import adopt, adopted, template
from tools.deployment import Deployment

STACK = "usage-meter"
POLL = {"Delay": 1, "MaxAttempts": 60}
ITEM = {"pk": {"S": "key:shop"}, "sk": {"S": "2026-10"}, "requests": {"N": "7"}}
IMPORTED = ("AccessLogGroup", "CountersTable", "FailureBucket", "LakeBucket", "LedgerTable")


def test_left_and_restored(engine: Engine) -> None:
    """A stack is removed, its counters are restored to another name: a new stack has them and all else."""
    cloudformation, dynamodb = engine.client("cloudformation"), engine.client("dynamodb")
    body = json.dumps(template(adopted(dict.fromkeys(IMPORTED, "any"))))
    cloudformation.create_stack(StackName=STACK, TemplateBody=body)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig=POLL)
    left = resources(engine)
    dynamodb.put_item(TableName=left["CountersTable"], Item=ITEM)
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig=POLL)

    dynamodb.restore_table_to_point_in_time(
        SourceTableName=left["CountersTable"], TargetTableName="restored", UseLatestRestorableTime=True
    )
    expected = {**left, "CountersTable": "restored"}
    adopt(cloudformation, Deployment(STACK, "us-east-1"), adopted(expected), POLL)
    assert expected == resources(engine)
    assert [ITEM] == dynamodb.scan(TableName="restored")["Items"]


def resources(engine: Engine) -> dict[str, str]:
    """The names of the stack's resources in the account, by those of the template."""
    found = engine.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}
