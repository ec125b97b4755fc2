"""The DynamoDB of the benchmarks knows the clauses of the meter's updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.harness.slow_dynamodb import Items


def update(items: Items, expression: str, **values: Any) -> Mapping[str, Any]:
    """What an item holds after an update of its attributes a and b."""
    status, answer = items.update(
        {
            "TableName": "t",
            "Key": {"pk": {"S": "one"}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {"#a": "a", "#b": "b"},
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
            "ReturnValues": "ALL_NEW",
        }
    )
    assert 200 == status
    return dict(answer["Attributes"])


def test_clauses() -> None:
    """What is there stays where a clause says so; a list is begun and appended to; numbers are added."""
    items, one, two = Items(), {"N": "1"}, {"N": "2"}
    assert one == update(items, "SET #a = if_not_exists(#a, :x)", x=one)["a"]
    assert one == update(items, "SET #a = if_not_exists(#a, :x), #b = :y", x=two, y=two)["a"]
    assert {"N": "3"} == update(items, "ADD #a :x", x=two)["a"]
    begin = "SET #b = list_append(if_not_exists(#b, :none), :x)"
    assert {"L": [one]} == update(Items(), begin, none={"L": []}, x={"L": [one]})["b"]
