"""Tables as Glue describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table in Glue, its type by Hive's name."""

    name: str
    type: str


def columns_of(table: Mapping[str, Any]) -> list[Column]:
    """The columns of a table as Glue describes it, without those of its partitions."""
    return [Column(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
