"""The progress of the shards in DynamoDB: one item a shard, in the counters table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, Item, UpdateRequest
from adapters.dynamodb.item_content import number_of, position_of
from adapters.dynamodb.layout import ARRIVED_PREFIX, PROGRESS, encode_position
from adapters.dynamodb.table import Table
from metering.counters.ports import Arrivals, Progress, Status
from metering.errors import Misconfigured

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MOST_GROUPS: Final = 50
"""Log groups of which a process counts the log events."""

_NOTED: Final = "SET #position = :position, #arrived_at = :arrived_at"


def highest_position(dynamodb: DynamoDBClient, table_name: str, before: int) -> int:
    """The highest position at which the counting of a shard stands, of shards whose last counted record came
    before a time in epoch milliseconds; -1 if there is none.

    Raises:
        Transient, Misconfigured: the table cannot be read.
    """
    items = [one for one in Table(dynamodb, table_name).query(PROGRESS) if "position" in one]
    old = (position_of(one, "position") for one in items if number_of(one, "arrived_at") < before)
    return max(old, default=-1)


class DynamoDBProgress:
    """The ports `ProgressLog` and `ArrivalLog` on the counters table."""

    def __init__(self, table_name: str, updates: ConditionalUpdates) -> None:
        self._table_name = table_name
        self._updates = updates
        self._groups: set[str] = set()

    def note(self, progress: Progress) -> None:
        """Keep the progress unless a later one is there. If the table does not answer, the next will do."""
        self._updates.run([self._request(progress, progress.position, {})])

    def note_arrivals(self, progress: Progress, arrivals: Sequence[Arrivals]) -> bool:
        """Keep the progress, and add what the records behind the one before have brought: one write, which is
        refused where some of them are in, with where it is; then what is left is written.

        Groups beyond :data:`MOST_GROUPS` are not counted, and none is where the item is full: whoever puts
        records into the stream must not be able to stop it.
        """
        try:
            return self._add(progress, arrivals)
        except Misconfigured:
            self.note(progress)
            return True

    def _add(self, progress: Progress, arrivals: Sequence[Arrivals]) -> bool:
        left = list(arrivals)
        while True:
            first = left[0].position if left else progress.position
            (answer,) = self._updates.run([self._request(progress, first, self._total(left))])
            if answer.status is not Status.REFUSED:
                return answer.status is Status.WRITTEN
            there = position_of(answer.item, "position")
            if there >= progress.position:
                return True
            left = [one for one in left if one.position > there]

    def _total(self, arrivals: Iterable[Arrivals]) -> Counter[str]:
        total: Counter[str] = Counter()
        for one in arrivals:
            for group, events in one.events.items():
                if len(self._groups) < MOST_GROUPS:
                    self._groups.add(group)
                if group in self._groups:
                    total[group] += events
        return total

    def _request(self, progress: Progress, first: int, events: Mapping[str, int]) -> UpdateRequest:
        """Keep the progress, and add to it, if the one that is there lies before a position."""
        names = {f"#n{number}": ARRIVED_PREFIX + group for number, group in enumerate(events)}
        counts: Item = {f":n{number}": {"N": str(count)} for number, count in enumerate(events.values())}
        added = ", ".join(f"#n{number} :n{number}" for number in range(len(events)))
        return {
            "TableName": self._table_name,
            "Key": {"pk": {"S": PROGRESS}, "sk": {"S": progress.shard_id}},
            "UpdateExpression": _NOTED + (f" ADD {added}" if added else ""),
            "ConditionExpression": "attribute_not_exists(#position) OR #position < :first",
            "ExpressionAttributeNames": {"#position": "position", "#arrived_at": "arrived_at", **names},
            "ExpressionAttributeValues": {
                ":first": {"B": encode_position(first)},
                ":position": {"B": encode_position(progress.position)},
                ":arrived_at": {"N": str(progress.arrived_at_ms)},
                **counts,
            },
        }
