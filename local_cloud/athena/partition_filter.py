"""Which partitions a condition can hold for, so that a query reads no others.

Three-valued: what does not depend on the partition alone is unknown, and a partition is left out only where
the condition is certainly false.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

Value = Any
"""An integer, a text or a boolean, or ``None`` for unknown."""

_OPERATIONS: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: lambda left, right: left == right,
    exp.NEQ: lambda left, right: left != right,
    exp.LT: lambda left, right: left < right,
    exp.LTE: lambda left, right: left <= right,
    exp.GT: lambda left, right: left > right,
    exp.GTE: lambda left, right: left >= right,
    exp.Add: lambda left, right: left + right,
    exp.Sub: lambda left, right: left - right,
    exp.Mul: lambda left, right: left * right,
}


@dataclass(frozen=True, slots=True)
class PartitionFilter:
    """The condition of one ``SELECT`` on a table that it reads under the name ``alias``."""

    condition: exp.Expr | None
    alias: str

    @classmethod
    def of(cls, select: exp.Expr, alias: str) -> "PartitionFilter":
        """The filter that a ``SELECT`` puts on a table; one that joins otherwise than by inner joins has
        none.
        """
        where = select.args.get("where")
        sides = {join.side for join in select.args.get("joins") or []}
        return cls(where.this.copy() if where is not None and sides <= {""} else None, alias)

    def may_hold(self, partition: Mapping[str, Value]) -> bool:
        """Whether rows of the partition can meet the condition."""
        return self.condition is None or self._value(self.condition, partition) is not False

    def _value(self, node: exp.Expr, partition: Mapping[str, Value]) -> Value:
        match node:
            case exp.And() | exp.Or():
                return self._connected(node, partition)
            case exp.Between():
                return self._between(node, partition)
            case exp.In():
                return self._among(node, partition)
            case exp.Binary() if type(node) in _OPERATIONS:
                sides = [self._value(side, partition) for side in (node.this, node.expression)]
                return None if None in sides else _OPERATIONS[type(node)](*sides)
            case _:
                return self._simple(node, partition)

    def _simple(self, node: exp.Expr, partition: Mapping[str, Value]) -> Value:
        match node:
            case exp.Paren():
                return self._value(node.this, partition)
            case exp.Not():
                inner = self._value(node.this, partition)
                return None if inner is None else not inner
            case exp.Column() if node.table == self.alias:
                return partition.get(node.name)
            case exp.Literal() if node.is_int:
                return int(node.name)
            case exp.Literal() if node.is_string:
                return node.name
            case _:
                return None

    def _connected(self, node: exp.Expr, partition: Mapping[str, Value]) -> Value:
        """Of a conjunction one side that is false decides, of a disjunction one that is true."""
        deciding = isinstance(node, exp.Or)
        values = [self._value(side, partition) for side in (node.this, node.expression)]
        if deciding in values:
            return deciding
        return None if None in values else not deciding

    def _between(self, node: exp.Expr, partition: Mapping[str, Value]) -> Value:
        value, low, high = (
            self._value(side, partition) for side in (node.this, node.args["low"], node.args["high"])
        )
        return None if None in (value, low, high) else low <= value <= high

    def _among(self, node: exp.Expr, partition: Mapping[str, Value]) -> Value:
        if not node.expressions:
            return None
        value = self._value(node.this, partition)
        items = [self._value(item, partition) for item in node.expressions]
        return None if value is None or None in items else value in items
