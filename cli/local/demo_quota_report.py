"""The demo's report of its second part: a quota that is used up."""

from __future__ import annotations

from rich.console import Console

from cli.common.terminal import Text
from local_cloud.demo.quota import KEY, QuotaAct


def show_quota(screen: Console, act: QuotaAct) -> None:
    """Print what happened to the key with a small limit."""
    limit = act.limit
    screen.print()
    screen.print(
        f"quota: key {KEY} has {limit.amount} {limit.name}; {act.let_through} calls were allowed",
        markup=False,
    )
    for event in act.events:
        screen.print(
            f"  EventBridge: {event['threshold']} % reached, {event['used']} of {event['limit']} "
            f"{event['metric']} used in {event['period']}",
            markup=False,
            soft_wrap=True,
        )
    refusal = act.refusal
    verdict = Text(f"  next call: status {refusal.status}", "bold")
    verdict.append(f", Retry-After: {refusal.headers['Retry-After']}", "default")
    screen.print(verdict)
