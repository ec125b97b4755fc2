"""The local AWS endpoint as boto3 sees it."""

import http.client
import io
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.endpoint.service import AwsError


class Echo:
    """Takes Athena over: answers with what it was asked, or fails as it was set to."""

    target_prefix = "AmazonAthena"

    def __init__(self, endpoint: LocalEndpoint) -> None:
        self._endpoint = endpoint

    def handle(self, action: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """StartQueryExecution and GetQueryExecution only."""
        if action == "StartQueryExecution":
            buckets = self._endpoint.client("s3").list_buckets()["Buckets"]
            return {"QueryExecutionId": f"{request['QueryString']} {len(buckets)}"}
        if action == "GetQueryExecution":
            moment = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
            return {"QueryExecution": {"Status": {"SubmissionDateTime": moment}}}
        if action == "StopQueryExecution":
            raise ZeroDivisionError("a fault of ours")
        raise AwsError("InvalidRequestException", f"no {action}")


def create_table(endpoint: LocalEndpoint, name: str) -> Any:
    """A client of a table with the key ``pk``."""
    dynamodb = endpoint.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return dynamodb


def test_ordinary_clients_work_for_every_api_of_the_meter(endpoint: LocalEndpoint) -> None:
    """Each API that the template names answers, at one address."""
    endpoint.client("s3").create_bucket(Bucket="any-bucket")
    endpoint.client("glue").create_database(DatabaseInput={"Name": "db"})
    endpoint.client("events").put_events(Entries=[{"Source": "meter", "DetailType": "t", "Detail": "{}"}])

    assert "any-bucket" in {b["Name"] for b in endpoint.client("s3").list_buckets()["Buckets"]}
    assert ["db"] == [d["Name"] for d in endpoint.client("glue").get_databases()["DatabaseList"]]
    assert [] == endpoint.client("firehose").list_delivery_streams()["DeliveryStreamNames"]
    assert [] == endpoint.client("athena").list_query_executions()["QueryExecutionIds"]
    assert [] == endpoint.client("logs").describe_log_groups(logGroupNamePrefix="none")["logGroups"]


def test_concurrent_increments_are_all_kept(endpoint: LocalEndpoint) -> None:
    """moto alone loses updates under threads; behind the endpoint none is lost."""
    dynamodb = create_table(endpoint, "increments")

    def increment() -> None:
        for _ in range(40):
            dynamodb.update_item(
                TableName="increments",
                Key={"pk": {"S": "k"}},
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=increment) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert "320" == dynamodb.get_item(TableName="increments", Key={"pk": {"S": "k"}})["Item"]["n"]["N"]


def test_a_refused_condition_returns_the_old_item(endpoint: LocalEndpoint) -> None:
    """The answer on which the counters rely: ReturnValuesOnConditionCheckFailure."""
    dynamodb = create_table(endpoint, "conditions")
    dynamodb.put_item(TableName="conditions", Item={"pk": {"S": "k"}, "w": {"B": b"\x02"}})

    with pytest.raises(ClientError) as error:
        dynamodb.update_item(
            TableName="conditions",
            Key={"pk": {"S": "k"}},
            UpdateExpression="SET w = :w",
            ConditionExpression="w < :w",
            ExpressionAttributeValues={":w": {"B": b"\x01"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert {"B": b"\x02"} == error.value.response["Item"]["w"]  # type: ignore[typeddict-item]  # only on this error


@pytest.mark.parametrize("size", [0, 1, 100_000, 20_000_000])
def test_bodies_of_any_size_go_through(endpoint: LocalEndpoint, size: int) -> None:
    """Uploads arrive whole, also in parts and with ``Expect: 100-continue``; ranges and HEAD are right."""
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=f"bodies-{size}")
    s3.upload_fileobj(io.BytesIO(b"\x00\xff" * (size // 2)), f"bodies-{size}", "a key/ü")

    assert size // 2 * 2 == s3.head_object(Bucket=f"bodies-{size}", Key="a key/ü")["ContentLength"]
    assert b"\x00\xff" * (size // 2) == s3.get_object(Bucket=f"bodies-{size}", Key="a key/ü")["Body"].read()


def test_one_connection_carries_many_requests(endpoint: LocalEndpoint) -> None:
    """HTTP/1.1 with keep-alive, also after an error and a HEAD."""
    host = endpoint.endpoint_url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    sockets = set()
    for method, path in [
        ("GET", "/no-bucket/k"),
        ("HEAD", "/no-bucket/k"),
        ("GET", "/"),
        ("PUT", "/bucket-x"),
    ]:
        connection.request(method, path, body=b"" if method == "PUT" else None)
        connection.getresponse().read()
        sockets.add(id(connection.sock))
    connection.close()

    assert 1 == len(sockets)


def test_a_service_takes_its_api_over() -> None:
    """It sees the action and the request, may call the endpoint itself, and its times arrive as times."""
    with LocalEndpoint() as endpoint:
        endpoint.take_over(Echo(endpoint))
        athena = endpoint.client("athena")

        assert "select 1 0" == athena.start_query_execution(QueryString="select 1")["QueryExecutionId"]
        status = athena.get_query_execution(QueryExecutionId="x")["QueryExecution"]["Status"]
        assert datetime(2026, 11, 1, 12, 30, tzinfo=UTC) == status["SubmissionDateTime"]


def test_an_error_of_a_service_is_the_clients_exception() -> None:
    """``AwsError`` becomes the exception that boto3 names so; a fault of ours is an internal failure."""
    with LocalEndpoint() as endpoint:
        endpoint.take_over(Echo(endpoint))
        athena = endpoint.client("athena")

        with pytest.raises(athena.exceptions.InvalidRequestException, match="no ListWorkGroups"):
            athena.list_work_groups()

        connection = http.client.HTTPConnection(endpoint.endpoint_url.removeprefix("http://"), timeout=60)
        answers = []
        for action, body in [("StopQueryExecution", "{}"), ("GetQueryExecution", "[]"), ("X", "{")]:
            connection.request("POST", "/", body, {"X-Amz-Target": f"AmazonAthena.{action}"})
            response = connection.getresponse()
            answers.append((response.status, json.loads(response.read())["__type"]))
        connection.close()

    assert [
        (500, "InternalFailure"),
        (400, "SerializationException"),
        (400, "SerializationException"),
    ] == answers


def test_endpoints_share_nothing() -> None:
    """Two endpoints of a process have accounts of their own; a stopped one leaves nothing behind."""
    with LocalEndpoint() as first, LocalEndpoint() as second:
        create_table(first, "t")
        first.client("s3").create_bucket(Bucket="same-name")
        second.client("s3").create_bucket(Bucket="same-name")
        first.client("s3").put_object(Bucket="same-name", Key="k", Body=b"1")
        accounts = {first.account_id, second.account_id}

        assert [] == second.client("dynamodb").list_tables()["TableNames"]
        assert 0 == second.client("s3").list_objects_v2(Bucket="same-name")["KeyCount"]

    with LocalEndpoint() as third:
        assert third.account_id in accounts
        assert [] == third.client("dynamodb").list_tables()["TableNames"]
        assert [] == third.client("s3").list_buckets()["Buckets"]


def test_the_environment_leads_to_the_endpoint() -> None:
    """boto3 needs no other setting; DynamoDB alone may be elsewhere."""
    with LocalEndpoint(dynamodb_endpoint="http://127.0.0.1:8000") as endpoint:
        environment = endpoint.environment

        assert endpoint.endpoint_url == environment["AWS_ENDPOINT_URL"]
        assert "http://127.0.0.1:8000" == environment["AWS_ENDPOINT_URL_DYNAMODB"]
        assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} <= environment.keys()
        assert "http://127.0.0.1:8000" == endpoint.client("dynamodb").meta.endpoint_url
        assert endpoint.endpoint_url == endpoint.client("s3").meta.endpoint_url


def test_an_endpoint_that_does_not_run_says_so() -> None:
    """Instead of an address that nobody serves."""
    with pytest.raises(RuntimeError, match="not running"):
        _ = LocalEndpoint().endpoint_url


def test_it_listens_on_this_machine_only(endpoint: LocalEndpoint) -> None:
    """The address is the loopback's."""
    assert endpoint.endpoint_url.startswith("http://127.0.0.1:")
