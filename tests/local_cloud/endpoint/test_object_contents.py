"""Contents of S3 objects on disk."""

from __future__ import annotations

import sys
import tempfile
import uuid
from typing import Any

import pytest
from moto.core.common_models import BaseModel
from moto.s3 import models as moto_s3

from local_cloud.endpoint.object_contents import LARGEST_IN_MEMORY, ObjectContent
from local_cloud.endpoint.server import LocalEndpoint

SIZES = (0, 1, LARGEST_IN_MEMORY, LARGEST_IN_MEMORY + 1, 200_000)


def content(size: int) -> bytes:
    """Bytes that differ along the content."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
def test_a_file(size: int) -> None:
    """What is written can be read in parts and again, replaced and closed; memory holds no large one."""
    file, written = ObjectContent(5_000_000), content(size)
    file.write(written)
    file.seek(0)
    assert (written[:7], written[7:100], written[100:]) == (file.read(7), file.read(93), file.read())
    assert b"" == file.read()
    held: list[Any] = [getattr(file, name) for name in vars(file)]
    assert all(sys.getsizeof(one) <= LARGEST_IN_MEMORY + 100 for one in held)
    file.seek(0)
    file.truncate()
    file.write(b"other")
    file.seek(0)
    assert b"other" == file.read()
    file.close()


def test_objects_of_the_local_cloud() -> None:
    """Each has its own content, whole or in part and ETag; one that is put again has the new one."""
    with LocalEndpoint() as endpoint:
        s3 = endpoint.client("s3")
        s3.create_bucket(Bucket="lake")
        for size in SIZES:
            s3.put_object(Bucket="lake", Key=str(size), Body=content(size))
        s3.put_object(Bucket="lake", Key=str(SIZES[1]), Body=content(SIZES[-1])[::-1])
        found = [s3.get_object(Bucket="lake", Key=str(size)) for size in SIZES]
        part = s3.get_object(Bucket="lake", Key=str(SIZES[-1]), Range="bytes=1000-1999")
        wanted = [content(size) for size in SIZES]
        wanted[1] = wanted[-1][::-1]
        assert wanted == [one["Body"].read() for one in found]
        assert wanted[-1][1000:2000] == part["Body"].read()
        assert 5 == len({one["ETag"] for one in found})


def test_moto_itself() -> None:
    """Of two local clouds in one process each has its contents on disk, also when the other one has ended;
    for everybody else moto is as it was.
    """
    with LocalEndpoint() as one:
        with LocalEndpoint() as other:
            kinds = [type(kept_file(cloud)) for cloud in (one, other)]
        kinds.append(type(kept_file(one)))
        assert tempfile is vars(moto_s3)["tempfile"]
        assert BaseModel.__module__ == BaseModel.__new__.__module__
    assert [ObjectContent] * 3 == kinds


def kept_file(cloud: LocalEndpoint) -> object:
    """The file in which moto has the content of a new object."""
    s3, name = cloud.client("s3"), f"lake-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="key", Body=content(SIZES[-1]))
    bucket = moto_s3.s3_backends[cloud.account_id]["aws"].buckets[name]
    return bucket.keys["key"]._value_buffer  # noqa: SLF001 - moto's place for it
