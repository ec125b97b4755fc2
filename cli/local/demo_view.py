"""The demo while it runs: bars in a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from cli.common.terminal import Text, is_live, table
from local_cloud.demo.progress import Snapshot

REFRESHES_A_SECOND = 8
SECONDS_BETWEEN_LINES = 3.0

_BAR_WIDTH = 40
_RATE_SECONDS = 3.0

TakeSnapshot = Callable[[], Snapshot]


@contextmanager
def watching(screen: Console, snapshot: TakeSnapshot) -> Iterator[None]:
    """Show how far the demo is, as long as the block runs."""
    shown = _bars(screen, snapshot) if is_live(screen) else _lines(screen, snapshot)
    with shown:
        yield


@contextmanager
def _bars(screen: Console, snapshot: TakeSnapshot) -> Iterator[None]:
    rates = Rates()

    def picture() -> RenderableType:
        now = snapshot()
        rates.note(now)
        return draw(now, rates)

    with Live(get_renderable=picture, console=screen, refresh_per_second=REFRESHES_A_SECOND, transient=True):
        yield


@contextmanager
def _lines(screen: Console, snapshot: TakeSnapshot) -> Iterator[None]:
    ended = threading.Event()

    def show() -> None:
        while not ended.wait(SECONDS_BETWEEN_LINES):
            screen.print(line(snapshot()), soft_wrap=True)

    thread = threading.Thread(target=show, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Rates:
    """How fast each number has grown in the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[Snapshot] = deque()

    def note(self, now: Snapshot) -> None:
        """Learn the latest."""
        self._seen.append(now)
        while now.seconds - self._seen[0].seconds > _RATE_SECONDS:
            self._seen.popleft()

    def of(self, name: str) -> float:
        """Growth a second of a snapshot's field; 0 where too little was seen."""
        if not self._seen or self._seen[0] is self._seen[-1]:
            return 0.0
        first, last = self._seen[0], self._seen[-1]
        grown: float = getattr(last, name) - getattr(first, name)
        return grown / max(last.seconds - first.seconds, 0.001)


def line(now: Snapshot) -> str:
    """A snapshot in one line."""
    parts = [
        f"{now.seconds:5.1f} s  {now.phase}: sent {now.sent:,} of {now.total:,}",
        f"counted {now.counted:,}",
        f"landed {now.landed:,}",
    ]
    if now.counted:
        parts.append(f"counted after {now.freshness.p50 / 1000:.1f} s on this machine")
    if now.faults:
        parts.append(f"faults {sum(now.faults.values()):,}")
    return ", ".join(parts)


def draw(now: Snapshot, rates: Rates) -> RenderableType:
    """A snapshot as a picture."""
    parts: list[RenderableType] = [_heading(now), _flow(now, rates), _fresh(now), Text()]
    columns: list[RenderableType] = []
    if now.busiest:
        columns.append(_busiest(now))
    if now.faults:
        columns.append(_faults(now))
    if columns:
        side_by_side = Table.grid(padding=(0, 6, 0, 0))
        side_by_side.add_row(*columns)
        parts.append(side_by_side)
    return Group(*parts)


def _heading(now: Snapshot) -> Text:
    heading = Text()
    heading.append(f"{now.seconds:5.1f} s  ", style="dim")
    heading.append(now.phase, style="bold")
    if now.log_time is not None:
        heading.append(f"   the log is at {now.log_time:%Y-%m-%d %H:%M} UTC", style="dim")
    return heading


def _flow(now: Snapshot, rates: Rates) -> Table:
    flow = Table.grid(padding=(0, 2, 0, 0))
    for name, label, colour in (
        ("sent", "sent", "cyan"),
        ("counted", "counted", "green"),
        ("landed", "landed in the lake", "magenta"),
    ):
        number: int = getattr(now, name)
        bar = ProgressBar(
            total=now.total, completed=min(number, now.total), width=_BAR_WIDTH, complete_style=colour,
            finished_style=colour,
        )  # fmt: skip
        rate = rates.of(name)
        flow.add_row(label, bar, f"{number:>9,}", Text(f"{rate:,.0f}/s" if rate else "", style="dim"))
    return flow


def _fresh(now: Snapshot) -> Text:
    if not now.counted:
        return Text()
    p50, p99 = now.freshness.p50 / 1000, now.freshness.p99 / 1000
    return Text(
        f"on this machine: counted {p50:.1f} s after its line was put (p50), {p99:.1f} s (p99)", style="dim"
    )


def _busiest(now: Snapshot) -> Table:
    keys = table("busiest keys", "calls", numbers=("calls",))
    for key, requests in now.busiest:
        keys.add_row(Text(key[:40]), f"{requests:,}")
    return keys


def _faults(now: Snapshot) -> Table:
    faults = table("faults injected", "times", numbers=("times",))
    most = sorted(now.faults.items(), key=lambda entry: -entry[1])
    for kind, count in most[:8]:
        faults.add_row(kind.replace("_", " "), f"{count:,}")
    return faults
