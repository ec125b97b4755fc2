"""Firehose, Glue and Athena: settings that AWS refuses, or worse, takes and acts on wrongly."""

from __future__ import annotations

from local_cloud.template.document import Stack

STACK = Stack()
DELIVERY = STACK.resource("LakeDeliveryStream")
DESTINATION = DELIVERY["ExtendedS3DestinationConfiguration"]
TABLE = STACK.resource("LakeTable")["TableInput"]
BUCKET = STACK.name("LakeBucket")

COLUMNS = {
    "eventid": "string",
    "eventhash": "bigint",
    "eventtime": "timestamp",
    "apikeyid": "string",
    "requestid": "string",
    "apiid": "string",
    "stage": "string",
    "httpmethod": "string",
    "resourcepath": "string",
    "path": "string",
    "status": "int",
    "requestsize": "bigint",
    "responsesize": "bigint",
    "responselatency": "bigint",
    "sourceip": "string",
    "useragent": "string",
    "outcome": "string",
    "billable": "boolean",
    "raw": "string",
    "requestsizeknown": "boolean",
    "responsesizeknown": "boolean",
    "reason": "string",
    "denied": "boolean",
}


class TestDelivery:
    def test_source(self) -> None:
        """It reads the stream that the counters are made from."""
        assert "KinesisStreamAsSource" == DELIVERY["DeliveryStreamType"]
        assert STACK.arn("CallStream") == DELIVERY["KinesisStreamSourceConfiguration"]["KinesisStreamARN"]

    def test_buffer_of_parquet(self) -> None:
        """Conversion to Parquet needs a buffer of 64 MB at least, and leaves compression to Parquet."""
        assert DESTINATION["BufferingHints"]["SizeInMBs"] >= 64
        assert 60 <= DESTINATION["BufferingHints"]["IntervalInSeconds"] <= 900
        assert "UNCOMPRESSED" == DESTINATION["CompressionFormat"]

    def test_conversion(self) -> None:
        """Rows become Parquet by the latest version of the lake's table."""
        conversion = DESTINATION["DataFormatConversionConfiguration"]
        assert conversion["Enabled"]
        assert ["OpenXJsonSerDe"] == list(conversion["InputFormatConfiguration"]["Deserializer"])
        assert ["ParquetSerDe"] == list(conversion["OutputFormatConfiguration"]["Serializer"])
        schema = conversion["SchemaConfiguration"]
        assert ["usage_meter", "api_gateway_logs", "LATEST"] == [
            schema[key] for key in ("DatabaseName", "TableName", "VersionId")
        ]

    def test_partitions(self) -> None:
        """Partitions are days, named by the transform, as the table looks for them."""
        assert DESTINATION["DynamicPartitioningConfiguration"]["Enabled"]
        folders = [f"{part}=!{{partitionKeyFromLambda:{part}}}/" for part in ("year", "month", "day")]
        assert "lake/" + "".join(folders) == DESTINATION["Prefix"]

    def test_errors(self) -> None:
        """What fails lies apart from the table, by its cause and day."""
        prefix = DESTINATION["ErrorOutputPrefix"]
        assert prefix.startswith("errors/!{firehose:error-output-type}/")
        assert "partitionKey" not in prefix

    def test_transform(self) -> None:
        """Deliveries inflate about tenfold and the answer is bound to 6 MB, so few go into one invocation."""
        (processor,) = DESTINATION["ProcessingConfiguration"]["Processors"]
        values = {entry["ParameterName"]: entry["ParameterValue"] for entry in processor["Parameters"]}
        assert "Lambda" == processor["Type"]
        assert STACK.arn("FirehoseTransformFunction") == values["LambdaArn"]
        assert 0.2 <= float(values["BufferSizeInMBs"]) <= 0.5
        assert int(values["NumberOfRetries"]) >= 3

    def test_errors_are_logged(self) -> None:
        """Firehose says in its log why something failed."""
        assert DESTINATION["CloudWatchLoggingOptions"]["Enabled"]


class TestTable:
    def test_columns(self) -> None:
        """The columns of a row, in lower case, since Firehose lowers the keys before it looks for them."""
        columns = {column["Name"]: column["Type"] for column in TABLE["StorageDescriptor"]["Columns"]}
        assert COLUMNS == columns
        assert list(COLUMNS) == [name.lower() for name in columns]

    def test_projection(self) -> None:
        """Athena works out the partitions, two digits for month and day, from where Firehose writes them."""
        assert {
            "projection.enabled": "true",
            "projection.year.type": "integer",
            "projection.year.range": "2020,2050",
            "projection.month.type": "integer",
            "projection.month.range": "1,12",
            "projection.month.digits": "2",
            "projection.day.type": "integer",
            "projection.day.range": "1,31",
            "projection.day.digits": "2",
            "storage.location.template": f"s3://{BUCKET}/lake/year=${{year}}/month=${{month}}/day=${{day}}/",
        } == {key: value for key, value in TABLE["Parameters"].items() if "." in key}

    def test_partition_keys(self) -> None:
        """Each partition key is projected."""
        assert [("year", "int"), ("month", "int"), ("day", "int")] == [
            (key["Name"], key["Type"]) for key in TABLE["PartitionKeys"]
        ]

    def test_location(self) -> None:
        """The table lies where Firehose writes."""
        assert f"s3://{BUCKET}/lake/" == TABLE["StorageDescriptor"]["Location"]


class TestWorkGroup:
    def test_can_be_deleted(self) -> None:
        """Athena keeps the history of queries in the workgroup, and deletes one that has some only if it is
        invoked: without, the stack could not be removed after its first query.
        """
        assert STACK.resource("AthenaWorkGroup")["RecursiveDeleteOption"]

    def test_enforced(self) -> None:
        """No query goes past the workgroup's limit, place of results or encryption."""
        settings = STACK.resource("AthenaWorkGroup")["WorkGroupConfiguration"]
        assert settings["EnforceWorkGroupConfiguration"]
        assert settings["BytesScannedCutoffPerQuery"] >= 10_000_000
        assert {
            "OutputLocation": f"s3://{BUCKET}/athena-results/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        } == settings["ResultConfiguration"]
