"""Contents of S3 objects on disk."""

from __future__ import annotations

import sys
from typing import Any

import pytest

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
