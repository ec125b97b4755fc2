"""The lake of a local cloud as files, for whoever wants to look at it with other tools."""

from __future__ import annotations

from pathlib import Path

from local_cloud.stack import LocalCloud

_PREFIX = "lake/"


def copy_lake(cloud: LocalCloud, folder: Path) -> list[Path]:
    """Write the Parquet objects of the lake under a folder, with their partitions as sub-folders; the files.

    Raises OSError where one cannot be written.
    """
    s3, bucket = cloud.client("s3"), cloud.stack.name("LakeBucket")
    written = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_PREFIX):
        for entry in page.get("Contents", []):
            path = folder / entry["Key"].removeprefix(_PREFIX)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
            written.append(path)
    return written
