"""Whether the event source mapping of the stream processor reads from before a time, as it has to after the
counters' table was restored.

A mapping that was there before the restore goes on where it was, whatever its starting position says: AWS
keeps no time at which a mapping was made. So only one that begins at a time is taken for set back.
https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, NotRequired, TypedDict

from adapters.errors import translated


class MappingConfiguration(TypedDict, total=False):
    """A mapping as Lambda describes it, as far as it is read here."""

    UUID: str
    EventSourceArn: str
    State: str
    StartingPosition: str
    StartingPositionTimestamp: datetime


class MappingsPage(TypedDict):
    """A page of the list."""

    EventSourceMappings: list[MappingConfiguration]
    NextMarker: NotRequired[str]


ListMappings = Callable[..., MappingsPage]
"""ListEventSourceMappings of boto3's client of Lambda."""

_READS: Final = frozenset({"Enabled", "Enabling", "Creating", "Updating"})
_AT_TIME: Final = "AT_TIMESTAMP"
_MAKE: Final = "make it again, as step 3 of the runbook says (Restore the counters' table)"


class StreamMapping(NamedTuple):
    """An event source mapping."""

    uuid: str
    stream: str
    """The ARN of what it reads."""
    state: str
    position: str
    begins_at: datetime | None


def mappings_of(function: str, list_mappings: ListMappings) -> list[StreamMapping]:
    """All of a function's.

    Raises:
        Transient, Misconfigured: they cannot be listed.
    """
    found: list[StreamMapping] = []
    start: dict[str, str] = {}
    with translated(f"ListEventSourceMappings of {function}"):
        while True:
            page = list_mappings(FunctionName=function, **start)
            found += map(_mapping, page["EventSourceMappings"])
            if not (marker := page.get("NextMarker")):
                return found
            start = {"Marker": marker}


def faults_of(mappings: Sequence[StreamMapping], stream: str, through: datetime | None) -> list[str]:
    """What keeps the mappings from reading a stream from before a time, in which everything is counted; None:
    nothing is known to be.
    """
    others = [one for one in mappings if one.stream != stream]
    ours = [one for one in mappings if one.stream == stream]
    faults = [f"the mapping {one.uuid} reads {one.stream}, not {stream}: remove it" for one in others]
    if not ours:
        return [*faults, f"the stream processor has no mapping of {stream}: {_MAKE}"]
    return [*faults, *(fault for one in ours for fault in _faults(one, through))]


def _faults(mapping: StreamMapping, through: datetime | None) -> Iterator[str]:
    name = f"the mapping {mapping.uuid}"
    if mapping.state not in _READS:
        yield f"{name} is {mapping.state or 'in no known state'}: enable it"
    if mapping.position != _AT_TIME or mapping.begins_at is None:
        yield f"{name} begins at {mapping.position}, and may go on where it was before the restore: {_MAKE}"
    elif through is not None and mapping.begins_at > through:
        begins, until = (
            f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for time in (mapping.begins_at, through)
        )
        yield (
            f"{name} begins at {begins}, and the restored table is complete until {until}: what lies between "
            f"would never be counted; {_MAKE}"
        )


def _mapping(found: MappingConfiguration) -> StreamMapping:
    return StreamMapping(
        found.get("UUID", ""),
        found.get("EventSourceArn", ""),
        found.get("State", ""),
        found.get("StartingPosition", ""),
        found.get("StartingPositionTimestamp"),
    )
