"""CloudFormation's functions, one case each."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.template.intrinsics import Resolver, UnresolvableError

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Mode": {"Type": "String", "Default": "on"},
        "Count": {"Type": "Number", "Default": "2"},
    },
    "Mappings": {"Sizes": {"on": {"Bytes": 64}}},
    "Conditions": {
        "IsOn": {"Fn::Equals": [{"Ref": "Mode"}, "on"]},
        "IsOff": {"Fn::Not": [{"Condition": "IsOn"}]},
        "Both": {"Fn::And": [{"Condition": "IsOn"}, {"Condition": "IsOff"}]},
        "Either": {"Fn::Or": [{"Condition": "IsOn"}, {"Condition": "IsOff"}]},
    },
    "Resources": {
        "DeadLetters": {"Type": "AWS::SQS::Queue"},
        "Queue": {"Type": "AWS::Unknown::Queue", "Properties": {"Delay": {"Fn::Cidr": ["10.0.0.0/8"]}}},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "calls-${Mode}"}}},
        "Off": {"Type": "AWS::S3::Bucket", "Condition": "IsOff"},
    },
}


def resolver(**parameters: object) -> Resolver:
    return Resolver(TEMPLATE, parameters, "eu-central-1", "123456789012", "meter")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Mode"}, "on"),
        ({"Ref": "Count"}, 2),
        ({"Ref": "AWS::Region"}, "eu-central-1"),
        ({"Ref": "Bucket"}, "calls-on"),
        ({"Ref": "Queue"}, "meter-queue"),
        ({"Ref": "DeadLetters"}, "https://sqs.eu-central-1.amazonaws.com/123456789012/meter-deadletters"),
        ({"Fn::GetAtt": ["DeadLetters", "QueueName"]}, "meter-deadletters"),
        ({"Fn::GetAtt": ["DeadLetters", "Arn"]}, "arn:aws:sqs:eu-central-1:123456789012:meter-deadletters"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::calls-on"),
        ({"Fn::Sub": "${Bucket.Arn}/${Mode}/${!Mode}"}, "arn:aws:s3:::calls-on/on/${Mode}"),
        ({"Fn::Sub": ["${Mode}-${Own}", {"Own": {"Ref": "Count"}}]}, "on-2"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Count"}]]}, "a-2"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Mode"}, "Bytes"]}, 64),
        ({"Fn::If": ["IsOn", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsOff", "yes", "no"]}, "no"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ([1, {"Fn::If": ["IsOff", 2, {"Ref": "AWS::NoValue"}]}], [1]),
        ({"A": {"Ref": "AWS::NoValue"}, "B": [True, None]}, {"B": [True, None]}),
        ({"Condition": {"Bool": "true"}}, {"Condition": {"Bool": "true"}}),
    ],
    ids=str,
)
def test_resolved(value: Any, expected: object) -> None:
    """A function gives what CloudFormation would."""
    assert expected == resolver().resolve(value)


def test_parameter_moves_conditions() -> None:
    """Conditions follow the parameters."""
    assert [False, True] == [resolver().exists("Off"), resolver(Mode="off").exists("Off")]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Fn::Cidr": ["10.0.0.0/8"]}, "Fn::Cidr is not known"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, r"Arn of Queue \(AWS::Unknown::Queue\)"),
        ({"Ref": "Nothing"}, "no 'Nothing' among its resources"),
        ({"Fn::FindInMap": ["Sizes", "off", "Bytes"]}, "Sizes has no 'off'"),
        ({"Fn::If": ["Maybe", 1, 2]}, "no 'Maybe' among its conditions"),
    ],
    ids=str,
)
def test_refused(value: Any, message: str) -> None:
    """What is not known is refused by name."""
    with pytest.raises(UnresolvableError, match=message):
        resolver().resolve(value)


def test_place() -> None:
    """A property that cannot be resolved is named with its resource."""
    with pytest.raises(UnresolvableError, match=r"^Queue\.Delay: Fn::Cidr"):
        resolver().properties("Queue")


def test_parameter_without_value() -> None:
    """A parameter that has no default must be chosen."""
    template = {"Parameters": {"Key": {"Type": "String"}}}
    with pytest.raises(UnresolvableError, match="need a value: Key"):
        Resolver(template, {}, "eu-central-1", "123456789012", "meter")
