"""The settings of the source: subscription filters and stages, as they are and as they have to be.

What is wrong with them is known at once, before any count says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

MOST_STAGES: Final = 500
"""That are remembered; of more, the first. So what is known of them fits an item of 400 KB."""
LOOKED_AT_ONCE: Final = 100
"""Stages of which the settings are read in one look: API Gateway takes few requests a second."""


class Subscription(NamedTuple):
    """A subscription filter of a log group."""

    name: str
    pattern: str
    destination: str
    """The ARN of what it forwards to."""


_STAGE: Final = "stage "


def is_of_stage(fault: str) -> bool:
    """Whether a fault of the settings is one of :func:`broken_stages`: it begins with the stage."""
    return fault.startswith(_STAGE)


class Stage(msgspec.Struct, frozen=True, order=True):
    """A stage that logs, or logged, into a log group of the meter."""

    api: str
    """The id of the API."""
    stage: str
    is_rest: bool
    name: str
    """The API's, by which the metrics of REST APIs are known."""
    log_group: str
    counts: bool = True
    """Whether API Gateway has one count of just its calls: not of WebSocket APIs, nor of namesakes."""
    is_websocket: bool = False
    """Then API Gateway counts its connections, each of which is logged."""

    @property
    def text(self) -> str:
        """How people call it."""
        return f"{_STAGE}{self.stage} of API {self.api} ({self.name})"


def broken_subscription(
    log_group: str, subscriptions: Sequence[Subscription] | None, stream: str
) -> str | None:
    """What keeps a log group's events from the stream, as a sentence; None: nothing. `stream` is its ARN, and
    without `subscriptions` there is no such log group.
    """
    if subscriptions is None:
        return f"there is no log group {log_group}: nothing can be logged to it, and nothing is counted"
    ours = [one for one in subscriptions if one.destination == stream]
    if not ours:
        others = ", ".join(sorted(one.destination for one in subscriptions))
        instead = f" (its filters lead to {others})" if others else ""
        return (
            f"no subscription filter leads from {log_group} into the stream{instead}: its calls are not "
            "counted. Deploy the stack again, or create the filter again"
        )
    if all(one.pattern.strip() for one in ours):
        return (
            f"the subscription filter {ours[0].name} of {log_group} has the pattern {ours[0].pattern!r}: "
            "what does not match is not counted. It has to be empty"
        )
    return None


def stages_of_turn(stages: Sequence[Stage], turn: int) -> Sequence[Stage]:
    """The stages whose settings are looked at in a turn: all of them, or a part where there are many, so that
    each is looked at in some turn.
    """
    parts = max(1, -(-len(stages) // LOOKED_AT_ONCE))
    begin = turn % parts * LOOKED_AT_ONCE
    return stages[begin : begin + LOOKED_AT_ONCE]


def faults_of(stages: Iterable[Stage], faults: Iterable[str]) -> list[str]:
    """Those sentences of :func:`broken_stages` that are about one of these stages."""
    beginnings = tuple(f"{stage.text} " for stage in stages)
    return [fault for fault in faults if beginnings and fault.startswith(beginnings)]


def broken_stages(
    known: Iterable[Stage], found: Mapping[tuple[str, str], str | None], log_groups: Iterable[str]
) -> Iterator[str]:
    """Stages that logged into a log group of the meter and do not any more, a sentence each. `found` has
    the log group of each stage that still exists, None where its access log is off.
    """
    groups = frozenset(log_groups)
    for stage in known:
        if (place := (stage.api, stage.stage)) not in found or found[place] in groups:
            continue
        now = f"logs to {found[place]}" if found[place] else "has no access log"
        yield (
            f"{stage.text} {now}: its calls are not counted. It logged to {stage.log_group}: set it again "
            f"with `usage-meter connect --api {stage.api}/{stage.stage}`; if it is not to be metered any "
            "more, this is named for a day"
        )
