"""What moto keeps of log events, on disk: in memory there is a place of 40 bytes for each.

moto holds an object for each event with its message, and a second reference to each object that it ever made.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Final, Self, cast

from moto.core.common_models import BaseModel
from moto.logs.models import LogEvent, LogGroup, LogStream

from local_cloud.spool import Spool, Spooled


class StoredLogEvent(LogEvent):
    """An event of which the message is read when somebody wants it."""

    def __init__(self, spool: Spool, numbers: tuple[int, int, int, int, int]) -> None:
        self._spool = spool
        self.event_id, self.timestamp, self.ingestion_time, *self._place = numbers

    @property
    def message(self) -> str:
        """As it was put."""
        return self._spool.read(Spooled(*self._place)).decode()

    @message.setter
    def message(self, _text: str) -> None:
        raise AttributeError("a stored event is not changed")


class StoredLogEvents:
    """The events of one log stream, in the order in which they came. moto adds lists and goes through all."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._numbers: Final = [array("q") for _ in range(5)]

    def __len__(self) -> int:
        return len(self._numbers[0])

    def __iter__(self) -> Iterator[StoredLogEvent]:
        for numbers in zip(*self._numbers, strict=True):
            yield StoredLogEvent(self._spool, cast("tuple[int, int, int, int, int]", numbers))

    def __iadd__(self, events: Iterable[LogEvent]) -> Self:
        for event in events:
            place = self._spool.put(event.message.encode())
            numbers = (event.event_id, event.timestamp, event.ingestion_time, *place)
            for column, number in zip(self._numbers, numbers, strict=True):
                column.append(number)
        return self


class StoredLogStream(LogStream):
    """moto's log stream, with its events on disk."""

    def __init__(self, log_group: LogGroup, name: str) -> None:
        super().__init__(log_group, name)
        self.events: Any = StoredLogEvents()


def untracked(cls: type[BaseModel], *_arguments: Any, **_options: Any) -> BaseModel:
    """A new object of moto's. moto's own way keeps it until the process ends, for a page that lists all."""
    return object.__new__(cls)
