"""A table of the lake as Athena sees it: columns from Glue, partitions by projection, objects in S3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_cloud.glue import Column, columns_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_VARIABLE = re.compile(r"\$\{(\w+)\}")


class UnreadableTableError(Exception):
    """The local cloud has no way to read a table that is described like this."""


@dataclass(frozen=True, slots=True)
class ProjectedKey:
    """A partition key whose values are the integers from ``first`` to ``last``.

    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """

    name: str
    type: str
    first: int
    last: int
    interval: int = 1
    digits: int = 0

    @classmethod
    def from_parameters(cls, name: str, type_name: str, parameters: Mapping[str, str]) -> ProjectedKey:
        """Read the table's ``projection.NAME.*`` parameters.

        Raises:
            UnreadableTableError: a type other than integer.
        """
        prefix = f"projection.{name}."
        if (kind := parameters.get(prefix + "type")) != "integer":
            raise UnreadableTableError(
                f"the projection of {name} is {kind}: the local cloud has integer only"
            )
        first, _, last = parameters[prefix + "range"].partition(",")
        return cls(
            name,
            type_name,
            int(first),
            int(last),
            int(parameters.get(prefix + "interval", "1")),
            int(parameters.get(prefix + "digits", "0")),
        )

    def value(self, text: str) -> int | None:
        """The value that a folder's name stands for, or ``None`` if the projection never looks there."""
        if not text.isascii() or not text.isdigit():
            return None
        number = int(text)
        projected = self.first <= number <= self.last and (number - self.first) % self.interval == 0
        return number if projected and text == str(number).zfill(self.digits) else None


@dataclass(frozen=True, slots=True)
class LakeObject:
    """An object of a table, and the values of its partition in the order of the keys."""

    key: str
    etag: str
    size: int
    partition: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table with integer partition projection over Parquet objects."""

    bucket: str
    prefix: str
    columns: tuple[Column, ...]
    partition_keys: tuple[ProjectedKey, ...]
    location: re.Pattern[str]

    @classmethod
    def from_glue(cls, table: Mapping[str, Any]) -> LakeTable:
        """Read a table as Glue describes it.

        Raises:
            UnreadableTableError: a table that the local cloud cannot read.
        """
        parameters = table.get("Parameters", {})
        if parameters.get("projection.enabled") != "true":
            raise UnreadableTableError("the table has no partition projection")
        if "Parquet" not in table["StorageDescriptor"].get("InputFormat", ""):
            raise UnreadableTableError("the table is not stored as Parquet")
        keys = tuple(
            ProjectedKey.from_parameters(key["Name"], key["Type"], parameters)
            for key in table.get("PartitionKeys", [])
        )
        bucket, prefix = _split(table["StorageDescriptor"]["Location"])
        return cls(bucket, prefix, tuple(columns_of(table)), keys, _location(table, parameters, keys))

    @property
    def schema(self) -> dict[str, str]:
        """The type of each column, partition keys last, by Hive's names."""
        columns = {column.name: column.type for column in self.columns}
        return columns | {key.name: key.type for key in self.partition_keys}

    def objects(self, s3: S3Client) -> Iterator[LakeObject]:
        """All objects in partitions that the projection reaches."""
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        for page in pages:
            for entry in page.get("Contents", []):
                partition = self._partition(entry["Key"])
                if partition is not None and entry["Size"] > 0:
                    yield LakeObject(entry["Key"], entry["ETag"].strip('"'), entry["Size"], partition)

    def _partition(self, key: str) -> tuple[int, ...] | None:
        match = self.location.fullmatch(f"s3://{self.bucket}/{key}")
        if match is None or match["name"].startswith((".", "_")):
            return None
        values = [partition_key.value(match[partition_key.name]) for partition_key in self.partition_keys]
        found = tuple(value for value in values if value is not None)
        return found if len(found) == len(values) else None


def _split(location: str) -> tuple[str, str]:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    return bucket, prefix


def _location(
    table: Mapping[str, Any], parameters: Mapping[str, str], keys: Sequence[ProjectedKey]
) -> re.Pattern[str]:
    """Matches the address of an object, with a group for each key and one for the object's own name."""
    folders = "".join(f"{key.name}=${{{key.name}}}/" for key in keys)
    template = parameters.get("storage.location.template", table["StorageDescriptor"]["Location"] + folders)
    parts = _VARIABLE.split(template.rstrip("/") + "/")
    pattern = "".join(
        f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
    return re.compile(pattern + r"(?P<name>[^/]+)")
