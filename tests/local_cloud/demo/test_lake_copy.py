"""The lake as files."""

from __future__ import annotations

from pathlib import Path

from local_cloud.demo.lake_copy import copy_lake
from local_cloud.stack import LocalCloud

WHOLE = "lake/year=2026/month=10/day=05/meter-1.parquet"


def test_names_of_objects(tmp_path: Path) -> None:
    """Every object becomes a file below the folder; one whose name leads out of it is named, and the rest is
    copied all the same.
    """
    folder = tmp_path / "a" / "lake"
    away = [
        "lake//etc/usage-meter-test",
        "lake/../../written",
        f"lake/{tmp_path}/absolute",
        "lake/x/../../../y",
    ]
    with LocalCloud() as cloud:
        s3, bucket = cloud.client("s3"), cloud.stack.name("LakeBucket")
        for name in (*away, WHOLE):
            s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
        copy = copy_lake(cloud, folder)
    assert ([folder / WHOLE.removeprefix("lake/")], sorted(away)) == (copy.files, sorted(copy.refused))
    assert copy.files == [path for path in tmp_path.rglob("*") if path.is_file()]
