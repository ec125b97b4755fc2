"""What the template says about the delivery stream."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from local_cloud.firehose.settings import DeliverySettings, TableReference, TransformSettings
from local_cloud.template.document import Stack

STACK = Stack({"LakeBufferSeconds": 90})
PROPERTIES = STACK.resource("LakeDeliveryStream")


def settings(properties: dict[str, Any]) -> DeliverySettings:
    """Read them."""
    return DeliverySettings.from_properties("lake", "arn:lake", properties)


def test_all_of_it_is_read_from_the_template() -> None:
    """Buffers, prefixes, transform and table are those that are deployed."""
    assert DeliverySettings(
        name="lake",
        arn="arn:lake",
        stream_arn=STACK.arn("CallStream"),
        bucket=STACK.name("LakeBucket"),
        prefix=PROPERTIES["ExtendedS3DestinationConfiguration"]["Prefix"],
        error_prefix=PROPERTIES["ExtendedS3DestinationConfiguration"]["ErrorOutputPrefix"],
        file_extension=".parquet",
        buffer_bytes=128 * 1024 * 1024,
        buffer_interval=timedelta(seconds=90),
        transform=TransformSettings(
            STACK.arn("FirehoseTransformFunction"), 3, int(0.2 * 1024 * 1024), timedelta(seconds=60)
        ),
        table=TableReference("123456789012", "usage_meter", "api_gateway_logs", "us-east-1"),
        parquet_compression="GZIP",
    ) == settings(PROPERTIES)


def test_absent_settings_of_the_transform_are_firehoses_defaults() -> None:
    """1 MB, 60 s, three retries."""
    configuration = {
        "Enabled": True,
        "Processors": [
            {"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": "arn"}]}
        ],
    }

    assert TransformSettings("arn", 3, 1024 * 1024, timedelta(seconds=60)) == (
        TransformSettings.from_configuration(configuration)
    )


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["DeliveryStreamType"], "DirectPut", "DeliveryStreamType"),
        (["ExtendedS3DestinationConfiguration", "CompressionFormat"], "GZIP", "CompressionFormat"),
        (["ExtendedS3DestinationConfiguration", "S3BackupMode"], "Enabled", "S3BackupMode"),
        (["ExtendedS3DestinationConfiguration", "CustomTimeZone"], "CET", "CustomTimeZone"),
        (["ExtendedS3DestinationConfiguration", "BufferingHints", "SizeInMBs"], 5, "SizeInMBs"),
        (
            ["ExtendedS3DestinationConfiguration", "DynamicPartitioningConfiguration", "Enabled"],
            False,
            "DynamicPartitioning",
        ),
        (
            ["ExtendedS3DestinationConfiguration", "DataFormatConversionConfiguration", "Enabled"],
            False,
            "DataFormatConversion",
        ),
        (["ExtendedS3DestinationConfiguration", "ProcessingConfiguration", "Processors"], [], "Lambda"),
        (
            [
                *("ExtendedS3DestinationConfiguration", "DataFormatConversionConfiguration"),
                *("InputFormatConfiguration", "Deserializer"),
            ],
            {"HiveJsonSerDe": {}},
            "OpenXJsonSerDe",
        ),
        (
            [
                *("ExtendedS3DestinationConfiguration", "DataFormatConversionConfiguration"),
                *("InputFormatConfiguration", "Deserializer", "OpenXJsonSerDe", "CaseInsensitive"),
            ],
            False,
            "CaseInsensitive",
        ),
        (
            [
                *("ExtendedS3DestinationConfiguration", "DataFormatConversionConfiguration"),
                *("OutputFormatConfiguration", "Serializer"),
            ],
            {"OrcSerDe": {}},
            "ParquetSerDe",
        ),
        (
            [
                *("ExtendedS3DestinationConfiguration", "DataFormatConversionConfiguration"),
                *("SchemaConfiguration", "VersionId"),
            ],
            "3",
            "VersionId",
        ),
    ],
)
def test_a_setting_that_cannot_be_honoured_is_named(path: list[str], value: Any, named: str) -> None:
    """Better no local cloud than one that differs from what is deployed."""
    properties = copy.deepcopy(PROPERTIES)
    holder = properties
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value

    with pytest.raises(ValueError, match=named):
        settings(properties)


def test_in_a_hurry_buffers_wait_for_less() -> None:
    """For a log that is played in seconds; never for longer than the template says."""
    hurried = settings(PROPERTIES).hurried(timedelta(seconds=2))

    assert (timedelta(seconds=2), timedelta(seconds=2)) == (
        hurried.buffer_interval,
        hurried.transform.buffer_interval,
    )
    patient = settings(PROPERTIES).hurried(timedelta(seconds=75))
    assert (timedelta(seconds=75), timedelta(seconds=60)) == (
        patient.buffer_interval,
        patient.transform.buffer_interval,
    )
