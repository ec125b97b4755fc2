"""The lake of a local cloud as files, for whoever wants to look at it with other tools."""

from __future__ import annotations

from pathlib import Path

from adapters.s3.bucket import Bucket
from local_cloud.stack import LocalCloud
from metering.bucket_layout import LAKE


def copy_lake(cloud: LocalCloud, folder: Path) -> list[Path]:
    """Write the Parquet objects of the lake under a folder, with their partitions as sub-folders; the files.

    Raises OSError where one cannot be written.
    """
    bucket = Bucket(cloud.client("s3"), cloud.stack.name("LakeBucket"))
    written = []
    for found in bucket.objects(LAKE):
        path = folder / found.name.removeprefix(LAKE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bucket.content(found.name))
        written.append(path)
    return written
