"""How claims are spread over the items of the ledger: a function of the event's own time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from metering.counters.ports import Status


@dataclass(frozen=True, slots=True)
class LedgerLayout:
    """How claims are spread over items."""

    slot_ms: int = 5_000
    lanes: int = 1
    full_at: int = 64 * 1024
    """Bytes of claims at which a page takes no more."""
    most_at_once: int = 32 * 1024
    """Bytes of claims that one write carries at most."""
    hashes_of_a_claim: int = 2048

    def known(self) -> LayoutHistory:
        """As the source of a history in which nothing ever changes."""
        return LayoutHistory(((0, self),))


class LayoutSpan(NamedTuple):
    """A layout, and the times of events that it holds for, in epoch milliseconds."""

    since_ms: int
    until_ms: int
    layout: LedgerLayout


_ALWAYS: Final = 1 << 62


class LayoutHistory(NamedTuple):
    """Which layout holds for the events of a time. The same event must always meet the same item, however
    late it comes: so a layout holds from a time of events on, and stays known.
    """

    entries: tuple[tuple[int, LedgerLayout], ...]
    """Since when (epoch milliseconds) each holds, the first one first."""

    def at(self, time_ms: int) -> LayoutSpan:
        """The layout for the events of a time; the first one holds for all that is earlier, too."""
        since, until, found = -_ALWAYS, _ALWAYS, self.entries[0][1]
        for begins, layout in self.entries[1:]:
            if time_ms < begins:
                until = begins
                break
            since, found = begins, layout
        return LayoutSpan(since, until, found)


class LayoutSource(Protocol):
    """Where the history of layouts comes from."""

    def known(self) -> LayoutHistory | None:
        """The history; None: it cannot be read now."""
        ...


class LayoutAnswer(NamedTuple):
    """The stored history after a write or at its refusal; None: no answer."""

    status: Status
    history: LayoutHistory | None = None


class LayoutStore(Protocol):
    """Where the history is kept, in one item."""

    def begin(self, first: LedgerLayout) -> LayoutAnswer:
        """The history. Where there is none, it begins with this layout."""
        ...

    def append(self, known: LayoutHistory, since_ms: int, layout: LedgerLayout) -> LayoutAnswer:
        """Append a layout. Refused where the history is another than the known one."""
        ...
