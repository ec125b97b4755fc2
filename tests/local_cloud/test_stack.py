"""The stack of the template on one machine."""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.stack import LocalCloud, NotOnThisMachineError


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """One with a batching window of a second."""
    with LocalCloud({"BatchingWindowSeconds": 1}) as running:
        yield running


def test_it_has_the_templates_resources(cloud: LocalCloud) -> None:
    """Under the names that the functions are given."""
    environment = cloud.environment("StreamProcessorFunction")
    tables = cloud.client("dynamodb").list_tables()["TableNames"]
    buckets = {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}
    table = cloud.client("glue").get_table(DatabaseName="usage_meter", Name="api_gateway_logs")["Table"]

    assert {environment["COUNTERS_TABLE"], environment["LEDGER_TABLE"]} == set(tables)
    assert {cloud.stack.name("LakeBucket"), cloud.stack.name("FailureBucket")} == buckets
    assert "eventid" == table["StorageDescriptor"]["Columns"][0]["Name"]
    assert cloud.endpoint.endpoint_url == environment["AWS_ENDPOINT_URL"]


def test_tables_have_the_templates_keys(cloud: LocalCloud) -> None:
    """A counter is found by key and period."""
    name = cloud.stack.name("CountersTable")
    keys = cloud.client("dynamodb").describe_table(TableName=name)["Table"]["KeySchema"]

    assert [("pk", "HASH"), ("sk", "RANGE")] == [(key["AttributeName"], key["KeyType"]) for key in keys]


def test_the_stream_is_as_the_template_says(cloud: LocalCloud) -> None:
    """One shard; retention and encryption are set."""
    summary = cloud.client("kinesis").describe_stream_summary(StreamName=cloud.stream.name)
    description = summary["StreamDescriptionSummary"]

    assert (1, 24, "KMS") == (
        description["OpenShardCount"],
        description["RetentionPeriodHours"],
        description["EncryptionType"],
    )


def test_an_on_demand_stream_has_four_shards() -> None:
    """As on AWS, however little comes."""
    with LocalCloud({"StreamMode": "ON_DEMAND"}) as cloud:
        assert 4 == len(cloud.stream.open_shards())


def test_a_provisioned_stream_has_its_shards() -> None:
    """Parameters of the template are parameters here."""
    with LocalCloud({"StreamMode": "PROVISIONED", "ShardCount": 3}) as cloud:
        assert 3 == len(cloud.stream.open_shards())


def test_a_line_written_reaches_the_function(cloud: LocalCloud) -> None:
    """Log group, subscription, stream, event source mapping, function: with the settings of the template."""
    events: list[dict[str, Any]] = []
    logs = cloud.client("logs")
    logs.create_log_stream(logGroupName=cloud.log_group, logStreamName="s")
    now = int(datetime.now(UTC).timestamp() * 1000)

    with cloud.mapping(
        "StreamProcessorFunction", "Calls", lambda event, _context: events.append(event)
    ) as mapping:
        logs.put_log_events(
            logGroupName=cloud.log_group,
            logStreamName="s",
            logEvents=[{"timestamp": now, "message": "a line"}],
        )
        mapping.drain(30)

    (record,) = events[0]["Records"]
    data = cloud.client("kinesis").get_records(
        ShardIterator=cloud.client("kinesis").get_shard_iterator(
            StreamName=cloud.stream.name,
            ShardId=record["eventID"].partition(":")[0],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
    )["Records"][0]["Data"]
    assert ["a line"] == [event["message"] for event in json.loads(gzip.decompress(data))["logEvents"]]
    assert cloud.stack.arn("CallStream") == record["eventSourceARN"]


def test_a_function_has_its_templates_settings(cloud: LocalCloud) -> None:
    """Name, memory and time-out reach the context."""
    contexts: list[Any] = []
    function = cloud.function("FirehoseTransformFunction", lambda _event, context: contexts.append(context))
    function.invoke({})

    (context,) = contexts
    assert (cloud.stack.name("FirehoseTransformFunction"), "512") == (
        context.function_name,
        context.memory_limit_in_mb,
    )
    assert 110_000 < context.get_remaining_time_in_millis() <= 120_000


def test_an_existing_log_group_can_be_metered() -> None:
    """With the parameter for it, no log group of the stack's own is made."""
    with LocalCloud({"ExistingLogGroupName": "/aws/apigateway/shop"}) as cloud:
        groups = cloud.client("logs").describe_log_groups()["logGroups"]

    assert ["/aws/apigateway/shop"] == [group["logGroupName"] for group in groups]


def test_tables_elsewhere_are_never_replaced() -> None:
    """An external DynamoDB must be on this machine, because its tables are deleted first."""
    with pytest.raises(NotOnThisMachineError, match=r"dynamodb\.eu-west-1\.amazonaws\.com"):
        LocalCloud(dynamodb_endpoint="https://dynamodb.eu-west-1.amazonaws.com")


def test_an_external_dynamodb_gets_the_tables_anew(cloud: LocalCloud) -> None:
    """Another run's counts do not stay in them."""
    elsewhere = cloud.client("dynamodb")
    name = cloud.stack.name("LedgerTable")
    elsewhere.put_item(TableName=name, Item={"pk": {"S": "old"}})

    cloud.create_tables()

    assert 0 == elsewhere.scan(TableName=name)["Count"]


def test_cloudformation_describes_it(cloud: LocalCloud) -> None:
    """With the outputs and parameters of the template, by which commands find their way."""
    cloud.publish()
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="usage-meter")["Stacks"]

    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}
    assert cloud.stack.outputs == outputs
    assert cloud.stack.name("CountersTable") == outputs["CountersTableName"]
    assert cloud.stack.parameters == parameters
    assert "1" == parameters["BatchingWindowSeconds"]


def test_an_external_dynamodb_is_where_its_clients_go() -> None:
    """And those of other services do not."""
    with LocalEndpoint(dynamodb_endpoint="http://127.0.0.1:8000") as endpoint:
        assert "http://127.0.0.1:8000" == endpoint.access("dynamodb")["endpoint_url"]
        assert endpoint.endpoint_url == endpoint.access("s3")["endpoint_url"]
        assert "http://127.0.0.1:8000" == endpoint.client("dynamodb").meta.endpoint_url


@pytest.fixture
def empty() -> Iterator[LocalCloud]:
    """A cloud to whose stream nothing was written."""
    with LocalCloud() as running:
        yield running


def test_an_idle_stream_is_not_read(empty: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping and a delivery stream send requests only when something was put or the shards have changed,
    and then see all of it.
    """
    actions, seen = list[str](), list[str]()
    handle = empty.kinesis.handle

    def noted(action: str, request: Mapping[str, Any]) -> dict[str, Any]:
        actions.append(action)
        return handle(action, request)

    def process(event: dict[str, Any], _context: Any) -> None:
        seen.extend(base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"])

    def drop(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        return {
            "records": [{"recordId": record["recordId"], "result": "Dropped"} for record in event["records"]]
        }

    monkeypatch.setattr(empty.kinesis, "handle", noted)
    mapping = empty.mapping("StreamProcessorFunction", "Calls", process)
    delivery = empty.delivery_stream(drop)
    for puts in range(3):
        empty.stream.put("any", f"call {puts}".encode())
        with mapping, delivery:
            mapping.drain(30)
            delivery.drain(30)
        read = actions.count("GetRecords")
        assert (False, False) == (mapping.step(), delivery.step())
        assert read == actions.count("GetRecords")
        empty.stream.split(empty.stream.open_shards()[-1].id, 2**128 - 2**100 + puts)
        assert puts + 1 == delivery.progress.dropped
    assert ["call 0", "call 1", "call 2"] == seen
