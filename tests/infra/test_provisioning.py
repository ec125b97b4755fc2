"""The stack in moto: made by its CloudFormation as far as that goes, the rest by the APIs of the services.

moto's CloudFormation leaves out what it does not know and calls the stack complete. An API checks the names
and types of all properties, since those of CloudFormation are its own parameters. References are resolved
beforehand, since moto cannot follow one to a resource that it left out.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.template.document import PACKAGE, Stack, translated
from local_cloud.template.intrinsics import NAMED_BY
from tests.infra.test_template import directly_before

RESOURCES = translated()["Resources"]

PARAMETERS = {
    "CrawlSchema": "yes",
    "Monitoring": "full",
    "MeteredApiName": "orders",
    "AlarmEmail": "on-call@example.com",
    "SourceAccounts": "210987654321",
}
"""With these the stack is made."""

Properties = dict[str, Any]
Make = Callable[[LocalEndpoint, str, Properties], Any]


def by(service: str, operation: str) -> Make:
    """A resource is made by an operation whose parameters are its properties."""
    return lambda moto, _name, properties: getattr(moto.client(service), operation)(**properties)


def lower_first(make: Make) -> Make:
    """The operation's parameters begin with small letters."""
    return lambda moto, name, properties: make(
        moto, name, {key[0].lower() + key[1:]: value for key, value in properties.items()}
    )


def named_by(key: str, make: Make) -> Make:
    """CloudFormation would give the resource a name."""
    return lambda moto, name, properties: make(moto, name, {key: name, **properties})


def bucket_policy(moto: LocalEndpoint, _name: str, properties: Properties) -> None:
    """The API takes a policy as text."""
    policy = json.dumps(properties["PolicyDocument"])
    moto.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)


def query_definition(moto: LocalEndpoint, _name: str, properties: Properties) -> None:
    """moto has no query definitions, so that botocore alone checks the parameters."""
    client = moto.client("logs")
    with Stubber(client) as stub:
        stub.add_response("put_query_definition", {"queryDefinitionId": "id"})
        client.put_query_definition(**{key[0].lower() + key[1:]: value for key, value in properties.items()})


def destination(moto: LocalEndpoint, _name: str, properties: Properties) -> None:
    """The access policy of a destination is set by an operation of its own."""
    client, name = moto.client("logs"), properties["DestinationName"]
    target, role = properties["TargetArn"], properties["RoleArn"]
    client.put_destination(destinationName=name, targetArn=target, roleArn=role)
    client.put_destination_policy(destinationName=name, accessPolicy=properties["DestinationPolicy"])


def work_group(moto: LocalEndpoint, _name: str, properties: Properties) -> None:
    """The state and the deletion of a workgroup are settings of CloudFormation's."""
    kept = {key: properties[key] for key in ("Name", "Description", "Tags")}
    moto.client("athena").create_work_group(**kept, Configuration=properties["WorkGroupConfiguration"])


def crawler(moto: LocalEndpoint, name: str, properties: Properties) -> None:
    """The schedule of a crawler is an expression for its API."""
    schedule = properties["Schedule"]["ScheduleExpression"]
    moto.client("glue").create_crawler(**{**properties, "Name": name, "Schedule": schedule})


def topic_policy(moto: LocalEndpoint, _name: str, properties: Properties) -> None:
    """The policy of a topic is one of its attributes."""
    (topic,) = properties["Topics"]
    policy = json.dumps(properties["PolicyDocument"])
    moto.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def queue_policy(moto: LocalEndpoint, _name: str, properties: Properties) -> None:
    """The policy of a queue is one of its attributes."""
    (queue,) = properties["Queues"]
    attributes = {"Policy": json.dumps(properties["PolicyDocument"])}
    moto.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=attributes)


def rest_api(moto: LocalEndpoint, _name: str, properties: Properties) -> None:
    """The resources and methods of the API are its body. moto, unlike AWS, wants responses and parameters."""
    info = {"version": "1.0", "title": properties["Name"], "description": properties["Description"]}
    body = {**properties["Body"], "info": info}
    for path, methods in body["paths"].items():
        in_path = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", path)
        ]
        methods["get"] |= {"responses": {"200": {"description": "The function's."}}, "parameters": in_path}
    moto.client("apigateway").import_rest_api(failOnWarnings=True, body=json.dumps(body).encode())


def of_rest_api(make: Callable[[Any, str, Properties], Any]) -> Make:
    """API Gateway gives ids to APIs; there is one."""

    def made(moto: LocalEndpoint, _name: str, properties: Properties) -> Any:
        client = moto.client("apigateway")
        (api,) = client.get_rest_apis()["items"]
        return make(client, api["id"], properties)

    return made


def deployment(client: Any, api: str, properties: Properties) -> None:
    """What the stage serves."""
    client.create_deployment(restApiId=api, description=properties["Description"])


def stage(client: Any, api: str, properties: Properties) -> None:
    """Settings of methods are set later by the API."""
    (one,) = client.get_deployments(restApiId=api)["items"]
    tracing = properties["TracingEnabled"]
    name = properties["StageName"]
    client.create_stage(restApiId=api, stageName=name, deploymentId=one["id"], tracingEnabled=tracing)


def usage_plan(client: Any, api: str, properties: Properties) -> None:
    """Of the stage of the API."""
    stages = [{"apiId": api, "stage": one["Stage"]} for one in properties["ApiStages"]]
    throttle = {key[0].lower() + key[1:]: value for key, value in properties["Throttle"].items()}
    name, text = properties["UsagePlanName"], properties["Description"]
    client.create_usage_plan(name=name, description=text, apiStages=stages, throttle=throttle)


BY_API: dict[str, Make] = {
    "AWS::ApiGateway::RestApi": rest_api,
    "AWS::ApiGateway::Deployment": of_rest_api(deployment),
    "AWS::ApiGateway::Stage": of_rest_api(stage),
    "AWS::ApiGateway::UsagePlan": of_rest_api(usage_plan),
    "AWS::Athena::WorkGroup": work_group,
    "AWS::Athena::NamedQuery": by("athena", "create_named_query"),
    "AWS::CloudWatch::Alarm": named_by("AlarmName", by("cloudwatch", "put_metric_alarm")),
    "AWS::Glue::Crawler": crawler,
    "AWS::Glue::Database": by("glue", "create_database"),
    "AWS::Glue::Table": by("glue", "create_table"),
    "AWS::KinesisFirehose::DeliveryStream": named_by(
        "DeliveryStreamName", by("firehose", "create_delivery_stream")
    ),
    "AWS::Lambda::EventInvokeConfig": by("lambda", "put_function_event_invoke_config"),
    "AWS::Logs::Destination": destination,
    "AWS::Logs::LogStream": lower_first(by("logs", "create_log_stream")),
    "AWS::Logs::QueryDefinition": query_definition,
    "AWS::Logs::SubscriptionFilter": lower_first(by("logs", "put_subscription_filter")),
    "AWS::S3::BucketPolicy": bucket_policy,
    "AWS::SNS::Subscription": by("sns", "subscribe"),
    "AWS::SNS::TopicPolicy": topic_policy,
    "AWS::SQS::QueuePolicy": queue_policy,
}
"""Types that moto's CloudFormation does not make, and how they are made instead, in this order."""


def with_names(stack: Stack) -> dict[str, Any]:
    """The template for moto: all references resolved, each resource under the name by which others refer to
    it, and in their order.
    """
    resources = {}
    for name in of_cloudformation(stack):
        kind = RESOURCES[name]["Type"]
        own_name = {NAMED_BY[kind]: bare_name(stack.name(name))} if kind in NAMED_BY else {}
        resources[name] = {
            "Type": kind,
            "DependsOn": sorted(directly_before(name) & of_cloudformation(stack)),
            "Properties": {**own_name, **stack.resource(name)},
        }
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def bare_name(reference: str) -> str:
    """The name in what `Ref` gives, which is an ARN for a topic and an address for a queue."""
    return reference.rpartition("/" if reference.startswith("https:") else ":")[2]


def of_cloudformation(stack: Stack) -> set[str]:
    """The resources that moto's CloudFormation makes."""
    return {name for name, one in RESOURCES.items() if stack.has(name) and one["Type"] not in BY_API}


def an_archive() -> bytes:
    """A package without code: moto runs none."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("handler.py", "")
    return archive.getvalue()


@pytest.fixture(scope="module")
def moto() -> Iterator[LocalEndpoint]:
    """An account with a bucket."""
    with LocalEndpoint() as endpoint:
        endpoint.client("s3").create_bucket(Bucket=PACKAGE.split("/")[2])
        yield endpoint


@pytest.fixture(scope="module")
def stack(moto: LocalEndpoint) -> Stack:
    """The stack with all of its parts, made in that account."""
    stack = Stack(PARAMETERS, account=moto.account_id)
    s3, bucket = moto.client("s3"), PACKAGE.split("/")[2]
    s3.put_object(Bucket=bucket, Key=PACKAGE.split("/")[3], Body=an_archive())
    s3.put_object(Bucket=bucket, Key="template.json", Body=json.dumps(with_names(stack)))
    moto.client("cloudformation").create_stack(
        StackName="usage-meter",
        TemplateURL=f"https://{bucket}.s3.amazonaws.com/template.json",
        Capabilities=["CAPABILITY_IAM"],
    )
    return stack


class TestStack:
    def test_by_cloudformation(self, moto: LocalEndpoint, stack: Stack) -> None:
        """Every resource of a type that moto's CloudFormation knows is made."""
        pages = moto.client("cloudformation").get_paginator("list_stack_resources")
        made = [
            one["LogicalResourceId"]
            for page in pages.paginate(StackName="usage-meter")
            for one in page["StackResourceSummaries"]
        ]
        assert of_cloudformation(stack) == set(made)

    def test_wired(self, moto: LocalEndpoint, stack: Stack) -> None:
        """The mapping feeds the function from the stream, with its settings."""
        (mapping,) = moto.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        assert stack.arn("CallStream") == mapping["EventSourceArn"]
        assert mapping["FunctionArn"].startswith(stack.arn("StreamProcessorFunction"))
        assert [["ReportBatchItemFailures"], -1] == [
            mapping["FunctionResponseTypes"],
            mapping["MaximumRetryAttempts"],
        ]

    def test_there(self, moto: LocalEndpoint, stack: Stack) -> None:
        """Each service has what the stack put into it, by the name that the others know."""
        assert {stack.name("CountersTable"), stack.name("LedgerTable")} == set(
            moto.client("dynamodb").list_tables()["TableNames"]
        )
        assert [stack.name("CallStream")] == moto.client("kinesis").list_streams()["StreamNames"]
        roles = {role["RoleName"] for role in moto.client("iam").list_roles()["Roles"]}
        assert stack.name("StreamProcessorRole") in roles
        schedules = [rule.get("ScheduleExpression") for rule in moto.client("events").list_rules()["Rules"]]
        assert {"rate(1 minute)", "rate(10 minutes)"} <= set(schedules)
        assert stack.arn("AlarmTopic") in {
            topic["TopicArn"] for topic in moto.client("sns").list_topics()["Topics"]
        }

    def test_by_api(self, moto: LocalEndpoint, stack: Stack) -> None:
        """Every other resource is taken by the API of its service."""
        for kind, make in BY_API.items():
            names = [name for name, one in RESOURCES.items() if one["Type"] == kind and stack.has(name)]
            assert names
            for name in names:
                make(moto, name, stack.resource(name))
        assert len(moto.client("cloudwatch").describe_alarms()["MetricAlarms"]) > 10
