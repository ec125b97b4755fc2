"""The lake: bytes of a call as the template has Firehose write it, against the line that was logged."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import Iterator, Sequence

from benchmarks.decoding import RULE
from benchmarks.harness.figure import Figure, Size
from benchmarks.harness.traffic import Record, Traffic, firehose_event, records
from firehose_transform.transform import transform
from local_cloud.firehose.json_rows import Row, RowReader
from local_cloud.firehose.parquet_file import parquet
from local_cloud.glue import columns_of
from local_cloud.template.document import resource


def figures(size: Size) -> Iterator[Figure]:
    """The share of a line that its row takes in a Parquet file."""
    found = records(Traffic(rate=5_000, seconds=size.of(10, 2)))
    reader = RowReader(columns_of(resource("LakeTable")["TableInput"]))
    rows = [row for record in found for row in _rows(record, reader)]
    stored, logged = len(parquet(rows, reader.columns, compression())), line_bytes(found)
    yield Figure(
        "lake bytes",
        f"Parquet bytes of a call in a file of {len(rows):,}",
        "the JSON line",
        stored / logged,
        0.12,
        at_least=False,
        details={"Parquet bytes": stored / len(rows), "line bytes": logged / len(rows)},
    )


def compression() -> str:
    """How the template has Firehose compress."""
    conversion = resource("LakeDeliveryStream")["ExtendedS3DestinationConfiguration"][
        "DataFormatConversionConfiguration"
    ]
    return str(conversion["OutputFormatConfiguration"]["Serializer"]["ParquetSerDe"]["Compression"])


def line_bytes(found: Sequence[Record]) -> int:
    """The bytes of all lines in some deliveries."""
    return sum(
        len(event["message"].encode())
        for record in found
        for event in json.loads(gzip.decompress(record.data))["logEvents"]
    )


def _rows(record: Record, reader: RowReader) -> Iterator[Row]:
    (answer,) = transform(firehose_event([record]), RULE)[0]["records"]
    yield from reader.read(b64decode(answer["data"]))
