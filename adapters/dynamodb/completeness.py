"""How far everything is counted, in the counters table: written by the watch, read by whoever reports it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.dynamodb.hot_path.conditional_writes import AttributeValue, Item
from adapters.dynamodb.item_content import decoding, number_of, position_of
from adapters.dynamodb.layout import (
    COMPLETE,
    PROGRESS,
    SETTLED,
    SETTLED_TIME,
    decode_position,
    encode_position,
)
from adapters.dynamodb.table import Table
from adapters.errors import translated
from metering.counters.completeness import (
    Completeness,
    Cut,
    Knowledge,
    ShardProgress,
    restored,
    resumed,
    through,
)
from metering.errors import Misconfigured

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ARRIVED_BEFORE: Final = "#arrived_at < :before"
_NONE_OR_EARLIER: Final = "attribute_not_exists(#through) OR #through < :through"
_NONE_OR_LOWER: Final = "attribute_not_exists(#version) OR #version <= :before"
WATCH: Final = "watch"
"""The item of the ledger table with the highest version."""
WAS_RESTORED: Final = (
    "was restored to an earlier time, and lacks what was counted since: set the event source mapping back to "
    "before that, then run `usage-meter resume` (see the runbook, Restore the counters' table)"
)
_NONE_OR_THAT_VERSION: Final = "attribute_not_exists(#version) OR #version = :before"


class _Found(NamedTuple):
    """All items of the progress, taken apart."""

    known: Knowledge
    positions: dict[str, int]
    arrived_at: dict[str, int]
    """Epoch milliseconds, by shard."""


class CompletenessReader:
    """Reads how far everything is counted: one Query, for all shards of up to 1 MB of items, some 8,000. The
    watch removes those that the stream no longer lists.
    """

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def read(self) -> Completeness:
        """What may be reported now; never less than what was reported before.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        known, positions, arrived_at = _read(self._table)
        time = through(known, positions)
        return Completeness(
            None if time is None else _time(time),
            tuple(
                ShardProgress(shard_id, _time(arrived_at[shard_id]))
                for shard_id in known.open_shards
                if shard_id in arrived_at
            ),
            known.is_restored,
        )


class CompletenessBook:
    """What the runs know, as the watch keeps it."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str, ledger_table: str | None = None) -> None:
        """`ledger_table` keeps the highest version that was written, by which a counters table is known that
        was restored to an earlier time; None: nobody looks.
        """
        self._table = Table(dynamodb, table_name)
        self._highest = None if ledger_table is None else HighestVersion(dynamodb, ledger_table)

    def load(self) -> tuple[Knowledge, dict[str, int]]:
        """What is known, and the position of each shard, by one Query.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        highest = 0 if self._highest is None else self._highest.read()
        known, positions, _ = _read(self._table)
        return restored(known, highest), positions

    def save(self, known: Knowledge) -> bool:
        """Write what is known in place of the version before it: whether that was still there.

        Of a table that was restored, the version that is there is below the one before.

        Raises:
            Transient, Misconfigured: the table cannot be written; or it was kept, and the table was restored.
        """
        is_kept = self._table.put_if(
            _item(known),
            _NONE_OR_LOWER if known.is_restored else _NONE_OR_THAT_VERSION,
            {"#version": "version"},
            {":before": {"N": str(known.version - 1)}},
        )
        if is_kept and self._highest is not None:
            self._highest.keep(known.version)
        if known.is_restored:
            raise Misconfigured([f"{self._table.name} {WAS_RESTORED}"])
        return is_kept

    def resume(self, known: Knowledge, shard_ids: Sequence[str]) -> bool:
        """Let a table that was restored report again, as :func:`metering.counters.completeness.resumed`: the
        progress of the shards is removed first. Whether nobody has written meanwhile.

        Raises:
            Transient, Misconfigured: the table cannot be written; some progress may be removed.
        """
        for shard_id in shard_ids:
            self._table.delete((PROGRESS, shard_id))
        return self.save(resumed(known))

    def settle(self, through: int) -> None:
        """Keep the time before which everything is counted and no batch was given up, in epoch milliseconds:
        the latest that was ever kept.

        Raises:
            Transient, Misconfigured: the table cannot be written.
        """
        item: Item = {"pk": {"S": SETTLED}, "sk": {"S": SETTLED_TIME}, "through": {"N": str(through)}}
        self._table.put_if(item, _NONE_OR_EARLIER, {"#through": "through"}, {":through": item["through"]})

    def forget(self, shard_ids: Sequence[str], before: int) -> int:
        """Remove the progress of shards, where the last record that is counted came before a time in epoch
        milliseconds: of how many. The others stay as they are.

        Raises:
            Transient, Misconfigured: the table cannot be written; some may be removed.
        """
        names = {"#arrived_at": "arrived_at"}
        values: Item = {":before": {"N": str(before)}}
        return sum(
            self._table.delete_if((PROGRESS, shard_id), _ARRIVED_BEFORE, names, values)
            for shard_id in shard_ids
        )


class HighestVersion:
    """The highest version of what is known that was ever written, in the ledger table. It is raised after the
    counters table was written: so it is never above that, unless the counters table went back.
    """

    def __init__(self, dynamodb: DynamoDBClient, ledger_table: str) -> None:
        self._dynamodb = dynamodb
        self._name = ledger_table

    def read(self) -> int:
        """The highest version; 0 if there is none."""
        with translated(f"GetItem of {self._name}"):
            found = self._dynamodb.get_item(
                TableName=self._name, Key={"pk": {"S": WATCH}}, ConsistentRead=True
            )
        return int(found["Item"]["version"]["N"]) if "Item" in found else 0

    def keep(self, version: int) -> None:
        """Raise the highest version. Of two at once the later may be the lower one: then the next run's is
        kept, and nothing that was not written.
        """
        with translated(f"UpdateItem of {self._name}"):
            self._dynamodb.update_item(
                TableName=self._name,
                Key={"pk": {"S": WATCH}},
                UpdateExpression="SET #version = :version",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":version": {"N": str(version)}},
            )


def _read(table: Table) -> _Found:
    """The knowledge comes first, then the shards: what they say is as late or later."""
    found = _Found(Knowledge(), {}, {})
    for item in table.query(PROGRESS):
        sk = item["sk"]["S"]
        if sk == COMPLETE:
            found = found._replace(known=_knowledge(item))
        else:
            found.positions[sk] = position_of(item, "position")
            found.arrived_at[sk] = number_of(item, "arrived_at")
    return found


def _item(known: Knowledge) -> dict[str, AttributeValue]:
    return {
        "pk": {"S": PROGRESS},
        "sk": {"S": COMPLETE},
        "version": {"N": str(known.version)},
        **_if_known("through", known.through),
        **_if_known("seen", known.seen),
        "cuts": {"L": [{"M": _cut(cut)} for cut in known.cuts]},
        "open": {"L": [{"S": shard_id} for shard_id in known.open_shards]},
        **({"restored": {"BOOL": True}} if known.is_restored else {}),
    }


def _cut(cut: Cut) -> dict[str, AttributeValue]:
    marks: dict[str, AttributeValue] = {
        shard_id: {"B": encode_position(mark)} for shard_id, mark in cut.marks.items()
    }
    return {
        "begun_at": {"N": str(cut.begun_at)},
        **_if_known("has_seen", cut.has_seen),
        "marks": {"M": marks},
    }


def _knowledge(item: Item) -> Knowledge:
    with decoding(item):
        return Knowledge(
            int(item["version"]["N"]),
            _known(item, "through"),
            _known(item, "seen"),
            tuple(_read_cut(cut["M"]) for cut in item["cuts"]["L"]),
            tuple(shard["S"] for shard in item["open"]["L"]),
            "restored" in item,
        )


def _read_cut(cut: Item) -> Cut:
    marks = {shard_id: decode_position(mark["B"]) for shard_id, mark in cut["marks"]["M"].items()}
    return Cut(int(cut["begun_at"]["N"]), _known(cut, "has_seen"), marks)


def _if_known(name: str, time: int | None) -> dict[str, AttributeValue]:
    return {} if time is None else {name: {"N": str(time)}}


def _known(item: Item, name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
