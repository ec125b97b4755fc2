"""The lake of a local cloud as files, for whoever wants to look at it with other tools."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from adapters.s3.bucket import Bucket
from local_cloud.stack import LocalCloud
from metering.bucket_layout import LAKE
from metering.safe_path import path_within


class LakeCopy(NamedTuple):
    """What became of the lake's objects."""

    files: list[Path]
    refused: list[str]
    """Names of objects that lead out of the folder: whoever wrote them, Firehose did not."""


def copy_lake(cloud: LocalCloud, folder: Path) -> LakeCopy:
    """Write the Parquet objects of the lake under a folder, with their partitions as sub-folders.

    Raises OSError where one cannot be written.
    """
    bucket = Bucket(cloud.client("s3"), cloud.stack.name("LakeBucket"))
    copy = LakeCopy([], [])
    for found in bucket.objects(LAKE):
        path = path_within(folder, found.name.removeprefix(LAKE))
        if path is None:
            copy.refused.append(found.name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bucket.content(found.name))
        copy.files.append(path)
    return copy
