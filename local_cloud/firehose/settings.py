"""What the template says about a Firehose delivery stream, as far as the local cloud honours it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

MEBIBYTE = 1024 * 1024

SMALLEST_PARQUET_BUFFER_MB = 64
"""Conversion to Parquet takes no smaller buffer
(https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html).
"""


@dataclass(frozen=True, slots=True)
class TransformSettings:
    """The Lambda processor: its function, its buffer, and how often a failed invocation is repeated.

    Defaults are those of https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html .
    """

    function_arn: str
    retries: int = 3
    buffer_bytes: int = MEBIBYTE
    buffer_interval: timedelta = timedelta(seconds=60)

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, Any]) -> Self:
        """Read a ``ProcessingConfiguration`` with one Lambda processor.

        Raises:
            ValueError: there are none, several, or other processors.
        """
        kinds = [processor["Type"] for processor in configuration.get("Processors", [])]
        if not configuration.get("Enabled") or kinds != ["Lambda"]:
            raise ValueError(f"the processors are {kinds}: the local cloud needs one Lambda processor")
        parameters = {
            entry["ParameterName"]: entry["ParameterValue"]
            for entry in configuration["Processors"][0]["Parameters"]
        }
        return cls(
            parameters["LambdaArn"],
            int(parameters.get("NumberOfRetries", 3)),
            int(float(parameters.get("BufferSizeInMBs", 1)) * MEBIBYTE),
            timedelta(seconds=int(parameters.get("BufferIntervalInSeconds", 60))),
        )


@dataclass(frozen=True, slots=True)
class TableReference:
    """The table in Glue's catalog whose columns rows are converted to."""

    catalog_id: str
    database: str
    table: str
    region: str
    version_id: str = "LATEST"


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """A delivery stream from Kinesis through a function into Parquet objects, partitioned by the function."""

    name: str
    arn: str
    stream_arn: str
    bucket: str
    prefix: str
    error_prefix: str
    file_extension: str
    buffer_bytes: int
    buffer_interval: timedelta
    transform: TransformSettings
    table: TableReference
    parquet_compression: str

    @classmethod
    def from_properties(cls, name: str, arn: str, properties: Mapping[str, Any]) -> Self:
        """Read the properties of an ``AWS::KinesisFirehose::DeliveryStream``.

        Raises:
            ValueError: a setting that the local cloud cannot honour, by name.
        """
        destination = properties["ExtendedS3DestinationConfiguration"]
        _refuse_what_differs(properties, destination)
        conversion = destination["DataFormatConversionConfiguration"]
        hints = destination["BufferingHints"]
        return cls(
            name=name,
            arn=arn,
            stream_arn=properties["KinesisStreamSourceConfiguration"]["KinesisStreamARN"],
            bucket=destination["BucketARN"].removeprefix("arn:aws:s3:::"),
            prefix=destination["Prefix"],
            error_prefix=destination["ErrorOutputPrefix"],
            file_extension=destination.get("FileExtension", ".parquet"),
            buffer_bytes=int(hints["SizeInMBs"]) * MEBIBYTE,
            buffer_interval=timedelta(seconds=int(hints["IntervalInSeconds"])),
            transform=TransformSettings.from_configuration(destination.get("ProcessingConfiguration", {})),
            table=_table(conversion["SchemaConfiguration"]),
            parquet_compression=_serializer(conversion).get("Compression", "SNAPPY"),
        )

    def hurried(self, within: timedelta) -> Self:
        """The same with buffers that wait for ``within`` at most, which AWS may not allow."""
        transform = replace(self.transform, buffer_interval=min(within, self.transform.buffer_interval))
        return replace(self, transform=transform, buffer_interval=min(within, self.buffer_interval))


def _refuse_what_differs(properties: Mapping[str, Any], destination: Mapping[str, Any]) -> None:
    """Better no local cloud than one that differs from what is deployed."""
    wanted = {
        "DeliveryStreamType": (properties.get("DeliveryStreamType"), "KinesisStreamAsSource"),
        "CompressionFormat": (destination.get("CompressionFormat", "UNCOMPRESSED"), "UNCOMPRESSED"),
        "S3BackupMode": (destination.get("S3BackupMode", "Disabled"), "Disabled"),
        "CustomTimeZone": (destination.get("CustomTimeZone", "UTC"), "UTC"),
        "DynamicPartitioningConfiguration": (_enabled(destination, "DynamicPartitioningConfiguration"), True),
        "DataFormatConversionConfiguration": (
            _enabled(destination, "DataFormatConversionConfiguration"),
            True,
        ),
    }
    for setting, (given, needed) in wanted.items():
        if given != needed:
            raise ValueError(f"{setting} is {given}: the local cloud has {needed} only")
    conversion = destination["DataFormatConversionConfiguration"]
    deserializer = conversion["InputFormatConfiguration"]["Deserializer"]
    if list(deserializer) != ["OpenXJsonSerDe"] or deserializer["OpenXJsonSerDe"].keys() - {
        "CaseInsensitive"
    }:
        raise ValueError(f"the deserializer is {deserializer}: the local cloud has OpenXJsonSerDe only")
    if not deserializer["OpenXJsonSerDe"].get("CaseInsensitive", True):
        raise ValueError("CaseInsensitive is false: the local cloud lowers the keys of a row")
    if list(conversion["OutputFormatConfiguration"]["Serializer"]) != ["ParquetSerDe"]:
        raise ValueError("the serializer is none for Parquet: the local cloud has ParquetSerDe only")
    if (size := int(destination["BufferingHints"]["SizeInMBs"])) < SMALLEST_PARQUET_BUFFER_MB:
        raise ValueError(f"SizeInMBs is {size}: conversion to Parquet needs {SMALLEST_PARQUET_BUFFER_MB}")


def _enabled(destination: Mapping[str, Any], name: str) -> bool:
    return bool(destination.get(name, {}).get("Enabled", False))


def _serializer(conversion: Mapping[str, Any]) -> Mapping[str, Any]:
    serializer: Mapping[str, Any] = conversion["OutputFormatConfiguration"]["Serializer"]["ParquetSerDe"]
    return serializer


def _table(schema: Mapping[str, Any]) -> TableReference:
    version = schema.get("VersionId", "LATEST")
    if version != "LATEST":
        raise ValueError(f"VersionId is {version}: the local cloud has the table's latest version only")
    return TableReference(
        str(schema["CatalogId"]), schema["DatabaseName"], schema["TableName"], schema["Region"], version
    )
